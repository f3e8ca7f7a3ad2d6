"""Ends of pools and of programs that have them: no process, no file, no descriptor is left."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import subprocess
import sys
import textwrap
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

import windrow as wr
from pool_check import pool_of, square, wait_until
from windrow import errors

PROGRAM = """
    import os, sys, time
    import windrow as wr

    def work(value):
        time.sleep(30)

    pool = wr.Pool(2, start={start!r})
    print(*{{worker.pid for worker in pool._pool}}, flush=True)
    sys.stdin.readline()
    {ending}
"""


def program(
    start: str, ending: str, folder: Path | None = None
) -> tuple[subprocess.Popen[str], set[psutil.Process]]:
    """A program with a busy pool, and the processes that it has made."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM.format(start=start, ending=ending))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, **({} if folder is None else {"TMPDIR": str(folder)})},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()
    made = set(psutil.Process(process.pid).children(recursive=True))
    assert len(made) >= 2
    process.stdin.write("go on\n")
    process.stdin.flush()
    return process, made


def alive_after(processes: set[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Which run on; a zombie has ended, whether or not its parent has asked how."""
    _, left = psutil.wait_procs(processes, timeout=seconds)
    alive = []
    for process in left:
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                alive.append(process)
    return alive


@pytest.fixture(params=["fork_server", "spawn"])
def start(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_nothing_is_left_when_the_program_is_killed(start: str, tmp_path: Path) -> None:
    named = set(os.listdir("/dev/shm"))
    process, made = program(start, "pool.map(work, range(100), 1)", tmp_path)
    process.kill()
    process.wait()
    assert not alive_after(made, 1)
    assert not list(tmp_path.iterdir())
    left = set(os.listdir("/dev/shm")) - named
    assert not [name for name in left if "windrow" in name or str(process.pid) in name]


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("is_entered", [False, True], ids=["plain", "with"])
def test_interrupts_end_a_map_and_the_program(start: str, times: int, is_entered: bool) -> None:
    call = "pool.map(work, range(100), 1)"
    ending = f"with pool: {call}" if is_entered else call
    process, made = program(start, ending)
    time.sleep(0.2)
    for _ in range(times):
        # As a terminal does: to the whole group.
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.05)
    started = time.monotonic()
    _, said = process.communicate(timeout=20)
    assert time.monotonic() - started < 3
    assert not alive_after(made, 1)
    assert "KeyboardInterrupt" in said


def test_a_program_may_go_on_after_an_interrupt() -> None:
    ending = """
    try:
        pool.map(work, range(100), 1)
    except KeyboardInterrupt:
        print(pool.map(abs, [-1, -2]), flush=True)
    """
    process, made = program("fork_server", textwrap.indent(textwrap.dedent(ending), "    "))
    time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=20)
    assert said == "[1, 2]\n"
    assert not alive_after(made, 1)


@pytest.mark.parametrize("ending", ["pool.map_async(work, [1] * 9, 1)", "pool.close()", "pass"])
def test_a_program_ends_with_its_pool_still_there(start: str, ending: str) -> None:
    process, made = program(start, ending)
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert not alive_after(made, 1)


def test_workers_end_when_the_pool_is_closed_and_done(start: str) -> None:
    pool = wr.Pool(2, start=start)
    pids = [worker.pid for worker in pool._pool]
    result = pool.map_async(square, range(10))
    pool.close()
    assert result.get(30) == [n * n for n in range(10)]
    wait_until(lambda: not any(map(psutil.pid_exists, pids)))
    pool.join()


def test_twenty_pools_leak_nothing() -> None:
    def once() -> None:
        with pool_of(2) as pool:
            assert pool.map(square, range(100), 5) == [n * n for n in range(100)]
            pool.map_async(np.sum, [np.ones(1 << 18)] * 4, 1, callback=id)
            list(pool.imap(square, iter(range(10))))

    me = psutil.Process()
    others = set(me.children(recursive=True))
    once()
    descriptors, threads, memory = me.num_fds(), me.num_threads(), me.memory_info().rss
    for _ in range(20):
        once()
    # Some threads wait a moment for more to do before they end.
    wait_until(lambda: me.num_threads() <= threads)
    wait_until(lambda: me.num_fds() <= descriptors)
    # One fork server may be kept for the next pool.
    assert len(set(me.children(recursive=True)) - others) <= 1
    assert me.memory_info().rss - memory < 64 << 20


def test_a_pool_that_cannot_start_says_so_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho no python here >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    before = set(psutil.Process().children(recursive=True))
    with pool_of(3) as pool, pytest.raises(errors.WorkerError, match="no python here"):
        pool.map(square, range(10))
    assert set(psutil.Process().children(recursive=True)) <= before


def in_a_fork(check: Callable[[], object]) -> int:
    """The exit status of a fork of this process that calls `check`: 0 when that raised nothing."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            check()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


def test_a_fork_lets_go_of_what_has_threads() -> None:
    # More threads than glibc keeps the stacks of.
    frames = []
    for _ in range(12):
        wr.configure(workers=4)
        frames.append(wr.from_items([1, 2, 3]))
        assert len(frames[-1]) == 3
    pools = [wr.Pool(1) for _ in range(3)]

    def let_go() -> None:
        frames.clear()
        pools.clear()
        atexit._clear()  # as `multiprocessing` does in its forks
        gc.collect()

    assert in_a_fork(let_go) == 0
    for pool in pools:
        pool.terminate()


def test_a_fork_makes_its_own_frames() -> None:
    before = wr.from_items([1, 2, 3])["item"]
    assert before.sum() == 6

    def compute() -> None:
        with pytest.raises(ValueError, match="belongs to the process that made it"):
            before.map(square).compute()
        items = wr.from_items([1, 2, 3, 4])["item"]
        assert items.sum() == 10
        assert items.map(square).compute().tolist() == [1, 4, 9, 16]

    assert in_a_fork(compute) == 0


def test_a_fork_of_the_program_does_not_end_the_pool() -> None:
    with pool_of(1) as pool:
        assert pool.apply(square, (2,)) == 4
        assert in_a_fork(pool.terminate) == 0
        assert pool.apply(square, (3,)) == 9
