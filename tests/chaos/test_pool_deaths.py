"""`Pool` under fire: items and outsiders that kill, limits, what cannot travel."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.pool import MaybeEncodingError
from typing import Any

import numpy as np
import psutil
import pytest

from pool_check import executor_of, kill_at, pool_of, slow_triple, square
from windrow import errors


@pytest.fixture(params=["fork_server", "spawn"])
def start(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def killer(workers: Any, every: float) -> Iterator[list[int]]:
    """Kill a random one of `workers()` every so often."""
    killed: list[int] = []
    over = threading.Event()

    def kill() -> None:
        while not over.wait(every):
            pids = workers()
            if pids:
                pid = random.choice(pids)
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def test_kills_every_50_ms_lose_and_double_nothing() -> None:
    with pool_of(2, max_attempts=50) as pool, killer(lambda: pool._native.pids, 0.05) as killed:
        assert pool.map(slow_triple, range(4000)) == [3 * n for n in range(4000)]
    assert len(killed) > 10


def test_kills_during_all_other_ways() -> None:
    expected = [3 * n for n in range(600)]
    with pool_of(2, max_attempts=50) as pool, killer(lambda: pool._native.pids, 0.05):
        assert list(pool.imap(slow_triple, range(600))) == expected
        assert sorted(pool.imap_unordered(slow_triple, range(600), 7)) == expected
        assert pool.map(slow_triple, range(600), 1) == expected
        results = [pool.apply_async(slow_triple, (n,)) for n in range(600)]
        assert [result.get(60) for result in results] == expected


def test_kills_do_not_break_an_executor() -> None:
    with (
        executor_of(2, max_attempts=50) as executor,
        killer(lambda: executor._native.pids, 0.05) as killed,
    ):
        futures = [executor.submit(slow_triple, n) for n in range(1500)]
        assert [future.result(60) for future in futures] == [3 * n for n in range(1500)]
    assert killed


def test_the_item_that_always_kills(start: str) -> None:
    items = [(n, 13) for n in range(100)]
    with pool_of(2, start=start) as pool:
        with pytest.raises(errors.ItemKilled, match=r"SIGKILL.*`\(13, 13\)`") as caught:
            pool.starmap(kill_at, items)
        assert caught.value.attempts == 3
        results = pool.starmap(kill_at, items, on_error="collect")
        assert [failure.index for failure in pool.failures] == [13]
        assert pool.failures[0].item == (13, 13)
        assert results[:13] + results[14:] == [n for n in range(100) if n != 13]
        assert pool.map(square, [4]) == [16]


def test_a_worker_past_its_memory_limit_is_ended() -> None:
    def grow(mebibytes: int) -> int:
        block = bytearray(mebibytes << 20)
        block[::4096] = b"x" * len(block[::4096])
        time.sleep(2 if mebibytes > 256 else 0)
        return mebibytes

    with pool_of(2, memory_limit=400 << 20, max_attempts=1) as pool:
        results = pool.map(grow, [1, 2, 900, 3], 1, on_error="collect")
    assert results[:2] + results[3:] == [1, 2, 3]
    assert results[2].out_of_memory
    assert results[2].peak_memory > 300 << 20
    assert "likely out of memory" in str(results[2])
    assert "raise the memory limit" in str(results[2])


def test_a_stopped_worker_is_ended_by_the_time_limit() -> None:
    def work(value: int) -> int:
        if value == 2:
            os.kill(os.getpid(), signal.SIGSTOP)
        return value

    with pool_of(2) as pool:
        results = pool.map(work, range(5), 5, timeout=0.3, on_error="collect")
        assert isinstance(results.pop(2), errors.ItemTimeout)
        assert results == [0, 1, 3, 4]


def test_a_stopped_worker_does_not_hold_up_the_end() -> None:
    with pool_of(2) as pool:
        for pid in {worker.pid for worker in pool._pool}:
            os.kill(pid, signal.SIGSTOP)
        pool.map_async(square, range(10))
        started = time.monotonic()
        pool.terminate()
        assert time.monotonic() - started < 5


def test_what_cannot_travel_hurts_nobody(start: str) -> None:
    def unpicklable_exception() -> None:
        error = ValueError("locked")
        error.lock = threading.Lock()  # type: ignore[attr-defined]
        raise error

    with pool_of(1, start=start) as pool:
        pid = pool.apply(os.getpid)
        for _ in range(5):
            with pytest.raises(MaybeEncodingError):
                pool.apply(threading.Lock)
            with pytest.raises(MaybeEncodingError, match="locked"):
                pool.apply(unpicklable_exception)
            with pytest.raises(TypeError, match="lock"):
                pool.apply(id, (threading.Lock(),))
        assert pool.apply(os.getpid) == pid


def test_a_result_of_three_gigabytes() -> None:
    if psutil.virtual_memory().available < 14 << 30:
        pytest.skip("needs 14 GiB of free memory")
    with pool_of(1) as pool:
        result = pool.apply(np.ones, (3 << 30,), {"dtype": "uint8"})
        assert result.nbytes == 3 << 30
        assert result[:: 1 << 20].sum() == 3 << 10


def test_an_initializer_that_raises_hangs_and_storms_nobody(start: str, tmp_path: Any) -> None:
    marks = str(tmp_path)

    def broken() -> None:
        open(f"{marks}/{os.getpid()}", "w").close()
        raise OSError("no database")

    with pool_of(2, start=start, initializer=broken) as pool:
        for _ in range(3):
            with pytest.raises(OSError, match="no database"):
                pool.map(square, range(1000), 1)
    # Two workers for each call, two when the pool was made.
    assert len(list(tmp_path.iterdir())) <= 8
    with (
        executor_of(2, start=start, initializer=broken) as executor,
        pytest.raises(OSError, match="no database"),
    ):
        executor.submit(square, 2).result(30)
