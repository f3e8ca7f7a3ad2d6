"""The options in force for a call: those given, the pool's for all others, checked.

Loaded by every program that has a pool: it loads nothing that takes time (see `options` for the
types).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from operator import index

from windrow._worker import coroutines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class CallOptions:
    """The options in force for a call; see `Options` for what they mean."""

    __slots__ = (
        "buffersize",
        "collect",
        "concurrency",
        "max_attempts",
        "progress",
        "return_as",
        "timeout",
    )

    def __init__(self) -> None:
        self.collect = False
        self.timeout: float | None = None
        self.max_attempts = 0
        self.progress = False
        self.buffersize: int | None = None
        self.return_as = "list"
        self.concurrency = 100

    def changed(self, given: Mapping[str, Any]) -> CallOptions:
        """Give these options with others in the place of some."""
        options = CallOptions()
        for name in self.__slots__:
            setattr(options, name, given.get(name, getattr(self, name)))
        return options


# The names in `Options`, and those that `PoolOptions` has besides.
OF_CALLS = (
    "on_error",
    "timeout",
    "max_attempts",
    "progress",
    "buffersize",
    "return_as",
    "concurrency",
)
OF_POOLS = ("memory_limit", "start", "name_workers")
_RETURN_AS = ("list", "generator", "generator_unordered")


def resolve(defaults: CallOptions, given: Mapping[str, Any]) -> CallOptions:
    """Give the options of a call: those given, the pool's for all others.

    Raises
    ------
    TypeError
        For an option that does not exist.
    ValueError
        For a value that it cannot have.
    """
    if not given:
        return defaults
    check_names(given, OF_CALLS)
    # None stands for the default, where it means nothing of its own.
    changed = {
        name: value
        for name, value in given.items()
        if value is not None or name in ("timeout", "buffersize")
    }
    if "on_error" in changed:
        on_error = changed.pop("on_error")
        if on_error not in ("raise", "collect"):
            raise ValueError(f'`on_error` is `{on_error}`; it can be "raise" or "collect"')
        changed["collect"] = on_error == "collect"
    if changed.get("return_as", "list") not in _RETURN_AS:
        names = '", "'.join(_RETURN_AS)
        raise ValueError(f'`return_as` is `{changed["return_as"]}`; it can be "{names}"')
    for name in ("buffersize", "max_attempts", "concurrency"):
        check_count(name, changed.get(name))
    timeout = changed.get("timeout")
    if timeout is not None and not (isinstance(timeout, (int, float)) and timeout > 0):
        raise ValueError(f"`timeout` is `{timeout!r}`; it is a number of seconds above 0")
    return defaults.changed(changed)


def split(given: Mapping[str, Any]) -> tuple[CallOptions, dict[str, Any]]:
    """Take the options of a pool apart: the defaults of its calls, and those of the pool itself."""
    check_names(given, (*OF_CALLS, *OF_POOLS))
    calls = {name: value for name, value in given.items() if name in OF_CALLS}
    own = {name: value for name, value in given.items() if name not in OF_CALLS}
    check_count("memory_limit", own.get("memory_limit"))
    if own.get("start") not in (None, "fork_server", "spawn"):
        raise ValueError(f'`start` is `{own["start"]}`; it can be "fork_server" or "spawn"')
    return resolve(CallOptions(), calls), own


def check_names(given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse an option that does not exist, naming the nearest one."""
    names = list(known)
    for name in given:
        if name not in names:
            import difflib

            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(names)}"
            raise TypeError(f"there is no option `{name}`\nhint: {hint}")


def check_count(name: str, value: Any) -> None:
    """Refuse what is no positive integer (None stands for the default)."""
    if value is not None and (not isinstance(value, int) or value < 1):
        raise ValueError(f"`{name}` is `{value!r}`; it is an integer of at least 1")


def integer(name: str, value: Any) -> int:
    """Give what may stand for an integer as one; refuse all else, naming it."""
    try:
        return index(value)
    except TypeError:
        raise TypeError(f"`{name}` is `{value!r}`; it is an integer") from None


def processors() -> int:
    """How many processors this process may use: what `None` workers stand for."""
    count: Any = getattr(os, "process_cpu_count", None)
    if count is not None:
        return count() or 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_tasks(maxtasksperchild: Any) -> None:
    """Refuse what is no number of tasks after which a worker is replaced."""
    if maxtasksperchild is not None and (
        not isinstance(maxtasksperchild, int) or maxtasksperchild <= 0
    ):
        raise ValueError("maxtasksperchild must be a positive int or None")


def bounded_size(func: Callable[..., Any], options: CallOptions, workers: int) -> int:
    """The size of chunks of an input of unknown length."""
    if not coroutines.is_async(func):
        return 1
    together = options.concurrency
    if options.buffersize is not None:
        together = min(together, max(options.buffersize // workers, 1))
    return together
