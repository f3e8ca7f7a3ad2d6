"""`Pool` does what `multiprocessing.Pool` does."""

from __future__ import annotations

import multiprocessing
import multiprocessing.pool
import operator
import os
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import windrow as wr
from pool_check import inverse, pool_of, product, square, wait_until


@pytest.fixture(scope="module")
def pool() -> Iterator[Any]:
    with pool_of(2) as pool:
        yield pool


def test_one_call(pool: Any) -> None:
    assert pool.apply(square, (7,)) == 49
    assert pool.apply(int, ("ff",), {"base": 16}) == 255
    assert pool.apply_async(product, (6, 7)).get(30) == 42


def test_many_calls(pool: Any) -> None:
    assert pool.map(square, range(1000)) == [n * n for n in range(1000)]
    assert pool.map(square, iter(range(10)), chunksize=3) == [n * n for n in range(10)]
    assert pool.starmap(product, [(2, 3), (4, 5)]) == [6, 20]
    assert pool.map_async(square, {3: None}).get(30) == [9]
    assert pool.starmap_async(product, zip(range(50), range(50), strict=True)).get(30) == [
        n * n for n in range(50)
    ]
    assert list(pool.imap(square, range(100), 7)) == [n * n for n in range(100)]
    assert sorted(pool.imap_unordered(square, range(100))) == [n * n for n in range(100)]


def test_nothing_to_do(pool: Any) -> None:
    assert pool.map(square, []) == []
    assert pool.map_async(square, []).get(30) == []
    assert list(pool.imap(square, [])) == []


def test_what_a_notebook_defines_is_sent(pool: Any) -> None:
    factor = 3
    space: dict[str, Any] = {"__name__": "__main__"}
    exec("class Box:\n    def __init__(self, n): self.n = n\ndef unbox(b): return b.n", space)
    assert pool.map(lambda n: n * factor, range(4)) == [0, 3, 6, 9]
    assert pool.map(space["unbox"], [space["Box"](n) for n in range(9)]) == list(range(9))
    made = pool.apply(lambda: lambda n: n + factor)
    assert made(1) == 4


def test_changed_globals_are_seen(pool: Any) -> None:
    space: dict[str, Any] = {"__name__": "__main__", "step": 1}
    exec("def add(n): return n + step", space)
    assert pool.apply(space["add"], (1,)) == 2
    space["step"] = 10
    assert pool.apply(space["add"], (1,)) == 11


def test_an_exception_is_raised_with_the_traceback_of_the_worker(pool: Any) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        pool.map(inverse, [2, 1, 0, 1])
    cause = caught.value.__cause__
    assert type(cause) is multiprocessing.pool.RemoteTraceback
    text = "".join(traceback.format_exception(caught.value))
    assert "return 1 / value" in text
    assert "item 2: 0" in text
    assert "windrow/_worker" not in text


def test_a_result_that_cannot_be_sent_is_named(pool: Any) -> None:
    with pytest.raises(multiprocessing.pool.MaybeEncodingError, match=r"_thread\.lock") as caught:
        pool.apply(threading.Lock)
    assert "cannot pickle" in caught.value.exc
    with pytest.raises(multiprocessing.pool.MaybeEncodingError):
        pool.map(lambda n: threading.Lock() if n == 3 else n, range(5), 5)
    results = pool.map(lambda n: threading.Lock() if n == 3 else n, range(5), 5, on_error="collect")
    assert isinstance(results.pop(3), multiprocessing.pool.MaybeEncodingError)
    assert results == [0, 1, 2, 4]


def test_an_exception_that_cannot_be_sent_is_told(pool: Any) -> None:
    def fail() -> None:
        error = ValueError("holds a lock")
        error.lock = threading.Lock()  # type: ignore[attr-defined]
        raise error

    with pytest.raises(multiprocessing.pool.MaybeEncodingError, match="holds a lock") as caught:
        pool.apply(fail)
    assert "raise error" in str(caught.value.__cause__)


class Stubborn:
    """Cannot be pickled, and says so in its own way."""

    def __reduce__(self) -> Any:
        raise RuntimeError("not me")


def test_arguments_that_cannot_be_sent_raise_what_pickling_raises(pool: Any) -> None:
    for call in (
        lambda: pool.apply(id, (Stubborn(),)),
        lambda: pool.apply_async(id, (Stubborn(),)).get(30),
        lambda: pool.map(id, [Stubborn()] * 3),
        lambda: pool.map_async(id, [Stubborn()] * 3).get(30),
        lambda: next(pool.imap(id, [Stubborn()])),
    ):
        with pytest.raises(RuntimeError, match="not me"):
            call()
    with pytest.raises(TypeError, match=r"the item 1 is a `_thread\.lock`"):
        pool.map(id, [1, threading.Lock()], 2)


def test_a_function_that_cannot_be_sent_is_named(pool: Any) -> None:
    lock = threading.Lock()
    for call in (
        lambda: pool.map(lambda _: lock, [1]),
        lambda: pool.map_async(lambda _: lock, [1]).get(30),
        lambda: next(pool.imap(lambda _: lock, [1])),
        lambda: pool.apply(lambda: lock),
    ):
        with pytest.raises(TypeError, match="closure variable `lock`"):
            call()


def test_callbacks_are_called_once_before_the_result_is_ready(pool: Any) -> None:
    told: list[Any] = []
    result = pool.map_async(square, range(5), callback=told.append, error_callback=print)
    result.wait(30)
    assert result.ready()
    assert result.successful()
    assert told == [[0, 1, 4, 9, 16]]
    failed = pool.apply_async(inverse, (0,), error_callback=told.append)
    with pytest.raises(ZeroDivisionError):
        failed.get(30)
    assert isinstance(told[1], ZeroDivisionError)
    assert not failed.successful()


def test_a_result_that_is_not_there_yet(pool: Any) -> None:
    result = pool.apply_async(time.sleep, (0.4,))
    assert not result.ready()
    with pytest.raises(ValueError, match="not ready"):
        result.successful()
    with pytest.raises(multiprocessing.TimeoutError):
        result.get(0.01)
    waiting = pool.imap(time.sleep, [0.2])
    with pytest.raises(multiprocessing.TimeoutError):
        waiting.next(0.01)
    assert waiting.next(30) is None
    assert result.get(30) is None


def test_several_threads_may_wait_for_one_result(pool: Any) -> None:
    result = pool.map_async(square, range(1000), 1)
    seen: list[Any] = []
    threads = [threading.Thread(target=lambda: seen.append(result.get(30))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert seen == [[n * n for n in range(1000)]] * 4


def test_imap_goes_on_after_an_item_that_raised(pool: Any) -> None:
    results = pool.imap(inverse, [1, 0, 2])
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert next(results) == 0.5
    with pytest.raises(StopIteration):
        next(results)


def test_an_input_that_raises_is_told_after_its_results(pool: Any) -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise LookupError("no more")

    results = pool.imap(square, items())
    assert [next(results), next(results)] == [1, 4]
    with pytest.raises(LookupError, match="no more"):
        next(results)
    with pytest.raises(LookupError, match="no more"):
        pool.map(square, items())


def test_imap_does_not_wait_for_its_input(pool: Any) -> None:
    gate = threading.Event()

    def items() -> Iterator[int]:
        yield 3
        gate.wait(30)
        yield 4

    results = pool.imap(square, items())
    assert next(results) == 9
    gate.set()
    assert next(results) == 16


def test_large_arrays_there_and_back(pool: Any) -> None:
    arrays = [np.full(1 << 20, float(number)) for number in range(4)]
    for number, array in enumerate(pool.map(lambda values: values + 1, arrays, 1)):
        assert array[0] == array[-1] == number + 1
        array[:] = 0  # the result is ours


def test_initializers_run_once_in_each_worker() -> None:
    def prepare(value: int) -> None:
        import builtins

        builtins.prepared = [*getattr(builtins, "prepared", []), value]  # type: ignore[attr-defined]

    def prepared(_: int) -> Any:
        import builtins

        return builtins.prepared  # type: ignore[attr-defined]

    with pool_of(2, initializer=prepare, initargs=(5,)) as pool:
        assert pool.map(prepared, range(20), 1) == [[5]] * 20


def test_workers_are_replaced_after_their_tasks() -> None:
    with pool_of(1, maxtasksperchild=2) as pool:
        assert len({pool.apply(os.getpid) for _ in range(6)}) == 3


def test_close_lets_calls_end_and_join_waits_for_them(tmp_path: Any) -> None:
    def work(path: str) -> None:
        time.sleep(0.1)
        open(path, "w").close()

    pool = wr.Pool(2)
    told: list[Any] = []
    pool.map_async(work, [str(tmp_path / str(n)) for n in range(6)], 1, callback=told.append)
    pool.close()
    with pytest.raises(ValueError, match="Pool not running"):
        pool.map(square, [1])
    pool.join()
    assert len(list(tmp_path.iterdir())) == 6
    assert told == [[None] * 6]


def test_close_lets_inputs_end_too() -> None:
    pool = wr.Pool(2)
    slow = pool.imap(square, (time.sleep(0.02) or n for n in range(10)))
    lazy = pool.imap(square, iter(range(10)), buffersize=2)
    pool.close()
    pool.join()
    assert list(slow) == list(lazy) == [n * n for n in range(10)]


def test_terminate_leaves_no_one_waiting() -> None:
    pool = wr.Pool(2)
    result = pool.map_async(time.sleep, [60] * 100, 1)
    pool.terminate()
    pool.join()
    with pytest.raises(wr.errors.Cancelled):
        result.get(30)


def test_states_are_checked() -> None:
    with pool_of(1) as pool:
        with pytest.raises(ValueError, match="still running"):
            pool.join()
        assert "state=RUN pool_size=1" in repr(pool)
        with pytest.raises(NotImplementedError, match="cannot be passed"):
            pool.map(id, [pool])
    with pytest.raises(ValueError, match="not running"), pool:
        pass


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        ({"processes": 0}, ValueError, "at least 1"),
        ({"processes": "4"}, TypeError, "`processes` is `'4'`; it is an integer"),
        ({"maxtasksperchild": 0}, ValueError, "positive int or None"),
        ({"initializer": 3}, TypeError, "callable"),
        ({"on_eror": "collect"}, TypeError, "did you mean `on_error`"),
        ({"on_error": "ignore"}, ValueError, '"raise" or "collect"'),
        ({"timeout": 0}, ValueError, "above 0"),
        ({"timeout": "1 s"}, ValueError, "a number of seconds"),
        ({"buffersize": 0}, ValueError, "at least 1"),
        ({"max_attempts": -1}, ValueError, "at least 1"),
        ({"return_as": "set"}, ValueError, "generator_unordered"),
        ({"start": "fork"}, ValueError, "fork_server"),
        ({"memory_limit": "1GB"}, ValueError, "integer"),
    ],
)
def test_bad_settings_are_refused(options: dict[str, Any], kind: type, says: str) -> None:
    with pytest.raises(kind, match=says):
        wr.Pool(**options)


def test_a_pool_that_is_forgotten_warns_and_ends() -> None:
    pool = wr.Pool(1)
    pid = pool.apply(os.getpid)
    with pytest.warns(ResourceWarning, match="unclosed running multiprocessing pool"):
        del pool
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"))


def test_a_pool_that_was_ended_does_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with wr.Pool(1) as pool:
            pool.apply(square, (1,))
        del pool


def test_the_contexts_of_multiprocessing_choose_the_start() -> None:
    for method in ("spawn", "fork", "forkserver"):
        with pool_of(1, context=multiprocessing.get_context(method)) as pool:
            parent = pool.apply(os.getppid)
        assert (parent == os.getpid()) == (method == "spawn")


def test_workers_may_have_pools_of_their_own(pool: Any) -> None:
    def nested(n: int) -> list[int]:
        with wr.Pool(2) as inner:
            return inner.map(square, range(n))

    assert pool.map(nested, [3, 4], 1) == [[0, 1, 4], [0, 1, 4, 9]]


def test_the_workers_are_listed(pool: Any) -> None:
    workers = pool._pool
    assert len(workers) == 2
    assert {worker.pid for worker in workers} >= set(pool.map(lambda _: os.getpid(), range(4)))
    assert all(worker.is_alive() for worker in workers)


def test_managers_of_multiprocessing_know_the_workers() -> None:
    with multiprocessing.Manager() as manager:
        seen = manager.dict()
        with pool_of(2, initializer=seen.update, initargs=({"start": 1},)) as pool:
            pool.starmap(operator.setitem, [(seen, n, n * n) for n in range(4)])
        assert dict(seen) == {"start": 1, 0: 0, 1: 1, 2: 4, 3: 9}


@pytest.mark.parametrize("before", ["", "import multiprocessing; "], ids=["later", "before"])
def test_a_worker_knows_the_secret_whenever_it_loads_multiprocessing(before: str) -> None:
    program = before + (
        "from windrow._worker import kin; kin.start(b'x' * 32, None); import multiprocessing; "
        "print(multiprocessing.current_process().authkey == b'x' * 32, "
        "multiprocessing.process.__loader__ is multiprocessing.process.__spec__.loader, "
        "type(multiprocessing.process.__loader__).__module__)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert said.stdout == "True True _frozen_importlib_external\n"
