"""Entry points of the processes that windrow starts: the fork server, and a worker of its own.

Both are started by exec with the driver's socket as standard input (see `launch.command`).
"""

from __future__ import annotations

import gc
import os

from windrow import _native
from windrow._worker import preload, process


def main() -> None:
    """Be the fork server: warm up, fork workers on request, end with the driver."""
    process.prepare()
    # What is loaded now is never freed: without collections in between, loading is quicker.
    gc.disable()
    has_more = preload.load_first(_names())
    gc.freeze()
    ends = _native.fork_server(_warm_up if has_more else None)
    if ends is None:
        os._exit(0)
    gc.enable()
    process.run(ends)


def _warm_up() -> None:
    preload.load_then()
    # The collector of a worker need not touch the pages of all this, which then stay shared.
    gc.freeze()


def spawn() -> None:
    """Be one worker, where there is no fork server."""
    process.prepare()
    if preload.load_first(_names()):
        preload.load_then()
    process.run(_native.worker_ends())


def _names() -> list[str]:
    return os.environ.pop("WINDROW_PRELOAD", "").split(",")
