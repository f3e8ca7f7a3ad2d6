"""Functions on their way to workers, and how workers start."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from windrow._worker import coroutines, kin, pickling
from windrow.errors import FunctionNotPicklable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from windrow._native import Job, PoolFunction, WorkerPool
    from windrow.pool.choices import CallOptions


def start(
    pool: WorkerPool,
    function: Callable[..., Any],
    mode: str,
    options: CallOptions,
    **more: Any,
) -> tuple[Job, BaseException | None]:
    """Start a job of a function.

    Parameters
    ----------
    more
        Further arguments of `WorkerPool.job`.

    Returns
    -------
    job : Job
        To be fed.
    error : BaseException or None
        Why the function cannot be sent: the job is closed and has no items then.
    """
    try:
        known = send(pool, function)
    except Exception as error:  # noqa: BLE001  whatever pickling raises is the outcome
        job = pool.job(send(pool, abs), mode, options, **more)
        job.close()
        from windrow.pool.failures import unsendable

        return job, unsendable(error)
    return pool.job(known, mode, options, **more), None


def send(pool: WorkerPool, function: Callable[..., Any]) -> PoolFunction:
    """Make a function known to a pool.

    It is pickled anew for each call: what it refers to may have changed.
    """
    name = getattr(function, "__name__", None) or type(function).__name__
    pickled = pickling.dumps(function)
    return pool.function(name, pickled, is_async=coroutines.is_async(function))


def start_of(context: Any) -> str | None:
    """Tell how a context of `multiprocessing` would have workers started, in our words."""
    if context is None:
        return None
    method = context.get_start_method()
    return "spawn" if method == "spawn" else None


def pickled_initializer(
    initializer: Callable[..., object] | None, arguments: Iterable[Any]
) -> bytes:
    """Give what every worker calls first; raises what its pickling raises."""
    import multiprocessing.process

    secret = bytes(multiprocessing.process.current_process().authkey)
    try:
        theirs = pickling.dumps((initializer, tuple(arguments))) if initializer else None
    except FunctionNotPicklable as error:
        from windrow.pool.failures import unsendable

        raise unsendable(error) from error.__cause__
    return pickling.dumps((kin.start, (secret, theirs)))
