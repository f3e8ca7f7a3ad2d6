"""Where the engine's answer is pandas' answer: it then takes the rows, many times faster.

pandas calls a function with plain Python values where a row has several types, and in `map`; so
does the engine. The function must be one that the engine can compile: such a function is free of
effects, so that it does not matter if pandas has to start again after all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from windrow.errors import WorkerDied

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from windrow.frame.frame import DataFrame
    from windrow.frame.series import Series


def rows(
    frame: pd.DataFrame, f: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> pd.Series[Any] | None:
    """`frame.apply(f, axis=1)` by the engine; None where its answer might be another."""
    names = list(frame.columns)
    if not all(type(name) is str for name in names) or len(set(names)) < len(names):
        return None
    # Rows of one type are numpy arrays, whose numbers are not Python's.
    if frame.iloc[0].dtype != object:
        return None
    used = _columns(f, names, "row", args, kwargs)
    if not used or not all(_is_plain(frame[name].dtype) for name in used):
        return None
    return _answer(
        frame[used].reset_index(drop=True),
        lambda lazy: lazy.apply(f, axis=1, args=tuple(args), **kwargs),
        frame.index,
    )


def values(
    series: pd.Series[Any], f: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> pd.Series[Any] | None:
    """`series.map(f)` by the engine; None where its answer might be another."""
    if not _is_plain(series.dtype) or _columns(f, ["value"], "value", args, kwargs) is None:
        return None
    answer = _answer(
        series.reset_index(drop=True).to_frame("value"),
        lambda lazy: lazy["value"].apply(f, args=tuple(args), **kwargs),
        series.index,
    )
    if answer is not None:
        answer.name = series.name
    return answer


def _columns(
    f: Callable[..., Any],
    names: list[str],
    form: Any,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> list[str] | None:
    """The columns that `f` reads; None for a function that the engine cannot compile."""
    from windrow.functions import UnpicklableFunctionError, describe

    try:
        found = describe(f, columns=names, form=form, args=args, kwargs=kwargs)
    except (UnpicklableFunctionError, TypeError):
        return None
    return found.columns if found.call == "positional" and found.spec is not None else None


def _is_plain(dtype: Any) -> bool:
    """Whether the engine passes a column's values exactly as pandas does."""
    import numpy as np
    import pandas as pd

    if isinstance(dtype, pd.StringDtype):
        return dtype.na_value is not pd.NA
    return dtype in (np.dtype("int64"), np.dtype("float64"), np.dtype("bool"))


def _answer(
    frame: pd.DataFrame, build: Callable[[DataFrame], Series], index: pd.Index[Any]
) -> pd.Series[Any] | None:
    from windrow.frame.convert import to_pandas
    from windrow.sources import from_pandas

    try:
        found = build(from_pandas(frame)).to_arrow()
    except WorkerDied:
        raise
    except Exception:  # noqa: BLE001 - whatever it is, pandas says what the answer or error is
        return None
    if not _fits(found):
        return None
    import pyarrow as pa

    series: pd.Series[Any] = to_pandas(pa.table({"value": found}))["value"]
    series.index, series.name = index, None
    return series


def _fits(found: pa.ChunkedArray) -> bool:
    """Whether pandas has the like of these results, made from Python values."""
    from pyarrow import types

    kind = found.type
    if types.is_boolean(kind):
        return bool(found.null_count == 0)  # None and NaN are kept apart in pandas
    return bool(
        types.is_int64(kind)
        or types.is_float64(kind)
        or types.is_string(kind)
        or types.is_large_string(kind)
    )
