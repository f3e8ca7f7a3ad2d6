"""What `imap` gives: results one by one, as they are there."""

from __future__ import annotations

from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from windrow._native import Job
    from windrow.pool.failures import Failure
    from windrow.pool.feeding import Intake, Source
    from windrow.pool.progress import Progress


class IMapIterator:
    """The results of a call over many items, in the order of the items.

    Attributes
    ----------
    failures : list of Failure
        With `on_error="collect"`, the items without a result among those given so far.
    """

    def __init__(
        self,
        job: Job,
        source: Source,
        intake: Intake,
        *,
        collect: bool,
        failures: list[Failure] | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.failures: list[Failure] = [] if failures is None else failures
        self._job = job
        self._source = source
        self._intake = intake
        self._collect = collect
        self._progress = progress
        self._ready: deque[tuple[bool, Any]] = deque()
        self._has_ended = False

    def __iter__(self) -> IMapIterator:
        return self

    def next(self, timeout: float | None = None) -> Any:
        """Give the next result, or raise what its call raised.

        Raises
        ------
        multiprocessing.TimeoutError
            When it is not there after `timeout` seconds; it may be asked for again.
        """
        while not self._ready:
            self._take(timeout)
        success, value = self._ready.popleft()
        if success:
            return value
        raise value

    __next__ = next  # noqa: A003  as in `multiprocessing`

    def _take(self, timeout: float | None) -> None:
        if self._has_ended:
            raise StopIteration
        try:
            taken = self._job.take(timeout)
        except StopIteration:
            self._end()
            if self._source.error is not None:
                error, self._source.error = self._source.error, None
                raise error from error.__cause__
            raise
        if taken is None:
            from windrow.pool.failures import too_late

            raise too_late()
        if self._source.is_lazy and not self._source.feed_one():
            self._intake.done(self._source)
        if self._progress is not None:
            self._progress.show(self._job)
        self._add(*taken)

    def _add(
        self, first: int, values: list[Any], failed: list[tuple[int, BaseException, Any]]
    ) -> None:
        if not failed:
            self._ready.extend((True, value) for value in values)
        elif self._collect:
            from windrow.pool.failures import Failure

            for index, error, item in failed:
                values[index - first] = error
                self.failures.append(Failure(index, item, error))
            self._ready.extend((True, value) for value in values)
        else:
            # As with `multiprocessing`, a chunk's exception stands for all of the chunk; what
            # other items killed or took too long stands for itself.
            self._ready.extend(_outcomes(first, values, failed))

    def _end(self) -> None:
        self._has_ended = True
        if self._progress is not None:
            self._progress.finish(self._job)
        self._intake.done(self._source)

    def close(self) -> None:
        """Take nothing more from the input, and drop what has no result yet."""
        if not self._has_ended:
            self._has_ended = True
            self._source.stop()
            self._job.cancel()
            if self._progress is not None:
                self._progress.finish(self._job, cancelled=True)
            self._intake.done(self._source)

    def __del__(self) -> None:
        # What is taken on demand is wanted by nobody now; all else is carried out to its end.
        if getattr(self, "_source", None) is not None and self._source.is_lazy:
            self.close()


class IMapUnorderedIterator(IMapIterator):
    """The results of a call over many items, in the order in which they are there."""


def _outcomes(
    first: int, values: list[Any], failed: list[tuple[int, BaseException, Any]]
) -> list[tuple[bool, Any]]:
    """Give results and exceptions in order, an exception that several items share once."""
    errors = {index - first: error for index, error, _ in failed}
    outcomes: list[tuple[bool, Any]] = []
    last: BaseException | None = None
    for place, value in enumerate(values):
        error = errors.get(place)
        if error is None:
            outcomes.append((True, value))
        elif error is not last:
            outcomes.append((False, error))
        last = error
    return outcomes
