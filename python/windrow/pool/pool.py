"""`Pool`: `multiprocessing.pool.Pool` on worker processes that survive."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sized
from types import MappingProxyType, TracebackType

from windrow._native import Job
from windrow._worker import coroutines
from windrow.pool import lifetime, places
from windrow.pool.choices import (
    CallOptions,
    bounded_size,
    check_tasks,
    integer,
    resolve,
    split,
)
from windrow.pool.collector import Collector
from windrow.pool.feeding import Intake, Source, chunks, feed
from windrow.pool.iterators import IMapIterator, IMapUnorderedIterator
from windrow.pool.results import ApplyResult, MapResult
from windrow.pool.sending import pickled_initializer, start
from windrow.pool.workers import Worker, all_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn, Unpack

    from windrow.pool.failures import Failure
    from windrow.pool.options import Options, PoolOptions
    from windrow.pool.progress import Progress
    from windrow.pool.results import Callback

# The states, in the words of `multiprocessing.pool`.
INIT, RUN, CLOSE, TERMINATE = "INIT", "RUN", "CLOSE", "TERMINATE"

_NO_KEYWORDS: Mapping[str, Any] = MappingProxyType({})


class Pool:
    """A pool of worker processes, with all of `multiprocessing.pool.Pool`.

    A worker that dies is replaced: its item is tried again, and all others keep their results.
    Functions and items may be anything that cloudpickle takes: lambdas, closures, what a script or
    notebook defines. No `if __name__ == "__main__"` is needed. While a client of a cluster is open
    (`windrow.connect`), new pools have their workers there.

    Parameters
    ----------
    processes
        How many workers; one per processor that this process may use, if not given, or as many as
        the open client has.
    initializer, initargs
        Called as `initializer(*initargs)` in each worker before its first task. What it raises is
        raised by the calls that wait for a worker.
    maxtasksperchild
        A worker is replaced after so many tasks (chunks of `map` count as one).
    context
        Of `multiprocessing.get_context`: with `"spawn"`, workers are interpreters of their own. All
        others have workers forked from a process that has no threads.
    options
        See `PoolOptions`: defaults for all calls, and `memory_limit`, `start`, `name_workers`.

    Attributes
    ----------
    failures : list of Failure
        Of the latest call with `on_error="collect"`: the items without a result, each with its
        index, the item itself and the exception.
    """

    #: Whether workers are of this machine although a client of a cluster is open.
    _stays_here = False

    def __init__(
        self,
        processes: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        maxtasksperchild: int | None = None,
        context: Any = None,
        **options: Unpack[PoolOptions],
    ) -> None:
        # For `__del__`, should something below raise.
        self._state = INIT
        if processes is not None:
            processes = integer("processes", processes)
        if processes is not None and processes < 1:
            raise ValueError("Number of processes must be at least 1")
        check_tasks(maxtasksperchild)
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        self._defaults, own = split(options)
        self.failures: list[Failure] = []
        own["max_attempts"] = self._defaults.max_attempts
        lives = {"maxtasksperchild": maxtasksperchild}
        self._native = places.workers(processes, own, lives, context, here=self._stays_here)
        self._processes = self._native.workers
        self._collector = Collector(self._native)
        self._intake = Intake(self._native)
        lifetime.end_at_exit(self)
        self._native.warm(pickled_initializer(initializer, initargs))
        self._state = RUN

    # ---- one call --------------------------------------------------------------------------

    def apply(
        self,
        func: Callable[..., Any],
        args: Iterable[Any] = (),
        kwds: Mapping[str, Any] = _NO_KEYWORDS,
        **options: Unpack[Options],
    ) -> Any:
        """Call `func(*args, **kwds)` in a worker and wait for its result."""
        result = self._apply(func, (args, kwds), None, None, resolve(self._defaults, options))
        return _finish(result)

    def apply_async(
        self,
        func: Callable[..., Any],
        args: Iterable[Any] = (),
        kwds: Mapping[str, Any] = _NO_KEYWORDS,
        callback: Callback | None = None,
        error_callback: Callback | None = None,
        **options: Unpack[Options],
    ) -> ApplyResult:
        """Start `func(*args, **kwds)` in a worker."""
        options_ = resolve(self._defaults, options)
        return self._apply(func, (args, kwds), callback, error_callback, options_)

    def _apply(
        self,
        func: Callable[..., Any],
        arguments: tuple[Iterable[Any], Mapping[str, Any]],
        callback: Callback | None,
        error_callback: Callback | None,
        options: CallOptions,
    ) -> ApplyResult:
        self._check_running()
        result = ApplyResult(collect=options.collect, failures=self._new_failures(options))
        job = self._job(func, "apply", options, result, (callback, error_callback))
        if job is None:
            return result
        args, kwds = arguments
        items = (tuple(args), dict(kwds))
        try:
            job.feed(items)
        except Exception as error:  # noqa: BLE001  whatever pickling raises is the outcome
            job.fail([items], _unsendable(error))
        job.close()
        return result

    # ---- many calls, all results -----------------------------------------------------------

    def map(
        self,
        func: Callable[[Any], Any],
        iterable: Iterable[Any],
        chunksize: int | None = None,
        **options: Unpack[Options],
    ) -> Any:
        """Call `func` with each item; give the list of results, in order.

        With `return_as="generator"`, gives an iterator over the results as `imap` does.
        """
        return self._all(func, iterable, "map", chunksize, resolve(self._defaults, options))

    def starmap(
        self,
        func: Callable[..., Any],
        iterable: Iterable[Iterable[Any]],
        chunksize: int | None = None,
        **options: Unpack[Options],
    ) -> Any:
        """As `map`, each item being the arguments of a call."""
        return self._all(func, iterable, "starmap", chunksize, resolve(self._defaults, options))

    def map_async(
        self,
        func: Callable[[Any], Any],
        iterable: Iterable[Any],
        chunksize: int | None = None,
        callback: Callback | None = None,
        error_callback: Callback | None = None,
        **options: Unpack[Options],
    ) -> MapResult:
        """Start `map`; the callbacks get the whole list, or the first exception."""
        options_ = resolve(self._defaults, options)
        return self._map(func, iterable, "map", chunksize, options_, (callback, error_callback))

    def starmap_async(
        self,
        func: Callable[..., Any],
        iterable: Iterable[Iterable[Any]],
        chunksize: int | None = None,
        callback: Callback | None = None,
        error_callback: Callback | None = None,
        **options: Unpack[Options],
    ) -> MapResult:
        """Start `starmap`."""
        options_ = resolve(self._defaults, options)
        return self._map(func, iterable, "starmap", chunksize, options_, (callback, error_callback))

    def _all(
        self,
        func: Callable[..., Any],
        iterable: Iterable[Any],
        mode: str,
        chunksize: int | None,
        options: CallOptions,
    ) -> Any:
        if options.return_as != "list":
            items, size = self._cut(func, iterable, chunksize, options)
            is_ordered = options.return_as == "generator"
            return self._iterate(func, items, mode, size, options, is_ordered=is_ordered)
        return _finish(self._map(func, iterable, mode, chunksize, options, None))

    def _map(
        self,
        func: Callable[..., Any],
        iterable: Iterable[Any],
        mode: str,
        chunksize: int | None,
        options: CallOptions,
        callbacks: tuple[Callback | None, Callback | None] | None,
    ) -> MapResult:
        """Start a map; without `callbacks` somebody waits for it, who also feeds it."""
        self._check_running()
        items, size = self._cut(func, iterable, chunksize, options)
        result = MapResult(collect=options.collect, failures=self._new_failures(options))
        job = self._job(func, mode, options, result, callbacks or (None, None), size=size)
        if job is None:
            return result
        if options.progress:
            result._progress = _progress(func, items)
        if callbacks is None and not options.buffersize:
            rest = self._feed_all(job, items, size, collect=options.collect)
            if rest is None:
                return result
            items = rest
        source = Source(self._native, job, chunks(items, size), collect=options.collect)
        result._attach(job, source)
        if callbacks is None:
            try:
                source.feed_rest()
            except BaseException:
                job.cancel()
                raise
        else:
            feed(self._intake, source, may_block=not isinstance(items, (list, tuple, range)))
        return result

    @staticmethod
    def _feed_all(job: Job, items: Iterable[Any], size: int, *, collect: bool) -> list[Any] | None:
        """Feed items as fast as can be; gives what is left when some of that cannot be sent."""
        if not collect:
            try:
                # Workers begin before the last item is there.
                job.feed_each(items, size)
            except BaseException as raised:
                job.cancel()
                refused = _unsendable(raised)
                if refused is raised:
                    raise
            else:
                return None
            raise refused
        items = items if isinstance(items, list) else list(items)
        failed = job.feed_all(items, size)
        if failed is None:
            return None
        start, error = failed
        if not isinstance(error, Exception):
            job.cancel()
            raise error
        return items[start:]

    def _cut(
        self,
        func: Callable[..., Any],
        iterable: Iterable[Any],
        chunksize: int | None,
        options: CallOptions,
    ) -> tuple[Iterable[Any], int]:
        """Give the items of a map, and the size of its chunks.

        The number of items is known then, if nothing speaks against that.
        """
        if chunksize is not None:
            chunksize = integer("chunksize", chunksize)
        if not isinstance(iterable, Sized):
            if options.buffersize:
                return iterable, chunksize or bounded_size(func, options, self._processes)
            iterable = list(iterable)
        if chunksize is None:
            # All calls of an `async def` function that a worker is given are in flight together.
            shares = self._processes * (1 if coroutines.is_async(func) else 4)
            size, extra = divmod(len(iterable), shares)
            chunksize = size + bool(extra)
        return iterable, max(chunksize, 1)

    # ---- many calls, results one by one ----------------------------------------------------

    def imap(
        self,
        func: Callable[[Any], Any],
        iterable: Iterable[Any],
        chunksize: int = 1,
        **options: Unpack[Options],
    ) -> IMapIterator:
        """Call `func` with each item; give an iterator over the results, in order."""
        return self._imap(func, iterable, chunksize, options, is_ordered=True)

    def imap_unordered(
        self,
        func: Callable[[Any], Any],
        iterable: Iterable[Any],
        chunksize: int = 1,
        **options: Unpack[Options],
    ) -> IMapIterator:
        """As `imap`, with the results in the order in which they are there."""
        return self._imap(func, iterable, chunksize, options, is_ordered=False)

    def _imap(
        self,
        func: Callable[[Any], Any],
        iterable: Iterable[Any],
        chunksize: int,
        options: Mapping[str, Any],
        *,
        is_ordered: bool,
    ) -> IMapIterator:
        chunksize = integer("chunksize", chunksize)
        if chunksize < 1:
            raise ValueError(f"Chunksize must be 1+, not {chunksize:n}")
        options_ = resolve(self._defaults, options)
        if chunksize == 1 and coroutines.is_async(func):
            # A chunk's calls are in flight together.
            chunksize = bounded_size(func, options_, self._processes)
        return self._iterate(func, iterable, "map", chunksize, options_, is_ordered=is_ordered)

    def _iterate(
        self,
        func: Callable[..., Any],
        items: Iterable[Any],
        mode: str,
        size: int,
        options: CallOptions,
        *,
        is_ordered: bool,
    ) -> IMapIterator:
        self._check_running()
        job, error = start(self._native, func, mode, options, ordered=is_ordered)
        is_lazy = options.buffersize is not None
        source = Source(
            self._native, job, chunks(items, size), collect=options.collect, is_lazy=is_lazy
        )
        if error is not None:
            source.stop()
            source.error = error
        iterator = (IMapIterator if is_ordered else IMapUnorderedIterator)(
            job,
            source,
            self._intake,
            collect=options.collect,
            failures=self._new_failures(options),
            progress=_progress(func, items) if options.progress else None,
        )
        if options.buffersize is None:
            feed(self._intake, source, may_block=not isinstance(items, (list, tuple, range)))
        else:
            self._intake.add(source)
            for _ in range(max(options.buffersize // size, 1)):
                if not source.feed_one():
                    self._intake.done(source)
                    break
        return iterator

    # ---- jobs ------------------------------------------------------------------------------

    def _job(
        self,
        func: Callable[..., Any],
        mode: str,
        options: CallOptions,
        result: ApplyResult,
        callbacks: tuple[Callback | None, Callback | None],
        *,
        size: int = 1,
    ) -> Job | None:
        """Start the job of a result; None when the function cannot be sent."""
        announce = bound = None
        if callbacks != (None, None):
            result._call_back(*callbacks)
            announce = self._collector.register(result._deliver)
        if options.buffersize is not None and mode != "apply":
            bound = max(options.buffersize // size, 1)
        # Its end may be announced before `start` has given it.
        with result._lock:
            job, error = start(self._native, func, mode, options, bound=bound, announce=announce)
            result._attach(job, error=error)
        return job if error is None else None

    def _new_failures(self, options: CallOptions) -> list[Failure] | None:
        if not options.collect:
            return None
        self.failures = []
        return self.failures

    # ---- life ------------------------------------------------------------------------------

    @property
    def _pool(self) -> list[Worker]:
        """The worker processes; programs that know `multiprocessing` look at them."""
        return all_of(self._native) if self._state == RUN else []

    def _repopulate_pool(self) -> None:
        """Start missing workers (which happens anyway)."""
        self._native.warm()

    def _check_running(self) -> None:
        if self._state != RUN:
            raise ValueError("Pool not running")

    def close(self) -> None:
        """Take no more calls; workers end when all that were made are done."""
        if self._state == RUN:
            self._state = CLOSE
            self._intake.close()

    def terminate(self) -> None:
        """End all workers now; calls without a result have a `windrow.errors.Cancelled`."""
        self._state = TERMINATE
        self._native.close(graceful=False)
        self._collector.drain()
        self._collector.stop(wait=True)

    def join(self) -> None:
        """Wait for the end of the workers, after `close` or `terminate`."""
        if self._state == RUN:
            raise ValueError("Pool is still running")
        if self._state not in (CLOSE, TERMINATE):
            raise ValueError("In unknown state")
        self._intake.pull()
        self._native.join()
        self._collector.drain()
        self._collector.stop(wait=True)

    def __enter__(self) -> Pool:
        self._check_running()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.terminate()

    def __del__(self, _warn: Any = warnings.warn, _run: str = RUN) -> None:
        if self._state == _run:
            _warn(f"unclosed running multiprocessing pool {self!r}", ResourceWarning, source=self)
        collector = getattr(self, "_collector", None)
        if collector is not None:
            collector.stop(wait=False)

    def __repr__(self) -> str:
        kind = type(self)
        return (
            f"<{kind.__module__}.{kind.__qualname__} state={self._state} "
            f"pool_size={self._processes}>"
        )

    def __reduce__(self) -> NoReturn:
        raise NotImplementedError("pool objects cannot be passed between processes or pickled")


def _finish(result: ApplyResult) -> Any:
    """Wait for a result; what interrupts that also drops the call."""
    try:
        return result.get()
    except BaseException:
        result._cancel()
        raise


def _progress(func: Callable[..., Any], items: Iterable[Any]) -> Progress:
    from windrow.pool.progress import Progress

    name = getattr(func, "__name__", None) or type(func).__name__
    return Progress(name, len(items) if isinstance(items, Sized) else None)


def _unsendable(error: BaseException) -> BaseException:
    from windrow.pool.failures import unsendable

    return unsendable(error)
