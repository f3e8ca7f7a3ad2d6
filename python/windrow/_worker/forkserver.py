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
    process.ignore_interrupts()
    preload.load(os.environ.pop("WINDROW_PRELOAD", "").split(","))
    # What is loaded now is never freed: the collector of a worker need not touch its pages, which
    # then stay shared between all workers.
    gc.collect()
    gc.freeze()
    ends = _native.fork_server()
    if ends is None:
        os._exit(0)
    process.run(ends)


def spawn() -> None:
    """Be one worker, where there is no fork server."""
    process.ignore_interrupts()
    preload.load(os.environ.pop("WINDROW_PRELOAD", "").split(","))
    process.run(_native.worker_ends())
