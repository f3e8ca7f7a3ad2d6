"""Calls of `async def` functions in a worker: one event loop, kept, many calls in flight."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from windrow._worker.coroutines import is_async

__all__ = ["is_async", "run_async"]


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    """Give the event loop of this process, kept for all tasks: a new one costs 150 µs."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop


def run_async(
    function: Callable[..., Coroutine[Any, Any, Any]],
    arguments: Any,
    options: tuple[str, int, int, int, float | None, bool],
) -> tuple[Any, list[tuple[int, BaseException | None]]]:
    """Run the calls of one task in the worker's event loop.

    Parameters
    ----------
    function : callable
        The `async def` function.
    arguments : tuple or list
        `(args, kwargs)` of one call, or the items.
    options : tuple
        Mode (`apply`, `map` or `starmap`), first item, one past the last item, most calls in
        flight, limit of one call in seconds or None, whether to go on after a failure.

    Returns
    -------
    values : object or list
        The result, or the list of results with None for failed items.
    failures : list of (item, exception)
        None as the exception stands for a call that took too long.
    """
    mode, start, stop, concurrency, timeout, collect = options
    if mode == "apply":
        args, kwargs = arguments
        values, failures = _loop().run_until_complete(
            gather([lambda: function(*args, **kwargs)], 0, 1, timeout, collect)
        )
        return values[0], failures
    calls = calls_of(function, mode, arguments[start:stop])
    return _loop().run_until_complete(gather(calls, start, concurrency, timeout, collect))


def calls_of(
    function: Callable[..., Coroutine[Any, Any, Any]], mode: str, items: Iterable[Any]
) -> list[Callable[[], Coroutine[Any, Any, Any]]]:
    """Give the calls of a `map` or `starmap`, none of them begun."""
    if mode == "starmap":
        return [functools.partial(function, *item) for item in items]
    return [functools.partial(function, item) for item in items]


async def gather(
    calls: Sequence[Callable[[], Coroutine[Any, Any, Any]]],
    start: int,
    concurrency: int,
    timeout: float | None,
    collect: bool,
) -> tuple[list[Any], list[tuple[int, BaseException | None]]]:
    """Await calls, `concurrency` at a time; results as `run_async` gives them."""
    values: list[Any] = [None] * len(calls)
    failures: list[tuple[int, BaseException | None]] = []
    waiting = iter(enumerate(calls))

    async def work() -> None:
        # Each of these takes the next call as soon as its last one is done.
        for number, call in waiting:
            try:
                async with asyncio.timeout(timeout) as limit:
                    values[number] = await call()
            except BaseException as error:
                if isinstance(error, asyncio.CancelledError):
                    raise
                timed_out = isinstance(error, TimeoutError) and limit.expired()
                failures.append((start + number, None if timed_out else error))
                if not collect:
                    return

    workers = [asyncio.ensure_future(work()) for _ in range(max(1, min(concurrency, len(calls))))]
    try:
        done, _ = await asyncio.wait(workers)
    finally:
        for worker in workers:
            worker.cancel()
    for worker in done:
        worker.result()
    failures.sort(key=lambda failure: failure[0])
    return values, failures
