"""`Executor`: a `concurrent.futures.Executor` that one death does not break."""

from __future__ import annotations

import concurrent.futures
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures._base import CANCELLED
from typing import Any, Unpack

from windrow._native import Job
from windrow.pool import lifetime, places
from windrow.pool.choices import check_count, integer, split
from windrow.pool.collector import Collector
from windrow.pool.failures import unsendable
from windrow.pool.feeding import Intake, Source, chunks, feed
from windrow.pool.options import PoolOptions
from windrow.pool.sending import pickled_initializer, start


class Future(concurrent.futures.Future[Any]):
    """A call that may not have ended yet."""

    _job: Job | None = None
    #: Why the call could not be sent.
    _error: BaseException | None = None

    def cancel(self) -> bool:
        """Cancel the call, unless a worker was given it already; whether it is cancelled."""
        job = self._job
        if self.done() or job is None:
            return self.cancelled()
        # With the lock, so that the outcome of what was taken back is not seen before this.
        with self._condition:
            if not job.take_back():
                return False
            self._state = CANCELLED
            self._condition.notify_all()
        self._invoke_callbacks()  # type: ignore[attr-defined]
        return True

    def running(self) -> bool:
        """Whether a worker was given the call, and it has not ended."""
        job = self._job
        return not self.done() and job is not None and job.has_started()


class Executor(concurrent.futures.Executor):
    """Calls in worker processes, as `concurrent.futures.ProcessPoolExecutor` makes them.

    A worker that dies is replaced: its call is tried again, and only a call that kills its worker
    each time fails, with `windrow.errors.ItemKilled`. The executor goes on; it is never broken.

    Parameters
    ----------
    max_workers
        How many workers; one per processor that this process may use, if not given, or as many as
        the open client (`windrow.connect`) has, if that is a cluster's.
    mp_context
        As `context` of `Pool`.
    initializer, initargs
        Called in each worker before its first call. What it raises is raised by the calls that wait
        for a worker.
    max_tasks_per_child
        A worker is replaced after so many calls (chunks of `map` count as one).
    options
        See `PoolOptions`; `timeout` is that of one item. `on_error`, `progress` and `return_as`
        have no meaning here.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        mp_context: Any = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        *,
        max_tasks_per_child: int | None = None,
        **options: Unpack[PoolOptions],
    ) -> None:
        if max_workers is not None:
            max_workers = integer("max_workers", max_workers)
        if max_workers is not None and max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        check_count("max_tasks_per_child", max_tasks_per_child)
        self._options, own = split(options)
        own["max_attempts"] = self._options.max_attempts
        lives = {"max_tasks_per_child": max_tasks_per_child}
        self._native = places.workers(max_workers, own, lives, mp_context, here=False)
        self._max_workers = self._native.workers
        self._collector = Collector(self._native)
        self._intake = Intake(self._native)
        self._lock = threading.Lock()
        self._is_shut = False
        self._futures: weakref.WeakSet[Future] = weakref.WeakSet()
        lifetime.finish_at_exit(self, self._collector)
        self._native.warm(pickled_initializer(initializer, initargs))

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        """Start `fn(*args, **kwargs)` in a worker."""
        with self._lock:
            self._check_open()
            future = Future()
            announce = self._collector.register(lambda: _resolve(future))
        options = self._options
        # The end of a job without a function may be announced at once.
        with future._condition:
            job, error = start(
                self._native, fn, "apply", options, announce=announce, revocable=True
            )
            future._job, future._error = job, error
        self._futures.add(future)
        if error is None:
            try:
                job.feed((args, kwargs))
            except Exception as refusal:  # noqa: BLE001  whatever pickling raises is the outcome
                job.fail([None], unsendable(refusal))
            job.close()
        return future

    def map(
        self,
        fn: Callable[..., Any],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[Any]:
        """Call `fn` with an item of each iterable at a time; give the results in order.

        Parameters
        ----------
        timeout
            Seconds from now after which waiting for a result raises `TimeoutError`.
        chunksize
            Items that are sent to a worker together.
        buffersize
            Most chunks that are taken from the iterables ahead of the results that were consumed.
            Without it, they are read at once.
        """
        chunksize = integer("chunksize", chunksize)
        if chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        check_count("buffersize", buffersize)
        self._check_open()
        deadline = None if timeout is None else time.monotonic() + timeout
        items = zip(*iterables)  # noqa: B905  the shortest decides, as everywhere
        job, error = start(self._native, fn, "starmap", self._options)
        is_lazy = buffersize is not None
        pieces = chunks(items, chunksize)
        source = Source(self._native, job, pieces, collect=False, is_lazy=is_lazy)
        if error is not None:
            source.stop()
            source.error = error
        if buffersize is None:
            feed(self._intake, source, may_block=False)
        else:
            self._intake.add(source)
            for _ in range(buffersize):
                if not source.feed_one():
                    self._intake.done(source)
                    break
        return _results(job, source, self._intake, deadline)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; workers end when all that were made are done.

        Parameters
        ----------
        wait
            Wait for that.
        cancel_futures
            Cancel the calls that no worker was given yet.
        """
        with self._lock:
            self._is_shut = True
        if cancel_futures:
            for future in list(self._futures):
                future.cancel()
        self._intake.close()
        if wait:
            self._intake.pull()
            self._native.join()
            self._collector.drain()
            self._collector.stop(wait=True)
        else:
            self._collector.retire()

    def _check_open(self) -> None:
        if self._is_shut:
            raise RuntimeError("cannot schedule new futures after shutdown")

    def __del__(self) -> None:
        # As its original, it lets its calls end.
        if getattr(self, "_intake", None) is not None and not self._is_shut:
            self._intake.close()
            self._collector.retire()


def _resolve(future: Future) -> None:
    """Give a future its outcome, from the collector's thread."""
    with future._condition:
        job, error = future._job, future._error
    if job is None or not future.set_running_or_notify_cancel():
        return
    if error is not None:
        future.set_exception(error)
        return
    values: list[Any] = []
    failed: list[tuple[int, BaseException, Any]] = []
    try:
        job.gather(values, failed)
    except BaseException as error:  # noqa: BLE001  whatever loading raises is the outcome
        future.set_exception(error)
        return
    if failed:
        future.set_exception(failed[0][1])
    else:
        future.set_result(values[0])


def _results(job: Job, source: Source, intake: Intake, deadline: float | None) -> Iterator[Any]:
    """The results of a map, in order; who stops early drops the rest."""
    try:
        while True:
            rest = None if deadline is None else max(deadline - time.monotonic(), 0)
            try:
                taken = job.take(rest)
            except StopIteration:
                break
            if taken is None:
                raise TimeoutError
            _, values, failed = taken
            if failed:
                raise failed[0][1]
            if source.is_lazy and not source.feed_one():
                intake.done(source)
            yield from values
        if source.error is not None:
            raise source.error
    finally:
        source.stop()
        job.cancel()
        intake.done(source)
