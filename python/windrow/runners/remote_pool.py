"""The workers of a `Pool` or an `Executor` on another system.

`RemotePool` and `RemoteJob` have the methods of the native `WorkerPool` and `Job`: pools and
executors work over either. A *carrier* takes chunks where they are carried out.
"""

from __future__ import annotations

import pickle
import queue
import threading
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from windrow import errors
from windrow._worker import calls
from windrow._worker.calls import Head
from windrow.runners.remote_job import Chunk, RemoteFunction, RemoteJob

# So few items are tried one by one.
_ALONE = 8
# So often a chunk is handed over whose results were lost.
_ATTEMPTS = 3
# Chunks that wait here for each that was handed over.
_WAITING = 4


class Carrier(Protocol):
    """Takes chunks to where they are carried out, and back."""

    @property
    def name(self) -> str:
        """For people: `dask://host:8786`."""

    @property
    def at_once(self) -> int:
        """Chunks that are carried out at a time, as far as is known now."""

    @property
    def ahead(self) -> int:
        """So many times `at_once` it wants to have, so that nobody waits for the next one."""

    def start(self, number: int, function: bytes, chunk: bytes) -> None:
        """Take a chunk over; `pool.ended` or `pool.lost` is called for it, from any thread."""

    def cancel(self, numbers: list[int]) -> None:
        """Drop chunks; what is told of them is ignored."""

    def close(self) -> None:
        """End what was started."""


class RemotePool:
    """Calls in the workers of another system.

    Parameters
    ----------
    make_carrier
        Makes the carrier, which tells this pool what became of chunks.
    limit
        Most chunks that are carried out at a time; None: as many as the carrier wants.
    """

    is_remote = True

    def __init__(self, make_carrier: Callable[[RemotePool], Carrier], limit: int | None) -> None:
        self._id = uuid.uuid4().hex
        self._initializer: bytes | None = None
        self._limit = limit
        #: Guards everything of the pool and its jobs.
        self.changed = threading.Condition()
        self._waiting: deque[Chunk] = deque()
        #: Single items whose worker died: they run alone, so that none is blamed for another.
        self._suspects: deque[Chunk] = deque()
        self._running: dict[int, Chunk] = {}
        self._numbers = 0
        self._announced: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._state = "open"
        self._carrier = make_carrier(self)

    @property
    def workers(self) -> int:
        """How many chunks are carried out at a time."""
        return self._limit or self._carrier.at_once

    @property
    def pids(self) -> list[int]:
        """None: the processes are of other machines."""
        return []

    def warm(self, initializer: bytes | None = None) -> None:
        """Keep what each process calls first; nothing is started, the workers are there."""
        if initializer is not None:
            # What our own workers start with is around the user's.
            _, (_, self._initializer) = pickle.loads(initializer)

    def function(self, name: str, pickled: bytes, *, is_async: bool = False) -> RemoteFunction:
        """Make a pickled callable known."""
        return RemoteFunction(name, pickled, is_async)

    def job(
        self,
        function: RemoteFunction,
        mode: str,
        options: Any,
        *,
        ordered: bool = True,
        bound: int | None = None,
        announce: int | None = None,
        revocable: bool = False,  # noqa: ARG002 - each can be taken back
    ) -> RemoteJob:
        """Make a job: calls of `function` on chunks that are fed to it.

        Raises
        ------
        windrow.errors.OptionNotInWindrowYet
            For `timeout` and `max_attempts`, which are the other system's.
        """
        refuse(self._carrier.name, timeout=options.timeout, max_attempts=options.max_attempts)
        head = Head(
            mode,
            options.collect,
            function.is_async,
            options.concurrency,
            self._id,
            self._initializer,
        )
        return RemoteJob(self, function, head, ordered, bound, announce)

    # ---- chunks on their way; all with `changed` held ---------------------------------------

    def room(self) -> bool:
        """Whether another chunk may be taken over."""
        return len(self._waiting) < _WAITING * self._most()

    def _most(self) -> int:
        """Chunks that are handed over at a time."""
        return self._limit or self._carrier.at_once * self._carrier.ahead

    def enter(self, chunk: Chunk) -> None:
        """Take a chunk over; after the end its outcome is that it was cancelled."""
        self._waiting.append(chunk)
        if self._state == "ended":
            self.drop([chunk])
        else:
            self._start()

    def _start(self) -> None:
        most = self._most()
        while self._waiting and len(self._running) < most:
            self._hand_over(self._waiting.popleft())
        if self._suspects and not self._running:
            self._hand_over(self._suspects.popleft())

    def _hand_over(self, chunk: Chunk) -> None:
        self._numbers += 1
        self._running[self._numbers] = chunk
        chunk.state = "running"
        chunk.attempts += 1
        self._carrier.start(self._numbers, chunk.job.function.pickled, chunk.packed or b"")

    def _settle(self, chunk: Chunk) -> None:
        chunk.packed = None
        chunk.job.settled()
        self._start()
        self._check_end()
        self.changed.notify_all()

    def drop(self, chunks: list[Chunk]) -> None:
        """Give chunks that have no outcome yet that of being cancelled."""
        wanted = {id(chunk) for chunk in chunks}
        numbers = [number for number, chunk in self._running.items() if id(chunk) in wanted]
        for number in numbers:
            del self._running[number]
        self._waiting = deque(chunk for chunk in self._waiting if id(chunk) not in wanted)
        self._suspects = deque(chunk for chunk in self._suspects if id(chunk) not in wanted)
        self._carrier.cancel(numbers)
        for chunk in chunks:
            chunk.fail(errors.Cancelled("cancelled"))
            self._settle(chunk)

    # ---- what the carrier tells -------------------------------------------------------------

    def ended(self, number: int, outcome: bytes) -> None:
        """Take the outcome of a chunk."""
        with self.changed:
            chunk = self._running.pop(number, None)
        if chunk is None:
            return
        collect = chunk.job.head.collect
        try:
            values, failures = calls.unpack(outcome)
            found = calls.failures_of(failures, chunk.first, chunk.count, collect=collect)
            failed = [(item, error, chunk.named(item)) for item, error in found]
        except Exception as error:  # noqa: BLE001 - loading a user's value may raise anything
            chunk.fail(error)
        else:
            apply = chunk.job.head.mode == "apply"
            chunk.values = [values] if apply else [None] * chunk.count if values is None else values
            chunk.values += [None] * (chunk.count - len(chunk.values))
            chunk.failed, chunk.state = failed, "ended"
        with self.changed:
            self._settle(chunk)

    def lost(self, number: int, reason: str, *, killed: bool, again: bool = False) -> None:
        """Take notice of a chunk without an outcome; with `again` it is handed over once more.

        With `killed` its items may have done it: many are tried in halves, a few one by one and
        with nothing beside them.
        """
        with self.changed:
            chunk = self._running.pop(number, None)
            if chunk is None:
                return
            if killed and chunk.count > 1:
                parts = 2 if chunk.count > _ALONE else chunk.count
                for part in chunk.job.cut(chunk, parts):
                    part.is_suspect = parts > 2 or chunk.count == 2
                    (self._suspects if part.is_suspect else self._waiting).append(part)
                self._start()
                return
            if killed and not chunk.is_suspect:
                chunk.is_suspect, chunk.state = True, "waiting"
                self._suspects.append(chunk)
                self._start()
                return
            if again and chunk.attempts < _ATTEMPTS:
                chunk.state = "waiting"
                self._waiting.appendleft(chunk)
                self._start()
                return
            text = f"a call on `{self._carrier.name}` ended without an outcome: {reason}"
            chunk.fail(errors.ItemKilled(text) if killed else errors.WorkerError(text))
            self._settle(chunk)

    # ---- life -------------------------------------------------------------------------------

    def announce(self, number: int) -> None:
        """Tell `next_finished` of the end of a job."""
        self._announced.put(number)

    def next_finished(self, timeout: float | None = None) -> list[int]:
        """Wait for announced jobs to end; 0 stands for `wake`."""
        try:
            numbers = [self._announced.get(timeout=timeout)]
        except queue.Empty:
            return []
        while not self._announced.empty():
            numbers.append(self._announced.get())
        return numbers

    def wake(self) -> None:
        """Make `next_finished` return."""
        self._announced.put(0)

    def has_room(self) -> bool:
        """Tell whether a call may be started without waiting for room."""
        with self.changed:
            return self.room()

    def pending(self) -> tuple[int, int]:
        """Chunks that have no outcome yet, and bytes of them."""
        with self.changed:
            chunks = self._unfinished()
            return len(chunks), sum(len(chunk.packed or b"") for chunk in chunks)

    def _unfinished(self) -> list[Chunk]:
        return [*self._waiting, *self._suspects, *self._running.values()]

    def finish(self) -> None:
        """End when no call is left."""
        with self.changed:
            if self._state == "open":
                self._state = "finishing"
            self._check_end()

    def _check_end(self) -> None:
        if self._state == "finishing" and not self._unfinished():
            self._state = "ended"
            self._carrier.close()
            self.changed.notify_all()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end; whether it has come."""
        with self.changed:
            return self.changed.wait_for(lambda: self._state == "ended", timeout)

    def close(self, **_: Any) -> None:
        """End the pool: calls without an outcome are cancelled."""
        with self.changed:
            if self._state == "ended":
                return
            self._state = "finishing"
            self.drop(self._unfinished())
            self._check_end()


def refuse(place: str, **options: Any) -> None:
    """Refuse options of a pool that are not ours to set on another system."""
    for name, value in options.items():
        if value:
            raise errors.OptionNotInWindrowYet(
                f"`{name}={value!r}` cannot be had on `{place}`\n"
                f"hint: it is set where that system starts its workers; without `{name}` the "
                "calls run there, and outside of `connect` on this machine"
            )
