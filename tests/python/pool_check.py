"""Functions for tests of pools, and pools that are gone afterwards."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import windrow as wr


@contextmanager
def pool_of(workers: int = 2, **options: Any) -> Iterator[Any]:
    """A pool that has ended afterwards, workers and all."""
    pool = wr.Pool(workers, **options)
    try:
        yield pool
    finally:
        pool.terminate()
        pool.join()


@contextmanager
def executor_of(workers: int = 2, **options: Any) -> Iterator[Any]:
    """An executor that has ended afterwards."""
    executor = wr.Executor(workers, **options)
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


def wait_until(holds: Any, seconds: float = 30) -> None:
    """Poll until `holds()`; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.005)


def square(value: int) -> int:
    return value * value


def product(left: int, right: int) -> int:
    return left * right


def inverse(value: int) -> float:
    return 1 / value


def kill_at(value: int, bad: int) -> int:
    """Give `value`; when it is `bad`, end the process."""
    if value == bad:
        os.kill(os.getpid(), 9)
    return value


def slow_triple(value: int) -> int:
    """Three times the value, a millisecond later."""
    time.sleep(0.001)
    return value * 3
