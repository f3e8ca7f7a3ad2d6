"""A worker process, around the loop that is written in Rust."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from windrow._native import WorkerEnds


def ignore_interrupts() -> None:
    """Leave Ctrl-C to the driver, which ends its workers itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def run(ends: WorkerEnds) -> None:
    """Serve tasks until the driver closes its end; does not return."""
    _fresh_streams()
    _fresh_randomness()
    code = 0
    try:
        ends.serve()
    except BaseException:  # noqa: BLE001  shown, and the process ends
        # Nothing of the user's gets here: a failure of ours is for the driver to show.
        sys.excepthook(*sys.exc_info())
        code = 70
    try:
        atexit._run_exitfuncs()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


def _fresh_streams() -> None:
    """Write lines through at once: they go to a pipe that the driver reads line by line."""
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        stream = open(  # noqa: SIM115  stays open as long as the process
            descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115


def _fresh_randomness() -> None:
    """Seed numpy's generator anew: forked workers would all draw the same numbers."""
    random = sys.modules.get("numpy.random")
    if random is not None:
        random.seed()
