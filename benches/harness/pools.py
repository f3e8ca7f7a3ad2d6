"""How a pool of worker processes is measured, whatever its make.

A pool is anything with ``map(function, items, chunksize=None)``, ``apply(function, arguments)``,
``result_within(function, seconds)`` and ``close()``. Nothing here imports more than it must: the
forked workers of some peers inherit it.
"""

import os
import signal
import statistics
import time

from benches.functions import add_one, nothing, process_id, slow_process_id, sum_of_frame

WORKERS = 2
ARRAYS = 8
ARRAY_BYTES = 32 * 10**6
KILLS = 50
KILL_PATIENCE = 10


def measure(case, make):
    """Measure ``case`` with pools that ``make(workers)`` gives: a figure and perhaps a remark."""
    return {"remark": ""} | CASES[case](make)


def _start(make):
    started = time.perf_counter()
    pool = make(WORKERS)
    pool.apply(nothing, (0,))
    seconds = time.perf_counter() - started
    pool.close()
    return seconds * 1e3


def start_cold(make):
    return {"figure": _start(make)}


def start_warm(make):
    _start(make)
    return {"figure": statistics.median(_start(make) for _ in range(10))}


def _per_item(make, items, chunksize):
    pool = make(WORKERS)
    pool.map(nothing, range(1000))
    started = time.perf_counter()
    results = pool.map(nothing, range(items), chunksize)
    seconds = time.perf_counter() - started
    pool.close()
    if len(results) != items:
        raise AssertionError(f"{items} items gave {len(results)} results")
    return {"figure": seconds / items * 1e6}


def map_nothing(make):
    return _per_item(make, 200_000, None)


def chunksize_1(make):
    return _per_item(make, 20_000, 1)


def apply(make):
    pool = make(WORKERS)
    pool.map(nothing, range(1000))
    times = []
    for _ in range(2_000):
        started = time.perf_counter()
        pool.apply(nothing, (0,))
        times.append(time.perf_counter() - started)
    pool.close()
    return {"figure": statistics.median(times) * 1e6}


def _arrays(make, warm_ups):
    import numpy as np

    arrays = [np.full(ARRAY_BYTES // 8, float(number)) for number in range(ARRAYS)]
    pool = make(WORKERS)
    pool.map(nothing, range(1000))
    for _ in range(warm_ups):
        pool.map(add_one, arrays, 1)
    started = time.perf_counter()
    results = pool.map(add_one, arrays, 1)
    seconds = time.perf_counter() - started
    for number, result in enumerate(results):
        if result[0] != number + 1 or result[-1] != number + 1:
            raise AssertionError(f"array {number} came back wrong")
    pool.close()
    return {"figure": ARRAYS * ARRAY_BYTES / seconds / 1e6}


def arrays_first(make):
    return _arrays(make, 0)


def arrays_again(make):
    return _arrays(make, 2)


def replace(make):
    pool = make(1)
    times = []
    for kill in range(KILLS):
        victim = pool.apply(process_id, (0,))
        started = time.perf_counter()
        os.kill(victim, signal.SIGKILL)
        try:
            replacement = pool.result_within(process_id, KILL_PATIENCE)
        except Exception as error:  # each make has its own exception for a pool that is broken
            happened = type(error).__name__
            return {"figure": None, "remark": f"no result after kill {kill + 1}: {happened}"}
        if replacement == victim:
            raise AssertionError("a killed worker answered")
        times.append(time.perf_counter() - started)
    pool.close()
    return {"figure": statistics.quantiles(times, n=20)[-1] * 1e3}


def _memory(make, frames):
    # The driver has pandas before its pool starts, as a notebook would.
    import pandas as pd

    pool = make(WORKERS)
    pool.map(slow_process_id, range(8), 1)
    pool.map(sum_of_frame, [pd.DataFrame({"a": range(10)})] * frames, 1)
    time.sleep(0.3)
    pids = set(pool.map(slow_process_id, range(8), 1))
    figures = [_private_bytes(pid) for pid in pids]
    pool.close()
    return {"figure": statistics.median(figures) / 2**20}


def idle_memory(make):
    return _memory(make, 0)


def used_memory(make):
    return _memory(make, 16)


def _private_bytes(pid):
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        fields = (line.split() for line in rollup)
        return sum(int(field[1]) * 1024 for field in fields if field[0].startswith("Private_"))


CASES = {
    function.__name__: function
    for function in (
        start_cold,
        start_warm,
        map_nothing,
        chunksize_1,
        apply,
        arrays_first,
        arrays_again,
        replace,
        idle_memory,
        used_memory,
    )
}


class PoolLike:
    """A pool with the interface of ``multiprocessing.Pool``."""

    def __init__(self, pool):
        self.pool = pool
        self.apply = pool.apply

    def map(self, function, items, chunksize=None):
        """Map in order."""
        return self.pool.map(function, items, chunksize)

    def result_within(self, function, seconds):
        """Give the result of one call, or fail after ``seconds``."""
        return self.pool.apply_async(function, (0,)).get(seconds)

    def close(self):
        """End all workers."""
        self.pool.terminate()
        self.pool.join()


class ExecutorLike:
    """A pool with the interface of ``concurrent.futures.Executor``."""

    def __init__(self, executor, workers):
        self.executor = executor
        self.workers = workers

    def map(self, function, items, chunksize=None):
        """Map in order; chunks as large as ``multiprocessing.Pool`` makes them, if not given."""
        chunksize = chunksize or len(items) // (self.workers * 4) + 1
        return list(self.executor.map(function, items, chunksize=chunksize))

    def apply(self, function, arguments):
        """Call once and wait."""
        return self.executor.submit(function, *arguments).result()

    def result_within(self, function, seconds):
        """Give the result of one call, or fail after ``seconds``."""
        return self.executor.submit(function, 0).result(seconds)

    def close(self):
        """End all workers."""
        self.executor.shutdown(wait=True)
