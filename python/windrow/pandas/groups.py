"""`df.groupby(...).wr.apply(f)`: a function of groups."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NoReturn

from windrow import session
from windrow._job import Arguments, Job, Pieces, Stage
from windrow.pandas import tasks
from windrow.pandas.replay import is_left_to_pandas, replay
from windrow.pandas.rows import missing, name_of

if TYPE_CHECKING:
    import pandas as pd

_SHARE = 16  # tasks for each worker


class Groups:
    """The groups of a pandas `groupby`, as `groupby.wr`."""

    def __init__(self, grouped: Any) -> None:
        self._grouped = grouped

    def __getattr__(self, name: str) -> NoReturn:
        raise missing("groupby.wr", name, "apply")

    def apply(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        """`func(group, *args, **kwargs)` for each group, on every core; the answer is pandas' own.

        `func` gets a DataFrame (of a column's groups a Series) whose `name` is the group's key, and
        returns a DataFrame, a Series or one value. What it changes in its group stays in the
        worker.

        Raises
        ------
        Exception
            What `func` raised for the first group that failed, with a note of the group.
        """
        grouped = self._grouped
        # pandas' own option, which `func` does not get.
        own = {name: kwargs.pop(name) for name in ("include_groups",) if name in kwargs}
        count = grouped.ngroups
        if is_left_to_pandas(func) or not count:
            return grouped.apply(func, *args, **own, **kwargs)
        current = session.current()
        title = f"apply {name_of(func)}"
        task = functools.partial(tasks.groups, func, args, kwargs)
        pieces = min(count, current.workers * _SHARE)
        with (
            Job(current, title) as job,
            job.open(title, task, pieces, rows=len(grouped.obj), pieces=_PIECES) as stage,
        ):
            sender = _Sender(stage, len(grouped.obj) // pieces)
            # pandas makes the groups; the workers have begun before it has made the last.
            grouped.apply(sender, **own)
            sender.flush()
            results = [result for part in stage.results() for result in part]
        return grouped.apply(replay(results), **own)


class _Sender:
    """A function for pandas to call that sends groups to workers, several small ones together."""

    def __init__(self, stage: Stage, rows: int) -> None:
        self._stage, self._wanted = stage, rows
        self._held: list[tasks.Group] = []
        self._rows = 0

    def __call__(self, group: pd.DataFrame | pd.Series[Any]) -> None:
        self._held.append((object.__getattribute__(group, "name"), group))
        self._rows += len(group)
        if self._rows >= self._wanted:
            self.flush()

    def flush(self) -> None:
        if self._held:
            self._stage.submit((self._held,), self._rows)
            self._held, self._rows = [], 0


def _halves(arguments: Arguments) -> tuple[Arguments, Arguments] | None:
    (groups,) = arguments
    middle = len(groups) // 2
    return ((groups[:middle],), (groups[middle:],)) if middle else None


def _described(arguments: Arguments) -> str:
    ((group,),) = arguments
    return tasks.group_text(*group)


_PIECES = Pieces(_halves, _described)
