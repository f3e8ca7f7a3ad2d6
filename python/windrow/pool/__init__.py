"""Pools of worker processes: `windrow.Pool` and `windrow.Executor`.

`Pool` is `multiprocessing.pool.Pool`, and `Executor` a `concurrent.futures.Executor`, on worker
processes that survive.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from windrow.pool.executor import Executor as Executor
    from windrow.pool.executor import Future as Future
    from windrow.pool.failures import Failure as Failure
    from windrow.pool.iterators import IMapIterator as IMapIterator
    from windrow.pool.iterators import IMapUnorderedIterator as IMapUnorderedIterator
    from windrow.pool.options import Options as Options
    from windrow.pool.options import PoolOptions as PoolOptions
    from windrow.pool.pool import Pool as Pool
    from windrow.pool.results import ApplyResult as ApplyResult
    from windrow.pool.results import AsyncResult as AsyncResult
    from windrow.pool.results import MapResult as MapResult

# Loaded when first used: a program with a `Pool` need not load `concurrent.futures`.
_HOMES = {
    "ApplyResult": "results",
    "AsyncResult": "results",
    "Executor": "executor",
    "Failure": "failures",
    "Future": "executor",
    "IMapIterator": "iterators",
    "IMapUnorderedIterator": "iterators",
    "MapResult": "results",
    "Options": "options",
    "Pool": "pool",
    "PoolOptions": "options",
}

__all__ = [
    "ApplyResult",
    "AsyncResult",
    "Executor",
    "Failure",
    "Future",
    "IMapIterator",
    "IMapUnorderedIterator",
    "MapResult",
    "Options",
    "Pool",
    "PoolOptions",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"`windrow.pool` has no attribute `{name}`")
    return getattr(import_module(f"windrow.pool.{_HOMES[name]}"), name)
