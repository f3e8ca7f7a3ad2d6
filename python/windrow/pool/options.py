"""The keyword options of pools and of their calls."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypedDict


class Options(TypedDict, total=False):
    """Options of a call; given to the constructor, they are the defaults of all calls.

    Parameters
    ----------
    on_error : {"raise", "collect"}
        `"collect"`: go on after an item that failed. Its exception stands in the place of its
        result, and `failures` of the pool and of the result list them.
    timeout : float, optional
        Seconds that one item may take. An item that takes longer is ended, alone, with a
        `windrow.errors.ItemTimeout`.
    max_attempts : int
        How often an item is tried that kills its worker, before it is a
        `windrow.errors.ItemKilled`. 3 if not given.
    progress : bool
        Show progress on a terminal or in a notebook.
    buffersize : int, optional
        Most items that are taken from the input ahead of the results: of `imap` and generators,
        ahead of the results that were consumed. Without it, the input of `map` is read at once and
        that of `imap` as fast as items can be sent, as `multiprocessing` does.
    return_as : {"list", "generator", "generator_unordered"}
        What `map` and `starmap` return.
    concurrency : int
        Most calls of an `async def` function in flight in one worker. 100 if not given.
    """

    on_error: Literal["raise", "collect"]
    timeout: float | None
    max_attempts: int
    progress: bool
    buffersize: int | None
    return_as: Literal["list", "generator", "generator_unordered"]
    concurrency: int


class PoolOptions(Options, total=False):
    """Options of a pool.

    Parameters
    ----------
    memory_limit : int, optional
        Resident bytes past which a worker is ended; its item counts as having killed it.
    start : {"fork_server", "spawn"}, optional
        How workers are started: forked from a warm process, or each an interpreter of its own.
    name_workers : bool
        Put the worker and its function in front of each line that workers print.
    """

    memory_limit: int | None
    start: Literal["fork_server", "spawn"] | None
    name_workers: bool


@dataclass(frozen=True, slots=True)
class CallOptions:
    """The options in force for a call."""

    collect: bool = False
    timeout: float | None = None
    max_attempts: int = 0
    progress: bool = False
    buffersize: int | None = None
    return_as: str = "list"
    concurrency: int = 100


_CALL = tuple(Options.__annotations__)
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
    check_names(given, _CALL)
    changed = dict(given)
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
    if timeout is not None and not timeout > 0:
        raise ValueError(f"`timeout` is `{timeout}`; it is a number of seconds above 0")
    return replace(defaults, **changed)


def split(given: Mapping[str, Any]) -> tuple[CallOptions, dict[str, Any]]:
    """Take the options of a pool apart: the defaults of its calls, and those of the pool itself."""
    check_names(given, PoolOptions.__annotations__)
    calls = {name: value for name, value in given.items() if name in _CALL}
    own = {name: value for name, value in given.items() if name not in _CALL}
    check_count("memory_limit", own.get("memory_limit"))
    if own.get("start") not in (None, "fork_server", "spawn"):
        raise ValueError(f'`start` is `{own["start"]}`; it can be "fork_server" or "spawn"')
    return resolve(CallOptions(), calls), own


def check_names(given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse an option that does not exist, naming the nearest one."""
    names = list(known)
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(names)}"
            raise TypeError(f"there is no option `{name}`\nhint: {hint}")


def check_count(name: str, value: Any) -> None:
    """Refuse what is no positive integer (None stands for the default)."""
    if value is not None and (not isinstance(value, int) or value < 1):
        raise ValueError(f"`{name}` is `{value!r}`; it is an integer of at least 1")


def processors() -> int:
    """How many processors this process may use: what `None` workers stand for."""
    count: Any = getattr(os, "process_cpu_count", None)
    if count is not None:
        return count() or 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
