"""The keyword options of pools and of their calls, as type checkers and readers see them."""

from __future__ import annotations

from typing import Literal, TypedDict


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
