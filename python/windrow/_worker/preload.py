"""What the fork server loads before it forks, so that no worker has to."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable

ALWAYS = ("pickle", "cloudpickle", "traceback", "datetime", "multiprocessing.process")
"""Loaded always: without cloudpickle, the first function costs a worker 50 ms."""

WHEN_THE_DRIVER_HAS = ("numpy", "pandas", "pyarrow", "asyncio")
"""Loaded when the driver has loaded them: its functions most likely use them."""


def wanted(modules: Iterable[str]) -> list[str]:
    """Give what to load ahead, given the modules that the driver has loaded.

    The variable `WINDROW_PRELOAD` overrides it: names with commas between.
    """
    override = os.environ.get("WINDROW_PRELOAD")
    if override is not None:
        return [name for name in override.split(",") if name]
    loaded = set(modules)
    return [name for name in WHEN_THE_DRIVER_HAS if name in loaded]


def load(names: Iterable[str]) -> None:
    """Load modules; one that cannot be loaded is left to the function that needs it."""
    # pyarrow's allocator would start a thread, and a process with threads must not fork.
    os.environ.setdefault("JE_ARROW_MALLOC_CONF", "background_thread:false")
    if os.environ.get("OPENBLAS_NUM_THREADS", "1") != "1":
        # So would the linear algebra of numpy, on which all of them stand: each worker then loads
        # it by itself.
        names = ()
    for name in (*ALWAYS, *names):
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001  a broken module of the user's must not end us
            sys.stderr.write(f"windrow: could not load {name} ahead: {error}\n")
