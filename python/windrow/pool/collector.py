"""A thread that carries out what waits for the end of jobs: callbacks, and futures."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from windrow._native import WorkerPool


class Collector:
    """Calls, in one thread, what was registered for jobs that have ended.

    The thread is started with the first registration and lasts until `stop`.
    """

    def __init__(self, native: WorkerPool) -> None:
        self._native = native
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Callable[[], None]] = {}
        self._thread: threading.Thread | None = None
        self._is_stopping = False
        self._is_retiring = False

    def register(self, call: Callable[[], None]) -> int:
        """Have `call` called at the end of a job; gives the number by which it is announced."""
        with self._lock:
            number = next(self._numbers)
            self._waiting[number] = call
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="windrow-collector", daemon=True
                )
                self._thread.start()
        return number

    def _run(self) -> None:
        while not (self._is_stopping or (self._is_retiring and not self._waiting)):
            for number in self._native.next_finished():
                call = self._waiting.get(number)
                if call is None:
                    continue
                try:
                    call()
                except Exception:  # noqa: BLE001  a callback's exception must not end the thread
                    sys.excepthook(*sys.exc_info())
                # The call holds results: it must not outlive this round.
                del call
                with self._lock:
                    del self._waiting[number]
                    if not self._waiting:
                        self._idle.notify_all()

    def drain(self) -> None:
        """Wait until everything was called that was registered."""
        if threading.current_thread() is self._thread:
            return
        with self._lock:
            while self._waiting and self._thread is not None and self._thread.is_alive():
                # In slices, so that a thread that has died is noticed.
                self._idle.wait(0.5)

    def retire(self) -> None:
        """End the thread when everything was called that was registered."""
        self._is_retiring = True
        self._native.wake()

    def stop(self, *, wait: bool) -> None:
        """End the thread."""
        self._is_stopping = True
        thread = self._thread
        if thread is None:
            return
        self._native.wake()
        if wait and thread is not threading.current_thread():
            thread.join()
