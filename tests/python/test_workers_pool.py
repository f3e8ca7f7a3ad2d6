"""The native pool: calls on pickled arguments, output, deaths, ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import psutil
import pytest

from windrow import _native, errors
from worker_check import apply, outcomes, pool_of, rows, submit


@pytest.fixture(scope="module", params=["fork_server", "spawn"])
def pool(request: pytest.FixtureRequest) -> Iterator[Any]:
    with pool_of(2, start=request.param) as pool:
        yield pool


def square(value: int) -> int:
    return value * value


def test_calls_in_other_processes(pool: Any) -> None:
    assert apply(pool, square, 7) == 49
    assert apply(pool, os.getpid) != os.getpid()
    assert outcomes(submit(pool, square, "map", [1, 2, 3])) == [1, 4, 9]
    assert outcomes(submit(pool, pow, "starmap", [(2, 3), (3, 2)])) == [8, 9]


def test_functions_of_main_are_sent_by_value(pool: Any) -> None:
    source = "def f(x):\n    return helper(x) + 1\n\ndef helper(x):\n    return x * 10\n"
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(source, space)
    assert apply(pool, space["f"], 4) == 41


def test_arrays_travel_in_shared_memory_and_stay_writable(pool: Any) -> None:
    array = np.arange(1 << 20, dtype="float64")

    def change(values: np.ndarray) -> np.ndarray:
        values += 1
        return values

    first = apply(pool, change, array)
    assert array[0] == 0
    np.testing.assert_array_equal(first, array + 1)
    first[:] = 0
    np.testing.assert_array_equal(apply(pool, change, array), array + 1)


def test_an_array_that_a_worker_keeps_does_not_change(pool: Any) -> None:
    def keep(values: np.ndarray) -> float:
        import builtins

        kept = builtins.__dict__.setdefault("windrow_test_kept", [])
        kept.append(values)
        return float(kept[0][0])

    with pool_of(1) as single:
        seen = [apply(single, keep, np.full(1 << 17, value)) for value in range(5)]
    assert seen == [0.0] * 5


def test_hashes_of_strings_agree_between_workers(pool: Any) -> None:
    def hashed(_: int) -> tuple[int, int]:
        time.sleep(0.02)
        return os.getpid(), hash("windrow")

    found = [t for n in range(4) for t in outcomes(submit(pool, hashed, "map", [n] * 3))]
    assert len({value for _, value in found}) == 1


def test_numeric_libraries_share_the_processors(pool: Any) -> None:
    assert int(apply(pool, lambda: os.environ["OMP_NUM_THREADS"])) >= 1


def test_collecting_goes_on_after_failures(pool: Any) -> None:
    ticket = submit(pool, lambda x: 10 // x, "map", [5, 0, 2], collect=True)
    five, failure, two = outcomes(ticket)
    assert (five, two) == (2, 5)
    assert isinstance(failure, ZeroDivisionError)


def test_the_first_failure_is_the_outcome_without_collecting(pool: Any) -> None:
    failures = outcomes(submit(pool, lambda x: 10 // x, "map", [5, 0, 2]))
    assert all(isinstance(failure, ZeroDivisionError) for failure in failures)


def test_announced_calls_are_told(pool: Any) -> None:
    submit(pool, square, "map", [1], announce=41)
    submit(pool, square, "map", [1], announce=42)
    told: list[int] = []
    while len(told) < 2:
        told += pool.next_finished(10)
    assert sorted(told) == [41, 42]


def test_waiting_has_a_limit(pool: Any) -> None:
    ticket = submit(pool, time.sleep, "apply", ((0.5,), {}))
    assert not ticket.wait(0.01)
    assert not ticket.ready()
    assert ticket.wait(10)


def test_cancelled_calls_end_and_the_pool_goes_on() -> None:
    with pool_of(1) as pool:
        apply(pool, square, 1)
        tickets = [submit(pool, time.sleep, "apply", ((30,), {})) for _ in range(3)]
        started = time.monotonic()
        for ticket in tickets:
            ticket.cancel()
        for ticket in tickets:
            assert isinstance(outcomes_of_apply(ticket), errors.Cancelled)
        assert apply(pool, square, 3) == 9
        assert time.monotonic() - started < 10


def outcomes_of_apply(ticket: Any) -> Any:
    assert ticket.wait(30)
    ((_, _, value, _, failure),) = ticket.take()
    return value if failure is None else failure


@pytest.mark.parametrize(
    ("end", "signal_number", "exit_code", "says"),
    [
        ("os._exit(3)", None, 3, "exited with code 3"),
        ("os.kill(os.getpid(), 9)", 9, None, "killed by SIGKILL"),
        ("os.kill(os.getpid(), 11)", 11, None, "killed by SIGSEGV"),
    ],
)
def test_a_death_is_told_by_its_cause(
    pool: Any, end: str, signal_number: int | None, exit_code: int | None, says: str
) -> None:
    space: dict[str, Any] = {}
    exec(f"import os\ndef die(x):\n    {end}\ndie.__module__ = '__main__'", space)
    with pytest.raises(errors.WorkerDied, match=says) as caught:
        rows(space["die"], {"value": [5]}, pool=pool)
    assert caught.value.signal == signal_number
    assert caught.value.exit_code == exit_code
    assert caught.value.pid > 0
    assert caught.value.item == "row 0: value=5"
    assert apply(pool, square, 2) == 4


def test_a_death_among_several_rows_names_all_of_them(pool: Any) -> None:
    def die(value: int) -> int:
        import os

        return os._exit(3) if value == 7 else value  # type: ignore[func-returns-value]

    with pytest.raises(errors.ItemKilled) as caught:
        rows(die, {"value": [5, 6, 7, 8]}, pool=pool)
    assert caught.value.item == "one of the rows 0 to 3, the first of which is value=5"


def test_what_workers_print_is_printed_here(capfd: pytest.CaptureFixture[str]) -> None:
    script = """
        import sys
        from worker_check import apply, pool_of

        def talk():
            print("said in a worker")
            print("complained in a worker", file=sys.stderr)
            print("no line end", end="")

        with pool_of(1) as pool:
            apply(pool, talk)
    """
    done = run(script)
    assert "said in a worker\n" in done.stdout
    assert "no line end" in done.stdout
    assert "complained in a worker" in done.stderr


def run(script: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program of its own."""
    path = os.pathsep.join([os.path.dirname(__file__), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=False,
        **options,
    )


def test_a_pool_that_was_closed_says_so() -> None:
    with pool_of(1) as pool:
        assert apply(pool, square, 2) == 4
    with pytest.raises(errors.WorkerError, match="closed"):
        apply(pool, square, 2)


def test_closing_leaves_no_process() -> None:
    before = set(psutil.Process().children(recursive=True))
    with pool_of(2) as pool:
        apply(pool, square, 2)
        made = set(psutil.Process().children(recursive=True)) - before
        assert made
    _, alive = psutil.wait_procs(made, timeout=5)
    assert not alive


def test_the_next_pool_finds_the_fork_server_warm() -> None:
    servers = []
    for keep in (30, 30, 0):
        with pool_of(1, keep_warm=keep) as pool:
            servers.append(apply(pool, os.getppid))
    assert len(set(servers)) == 1
    assert not psutil.pid_exists(servers[0])


def test_a_changed_environment_reaches_the_next_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("1", "2"):
        monkeypatch.setenv("WINDROW_TEST", value)
        with pool_of(1, keep_warm=0.5) as pool:
            assert apply(pool, lambda: os.environ["WINDROW_TEST"]) == value


def test_graceful_ends_run_exit_handlers(tmp_path: Any) -> None:
    mark = tmp_path / "mark"

    def register(path: str) -> None:
        import atexit
        import pathlib

        atexit.register(lambda: pathlib.Path(path).write_text("ended"))

    pool = _native.WorkerPool(1, keep_warm=0)
    apply(pool, register, str(mark))
    pool.close(graceful=True)
    assert mark.read_text() == "ended"


def test_workers_are_replaced_after_their_tasks() -> None:
    with pool_of(1, tasks_per_worker=2) as pool:
        pids = [apply(pool, os.getpid) for _ in range(6)]
    assert len(set(pids)) == 3


def test_interrupts_reach_the_waiting_caller(pool: Any) -> None:
    ticket = submit(pool, time.sleep, "apply", ((5,), {}))
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    previous = signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    try:
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            ticket.wait()
        assert time.monotonic() - started < 2
    finally:
        signal.signal(signal.SIGALRM, previous)
        ticket.cancel()


def test_what_waits_behind_a_long_call_goes_to_another_worker() -> None:
    with pool_of(2) as pool:
        # Quick calls first: workers are then given many ahead.
        for ticket in [submit(pool, square, "map", [n]) for n in range(500)]:
            assert ticket.wait(10)
        tickets = [submit(pool, square, "map", [n]) for n in range(20)]
        long = submit(pool, time.sleep, "map", [3])
        tickets += [submit(pool, square, "map", [n]) for n in range(300)]
        started = time.monotonic()
        for ticket in tickets:
            assert ticket.wait(10)
        assert time.monotonic() - started < 2
        assert not long.ready()


def test_a_fork_of_the_driver_is_refused_the_pool() -> None:
    script = """
        import os
        from worker_check import apply, pool_of
        with pool_of(1) as pool:
            apply(pool, abs, -1)
            child = os.fork()
            if child == 0:
                try:
                    apply(pool, abs, -1)
                except Exception as error:
                    print(error, flush=True)
                os._exit(0)
            os.waitpid(child, 0)
            print(apply(pool, abs, -2))
    """
    done = run(script)
    assert "belongs to the process that made it" in done.stdout
    assert done.stdout.endswith("2\n")


def test_shared_memory_is_used_again() -> None:
    # Pools of other tests may have some, too.
    before = shared_memories()
    with pool_of(1) as pool:
        array = np.ones(1 << 20)
        for _ in range(50):
            apply(pool, np.sum, array)
        assert len(shared_memories()) < len(before) + 10


def shared_memories() -> list[str]:
    return [path for path in map(os.readlink, links()) if "memfd:windrow" in path]


def links() -> list[str]:
    folder = "/proc/self/fd"
    return [
        f"{folder}/{name}" for name in os.listdir(folder) if os.path.lexists(f"{folder}/{name}")
    ]


def test_async_functions_run_many_at_once(pool: Any) -> None:
    async def slow(value: int) -> int:
        import asyncio

        await asyncio.sleep(0.1)
        return value * 2

    started = time.monotonic()
    assert outcomes(submit(pool, slow, "map", list(range(40)))) == [2 * n for n in range(40)]
    assert time.monotonic() - started < 2
    assert apply(pool, slow, 4) == 8
