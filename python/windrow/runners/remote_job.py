"""The jobs of a `RemotePool`: what was fed to them, and what became of it."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from windrow._worker import calls
from windrow._worker.calls import Head

if TYPE_CHECKING:
    from windrow.runners.remote_pool import RemotePool


@dataclass(eq=False)
class Chunk:
    """Items that travel together."""

    job: RemoteJob
    first: int
    items: Any
    count: int
    packed: bytes | None
    state: str = "waiting"
    is_suspect: bool = False
    attempts: int = 0
    values: list[Any] = field(default_factory=list)
    failed: list[tuple[int, BaseException, Any]] = field(default_factory=list)

    def named(self, item: int) -> Any:
        """The item of that number in the job."""
        return self.items[item - self.first] if isinstance(self.items, list) else self.items

    def fail(self, error: BaseException) -> None:
        """Give all items the outcome `error`."""
        numbers = range(self.first, self.first + self.count)
        self.values = [None] * self.count
        self.failed = [(item, error, self.named(item)) for item in numbers]
        self.state = "ended"


@dataclass(frozen=True)
class RemoteFunction:
    """A pickled function."""

    name: str
    pickled: bytes
    is_async: bool


class RemoteJob:
    """Calls of one function over chunks of items, which are fed one after the other."""

    def __init__(
        self,
        pool: RemotePool,
        function: RemoteFunction,
        head: Head,
        ordered: bool,
        bound: int | None,
        announce: int | None,
    ) -> None:
        self.function, self.head = function, head
        self._pool, self._ordered, self._bound, self._announce = pool, ordered, bound, announce
        #: Chunks that were not taken yet, in order.
        self._chunks: deque[Chunk] = deque()
        self._fed = self._pending = self._done = 0
        self._is_closed = self._is_told = False

    def feed(self, items: Any) -> None:
        """Send a list of items (`apply`: `(args, kwargs)`), waiting for room."""
        count = 1 if self.head.mode == "apply" else len(items)
        packed = calls.pack(self.head, items)
        with self._pool.changed:
            self._pool.changed.wait_for(self._may_feed)
            chunk = self._add(items, count, packed)
            self._pending += 1
            self._pool.enter(chunk)

    def _may_feed(self) -> bool:
        within = self._bound is None or self._pending < self._bound
        return self._is_closed or (within and self._pool.room())

    def _add(self, items: Any, count: int, packed: bytes | None) -> Chunk:
        chunk = Chunk(self, self._fed, items, count, packed)
        self._chunks.append(chunk)
        self._fed += count
        return chunk

    def feed_all(self, items: list[Any], size: int) -> tuple[int, BaseException] | None:
        """Feed all of a list in chunks of `size`, and close the job.

        After an exception: where the chunk starts that could not be sent, and the exception.
        """
        for place in range(0, len(items), size):
            try:
                self.feed(items[place : place + size])
            except BaseException as error:  # noqa: BLE001 - the caller decides
                return place, error
        self.close()
        return None

    def feed_each(self, items: Iterable[Any], size: int) -> None:
        """Feed all that an iterable gives in chunks of `size`, and close the job."""
        iterator = iter(items)
        while chunk := list(itertools.islice(iterator, size)):
            self.feed(chunk)
        self.close()

    def fail(self, items: list[Any], exception: BaseException) -> None:
        """Add items that cannot be sent: `exception` is the outcome of each."""
        with self._pool.changed:
            chunk = self._add(items, len(items), None)
            chunk.fail(exception)
            self._done += chunk.count
            self._pool.changed.notify_all()

    def cut(self, chunk: Chunk, parts: int) -> list[Chunk]:
        """Smaller chunks in the place of one, in order."""
        size = -(-chunk.count // parts)
        made = []
        for start in range(0, chunk.count, size):
            items = chunk.items[start : start + size]
            packed = calls.pack(self.head, items)
            made.append(Chunk(self, chunk.first + start, items, len(items), packed))
        place = self._chunks.index(chunk)
        del self._chunks[place]
        for part in reversed(made):
            self._chunks.insert(place, part)
        self._pending += len(made) - 1
        return made

    def settled(self) -> None:
        """Take notice of a chunk's outcome; with the pool's lock."""
        self._pending -= 1
        self._done = self._fed - sum(c.count for c in self._chunks if c.state != "ended")
        self._tell()

    def _tell(self) -> None:
        if self._is_closed and not self._pending and not self._is_told:
            self._is_told = True
            if self._announce is not None:
                self._pool.announce(self._announce)

    def close(self) -> None:
        """Tell that nothing will be fed any more."""
        with self._pool.changed:
            self._is_closed = True
            self._tell()
            self._pool.changed.notify_all()

    def ready(self) -> bool:
        """Tell whether everything has its outcome and nothing will be fed any more."""
        return self._is_closed and not self._pending

    def progress(self) -> tuple[int, int]:
        """How many items have their outcome, and how many were fed."""
        return self._done, self._fed

    def wait_ready(self, timeout: float | None = None) -> bool:
        """Wait until the job is ready; whether it is."""
        with self._pool.changed:
            return self._pool.changed.wait_for(self.ready, timeout)

    def take(
        self,
        timeout: float | None = None,
        promptly: bool = True,  # noqa: ARG002 - each is told
    ) -> tuple[int, list[Any], list[tuple[int, BaseException, Any]]] | None:
        """Take the next chunk: `(first item, values, failures)`, None at the timeout."""
        with self._pool.changed:
            if not self._pool.changed.wait_for(self._may_take, timeout):
                return None
            chunk = self._next()
            if chunk is None:
                raise StopIteration
            self._chunks.remove(chunk)
            return chunk.first, chunk.values, chunk.failed

    def _next(self) -> Chunk | None:
        if self._ordered:
            first = self._chunks[0] if self._chunks else None
            return first if first is not None and first.state == "ended" else None
        return next((chunk for chunk in self._chunks if chunk.state == "ended"), None)

    def _may_take(self) -> bool:
        return self._next() is not None or (self._is_closed and not self._chunks)

    def gather(
        self,
        values: list[Any],
        failures: list[tuple[int, BaseException, Any]],
        timeout: float | None = None,
    ) -> bool:
        """Take all chunks, appending what `take` gives; False at the timeout, to go on later."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            rest = None if deadline is None else max(deadline - time.monotonic(), 0)
            try:
                taken = self.take(rest)
            except StopIteration:
                return True
            if taken is None:
                return False
            values.extend(taken[1])
            failures.extend(taken[2])

    def cancel(self) -> None:
        """Drop what has no outcome yet: its outcome is a `windrow.errors.Cancelled`."""
        with self._pool.changed:
            self._is_closed = True
            self._pool.drop([chunk for chunk in self._chunks if chunk.state != "ended"])
            self._tell()
            self._pool.changed.notify_all()

    def take_back(self) -> bool:
        """Cancel the job if no worker was given it; whether that is so."""
        with self._pool.changed:
            if any(chunk.state != "waiting" for chunk in self._chunks):
                return False
            self.cancel()
            return True

    def has_started(self) -> bool:
        """Tell whether the job was handed over."""
        return any(chunk.state != "waiting" for chunk in self._chunks)
