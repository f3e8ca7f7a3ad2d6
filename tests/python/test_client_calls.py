"""Pools and executors while a client is open: whose workers they have, and what is refused."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import windrow as wr
from windrow import _native


@pytest.fixture(autouse=True)
def settings() -> Iterator[None]:
    wr.configure(workers=2, partitions=4, progress=False)
    yield
    wr.configure(workers=2, partitions=4, progress=False)


class Threads:
    """A runner of somebody's own, on threads; `refuses` says which tasks die."""

    name = "mine://here"

    def __init__(self) -> None:
        self.started: list[str] = []
        self.refuses: Any = lambda _: False
        self._threads = ThreadPoolExecutor(2)
        self._told: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def capabilities(self) -> dict[str, Any]:
        return {"at_once": 2}

    def start(self, specs: Sequence[bytes]) -> None:
        import json

        for spec in specs:
            told = json.loads(spec)["attempt"]
            task = told["task"]
            place = f"{task['stage']}.e{task['epoch']}.{task['partition']}.r{task['round']}"
            self._threads.submit(self._run, spec, f"{place}.a{told['driver']}-{told['number']}")

    def _run(self, spec: bytes, name: str) -> None:
        self.started.append(name)
        if self.refuses(name):
            self._told.put((name, "lost", "was killed by SIGKILL"))
        else:
            self._told.put((name, "ended", _native.execute_task(spec)))

    def report(self, seconds: float) -> list[Any]:
        try:
            return [self._told.get(timeout=seconds)]
        except queue.Empty:
            return []

    def cancel(self, names: Sequence[str]) -> None:
        """Nobody listens to them."""

    def close(self) -> None:
        self._threads.shutdown(wait=True)


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[Threads]:
    runner = Threads()
    with wr.connect(runner, exchange=tmp_path):
        yield runner


def test_calls_are_tasks_of_the_runner(mine: Threads) -> None:
    with wr.Pool() as pool:
        assert pool.map(lambda item: (item, threading.current_thread().name), range(8))
        assert {os.getpid()} == set(pool.map(lambda _: os.getpid(), range(8)))
        assert pool._pool == []
        assert repr(pool).endswith("pool_size=2>")
    assert mine.started


def test_calls_that_come_together_are_one_stage(mine: Threads) -> None:
    with wr.Executor(max_workers=20) as executor:
        futures = [executor.submit(pow, 2, power) for power in range(20)]
        assert [future.result() for future in futures] == [2**power for power in range(20)]
    assert len(mine.started) == 20


def test_the_initializer_runs_once_in_a_process(mine: Threads, tmp_path: Path) -> None:
    mark = tmp_path / "marks"
    mark.mkdir()

    def begin(word: str) -> None:
        (mark / f"{word}-{time.monotonic_ns()}").touch()

    with wr.Pool(2, begin, ("hello",)) as pool:
        assert pool.map(abs, range(10), chunksize=1) == list(range(10))
    assert len(list(mark.iterdir())) == 1

    def fails() -> None:
        raise OSError("no licence")

    with wr.Pool(2, fails) as pool, pytest.raises(OSError, match="no licence"):
        pool.map(abs, range(10))


def test_an_item_that_kills_its_task_is_found(mine: Threads) -> None:
    """A task of which nothing is heard is tried again, then its items in halves."""
    mine.refuses = lambda name: ".e0.0." in name and len(mine.started) < 6
    with wr.Pool() as pool:
        assert pool.map(abs, range(8), chunksize=8) == list(range(8))
        mine.refuses = lambda _: True
        with pytest.raises(wr.errors.ItemKilled, match=r"mine://here.*failed 4 times"):
            pool.apply(abs, (1,))


def test_async_functions(mine: Threads) -> None:
    async def later(item: int) -> int:
        import asyncio

        await asyncio.sleep(0.001)
        return item + 1

    with wr.Pool() as pool:
        assert pool.map(later, range(20)) == list(range(1, 21))
        assert pool.apply(later, (1,)) == 2


def test_results_that_cannot_travel_are_failures_of_their_items(mine: Threads) -> None:
    def made(item: int) -> Any:
        return threading.Lock() if item == 1 else item

    with wr.Pool() as pool:
        found = pool.map(made, range(3), chunksize=3, on_error="collect")
        assert (found[0], found[2]) == (0, 2)
        assert "lock" in str(found[1])
        [failure] = pool.failures
        assert failure.index == 1


def test_what_is_taken_back_does_not_run(mine: Threads) -> None:
    gate = threading.Event()
    mine.refuses = lambda _: gate.wait(30) and False
    with wr.Executor(max_workers=1) as executor:
        first, second = executor.submit(abs, -1), executor.submit(abs, -2)
        assert second.cancel()
        gate.set()
        assert first.result() == 1
    assert second.cancelled()


def test_closing_the_client_ends_its_pools(tmp_path: Path) -> None:
    client = wr.connect(Threads(), exchange=tmp_path)
    pool = wr.Pool()
    assert pool.apply(abs, (-1,)) == 1
    client.close()
    with pytest.raises(wr.errors.Cancelled):
        pool.apply(abs, (-1,))
    pool.terminate()


@pytest.mark.parametrize(
    "option", [{"maxtasksperchild": 3}, {"memory_limit": 1 << 30}, {"start": "spawn"}]
)
def test_what_is_the_clusters_is_refused(mine: Threads, option: dict[str, Any]) -> None:
    with pytest.raises(wr.errors.OptionNotInWindrowYet, match="cannot be had on `mine://here`"):
        wr.Pool(**option)


def test_limits_of_time_are_refused(mine: Threads) -> None:
    with wr.Pool() as pool, pytest.raises(wr.errors.OptionNotInWindrowYet, match="`timeout=1"):
        pool.map(abs, [1], timeout=1)


def test_near_clients_have_processes_of_this_machine() -> None:
    with wr.connect("local", processes=3), wr.Pool() as pool:
        assert len(pool._pool) == 3
        assert os.getpid() not in pool.map(lambda _: os.getpid(), range(9))


def test_what_stays_here_says_so(mine: Threads) -> None:
    import windrow.pandas  # noqa: F401 - brings `.wr`

    data = pd.DataFrame({"a": [1, 1, 2], "b": [1, 2, 3]})
    with pytest.warns(UserWarning, match="on the workers of this machine, not on `mine://here`"):
        data.groupby("a").wr.apply(lambda group: group["b"].sum() + len(str(group)))


def test_nothing_is_said_where_nothing_stays(mine: Threads) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with wr.Pool() as pool:
            assert pool.apply(abs, (-1,)) == 1
        assert wr.from_pandas(pd.DataFrame({"a": [1]}))["a"].sum().compute() == 1


@pytest.mark.skipif(sys.platform != "linux", reason="signals")
def test_an_interrupt_ends_waiting(mine: Threads) -> None:
    gate = threading.Event()
    mine.refuses = lambda _: gate.wait(30) and False
    with wr.Pool() as pool:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            pool.map(abs, range(10))
        gate.set()
