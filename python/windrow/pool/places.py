"""Where the workers of a pool are: on this machine, or on the cluster of the open client.

Loaded by every program that has a pool: it loads nothing that takes time.
"""

from __future__ import annotations

import sys

from windrow._native import WorkerPool
from windrow.pool.choices import processors
from windrow.pool.sending import start_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from windrow.client import Client


def client() -> Client | None:
    """The client that is open; one that was never loaded is not."""
    module = sys.modules.get("windrow.client")
    return None if module is None else module.current()


def workers(
    count: int | None, own: dict[str, Any], lives: dict[str, Any], context: Any, *, here: bool
) -> WorkerPool:
    """Give the workers of a new pool or executor.

    Parameters
    ----------
    count
        How many; None: as many as there are.
    own
        Other arguments of `WorkerPool`.
    lives
        The option of tasks after which a worker is replaced, by the name that the user knows.
    context
        Of `multiprocessing`: how processes of this machine start.
    here
        They are processes of this machine, also when a client of a cluster is open.
    """
    found = None if here else client()
    if found is not None and found.is_remote:
        return found.workers(count, {**own, **lives})
    if count is None:
        count = processors() if found is None else found.at_once()
    (tasks,) = lives.values()
    return WorkerPool(
        count,
        start=own.get("start") or start_of(context),
        max_attempts=own.get("max_attempts") or 3,
        memory_limit=own.get("memory_limit"),
        tasks_per_worker=tasks,
        name_workers=bool(own.get("name_workers")),
        prepare=True,
    )
