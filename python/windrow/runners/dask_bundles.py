"""How many tasks go to Dask in one call: several where a task takes less time than a call."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

# Scheduler, worker and client take about two milliseconds for a call: it shall work longer.
_WORTH = 0.02
# What the first tasks have not told by then takes long enough to be a call of its own.
_PATIENCE = 0.5
# So many calls of short tasks are there for each thread.
_AHEAD = 2
# So many tasks for each thread are handed over at once.
_FEW = 8

Task = tuple[str, str, bytes]
"""A run, the name of an attempt in it, and the attempt's spec."""


class Bundles:
    """Tasks that wait while those before them are short, to share a call with others."""

    def __init__(self) -> None:
        self._waiting: dict[str, Task] = {}
        self._since = 0.0
        self._seconds: deque[float] = deque(maxlen=8)

    def add(self, tasks: list[Task], threads: int) -> list[list[Task]]:
        """Take tasks in; gives the calls to make at once."""
        ahead = len(tasks) if len(tasks) <= _FEW * threads else _AHEAD * threads
        if not self._waiting:
            self._since = time.monotonic()
            self._seconds.clear()
        self._waiting.update({task[1]: task for task in tasks[ahead:]})
        return [[task] for task in tasks[:ahead]]

    def took(self, seconds: float) -> None:
        """Remember how long one task of a call took."""
        self._seconds.append(seconds)

    def drop(self, name: str) -> None:
        """Forget a task that nobody needs."""
        self._waiting.pop(name, None)

    def ready(self, threads: int, under_way: int) -> list[list[Task]]:
        """Give the calls to make with what waits, while so many are under way."""
        if not self._waiting:
            return []
        if not self._seconds and time.monotonic() - self._since < _PATIENCE:
            return []
        # The least: the first task of a worker also reads the plan.
        shortest = min(self._seconds, default=_WORTH)
        fit = int(_WORTH / max(shortest, 1e-6))
        if fit <= 1:
            return [[task] for task in self._take(len(self._waiting))]
        calls = []
        for _ in range(_AHEAD * threads - under_way):
            # The last ones are smaller, so that all threads end together.
            share = -(-len(self._waiting) // (_AHEAD * threads))
            if bundle := self._take(min(fit, max(share, fit // 4))):
                calls.append(bundle)
        return calls

    def _take(self, count: int) -> list[Task]:
        taken = [self._waiting[name] for name in itertools.islice(self._waiting, count)]
        for _, name, _ in taken:
            del self._waiting[name]
        return taken


def run_tasks(
    execute: Callable[[bytes], bytes], specs: Iterable[bytes]
) -> tuple[list[bytes | str], float]:
    """Run tasks on a worker, one after another.

    Returns
    -------
        The outcome of each, or why there is none, and how long one of them took, in seconds.
    """
    given = list(specs)
    start = time.perf_counter()
    if len(given) == 1:
        # What it raises is Dask's to retry.
        outcomes: list[bytes | str] = [execute(given[0])]
    else:
        outcomes = [_outcome(execute, spec) for spec in given]
    return outcomes, (time.perf_counter() - start) / len(given)


def _outcome(execute: Callable[[bytes], bytes], spec: bytes) -> bytes | str:
    try:
        return execute(spec)
    except Exception as error:  # noqa: BLE001 - the others of the bundle have their outcomes
        return failed(error)


def failed(error: Any) -> str:
    """Say why an attempt has no outcome."""
    return f"failed on its Dask worker: {type(error).__name__}: {error}"
