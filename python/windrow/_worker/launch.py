"""How the driver starts interpreters that become workers or fork them."""

from __future__ import annotations

import marshal
import os
import sys

from windrow._worker import preload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

# `marshal` is part of the interpreter, which is the same on both sides: nothing is loaded for it.
_ENTER = (
    "import marshal, os, sys; "
    "sys.path[:], sys.argv[:] = "
    "marshal.loads(bytes.fromhex(os.environ.pop('WINDROW_WORKER_CONTEXT'))); "
    "from windrow._worker import forkserver; forkserver.{entry}()"
)


def command(start: str = "fork_server") -> tuple[list[str], list[tuple[str, str]]]:
    """Give the program with its arguments, and environment variables on top of ours.

    Parameters
    ----------
    start : {"fork_server", "spawn"}
        What the interpreter is to become.

    The interpreter gets our flags, module search path, arguments and working directory, so that
    what can be imported here can be imported there.
    """
    if not sys.executable:
        from windrow import errors

        message = (
            "cannot start worker processes: this interpreter does not know its own program\n"
            "hint: set `sys.executable` to a Python that has windrow"
        )
        raise errors.WorkerError(message)
    entry = {"fork_server": "main", "spawn": "spawn"}[start]
    arguments = [sys.executable, *_flags(), "-c", _ENTER.format(entry=entry)]
    context = marshal.dumps((_texts(sys.path), _texts(sys.argv) or [""])).hex()
    environment = [
        ("WINDROW_WORKER_CONTEXT", context),
        ("WINDROW_PRELOAD", ",".join(preload.wanted(sys.modules))),
    ]
    return arguments, environment


def _texts(values: Iterable[Any]) -> list[str]:
    """Give the strings among values, of exactly that type."""
    return [str(value) for value in values if isinstance(value, str)]


# What `subprocess._args_from_interpreter_flags` looks at.
_SWITCHES = (
    "bytes_warning",
    "debug",
    "dev_mode",
    "dont_write_bytecode",
    "ignore_environment",
    "isolated",
    "no_site",
    "no_user_site",
    "optimize",
    "quiet",
    "safe_path",
    "utf8_mode",
    "verbose",
)


def _flags() -> list[str]:
    """Give the command line flags of this interpreter, as `multiprocessing` does."""
    is_plain = not any(getattr(sys.flags, name) for name in _SWITCHES)
    if is_plain and not sys.warnoptions and not sys._xoptions:
        return []
    import subprocess

    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    # -I and -E would hide variables by which we start; the path is given in full anyway.
    return [flag for flag in flags if flag not in ("-I", "-E", "-i")]


def start_method() -> str:
    """Give the way to start workers: a fork server, or what `WINDROW_WORKER_START` says."""
    method = os.environ.get("WINDROW_WORKER_START", "fork_server")
    if method not in ("fork_server", "spawn"):
        message = (
            f"unknown way to start workers `{method}` in WINDROW_WORKER_START\n"
            "hint: use `fork_server` or `spawn`"
        )
        raise ValueError(message)
    return method
