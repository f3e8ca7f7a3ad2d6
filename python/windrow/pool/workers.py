"""What `Pool._pool` lists: the worker processes, as far as other programs look at them."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from windrow._native import WorkerPool

_PATIENCE = 60.0


class Worker:
    """A worker process."""

    def __init__(self, native: WorkerPool, pid: int) -> None:
        self._native = native
        self.pid = pid
        self.name = f"PoolWorker-{pid}"
        self.daemon = True

    def is_alive(self) -> bool:
        """Whether it still works for its pool."""
        return self.pid in self._native.pids

    def __repr__(self) -> str:
        return f"<{self.name} {'started' if self.is_alive() else 'stopped'} daemon>"


def all_of(native: WorkerPool) -> list[Worker]:
    """Give the workers of a pool, waiting for those that are being started; none of a cluster's."""
    if getattr(native, "is_remote", False):
        return []
    native.warm()
    deadline = time.monotonic() + _PATIENCE
    while len(pids := native.pids) < native.workers and time.monotonic() < deadline:
        time.sleep(0.002)
    return [Worker(native, pid) for pid in pids]
