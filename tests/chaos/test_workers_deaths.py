"""Workers that die in every way: nothing hangs, nothing is lost, nothing is left behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from windrow import errors
from worker_check import apply, outcomes, pool_of, rows, submit


@pytest.fixture(params=["fork_server", "spawn"])
def start(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def killer(pool: Any, every: float) -> Iterator[list[int]]:
    """Kill a random worker every so often."""
    killed: list[int] = []
    over = threading.Event()

    def kill() -> None:
        while not over.wait(every):
            pids = pool.pids
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


def test_random_kills_lose_and_double_nothing() -> None:
    def work(value: int) -> int:
        time.sleep(0.001)
        return value * 3

    with pool_of(2, max_attempts=50) as pool, killer(pool, 0.05) as killed:
        tickets = [submit(pool, work, "map", list(range(n, n + 20))) for n in range(0, 4000, 20)]
        results = [value for ticket in tickets for value in outcomes(ticket)]
    assert results == [3 * value for value in range(4000)]
    assert killed


def test_random_kills_during_row_calls() -> None:
    data = {"a": list(range(200_000))}

    def slow(value: int) -> int:
        return sum(range(value % 50)) + value

    with pool_of(2, max_attempts=50) as pool, killer(pool, 0.05):
        got = rows(slow, data, pool=pool, batch_size=1000)
    assert got.to_pylist() == [slow(value) for value in range(200_000)]


def test_the_item_that_kills_is_named_and_the_others_have_results(start: str) -> None:
    def work(value: int) -> int:
        if value == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        return value

    with pool_of(2, start=start) as pool:
        results = outcomes(submit(pool, work, "map", list(range(30))))
    failure = results[13]
    assert isinstance(failure, errors.ItemKilled)
    assert failure.signal == signal.SIGKILL
    assert failure.attempts == 3
    assert failure.peak_memory is None or failure.peak_memory > 1 << 20
    assert "SIGKILL" in str(failure)
    assert results[:13] + results[14:] == [n for n in range(30) if n != 13]


def test_an_item_that_kills_while_it_is_loaded_is_found_by_halving() -> None:
    with pool_of(1, max_attempts=2) as pool:
        bombs = [Bomb(value) for value in range(4)]
        results = outcomes(submit(pool, lambda bomb: bomb.value, "map", bombs))
    assert all(isinstance(result, errors.ItemKilled) for result in results)


class Bomb:
    """Ends the process that unpickles it."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __reduce__(self) -> tuple[Any, ...]:
        return (os._exit, (4,))


def test_only_items_that_kill_are_run_again(tmp_path: Path) -> None:
    marks = str(tmp_path)

    def work(value: int) -> int:
        with open(f"{marks}/{value}", "a") as mark:
            mark.write("x")
        if value == 5:
            os._exit(1)
        return value

    with pool_of(1) as pool:
        results = outcomes(submit(pool, work, "map", list(range(10))))
    runs = [len((tmp_path / str(value)).read_text()) for value in range(10)]
    assert isinstance(results[5], errors.ItemKilled)
    assert runs[5] == 3
    assert runs[6:] == [1] * 4
    assert max(runs[:5]) <= 2


def test_a_slow_item_is_ended_alone(start: str) -> None:
    def work(value: int) -> int:
        if value == 3:
            time.sleep(60)
        return value

    with pool_of(2, start=start) as pool:
        started = time.monotonic()
        results = outcomes(submit(pool, work, "map", list(range(8)), timeout=0.3))
        assert time.monotonic() - started < 10
    assert isinstance(results[3], errors.ItemTimeout)
    assert results[:3] + results[4:] == [0, 1, 2, 4, 5, 6, 7]


def test_a_stopped_worker_counts_as_slow() -> None:
    def work(value: int) -> int:
        if value == 1:
            os.kill(os.getpid(), signal.SIGSTOP)
        return value

    with pool_of(1) as pool:
        results = outcomes(submit(pool, work, "map", [0, 1, 2], timeout=0.3))
    assert results[0] == 0
    assert results[2] == 2
    assert isinstance(results[1], errors.ItemTimeout)


def test_a_worker_past_its_memory_is_ended() -> None:
    def work(size: int) -> int:
        block = bytearray(size)
        block[::4096] = b"x" * len(block[::4096])
        time.sleep(1 if size > 1 << 28 else 0)
        return len(block)

    with pool_of(1, memory_limit=400 << 20, max_attempts=1) as pool:
        small, large, again = outcomes(submit(pool, work, "map", [1 << 20, 1 << 29, 1 << 20]))
    assert (small, again) == (1 << 20, 1 << 20)
    assert isinstance(large, errors.WorkerDied)
    assert large.out_of_memory
    assert large.peak_memory is not None
    assert large.peak_memory > 300 << 20
    assert "memory" in str(large)


def test_async_items_that_take_too_long_are_ended_alone() -> None:
    async def work(value: int) -> int:
        import asyncio

        await asyncio.sleep(30 if value == 2 else 0.01)
        return value

    with pool_of(1) as pool:
        results = outcomes(submit(pool, work, "map", list(range(5)), timeout=0.3, collect=True))
    assert isinstance(results[2], errors.ItemTimeout)
    assert results[:2] + results[3:] == [0, 1, 3, 4]


def test_a_result_of_three_gigabytes() -> None:
    if psutil.virtual_memory().available < 14 << 30:
        pytest.skip("needs 14 GiB of free memory")
    with pool_of(1) as pool:
        result = apply(pool, lambda: np.ones(3 << 30, dtype="uint8"))
    assert result.nbytes == 3 << 30
    assert result[:: 1 << 20].sum() == 3 << 10


def test_the_fork_server_dies_and_work_goes_on() -> None:
    with pool_of(2, start="fork_server") as pool:
        server = psutil.Process(apply(pool, os.getppid))
        ticket = submit(pool, lambda v: time.sleep(0.01) or v, "map", list(range(50)))
        server.kill()
        assert outcomes(ticket) == list(range(50))
        assert apply(pool, os.getppid) != server.pid


def test_a_worker_that_closes_its_sockets_is_replaced() -> None:
    def work() -> None:
        os.closerange(3, 256)
        time.sleep(60)

    with pool_of(1, max_attempts=1) as pool:
        with pytest.raises(errors.WorkerDied):
            apply(pool, work)
        assert apply(pool, lambda: 1) == 1


def test_workers_that_die_at_once_do_not_storm() -> None:
    with pool_of(2, max_attempts=1) as pool:
        results = outcomes(submit(pool, os._exit, "map", [1] * 60))
    assert all(isinstance(result, errors.WorkerDied) for result in results)


def test_twenty_pools_leak_nothing() -> None:
    def once() -> None:
        with pool_of(2) as pool:
            assert apply(pool, abs, -1) == 1
            apply(pool, np.sum, np.ones(1 << 20))

    me = psutil.Process()
    others = set(me.children(recursive=True))
    once()
    descriptors, threads = me.num_fds(), me.num_threads()
    memory = me.memory_info().rss
    for _ in range(20):
        once()
    time.sleep(2.5)
    assert me.num_fds() <= descriptors
    assert me.num_threads() <= threads
    assert set(me.children(recursive=True)) <= others
    assert me.memory_info().rss - memory < 64 << 20


DRIVER = """
    import os, sys, time, threading
    from worker_check import apply, outcomes, pool_of, submit

    def work(value):
        time.sleep(30)

    with pool_of(2, start={start!r}) as pool:
        pids = [*{{apply(pool, os.getpid) for _ in range(6)}}, apply(pool, os.getppid)]
        tickets = [submit(pool, work, "map", [1]) for _ in range(2)]
        time.sleep(0.1)
        print(*pids, flush=True)
        outcomes(tickets[0])
"""


def driver(start: str) -> tuple[subprocess.Popen[str], set[psutil.Process]]:
    """A program with a busy pool, and its processes."""
    path = os.pathsep.join([str(Path(__file__).parents[1] / "python"), *filter(None, sys.path)])
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(DRIVER.format(start=start))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        start_new_session=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    made = set(psutil.Process(process.pid).children(recursive=True))
    assert made
    return process, made


def still_alive(processes: set[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Which processes run on; a zombie has ended, whether or not its parent has asked how."""
    _, left = psutil.wait_procs(processes, timeout=seconds)
    alive = []
    for process in left:
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                alive.append(process)
    return alive


def shared_names() -> set[str]:
    """What could be left behind in shared memory and temporary folders."""
    folders = ["/dev/shm", os.environ.get("TMPDIR", "/tmp")]
    return {f"{f}/{n}" for f in folders for n in os.listdir(f) if n.startswith("windrow")}


def test_nothing_is_left_when_the_driver_is_killed(start: str) -> None:
    names = shared_names()
    process, made = driver(start)
    process.kill()
    process.wait()
    assert not still_alive(made, 1)
    assert shared_names() <= names


@pytest.mark.parametrize("times", [1, 2])
def test_interrupts_end_the_driver_and_its_workers(start: str, times: int) -> None:
    process, made = driver(start)
    for _ in range(times):
        # As a terminal does: to the whole group.
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.05)
    started = time.monotonic()
    process.wait(10)
    assert time.monotonic() - started < 2
    assert not still_alive(made, 1)
    assert process.stderr is not None
    assert "KeyboardInterrupt" in process.stderr.read()
