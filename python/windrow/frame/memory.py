"""Rows that are in memory already, as Arrow tables: from pandas, Arrow and Python items."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from windrow.frame.missing import not_yet

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

# Fewer rows than this are not worth a partition of their own.
_PARTITION_ROWS = 32_768
_MIXED = {"mixed", "mixed-integer", "mixed-integer-float"}


def divisions(rows: int, npartitions: int) -> tuple[int, ...]:
    """First row of each partition, then the last row of all: Dask's slicing.

    Each partition has `ceil(rows / npartitions)` rows, the last one what is left; so there may be
    fewer partitions than asked for.
    """
    if rows == 0:
        return (0, 0)
    chunk = math.ceil(rows / npartitions)
    return (*range(0, rows, chunk), rows - 1)


def default_partitions(rows: int, cores: int) -> int:
    """As many partitions as keep `cores` busy, but none too small to be worth it."""
    return max(1, min(2 * cores, math.ceil(rows / _PARTITION_ROWS)))


def table_of_pandas(data: pd.DataFrame | pd.Series[Any]) -> pa.Table:
    """The rows of a pandas object; a default index is dropped, any other becomes columns.

    Raises
    ------
    TypeError
        For a column whose values are of several types, or of one that Arrow does not have.
    ValueError
        For names that appear twice.
    """
    import pandas as pd
    import pyarrow as pa

    frame = (
        data.to_frame("value" if data.name is None else data.name)
        if isinstance(data, pd.Series)
        else data
    )
    if isinstance(frame.columns, pd.MultiIndex):
        raise not_yet(
            "a frame with several levels of column names", "`df.columns = [...]` with plain names"
        )
    if not _is_default(frame.index):
        frame = _with_index(frame)
    names = [str(name) for name in frame.columns]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(
            f"two columns are named `{twice[0]}`\nhint: rename one; names are compared as text"
        )
    columns = [_column(name, frame.iloc[:, at]) for at, name in enumerate(names)]
    if not columns:
        raise ValueError("the frame has no columns\nhint: windrow needs at least one")
    return pa.Table.from_arrays(columns, names=names)


def _is_default(index: pd.Index[Any]) -> bool:
    import pandas as pd

    return (
        isinstance(index, pd.RangeIndex)
        and index.start == 0
        and index.step == 1
        and index.name is None
    )


def _with_index(frame: pd.DataFrame) -> pd.DataFrame:
    try:
        return frame.reset_index()
    except ValueError as error:
        raise ValueError(
            f"the index cannot become a column: {error}\n"
            "hint: `reset_index(drop=True)` drops it, `rename_axis(...)` names it"
        ) from error


def _column(name: str, values: pd.Series[Any]) -> pa.Array:
    import pandas as pd
    import pyarrow as pa

    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    found = pd.api.types.infer_dtype(values, skipna=True) if values.dtype == object else ""
    try:
        if found in {"mixed-integer", "mixed-integer-float"}:
            raise pa.ArrowTypeError(found)
        array = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as e:
        raise _unfit(name, values, str(e)) from e
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array.type, pa.BaseExtensionType):
        raise _unfit(name, values, f"windrow has no type for `{array.type}`")
    return array


def _unfit(name: str, values: pd.Series[Any], why: str) -> TypeError:
    kinds: dict[str, tuple[int, Any]] = {}
    for row, value in enumerate(values):
        kinds.setdefault(type(value).__name__, (row, value))
        if len(kinds) > 2:
            break
    present = [kind for kind in kinds if kind != "NoneType"]
    if len(present) > 1:
        shown = " and ".join(
            f"`{kinds[kind][1]!r}` ({kind}, row {kinds[kind][0]})" for kind in present[:2]
        )
        return TypeError(
            f"column `{name}` holds values of several types: {shown}\n"
            f'hint: make it one type first: `df["{name}"] = df["{name}"].astype(str)`'
        )
    return TypeError(
        f"column `{name}` (of type {values.dtype}) cannot be taken into Arrow memory: {why}\n"
        f'hint: make it another type first: `df["{name}"] = df["{name}"].astype(str)`'
    )


def table_of_items(items: Iterable[Any]) -> pa.Table:
    """A table of Python items: dicts give columns, anything else the one column `item`."""
    import pyarrow as pa

    listed = list(items)
    if listed and all(isinstance(item, dict) for item in listed):
        names: dict[str, None] = {}
        for item in listed:
            names.update(dict.fromkeys(str(key) for key in item))
        return pa.table({n: _items(n, [item.get(n) for item in listed]) for n in names})
    return pa.table({"item": _items("item", listed)})


def _items(name: str, values: Sequence[Any]) -> pa.Array:
    import pyarrow as pa

    kinds = {type(value) for value in values if value is not None}
    mixed = kinds > {bool} and bool in kinds
    try:
        if mixed:
            raise pa.ArrowTypeError("truth values and others")
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        first = next(value for value in values if value is not None)
        other = next((v for v in values if v is not None and type(v) is not type(first)), None)
        shown = f"`{first!r}` and `{other!r}`" if other is not None else f"`{first!r}`"
        raise TypeError(
            f"`{name}` cannot be a column, its values are {shown}: {error}\n"
            "hint: make them numbers, text, bytes, dates, or lists or dicts of these, all alike"
        ) from error


def table_of_arrow(data: Any) -> Any:
    """Something with `__arrow_c_stream__` for what has the Arrow PyCapsule interface."""
    import pyarrow as pa

    if hasattr(data, "__arrow_c_stream__"):
        return data
    if hasattr(data, "__arrow_c_array__"):
        return pa.table(pa.record_batch(data))
    raise TypeError(
        f"a `{type(data).__name__}` is no Arrow data\n"
        "hint: pass something with `__arrow_c_stream__` or `__arrow_c_array__`; "
        "`wr.from_pandas` takes pandas, `wr.from_items` takes lists"
    )
