"""`import windrow.joblib`: joblib's parallel loops, and scikit-learn's `n_jobs`, on our workers."""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
from typing import Any

import joblib
import numpy as np
import psutil
import pytest
from joblib import Parallel, delayed

import windrow.joblib
from windrow import errors


def parallel(function: Any, items: Any, n_jobs: int = 2, **options: Any) -> Any:
    """`function` of each of `items` by the backend."""
    return Parallel(n_jobs=n_jobs, backend="windrow", **options)(
        delayed(function)(i) for i in items
    )


def pid(_: Any) -> int:
    return os.getpid()


@pytest.mark.parametrize("choose", [joblib.parallel_config, joblib.parallel_backend])
def test_the_backend_is_chosen_by_name(choose):
    with choose("windrow", n_jobs=2):
        assert type(joblib.parallel.get_active_backend()[0]) is windrow.joblib.WindrowBackend
        pids = Parallel()(delayed(pid)(n) for n in range(8))
    assert os.getpid() not in pids


def test_results_come_in_order():
    assert parallel(lambda n: n * n, range(200)) == [n * n for n in range(200)]
    assert list(parallel(str, range(50), return_as="generator")) == [str(n) for n in range(50)]
    unordered = parallel(str, range(50), return_as="generator_unordered")
    assert sorted(unordered, key=int) == [str(n) for n in range(50)]


def test_exceptions_are_themselves_and_the_next_call_works():
    with pytest.raises(ZeroDivisionError) as caught:
        parallel(lambda n: 10 // n, [5, 0, 2])
    assert "10 // n" in "".join(traceback.format_exception(caught.value))
    assert parallel(abs, [-1, -2]) == [1, 2]


def test_what_cannot_be_pickled_is_an_error_and_no_hang():
    with pytest.raises(errors.FunctionNotPicklable, match="the task to send"):
        parallel(lambda lock: lock, [threading.Lock() for _ in range(20)])


def test_workers_are_kept_for_the_next_call():
    pids = {pid for _ in range(4) for pid in parallel(slow_pid, range(20))}
    assert len(pids) == 2


def slow_pid(_: Any) -> int:
    time.sleep(0.02)
    return os.getpid()


def test_two_calls_at_a_time_have_workers_each():
    slow = parallel(slow_pid, range(20), return_as="generator")
    other = set(parallel(slow_pid, range(20)))
    assert not other & set(slow)


def test_a_batch_that_loses_its_worker_runs_again(tmp_path):
    mark = tmp_path / "died"

    def die_once(n):
        if n == 3 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return n

    assert parallel(die_once, range(6)) == list(range(6))
    assert mark.exists()


def test_a_batch_that_always_kills_is_named_by_its_death():
    def die(n):
        if n == 3:
            os._exit(7)
        return n

    with pytest.raises(errors.ItemKilled) as caught:
        parallel(die, range(6), batch_size=1)
    assert caught.value.exit_code == 7


def test_large_arrays_are_mapped_once_and_results_are_plain(tmp_path):
    array = np.arange(1 << 18, dtype="float64")

    def look(values):
        return type(values).__name__, values[:4]

    found = Parallel(2, backend="windrow", max_nbytes=1000, temp_folder=str(tmp_path))(
        delayed(look)(array) for _ in range(4)
    )
    assert {kind for kind, _ in found} == {"memmap"}
    for _, values in found:
        assert type(values) is np.ndarray
        np.testing.assert_array_equal(values, array[:4])
    assert emptied(tmp_path)


def emptied(folder: Any) -> bool:
    deadline = time.monotonic() + 20
    while list(folder.iterdir()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_arrays_below_the_limit_can_be_written_to():
    def change(values):
        values += 1
        return values

    array = np.zeros(1 << 15)
    one, two = Parallel(2, backend="windrow", max_nbytes=None)(
        delayed(change)(array) for _ in range(2)
    )
    assert one.sum() == two.sum() == array.size
    assert not array.any()


@pytest.mark.parametrize("inner", [None, "windrow", "threading"])
def test_nested_loops(inner):
    def outer(n):
        return sum(Parallel(n_jobs=2, backend=inner)(delayed(pow)(n, k) for k in range(3)))

    assert parallel(outer, [1, 2, 3]) == [3, 7, 13]


def test_loops_in_threads_have_workers_too():
    found: list[list[int]] = []
    threads = [
        threading.Thread(target=lambda: found.append(parallel(slow_pid, range(8))))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 3
    assert all(os.getpid() not in pids for pids in found)


def test_threads_of_numeric_libraries_are_limited():
    def limits(_):
        import threadpoolctl

        return os.environ["OMP_NUM_THREADS"], [
            i["num_threads"] for i in threadpoolctl.threadpool_info()
        ]

    with joblib.parallel_config("windrow", n_jobs=2, inner_max_num_threads=3):
        found = Parallel()(delayed(limits)(n) for n in range(4))
    assert {variable for variable, _ in found} == {"3"}
    assert {number for _, numbers in found for number in numbers} == {3}


def test_initializers_run_in_each_worker():
    def name(text):
        os.environ["WINDROW_TEST_NAME"] = text

    found = parallel(
        lambda _: os.environ["WINDROW_TEST_NAME"], range(6), initializer=name, initargs=("a",)
    )
    assert set(found) == {"a"}


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"n_jobs": 0}, ValueError, "no meaning"),
        ({"nonsense": 1}, TypeError, "no option `nonsense`"),
    ],
)
def test_what_makes_no_sense_is_refused(options, error, says):
    with pytest.raises(error, match=says):
        parallel(abs, [1], **options)


def test_the_end_of_the_program_leaves_no_process():
    import subprocess
    import sys

    script = (
        "import joblib, windrow.joblib, os, psutil\n"
        "with joblib.parallel_config('windrow', n_jobs=2):\n"
        "    joblib.Parallel()(joblib.delayed(abs)(n) for n in range(9))\n"
        "print(*[p.pid for p in psutil.Process().children(recursive=True)])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True
    )
    pids = [int(text) for text in done.stdout.split()]
    assert pids
    deadline = time.monotonic() + 20
    while any(psutil.pid_exists(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def flowers() -> Any:
    from sklearn.datasets import load_iris

    return load_iris(return_X_y=True)


def test_a_grid_search_of_forests(flowers):
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import GridSearchCV

    forest = RandomForestClassifier(n_estimators=8, random_state=0, n_jobs=2)
    search = GridSearchCV(forest, {"max_depth": [1, 3]}, cv=3, n_jobs=2)
    expected = search.fit(*flowers).cv_results_["mean_test_score"]
    with joblib.parallel_config("windrow"):
        found = search.fit(*flowers).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(found, expected)


def test_cross_validation_of_a_pipeline(flowers):
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression())
    expected = cross_val_score(model, *flowers, cv=4)
    with joblib.parallel_backend("windrow", n_jobs=2):
        np.testing.assert_array_equal(cross_val_score(model, *flowers, cv=4), expected)
