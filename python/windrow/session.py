"""The default session: settings, one memory budget, one pool of workers."""

from __future__ import annotations

import atexit
import json
import os
import threading
import weakref
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from windrow._native import Session

_lock = threading.Lock()
_given: dict[str, Any] = {}
_current: Session | None = None
# Those that are in use; the frames of one keep it.
_open_sessions: weakref.WeakSet[Session] = weakref.WeakSet()


def current() -> Session:
    """The default session, made when it is first needed."""
    global _current  # noqa: PLW0603 - there is one default session, made late
    with _lock:
        if _current is None:
            _current = _open(_given)
        return _current


def _open(given: dict[str, Any]) -> Session:
    from windrow._native import Session
    from windrow._progress import attach

    session = Session(json.dumps(given))
    _open_sessions.add(session)
    # Once, and after what sessions stand on has registered its own end, so that it runs before.
    atexit.unregister(_close)
    atexit.register(_close)
    attach(session, json.loads(session.settings()).get("progress"))
    return session


def _close() -> None:
    """End workers and remove temporary files, also of what the interpreter does not collect."""
    for session in list(_open_sessions):
        session.close()


def _after_fork() -> None:
    # The engine's threads stayed in the parent: a fork that needs a session makes its own.
    global _current, _lock  # noqa: PLW0603
    _lock = threading.Lock()
    _current = None


os.register_at_fork(after_in_child=_after_fork)


def configure(
    *,
    memory: int | str | None = None,
    workers: int | None = None,
    partitions: int | None = None,
    temp: str | PathLike[str] | None = None,
    progress: bool | None = None,
    **more: Any,
) -> None:
    """Set what runs use from now on; what is not given keeps its value.

    Frames made before keep the settings they were made with.

    Parameters
    ----------
    memory
        Bytes that all operators and results together may use, as a number or as text (`"8GB"`).
        Beyond it they spill to `temp`, then fail. Default: 70 % of the machine or its cgroup.
    workers
        How many things run at a time, and Python worker processes. Default: the cores.
    partitions
        Partitions that a file source or an exchange is cut into.
    temp
        Folder for what is spilled. Default: the system's temporary folder.
    progress
        Whether to show progress. Default: on a terminal or in a notebook.
    more
        Further settings by name; `settings()` shows them all.

    Raises
    ------
    ValueError
        For a setting that does not exist, or a value it cannot have; nothing is changed then.
    """
    global _current, _given  # noqa: PLW0603
    named = {
        "memory": memory,
        "workers": workers,
        "partitions": partitions,
        "temp": None if temp is None else fspath(temp),
        "progress": progress,
        **more,
    }
    with _lock:
        given = {**_given, **{name: value for name, value in named.items() if value is not None}}
        _current = _open(given)
        _given = given


def settings() -> dict[str, Any]:
    """The settings in force: defaults, then `WINDROW_*` variables, then `configure`."""
    found: dict[str, Any] = json.loads(current().settings())
    return found
