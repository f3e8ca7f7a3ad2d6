"""What the fork server loads before it forks, so that no worker has to."""

from __future__ import annotations

import os
import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

FIRST = ("_pickle", "windrow._worker.kin")
"""Loaded before anything is forked: a worker cannot begin without."""

THEN = (
    "pickle",
    "cloudpickle",
    "traceback",
    "datetime",
    "multiprocessing.process",
    "windrow._worker.errors",
    "windrow._worker.pickling",
    "windrow._worker.series_names",
)
"""Loaded always, but after the first worker was forked, if one is waited for by then: that one
loads what it needs by itself. Without cloudpickle, the first function costs a worker 50 ms."""

WHEN_THE_DRIVER_HAS = ("numpy", "pandas", "pyarrow", "asyncio", "cloudpickle")
"""Loaded first when the driver has loaded them: its functions most likely use them."""


def wanted(modules: Iterable[str]) -> list[str]:
    """Give what to load ahead, given the modules that the driver has loaded.

    The variable `WINDROW_PRELOAD` overrides it: names with commas between.
    """
    override = os.environ.get("WINDROW_PRELOAD")
    if override is not None:
        return [name for name in override.split(",") if name]
    loaded = set(modules)
    return [name for name in WHEN_THE_DRIVER_HAS if name in loaded]


def load_first(names: Iterable[str]) -> bool:
    """Load what comes before the first fork: `names` too; whether `load_then` is still to come."""
    # pyarrow's allocator would start a thread, and a process with threads must not fork.
    os.environ.setdefault("JE_ARROW_MALLOC_CONF", "background_thread:false")
    if os.environ.get("OPENBLAS_NUM_THREADS", "1") != "1":
        # So would the linear algebra of numpy, on which all of them stand: each worker then loads
        # it by itself.
        names = ()
    chosen = [name for name in names if name]
    _load((*FIRST, *chosen))
    if chosen:
        # They take longer than all that follows, of which they load the most themselves.
        load_then()
    return not chosen


def load_then() -> None:
    """Load what workers need most of the time."""
    _load(THEN)


def _load(names: Iterable[str]) -> None:
    """Load modules; one that cannot be loaded is left to the function that needs it."""
    for name in names:
        try:
            import_module(name)
        except Exception as error:  # noqa: BLE001  a broken module of the user's must not end us
            sys.stderr.write(f"windrow: could not load {name} ahead: {error}\n")
