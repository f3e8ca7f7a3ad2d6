"""`df.wr.apply(f, axis=1)`: a function of rows."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from windrow import session
from windrow._job import Arguments, Job, Pieces
from windrow.errors import NotInWindrowYet, OptionNotInWindrowYet
from windrow.pandas import engine, tasks
from windrow.pandas.replay import is_left_to_pandas, is_sequence, replay

if TYPE_CHECKING:
    import pandas as pd

_SHARE = 16  # tasks for each worker, so that a slow one does not keep the others waiting
_MOST_ROWS = 8192  # of a task, so that progress is seen


class Rows:
    """The rows of a pandas DataFrame, as `df.wr`."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def __getattr__(self, name: str) -> NoReturn:
        raise missing("df.wr", name, "apply")

    def apply(
        self,
        func: Any,
        axis: Literal[0, 1, "index", "columns", "rows"] = 0,
        raw: bool = False,
        result_type: Literal["expand", "reduce", "broadcast"] | None = None,
        args: Sequence[Any] = (),
        by_row: Literal[False, "compat"] = "compat",
        engine: object = None,
        engine_kwargs: object = None,
        **kwargs: Any,
    ) -> Any:
        """`func(row, *args, **kwargs)` for each row, on every core; the answer is pandas' own.

        Parameters
        ----------
        func
            Any callable. What pandas does in one go (a name, a list or dict, a numpy ufunc) it
            does here too.
        axis
            1 or `"columns"`: rows are all that can be spread over cores.
        raw, result_type, args, by_row, kwargs
            As in pandas.

        Raises
        ------
        Exception
            What `func` raised for the first row that failed, with a note of the row.
        windrow.errors.OptionNotInWindrowYet
            For `axis=0`, and for `engine`.
        """
        for name, value in (("engine", engine), ("engine_kwargs", engine_kwargs)):
            if value not in (None, "python"):
                raise OptionNotInWindrowYet(
                    f"`df.wr.apply` has no `{name}` (given: `{value!r}`)\n"
                    f"hint: `df.apply(f, axis=1, {name}=...)` is pandas' own"
                )
        if axis not in (1, "columns"):
            raise OptionNotInWindrowYet(
                f"`df.wr.apply` has no `axis={axis!r}`: it spreads rows over cores\n"
                "hint: pass `axis=1` for a function of rows; "
                "`df.apply(f)` is pandas' own for columns"
            )
        options: dict[str, Any] = {"axis": 1, "raw": raw, "result_type": result_type}
        if is_left_to_pandas(func) or not all(self._frame.shape):
            return self._frame.apply(func, args=tuple(args), by_row=by_row, **options, **kwargs)
        return self._apply(func, options, args, kwargs)

    def _apply(
        self,
        func: Callable[..., Any],
        options: dict[str, Any],
        args: Sequence[Any],
        kwargs: dict[str, Any],
    ) -> Any:
        import pandas as pd

        frame, is_plain = self._frame, type(self._frame) is pd.DataFrame
        if is_plain and not options["raw"] and options["result_type"] is None:
            answer = engine.rows(frame, func, args, kwargs)
            if answer is not None:
                return answer
        task = functools.partial(tasks.rows, func, tuple(args), kwargs, options["raw"])
        results = spread("apply", func, task, frame)
        if options["raw"] or options["result_type"] == "broadcast" or not is_plain:
            return frame.apply(replay(results), **options)
        if not is_sequence(results[0]):
            return pd.Series(results, index=frame.index)
        # Which columns there were does not matter to pandas from here on.
        narrow = pd.DataFrame({"": False}, index=frame.index)
        return narrow.apply(replay(results), **options)


def spread(name: str, func: object, task: Callable[..., Any], rows: Any) -> list[Any]:
    """The results of `task` of consecutive `rows`, a DataFrame or a Series, for each row."""
    current = session.current()
    size = min(math.ceil(len(rows) / (current.workers * _SHARE)), _MOST_ROWS)
    title = f"{name} {name_of(func)}"
    with (
        Job(current, title) as job,
        job.open(title, task, math.ceil(len(rows) / size), rows=len(rows), pieces=_PIECES) as stage,
    ):
        for start in range(0, len(rows), size):
            piece = rows.iloc[start : start + size]
            stage.submit((piece,), len(piece))
        return [result for part in stage.results() for result in part]


def _halves(arguments: Arguments) -> tuple[Arguments, Arguments] | None:
    (rows,) = arguments
    middle = len(rows) // 2
    return ((rows.iloc[:middle],), (rows.iloc[middle:],)) if middle else None


def _described(arguments: Arguments) -> str:
    (rows,) = arguments
    return tasks.row_text(rows, 0)


_PIECES = Pieces(_halves, _described)


def name_of(func: object) -> str:
    """The user's name for a function."""
    inner = getattr(func, "func", func)
    return str(getattr(inner, "__name__", type(inner).__name__))


def missing(owner: str, name: str, *names: str) -> AttributeError:
    """The error for `owner.name`."""
    if name.startswith("_"):
        return AttributeError(f"`{owner}` has no attribute `{name}`")
    listed = " and ".join(f"`{owner}.{known}`" for known in names)
    return NotInWindrowYet(f"`{owner}.{name}` is not in windrow yet\nhint: there is {listed}")
