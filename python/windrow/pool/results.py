"""What the asynchronous methods of a pool give: `ApplyResult` and `MapResult`."""

from __future__ import annotations

import threading
import types
from collections.abc import Callable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

    from windrow._native import Job
    from windrow.pool.failures import Failure
    from windrow.pool.feeding import Source
    from windrow.pool.progress import Progress

    Callback = Callable[[Any], object]


class ApplyResult:
    """The result of a call that may not have ended yet, as in `multiprocessing.pool`.

    Attributes
    ----------
    failures : list of Failure
        With `on_error="collect"`, the items without a result, once there is an outcome.
    """

    def __init__(self, *, collect: bool, failures: list[Failure] | None = None) -> None:
        self.failures: list[Failure] = [] if failures is None else failures
        self._collect = collect
        #: Why nothing could be sent at all.
        self._error: BaseException | None = None
        self._job: Job | None = None
        self._source: Source | None = None
        self._progress: Progress | None = None
        self._callbacks: tuple[Callback | None, Callback | None] | None = None
        self._called = threading.Event()
        self._lock = threading.Lock()
        self._values: list[Any] = []
        self._failed: list[tuple[int, BaseException, Any]] = []
        self._has_outcome = False
        self._success = False
        self._value: Any = None

    def _attach(
        self, job: Job, source: Source | None = None, error: BaseException | None = None
    ) -> None:
        self._job = job
        self._source = source
        self._error = error

    def _call_back(self, callback: Callback | None, error_callback: Callback | None) -> None:
        """Call these when the outcome is there; the result is ready only after that."""
        self._callbacks = (callback, error_callback)

    def ready(self) -> bool:
        """Whether the call has ended."""
        if self._callbacks is not None:
            return self._called.is_set()
        return self._has_outcome or (self._job is not None and self._job.ready())

    def successful(self) -> bool:
        """Whether the call has ended without an exception; `ValueError` when it has not ended."""
        if not self.ready():
            raise ValueError(f"{self!r} not ready")
        self._settle(None)
        return self._success

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the end of the call, at most `timeout` seconds."""
        if self._callbacks is not None:
            self._called.wait(timeout)
        elif not self._has_outcome and self._job is not None:
            self._job.wait_ready(timeout)

    def get(self, timeout: float | None = None) -> Any:
        """Give the result, or raise what the call raised.

        Raises
        ------
        multiprocessing.TimeoutError
            When there is none after `timeout` seconds.
        """
        if self._callbacks is not None:
            self._called.wait(timeout)
            is_there = self._called.is_set()
        else:
            is_there = self._settle(timeout)
        if not is_there:
            from windrow.pool.failures import too_late

            raise too_late()
        if self._success:
            return self._value
        raise self._value

    def _settle(self, timeout: float | None) -> bool:
        """Take the outcome; False when it is not there after `timeout` seconds."""
        if self._has_outcome:
            return True
        if not self._lock.acquire(timeout=-1 if timeout is None else max(timeout, 0)):
            return False
        try:
            if not self._has_outcome:
                if not self._gather(timeout):
                    return False
                self._decide()
        finally:
            self._lock.release()
        return True

    def _gather(self, timeout: float | None) -> bool:
        job = self._job
        if job is None:
            return False
        if self._progress is not None:
            return self._progress.gather(job, self._values, self._failed, timeout)
        return job.gather(self._values, self._failed, timeout)

    def _decide(self) -> None:
        source = self._source
        error = self._error or (None if source is None else source.error)
        if error is not None:
            self._value = error
        elif not self._failed:
            self._success, self._value = True, self._made(self._values)
        elif self._collect:
            from windrow.pool.failures import Failure

            for index, error, item in self._failed:
                self._values[index] = error
                self.failures.append(Failure(index, item, error))
            self._success, self._value = True, self._made(self._values)
        else:
            self._value = self._failed[0][1]
        self._job = self._source = self._progress = self._error = None
        self._values, self._failed = [], []
        self._has_outcome = True

    def _made(self, values: list[Any]) -> Any:
        """The result, made from the results of all items."""
        return values[0]

    def _deliver(self) -> None:
        """Call the callbacks, from the collector's thread."""
        callback, error_callback = self._callbacks or (None, None)
        try:
            self._settle(None)
            if self._success:
                if callback is not None:
                    callback(self._value)
            elif error_callback is not None and not _is_cancelled(self._value):
                error_callback(self._value)
        finally:
            self._called.set()

    def _cancel(self) -> None:
        """Drop what has no outcome yet."""
        if self._source is not None:
            self._source.stop()
        if self._job is not None:
            self._job.cancel()

    __class_getitem__: ClassVar[Any] = classmethod(types.GenericAlias)


AsyncResult = ApplyResult


def _is_cancelled(error: BaseException) -> bool:
    from windrow import errors

    return isinstance(error, errors.Cancelled)


class MapResult(ApplyResult):
    """The results of a `map` that may not have ended yet: a list, in the order of the items."""

    def _made(self, values: list[Any]) -> Any:
        return values
