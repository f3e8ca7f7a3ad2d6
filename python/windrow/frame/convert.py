"""Results as pandas would give them: Arrow to pandas, and the types on both sides."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from windrow.frame.rows import Label, Rows

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from windrow._native import Dataset, Expr


def collect(dataset: Dataset) -> pa.Table:
    """Run the plan; gives its rows in Arrow memory."""
    import pyarrow as pa

    return pa.table(dataset.collect())


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """Arrow rows with pandas' default types.

    Integers with missing values become float64, truth values with missing ones object, text the
    default string type; lists stay Python lists. The result can be written to: pyarrow's
    zero-copy blocks are read-only, so only text shares memory with `table`.
    """
    import pandas as pd

    names = table.column_names
    plain = [at for at, field in enumerate(table.schema) if not _is_special(field.type)]
    frame: pd.DataFrame = table.select(plain).to_pandas(ignore_metadata=True)
    frame.columns = pd.RangeIndex(len(plain))  # names need not be distinct while inserting
    for at in sorted(set(range(len(names))) - set(plain)):
        frame.insert(at, f"special_{at}", _special(table.column(at), frame.index))
    frame.columns = pd.Index(names)
    return frame


def _is_special(kind: pa.DataType) -> bool:
    from pyarrow import types

    listed = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return bool(listed or types.is_boolean(kind) or types.is_null(kind))


def _special(values: pa.ChunkedArray, index: pd.Index[Any]) -> pd.Series[Any]:
    import numpy as np
    import pandas as pd
    from pyarrow import types

    if types.is_null(values.type):
        return pd.Series(np.nan, index=index, dtype="float64")
    if types.is_boolean(values.type):
        if values.null_count == 0:
            return pd.Series(values.to_numpy(), index=index)
        items = [np.nan if value is None else value for value in values.to_pylist()]
        return pd.Series(items, index=index, dtype=object)
    return pd.Series(values.to_pylist(), index=index, dtype=object)


def frame_of(rows: Rows, dataset: Dataset, labels: Sequence[Label]) -> pd.DataFrame:
    """Compute a dataset of the index columns of `rows`, then of columns that get `labels`."""
    frame = to_pandas(collect(dataset))
    if rows.index:
        keys = [label for label, _ in rows.index]
        frame = frame.set_index(list(frame.columns[: len(keys)]))
        frame = frame.rename_axis(keys if len(keys) > 1 else keys[0])
    frame.columns = column_index(labels)
    return frame


def column_index(labels: Sequence[Label]) -> pd.Index[Any]:
    """The pandas index of column labels; pairs make two levels."""
    import pandas as pd

    depths = [len(label) for label in labels if isinstance(label, tuple)]
    if not depths:
        return pd.Index(list(labels))
    return pd.MultiIndex.from_tuples([_padded(label, max(depths)) for label in labels])


def _padded(label: Label, depth: int) -> tuple[str, ...]:
    parts = (label,) if isinstance(label, str) else label
    return parts + ("",) * (depth - len(parts))


def series_of(rows: Rows, name: str | None, expr: Expr) -> pd.Series[Any]:
    """Compute one column."""
    label = "value" if name is None else name
    frame = frame_of(rows, rows.select({label: expr})[0], [label])
    series = frame.iloc[:, 0]
    series.name = name
    return series


def scalar_of(dataset: Dataset) -> Any:
    """The single value of a dataset of one row and one column; NaN when it is missing."""
    plain, value = dataset.value()
    if not plain:
        value = to_pandas(value).iloc[0, 0]
    return float("nan") if value is None else value


def schema_of(dataset: Dataset) -> pa.Schema:
    """Names and types of the columns; tries functions on a sample where they decide."""
    import pyarrow as pa

    return pa.schema(dataset.schema())


def pandas_dtypes(schema: pa.Schema) -> list[Any]:
    """The pandas types in which `compute()` gives columns without missing values."""
    return list(to_pandas(schema.empty_table()).dtypes)


def known_types(dataset: Dataset) -> list[pa.DataType | None] | None:
    """The columns' types as far as they are known; never computes.

    None: not even the columns are known, because they follow from a function's results.
    """
    import pyarrow as pa

    found = [
        known if known is None or isinstance(known, pa.DataType) else pa.schema(known).field(0).type
        for known in dataset.known_types()
    ]
    return found or None


def type_names(types: Iterable[pa.DataType | None]) -> list[str]:
    """The pandas names of types; `?` for those not known yet."""
    import pyarrow as pa

    found = []
    for kind in types:
        known = None if kind is None else pandas_dtypes(pa.schema([("value", kind)]))[0]
        found.append("?" if known is None else str(known))
    return found


def arrow_type(dtype: object) -> pa.DataType:
    """The Arrow type that `dtype` names: a pandas, numpy, Python or Arrow type, or a name of one.

    Raises
    ------
    TypeError
        For anything else, and for pandas types without a like in Arrow.
    """
    import pyarrow as pa

    if isinstance(dtype, pa.DataType):
        return dtype
    if isinstance(dtype, pa.Field):
        return dtype.type
    if isinstance(dtype, type) and dtype in _PYTHON_TYPES:
        return getattr(pa, _PYTHON_TYPES[dtype][0])(*_PYTHON_TYPES[dtype][1])
    if isinstance(dtype, str) and dtype in _NAMED_TYPES:
        return getattr(pa, _NAMED_TYPES[dtype][0])(*_NAMED_TYPES[dtype][1])
    return _arrow_of_pandas(dtype)


def _arrow_of_pandas(dtype: Any) -> pa.DataType:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    try:
        kind = pd.api.types.pandas_dtype(dtype)
    except TypeError:
        kind = None
    if isinstance(kind, pd.StringDtype):
        return pa.string()
    if isinstance(kind, pd.DatetimeTZDtype):
        return pa.timestamp(kind.unit, str(kind.tz))
    if isinstance(kind, pd.ArrowDtype):
        return kind.pyarrow_dtype
    numpy_kind = getattr(kind, "numpy_dtype", kind)
    if isinstance(numpy_kind, np.dtype) and numpy_kind.kind in "biufMm":
        return pa.from_numpy_dtype(numpy_kind)
    raise TypeError(
        f"`{dtype!r}` is no type that a windrow column can have\n"
        "hint: use int, float, bool, str, a numpy type such as `int64` or `datetime64[us]`, "
        "or a pyarrow type"
    )


_PYTHON_TYPES: dict[type, tuple[str, Sequence[Any]]] = {
    bool: ("bool_", ()),
    int: ("int64", ()),
    float: ("float64", ()),
    str: ("string", ()),
    bytes: ("binary", ()),
    dt.date: ("date32", ()),
    dt.datetime: ("timestamp", ("us",)),
    dt.timedelta: ("duration", ("us",)),
    decimal.Decimal: ("decimal128", (38, 9)),
}

_NAMED_TYPES: dict[str, tuple[str, Sequence[Any]]] = {
    "str": ("string", ()),
    "string": ("string", ()),
    "date": ("date32", ()),
    "datetime": ("timestamp", ("us",)),
    "timedelta": ("duration", ("us",)),
    "bytes": ("binary", ()),
}
