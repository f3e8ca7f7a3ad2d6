"""`series.wr.map(f)` and `series.wr.apply(f)`: a function of single values."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from windrow.pandas import engine, tasks
from windrow.pandas.replay import is_left_to_pandas, replay
from windrow.pandas.rows import missing, spread

if TYPE_CHECKING:
    import pandas as pd


class Values:
    """The values of a pandas Series, as `series.wr`."""

    def __init__(self, series: pd.Series[Any]) -> None:
        self._series = series

    def __getattr__(self, name: str) -> NoReturn:
        raise missing("series.wr", name, "map", "apply")

    def map(
        self,
        func: Any,
        na_action: Literal["ignore"] | None = None,
        engine: Callable[..., Any] | None = None,
        **kwargs: Any,
    ) -> pd.Series[Any]:
        """`func(value, **kwargs)` for each value, on every core; the answer is pandas' own.

        Parameters
        ----------
        func
            Any callable. A dict, a Series or a numpy ufunc is left to pandas, which needs no help.
        na_action
            `"ignore"`: missing values stay missing and `func` does not see them.
        engine
            As in pandas, which then runs `func` in its own way.
        """
        series = self._series
        if is_left_to_pandas(func) or engine is not None:
            return series.map(func, na_action=na_action, engine=engine, **kwargs)
        if na_action is None and (answer := self._by_engine(func, (), kwargs)) is not None:
            return answer
        items: list[Any] = []
        series.map(items.append, na_action=na_action)
        results = self._spread("map", items, func, (), kwargs)
        return series.map(replay(results), na_action=na_action)

    def apply(
        self,
        func: Any,
        args: Sequence[Any] = (),
        *,
        by_row: Literal[False, "compat"] = "compat",
        **kwargs: Any,
    ) -> Any:
        """`func(value, *args, **kwargs)` for each value, on every core; the answer is pandas' own.

        With `by_row=False`, pandas calls `func` once with the whole Series, and so does this.
        """
        series = self._series
        if is_left_to_pandas(func) or not by_row:
            return series.apply(func, args=tuple(args), by_row=by_row, **kwargs)
        if (answer := self._by_engine(func, args, kwargs)) is not None:
            return answer
        items: list[Any] = []
        series.apply(items.append)
        return series.apply(replay(self._spread("apply", items, func, args, kwargs)))

    def _by_engine(
        self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> pd.Series[Any] | None:
        import pandas as pd

        series = self._series
        if type(series) is not pd.Series or not len(series):
            return None
        return engine.values(series, func, args, kwargs)

    def _spread(
        self,
        name: str,
        items: list[Any],
        func: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> list[Any]:
        """The results of `func` for `items`, which are what pandas passes to a function.

        That is each value, but of a categorical each category.
        """
        import pandas as pd

        if not items:
            return []
        index = self._series.index if len(items) == len(self._series) else None
        rows = pd.Series(items, dtype=object, index=index)
        task = functools.partial(_values, func, tuple(args), dict(kwargs), index is not None)
        return spread(name, func, task, rows)


def _values(
    f: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    is_labelled: bool,
    some: pd.Series[Any],
) -> list[Any]:
    return tasks.values(f, args, kwargs, some.index if is_labelled else None, list(some.array))
