"""A job of tasks on the session's workers: stages, told as one run, so that a bar shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from windrow.errors import WorkerDied

if TYPE_CHECKING:
    from windrow._native import PoolFunction, Run, Session, Ticket, WorkerPool

Arguments = tuple[Any, ...]


@dataclass(frozen=True)
class Pieces:
    """How the tasks of a stage can be cut when one ends its worker.

    Parameters
    ----------
    halve
        Gives the arguments of two tasks that together do what one does; None: it cannot be cut.
    describe
        Says what a task that cannot be cut works on.
    """

    halve: Callable[[Arguments], tuple[Arguments, Arguments] | None]
    describe: Callable[[Arguments], str]


class Job:
    """The stages of one job. As a context manager, so that its end is told however it ends."""

    def __init__(self, session: Session, name: str) -> None:
        from windrow.client import say_it_stays

        say_it_stays(f"`{name}`")
        self._session = session
        self._pool = session.pool()
        self._run: Run = session.start_run(name)

    def __enter__(self) -> Job:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        cancelled = isinstance(error, KeyboardInterrupt)
        self._run.finish(None if error is None else f"{type(error).__name__}: {error}", cancelled)

    def stage(self, name: str, task: Any, arguments: Sequence[Arguments]) -> list[Any]:
        """Call `task` on each of `arguments`; results in their order."""
        with self.open(name, task, len(arguments)) as stage:
            for args in arguments:
                stage.submit(args)
            return stage.results()

    def open(
        self,
        name: str,
        task: Callable[..., Any],
        tasks: int,
        *,
        rows: int | None = None,
        pieces: Pieces | None = None,
    ) -> Stage:
        """Start a stage whose tasks are submitted one by one.

        Parameters
        ----------
        name
            What the bar shows.
        task
            What a worker calls with the arguments of each task.
        tasks
            About how many there will be.
        rows
            How many rows they work on altogether; progress is then told in rows.
        pieces
            How a task that ended its worker is cut until the part is found that did it.
        """
        from windrow._worker import pickling

        function = self._pool.function(name, pickling.dumps(task))
        self._run.stage(name, tasks, rows)
        return Stage(self._pool, function, self._run, pieces)


@dataclass
class _Task:
    """A task that has no outcome yet."""

    place: tuple[int, ...]  # of its result; halves of a task add a number
    arguments: Arguments
    rows: int
    ticket: Ticket


class Stage:
    """The tasks of a stage, whose results come in the order in which they were submitted."""

    def __init__(
        self, pool: WorkerPool, function: PoolFunction, run: Run, pieces: Pieces | None
    ) -> None:
        self._pool, self._function, self._run, self._pieces = pool, function, run, pieces
        self._waiting: dict[int, _Task] = {}
        self._results: dict[tuple[int, ...], Any] = {}
        self._failure: tuple[tuple[int, ...], BaseException] | None = None
        self._submitted = self._announced = self._done = self._rows = 0

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        for task in self._waiting.values():
            task.ticket.cancel()

    def submit(self, arguments: Arguments, rows: int = 0) -> None:
        """Start the next task, on `rows` rows; waits while too much is pending.

        Raises
        ------
        Exception
            What a task before it raised.
        """
        if self._failure is not None:
            self.results()
        self._start((self._submitted,), arguments, rows)
        self._submitted += 1
        self._take(self._pool.next_finished(0))

    def results(self) -> list[Any]:
        """Wait for all tasks; their results in order.

        Raises
        ------
        Exception
            What the first task, in their order, that failed raised.
        """
        while self._waiting:
            self._take(self._pool.next_finished(0.1))
        if self._failure is not None:
            raise self._failure[1]
        return [self._results[place] for place in sorted(self._results)]

    def _start(self, place: tuple[int, ...], arguments: Arguments, rows: int) -> None:
        from windrow._worker import pickling

        pickled, buffers = pickling.dumps_with_buffers((arguments, {}))
        # What can be cut is not tried again as a whole.
        attempts = 1 if self._halves(arguments) is not None else 0
        self._announced += 1
        ticket = self._pool.submit(
            self._function,
            "apply",
            pickled,
            buffers,
            1,
            max_attempts=attempts,
            announce=self._announced,
        )
        self._waiting[self._announced] = _Task(place, arguments, rows, ticket)

    def _halves(self, arguments: Arguments) -> tuple[Arguments, Arguments] | None:
        return None if self._pieces is None else self._pieces.halve(arguments)

    def _take(self, finished: Sequence[int]) -> None:
        """Take the outcomes of tasks that have ended."""
        for number in finished:
            task = self._waiting.pop(number, None)
            if task is None:
                continue
            ((_, _, value, failures, failure),) = task.ticket.take()
            for error in (failure, *(error for _, error in failures)):
                if error is not None:
                    self._failed(task, error)
                    break
            else:
                self._results[task.place] = value
                self._done += 1
                self._rows += task.rows
        self._run.advance(self._done, self._rows)

    def _failed(self, task: _Task, error: BaseException) -> None:
        halves = None
        if isinstance(error, WorkerDied) and self._pieces is not None:
            halves = self._pieces.halve(task.arguments)
            if halves is None:
                error.item = self._pieces.describe(task.arguments)
                error.add_note(error.item)
        if halves is not None and self._failure is None:
            for number, arguments in enumerate(halves):
                self._start((*task.place, number), arguments, task.rows if number else 0)
        elif self._failure is None or task.place < self._failure[0]:
            self._failure = task.place, error
            # What comes after it is not wanted any more; what comes before may fail first.
            for number, other in list(self._waiting.items()):
                if other.place > task.place:
                    other.ticket.cancel()
                    del self._waiting[number]
