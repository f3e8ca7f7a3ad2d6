"""Calls on another system's workers: a chunk of items there, what became of each item back.

What `windrow-python` does for our own worker processes, in Python: a chunk is packed by the driver,
carried out by `run` wherever it arrives, and unpacked by the driver.
"""

from __future__ import annotations

import functools
import json
import pickle
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from windrow._worker import pickling

# What became of an item: its number in the chunk, the fields of the exception, its pickle.
Failed = tuple[int, str, bytes | None]


@dataclass(frozen=True)
class Head:
    """What goes with the items of a chunk.

    Parameters
    ----------
    mode
        `apply` (the items are `(args, kwargs)`), `map` or `starmap`.
    collect
        Go on after an item that raised.
    is_async
        The function is `async def`; at most `concurrency` of its calls are in flight together.
    pool, initializer
        Each process calls the pickled `(function, arguments)` once before its first call of a pool.
    """

    mode: str
    collect: bool
    is_async: bool
    concurrency: int
    pool: str
    initializer: bytes | None


def pack(head: Head, items: Any) -> bytes:
    """Pack a chunk; raises what pickling its items raises."""
    return pickle.dumps((head, pickling.dumps(items)))


def unpack(outcome: bytes) -> tuple[Any, list[Failed]]:
    """Give the values of a chunk (None for items that failed) and its failures."""
    values, failures = pickle.loads(outcome)
    return pickle.loads(values), failures


def run(function: bytes, chunk: bytes) -> bytes:
    """Carry a chunk out; whatever the user's function raises is part of the outcome."""
    head, items = pickle.loads(chunk)
    work = _Work(head)
    try:
        if head.initializer is not None:
            _begin(head.pool, head.initializer)
        values = work.values(_function(function), pickling.loads(items))
    except Exception as error:  # noqa: BLE001 - carried to whoever waits for it
        work.failed(None, error)
        values = None
    return work.packed(values)


@functools.lru_cache(maxsize=32)
def _function(pickled: bytes) -> Any:
    return pickling.loads(pickled)


_lock = threading.Lock()
_begun: dict[str, BaseException | None] = {}


def _begin(pool: str, initializer: bytes) -> None:
    """Call what a pool wants called first, once in this process; it fails for all if it fails."""
    with _lock:
        if pool not in _begun:
            _begun[pool] = None
            try:
                function, arguments = pickling.loads(initializer)
                function(*arguments)
            except Exception as error:  # noqa: BLE001 - raised below, and by every later call
                _begun[pool] = error
        failure = _begun[pool]
    if failure is not None:
        raise failure


class _Work:
    """One chunk in the making."""

    def __init__(self, head: Head) -> None:
        self._head = head
        self._failures: list[Failed] = []

    def values(self, function: Any, items: Any) -> Any:
        """The value of an `apply`, or the list of those of all items."""
        if self._head.is_async:
            return self._in_a_loop(function, items)
        if self._head.mode == "apply":
            args, kwargs = items
            return function(*args, **kwargs)
        values: list[Any] = []
        for number, item in enumerate(items):
            try:
                values.append(function(*item) if self._head.mode == "starmap" else function(item))
            except Exception as error:  # noqa: BLE001 - as above
                values.append(None)
                self.failed(number, error, item)
                if not self._head.collect:
                    break
        return values

    def _in_a_loop(self, function: Any, items: Any) -> Any:
        import asyncio

        from windrow._worker.tasks import calls_of, gather

        head = self._head
        if head.mode == "apply":
            args, kwargs = items
            return asyncio.run(function(*args, **kwargs))
        calls = calls_of(function, head.mode, items)
        values, failures = asyncio.run(gather(calls, 0, head.concurrency, None, head.collect))
        for number, error in failures:
            if error is not None:
                self.failed(number, error, items[number])
        return values

    def failed(self, number: int | None, error: BaseException, *item: Any) -> None:
        """Take notice of an item's exception; without a number it is that of the whole chunk."""
        from windrow._worker.culprit import shown
        from windrow._worker.errors import describe

        text, pickled = describe(error)
        fields = json.loads(text)
        # Of an `apply` there is no item to name.
        if number is not None and self._head.mode != "apply":
            fields["values"] = [["item", shown(one)] for one in item]
        self._failures.append((-1 if number is None else number, json.dumps(fields), pickled))

    def packed(self, values: Any) -> bytes:
        """The outcome; a value that cannot be pickled is a failure of its item."""
        try:
            data = _dumps(values)
        except Exception as error:  # noqa: BLE001 - as above
            if self._head.mode == "apply":
                self.failed(None, error)
                values = None
            else:
                self._leave_out(values)
            data = _dumps(values)
        return pickle.dumps((data, sorted(self._failures, key=lambda failed: failed[0])))

    def _leave_out(self, values: list[Any]) -> None:
        for number, value in enumerate(values):
            try:
                _dumps(value)
            except Exception as error:  # noqa: BLE001 - as above
                values[number] = None
                self.failed(number, error)


def _dumps(value: Any) -> bytes:
    """Pickle a result; raises `ResultNotPicklable` for one that cannot be."""
    try:
        data = pickle.dumps(value, protocol=5)
        if b"__main__" not in data:
            return data
    except Exception:  # noqa: BLE001 - cloudpickle decides
        pass
    data, buffers = pickling.dumps_result(value)
    return data if not buffers else pickle.dumps(_WithBuffers(data, [bytes(b) for b in buffers]))


class _WithBuffers:
    """A pickle and its buffers: loaded, it is what was pickled."""

    def __init__(self, data: bytes, buffers: list[bytes]) -> None:
        self._parts = (data, buffers)

    def __reduce__(self) -> tuple[Any, ...]:
        return (pickling.loads, self._parts)


def failures_of(
    failures: list[Failed], first: int, count: int, *, collect: bool
) -> Iterator[tuple[int, BaseException]]:
    """Give the items of a chunk that have no value, numbered from `first`, with their exceptions.

    Without `collect` the first exception stands for all items of the chunk, as in
    `multiprocessing`.
    """
    from windrow.pool.failures import exception

    for number, text, pickled in failures:
        fields = json.loads(text)
        fields["pickled"] = None if pickled is None else pickled.hex()
        if fields["values"]:
            fields["row"] = first + number
        error = exception(json.dumps({"failure": {"Raised": fields}}))
        if number < 0 or not collect:
            yield from ((item, error) for item in range(first, first + count))
            return
        yield first + number, error
