"""A worker process, around the loop that is written in Rust."""

from __future__ import annotations

# `signal` itself loads `enum`, and with it more than all of this.
import _signal  # type: ignore[import-not-found]
import atexit
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from windrow._native import WorkerEnds


def prepare() -> None:
    """Make this process fit for what workers and the fork server have in common."""
    # Ctrl-C is left to the driver, which ends its workers itself.
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)
    # Lines are written through at once, to pipes that the driver reads line by line.
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        stream = open(  # noqa: SIM115  stays open as long as the process
            descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def run(ends: WorkerEnds) -> None:
    """Serve tasks until the driver closes its end; does not return."""
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
            try:  # noqa: SIM105  `contextlib` would be loaded for it
                stream.flush()
            except (OSError, ValueError):
                pass
        os._exit(code)


def _fresh_randomness() -> None:
    """Seed numpy's generator anew: forked workers would all draw the same numbers."""
    random = sys.modules.get("numpy.random")
    if random is not None:
        random.seed()
