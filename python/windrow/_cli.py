"""The `windrow` command as pip installs it; the program itself is in the native module."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Run the command with this process's arguments.

    Returns
    -------
    int
        The exit code: 0, 1 when it failed, 2 when it was not understood, 130 after Ctrl-C.
        `windrow run` does not return: the script's interpreter replaces this process.
    """
    from windrow import _native

    # The native side watches for Ctrl-C itself; Python's handler would add a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _native.cli_main(sys.argv, sys.executable)


if __name__ == "__main__":
    sys.exit(main())
