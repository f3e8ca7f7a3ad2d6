"""Input on its way into a job: cut into chunks, sent as far as there is room."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from windrow._native import Job, WorkerPool


def chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Cut items into lists of `size`, the last one shorter; takes items when they are asked for."""
    iterator = iter(items)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk


class Intake:
    """The inputs that a pool still takes from; the pool ends after the last, once it is closed."""

    def __init__(self, native: WorkerPool) -> None:
        self._native = native
        self._lock = threading.Lock()
        self._open: set[Source] = set()
        self._is_closed = False

    def add(self, source: Source) -> None:
        """Take notice of an input."""
        with self._lock:
            self._open.add(source)

    def done(self, source: Source) -> None:
        """Take notice of an input's end."""
        with self._lock:
            self._open.discard(source)
            if self._open or not self._is_closed:
                return
        self._native.finish()

    def close(self) -> None:
        """Have the pool end when its inputs have, and all calls."""
        with self._lock:
            self._is_closed = True
            if self._open:
                return
        self._native.finish()

    def pull(self) -> None:
        """Take all that inputs still hold which are taken from on demand."""
        with self._lock:
            lazy = [source for source in self._open if source.is_lazy]
        for source in lazy:
            source.feed_rest()
            self.done(source)


class Source:
    """The input of one job.

    Parameters
    ----------
    chunks
        Lists of items (for starmap of tuples).
    collect
        Whether an item that cannot be pickled fails alone.
    """

    def __init__(
        self,
        native: WorkerPool,
        job: Job,
        chunks: Iterator[list[Any]],
        *,
        collect: bool,
        is_lazy: bool = False,
    ) -> None:
        self.job = job
        self.is_lazy = is_lazy
        #: What the input itself raised.
        self.error: BaseException | None = None
        self._native = native
        self._chunks = chunks
        self._collect = collect
        self._lock = threading.Lock()
        self._has_ended = False

    def feed_one(self) -> bool:
        """Send the next chunk, waiting for room; False when there is none, and never will be."""
        with self._lock:
            if self._has_ended:
                return False
            try:
                chunk = next(self._chunks, None)
            except BaseException as error:
                self._end()
                # Ctrl-C is for the caller, an exception of the input for whoever wants results.
                if not isinstance(error, Exception):
                    raise
                self.error = error
                return False
            if chunk is None:
                self._end()
                return False
            try:
                self._send(chunk)
            except BaseException:
                self._end()
                raise
            return True

    def _send(self, chunk: list[Any]) -> None:
        try:
            self.job.feed(chunk)
        except Exception as error:  # noqa: BLE001  whatever pickling raises is the outcome
            if len(chunk) == 1 or not self._collect:
                from windrow.pool.failures import unsendable

                self.job.fail(chunk, unsendable(error))
                return
            for item in chunk:
                self._send([item])

    def _end(self) -> None:
        self._has_ended = True
        self._chunks = iter(())
        self.job.close()

    def feed_rest(self) -> None:
        """Send all that is left, waiting for room."""
        while self.feed_one():
            pass

    def feed_while_room(self) -> bool:
        """Send chunks as long as nothing has to be waited for; whether that was all."""
        while self._native.has_room():
            if not self.feed_one():
                return True
        return False

    def stop(self) -> None:
        """Take nothing more from the input."""
        with self._lock:
            self._end()


def feed(intake: Intake, source: Source, *, may_block: bool) -> None:
    """Send the input of a job: here as far as there is room, the rest from a thread of its own.

    Parameters
    ----------
    may_block
        Taking from the input may take long: leave all of it to the thread.
    """
    intake.add(source)
    if not may_block and source.feed_while_room():
        intake.done(source)
        return

    def run() -> None:
        try:
            source.feed_rest()
        finally:
            intake.done(source)

    threading.Thread(target=run, name="windrow-feeder", daemon=True).start()
