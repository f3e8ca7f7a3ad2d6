"""Pools that are still there when the interpreter ends."""

from __future__ import annotations

import atexit
import weakref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from windrow.pool.collector import Collector
    from windrow.pool.executor import Executor
    from windrow.pool.pool import Pool

_pools: weakref.WeakSet[Pool] = weakref.WeakSet()
_executors: weakref.WeakSet[Executor] = weakref.WeakSet()
# Those of executors: they last as long as there are calls, also when nobody has the executor.
_collectors: weakref.WeakSet[Collector] = weakref.WeakSet()


def end_at_exit(pool: Pool) -> None:
    """End a pool's workers with this process, as `multiprocessing` does."""
    _pools.add(pool)


def finish_at_exit(executor: Executor, collector: Collector) -> None:
    """Let an executor's calls end before this process does, as `concurrent.futures` does."""
    _executors.add(executor)
    _collectors.add(collector)


@atexit.register
def _end() -> None:
    for executor in list(_executors):
        executor.shutdown(wait=True)
    for collector in list(_collectors):
        collector.drain()
    for pool in list(_pools):
        pool.terminate()
