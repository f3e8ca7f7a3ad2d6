"""What `Pool` does beyond `multiprocessing.Pool`: failures, limits, bounds, generators, async."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import windrow as wr
from pool_check import inverse, kill_at, pool_of, product, square, wait_until
from windrow import errors


@pytest.fixture(scope="module")
def pool() -> Iterator[Any]:
    with pool_of(2) as pool:
        yield pool


def test_collecting_keeps_all_other_results(pool: Any) -> None:
    results = pool.map(inverse, [1, 0, 2, 0], on_error="collect")
    assert results[0::2] == [1, 0.5]
    assert [type(result) for result in results[1::2]] == [ZeroDivisionError] * 2
    assert [(failure.index, failure.item) for failure in pool.failures] == [(1, 0), (3, 0)]
    assert pool.failures[0].error is results[1]


def test_failures_are_those_of_the_latest_collecting_call(pool: Any) -> None:
    pool.map(inverse, [0], on_error="collect")
    again = pool.map_async(inverse, [2, 0], on_error="collect", callback=print)
    assert again.get(30)[0] == 0.5
    assert again.failures == pool.failures
    assert [failure.index for failure in pool.failures] == [1]
    pool.map(inverse, [1])
    assert len(pool.failures) == 1


def test_collecting_one_by_one(pool: Any) -> None:
    for chunksize in (1, 3):
        results = list(pool.imap(inverse, [0, 1, 2, 0], chunksize, on_error="collect"))
        assert results[1:3] == [1, 0.5]
        assert [failure.index for failure in pool.failures] == [0, 3]
    assert isinstance(pool.apply(inverse, (0,), on_error="collect"), ZeroDivisionError)


def test_collecting_leaves_out_items_that_cannot_be_sent(pool: Any) -> None:
    lock = threading.Lock()
    results = pool.map(type, [1, lock, "x", lock], 4, on_error="collect")
    assert results[0::2] == [int, str]
    assert [failure.index for failure in pool.failures] == [1, 3]
    assert pool.failures[0].item is lock
    assert isinstance(pool.failures[0].error, TypeError)


def test_the_default_of_the_pool_holds_for_its_calls() -> None:
    with pool_of(1, on_error="collect") as pool:
        assert isinstance(pool.map(inverse, [0])[0], ZeroDivisionError)
        with pytest.raises(ZeroDivisionError):
            pool.map(inverse, [0], on_error="raise")


def test_an_item_that_takes_too_long_is_ended_alone(pool: Any) -> None:
    def work(value: int) -> int:
        if value == 3:
            time.sleep(60)
        return value

    results = pool.map(work, range(6), 6, timeout=0.3, on_error="collect")
    assert isinstance(results[3], errors.ItemTimeout)
    assert "`3`" in str(results[3])
    assert results[:3] + results[4:] == [0, 1, 2, 4, 5]
    with pytest.raises(TimeoutError):
        pool.apply(time.sleep, (60,), timeout=0.2)


def test_attempts_can_be_set(pool: Any, tmp_path: Any) -> None:
    def work(path: str) -> None:
        with open(path, "a") as mark:
            mark.write("x")
        os._exit(3)

    path = tmp_path / "mark"
    with pytest.raises(errors.WorkerDied, match="exited with code 3"):
        pool.apply(work, (str(path),), max_attempts=2)
    assert path.read_text() == "xx"


def test_the_item_that_kills_is_named(pool: Any) -> None:
    with pytest.raises(errors.ItemKilled, match=r"`\(13, 13\)`") as caught:
        pool.starmap(kill_at, [(n, 13) for n in range(30)])
    assert caught.value.signal == 9
    assert caught.value.attempts == 3
    results = pool.starmap(kill_at, [(n, 13) for n in range(30)], on_error="collect")
    assert isinstance(results.pop(13), errors.ItemKilled)
    assert results == [n for n in range(30) if n != 13]


class Counted:
    """Tells how many of its items were taken."""

    def __init__(self, length: int) -> None:
        self.taken = 0
        self.length = length

    def __iter__(self) -> Iterator[int]:
        for number in range(self.length):
            self.taken += 1
            yield number


def test_a_bounded_input_is_taken_as_results_are(pool: Any) -> None:
    source = Counted(10**9)
    results = pool.imap(square, source, buffersize=8)
    for number in range(100):
        assert next(results) == number * number
        assert source.taken <= number + 9
    results.close()
    assert source.taken < 120


def test_an_abandoned_bounded_input_is_dropped(pool: Any) -> None:
    source = Counted(10**9)
    first = next(pool.imap(square, source, buffersize=8))
    assert first == 0
    # The iterator is gone: nothing is left to be done.
    assert pool.map(square, [2]) == [4]
    assert source.taken <= 9


def test_a_bound_holds_for_whole_maps(pool: Any) -> None:
    source = Counted(500)
    assert pool.map(square, source, buffersize=16) == [n * n for n in range(500)]
    assert pool.map(square, list(range(50)), buffersize=4) == [n * n for n in range(50)]


def test_an_endless_input_without_a_bound_is_taken_in_the_background(pool: Any) -> None:
    results = pool.imap(square, itertools.count())
    assert [next(results) for _ in range(50)] == [n * n for n in range(50)]
    results.close()


@pytest.mark.parametrize("order", ["generator", "generator_unordered"])
def test_maps_can_give_generators(pool: Any, order: Any) -> None:
    results = pool.map(square, range(100), return_as=order)
    assert iter(results) is results
    assert sorted(results) == [n * n for n in range(100)]
    results = pool.starmap(product, [(2, 3)], return_as=order)
    assert list(results) == [6]


def test_async_functions_have_many_calls_in_flight(pool: Any) -> None:
    async def slow(value: int) -> int:
        import asyncio

        await asyncio.sleep(0.1)
        return value * 2

    doubles = [2 * n for n in range(200)]
    started = time.monotonic()
    assert pool.map(slow, range(200)) == doubles
    assert list(pool.imap(slow, range(200))) == doubles
    assert list(pool.imap(slow, iter(range(200)), buffersize=400)) == doubles
    assert pool.apply(slow, (4,)) == 8
    # One after the other they would take 60 s.
    assert time.monotonic() - started < 20


def test_calls_in_flight_are_limited(pool: Any) -> None:
    async def count(_: int) -> int:
        import asyncio
        import builtins

        builtins.now = getattr(builtins, "now", 0) + 1  # type: ignore[attr-defined]
        seen = builtins.now  # type: ignore[attr-defined]
        await asyncio.sleep(0.001)
        builtins.now -= 1  # type: ignore[attr-defined]
        return seen

    assert max(pool.map(count, range(100), 50, concurrency=7)) == 7
    assert max(pool.map(count, range(100), 50)) == 50


def test_an_initializer_that_raises_is_the_outcome_of_calls() -> None:
    def broken() -> None:
        raise LookupError("no licence server")

    with pool_of(2, initializer=broken) as pool:
        for _ in range(5):
            with pytest.raises(LookupError, match="no licence server") as caught:
                pool.map(square, range(100), 1)
        assert any("initializer" in note for note in caught.value.__notes__)


def test_an_initializer_that_recovers_lets_the_pool_go_on(tmp_path: Any) -> None:
    path = str(tmp_path / "there")

    def fragile() -> None:
        if not os.path.exists(path):
            raise LookupError("not there yet")

    # One worker: of two, the second may still tell of its failure when the file is there.
    with pool_of(1, initializer=fragile) as pool:
        with pytest.raises(LookupError):
            pool.apply(square, (2,))
        open(path, "w").close()
        assert pool.map(square, range(50), 1) == [n * n for n in range(50)]


def test_an_initializer_that_ends_the_process_is_told() -> None:
    with (
        pool_of(2, initializer=os._exit, initargs=(4,)) as pool,
        pytest.raises(errors.WorkerError, match="initializer"),
    ):
        pool.map(square, range(3))


def test_an_initializer_that_cannot_be_sent_is_refused() -> None:
    with pytest.raises(TypeError, match=r"`_thread\.lock`"):
        wr.Pool(1, initializer=print, initargs=(threading.Lock(),))


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program of its own."""
    path = os.pathsep.join([os.path.dirname(__file__), *filter(None, sys.path)])
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": path, **environment},
        check=False,
    )


def test_no_guard_is_needed_whatever_the_start() -> None:
    for start in ("fork_server", "spawn"):
        done = run(
            """
            import windrow as wr
            class Thing:
                def __init__(self, n): self.n = n
            def work(thing): return thing.n + OFFSET
            OFFSET = 5
            pool = wr.Pool(2)
            print(pool.map(work, [Thing(n) for n in range(3)]))
            """,
            WINDROW_WORKER_START=start,
        )
        assert done.stdout == "[5, 6, 7]\n", done.stderr
        assert done.returncode == 0


def test_lines_can_name_their_worker() -> None:
    done = run(
        """
        import windrow as wr
        def talk(n): print("item", n, flush=True)
        with wr.Pool(1, name_workers=True) as pool:
            pool.map(talk, range(2))
            pool.close()
            pool.join()
        """
    )
    assert done.stdout == "worker 1 (talk): item 0\nworker 1 (talk): item 1\n"


def test_progress_shows_nothing_where_nobody_looks(pool: Any) -> None:
    assert pool.map(square, range(10), progress=True) == [n * n for n in range(10)]
    assert list(pool.imap(square, range(10), progress=True)) == [n * n for n in range(10)]


def test_many_functions_are_not_kept_for_ever(pool: Any) -> None:
    for number in range(1500):
        assert pool.apply(lambda n, number=number: n + number, (1,)) == number + 1
    assert pool.apply(square, (3,)) == 9


def test_finished_work_frees_its_items(pool: Any) -> None:
    import weakref

    class Item:
        pass

    items = [Item() for _ in range(4)]
    alive = [weakref.ref(item) for item in items]
    pool.map(id, items)
    list(pool.imap(id, items))
    del items
    wait_until(lambda: not any(item() for item in alive))


def test_the_options_are_those_that_type_checkers_know() -> None:
    from windrow.pool import Options, PoolOptions, choices

    assert set(choices.OF_CALLS) == set(Options.__annotations__)
    assert {*choices.OF_CALLS, *choices.OF_POOLS} == set(PoolOptions.__annotations__)


def test_a_first_pool_does_not_wait_for_modules_that_it_does_not_need() -> None:
    program = (
        "import sys, windrow; windrow.Pool; "
        "print(*{'typing', 're', 'inspect', 'multiprocessing', 'pickle'} & set(sys.modules))"
    )
    command = [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}; {program}"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "\n"
