"""`Executor` is a `concurrent.futures.Executor` that one death does not break."""

from __future__ import annotations

import concurrent.futures
import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import windrow as wr
from pool_check import executor_of, inverse, kill_at, product, square
from windrow import errors


@pytest.fixture(scope="module")
def executor() -> Iterator[Any]:
    with executor_of(2) as executor:
        yield executor


def test_calls_give_futures(executor: Any) -> None:
    assert isinstance(executor, concurrent.futures.Executor)
    futures = [executor.submit(square, n) for n in range(50)]
    assert all(isinstance(future, concurrent.futures.Future) for future in futures)
    done, waiting = concurrent.futures.wait(futures, timeout=30)
    assert not waiting
    assert {future.result() for future in done} == {n * n for n in range(50)}
    assert executor.submit(int, "ff", base=16).result(30) == 255


def test_futures_come_as_they_are_done(executor: Any) -> None:
    futures = {executor.submit(time.sleep, seconds): seconds for seconds in (0.3, 0.0)}
    assert [futures[f] for f in concurrent.futures.as_completed(futures, 30)] == [0.0, 0.3]


def test_what_is_raised_comes_with_the_traceback_of_the_worker(executor: Any) -> None:
    future = executor.submit(inverse, 0)
    with pytest.raises(ZeroDivisionError):
        future.result(30)
    assert "return 1 / value" in str(future.exception().__cause__)


def test_callbacks_are_called(executor: Any) -> None:
    called = threading.Event()
    executor.submit(square, 2).add_done_callback(lambda _: called.set())
    assert called.wait(30)


def test_what_cannot_be_sent_is_the_outcome(executor: Any) -> None:
    lock = threading.Lock()
    for future in (executor.submit(id, lock), executor.submit(lambda: lock)):
        with pytest.raises(TypeError, match=r"_thread\.lock"):
            future.result(30)
    with pytest.raises(TypeError, match=r"_thread\.lock"):
        list(executor.map(lambda _: lock, [1]))


def test_maps_are_in_order(executor: Any) -> None:
    assert list(executor.map(product, range(50), range(60))) == [n * n for n in range(50)]
    assert list(executor.map(square, range(50), chunksize=7)) == [n * n for n in range(50)]
    assert list(executor.map(square, [])) == []


def test_maps_have_a_limit_of_time(executor: Any) -> None:
    results = executor.map(time.sleep, [0, 5], timeout=0.5)
    assert next(results) is None
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        next(results)
    assert time.monotonic() - started < 4


def test_a_bounded_map_takes_its_input_as_results_are_taken(executor: Any) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in itertools.count():
            taken.append(number)
            yield number

    results = executor.map(square, items(), buffersize=4)
    assert [next(results) for _ in range(20)] == [n * n for n in range(20)]
    assert len(taken) <= 25
    results.close()


def test_an_exception_ends_a_map(executor: Any) -> None:
    results = executor.map(inverse, [1, 0, 2])
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
    with pytest.raises(StopIteration):
        next(results)


def test_one_death_breaks_nothing(executor: Any) -> None:
    futures = [executor.submit(kill_at, n, 7) for n in range(40)]
    outcomes = [future.exception(60) or future.result() for future in futures]
    assert isinstance(outcomes.pop(7), errors.ItemKilled)
    assert outcomes == [n for n in range(40) if n != 7]
    assert executor.submit(square, 3).result(30) == 9


def test_what_waits_can_be_cancelled() -> None:
    with executor_of(1) as executor:
        running = executor.submit(time.sleep, 0.5)
        waiting = [executor.submit(square, n) for n in range(5)]
        while not running.running():
            time.sleep(0.001)
        assert not running.cancel()
        assert waiting[2].cancel()
        assert waiting[2].cancelled()
        assert not waiting[3].running()
        assert [f.result(30) for n, f in enumerate(waiting) if n != 2] == [0, 1, 9, 16]
        with pytest.raises(concurrent.futures.CancelledError):
            waiting[2].result(30)
        assert running.result(30) is None
        assert not running.cancel()


def test_shutdown_lets_calls_end_or_cancels_them() -> None:
    executor = wr.Executor(1)
    futures = [executor.submit(time.sleep, 0.05) for _ in range(5)]
    executor.shutdown()
    assert all(future.done() and not future.cancelled() for future in futures)
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(square, 1)
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.map(square, [1])

    executor = wr.Executor(1)
    first = executor.submit(time.sleep, 0.3)
    while not first.running():
        time.sleep(0.001)
    rest = [executor.submit(time.sleep, 60) for _ in range(5)]
    executor.shutdown(cancel_futures=True)
    assert first.result(0) is None
    assert all(future.cancelled() for future in rest)


def test_shutdown_need_not_wait() -> None:
    executor = wr.Executor(1)
    future = executor.submit(time.sleep, 0.3)
    executor.shutdown(wait=False)
    assert not future.done()
    assert future.result(30) is None


def test_workers_can_be_prepared_and_replaced() -> None:
    def prepare(value: str) -> None:
        os.environ["WINDROW_TEST_PREPARED"] = value

    with executor_of(1, initializer=prepare, initargs=("yes",), max_tasks_per_child=1) as executor:
        look = executor.map(lambda _: (os.getpid(), os.environ["WINDROW_TEST_PREPARED"]), range(3))
        found = list(look)
    assert {value for _, value in found} == {"yes"}
    assert len({pid for pid, _ in found}) == 3


def test_calls_end_before_the_interpreter_does(tmp_path: Any) -> None:
    script = (
        "import time, windrow as wr\n"
        "def work(path):\n    time.sleep(0.5)\n    open(path, 'w').close()\n"
        f"wr.Executor(1).submit(work, {str(tmp_path / 'mark')!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", script], timeout=60, check=False)
    assert done.returncode == 0
    assert (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"max_workers": 0}, ValueError),
        ({"max_tasks_per_child": 0}, ValueError),
        ({"initializer": 1}, TypeError),
        ({"max_atempts": 1}, TypeError),
    ],
)
def test_bad_settings_are_refused(options: dict[str, Any], kind: type) -> None:
    with pytest.raises(kind):
        wr.Executor(**options)
