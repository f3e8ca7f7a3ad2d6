"""Conversions between Arrow and pandas for the functions that need them; loaded on demand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa


class BatchFunction:
    """A function that takes and gives record batches by itself, not DataFrames."""

    def __call__(self, batch: pa.RecordBatch, schema: pa.Schema | None) -> pa.RecordBatch:
        """The result for `batch`, with the columns of `schema` if that is known."""
        raise NotImplementedError


class FrameMisfit(Exception):  # noqa: N818
    """A frame does not fit its schema: value, type found, type expected, hint."""


def array(values: list[Any], data_type: pa.DataType) -> pa.Array:
    """Give an array of `data_type`; raises what pyarrow raises for a value that does not fit."""
    return pa.array([_plain(value) for value in values], type=data_type)


def infer(values: list[Any]) -> pa.DataType | None:
    """Give the type that all of `values` fit (lists, dicts, decimals...), or None."""
    try:
        return pa.array([_plain(value) for value in values]).type
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return None


def _plain(value: Any) -> Any:
    """Give tuples as lists and arrays as lists: pyarrow takes only those for list columns."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    tolist = getattr(value, "tolist", None)
    return tolist() if tolist is not None and hasattr(value, "dtype") else value


def series(values: list[Any], labels: list[str], name: int) -> Any:
    """Give a row as the Series that `DataFrame.apply(axis=1)` would pass.

    All numbers make a numeric Series; anything else keeps the plain objects.
    """
    import pandas as pd

    numeric = all(type(value) in (int, float) for value in values)
    dtype = None if numeric and values else object
    return pd.Series(values, index=pd.Index(labels), name=name, dtype=dtype)


def call(function: Callable[..., Any], batch: pa.RecordBatch, schema: pa.Schema | None) -> Any:
    """Call a function of a DataFrame, and give its result as a record batch.

    Raises
    ------
    FrameMisfit
        When the result is no frame, Series or array, or does not fit `schema`.
    """
    if isinstance(function, BatchFunction):
        return function(batch, schema)
    result = function(batch.to_pandas())
    table = _table(result, schema)
    batches = table.combine_chunks().to_batches()
    if batches:
        return batches[0]
    return pa.RecordBatch.from_arrays(
        [pa.array([], type=field.type) for field in table.schema], schema=table.schema
    )


def _table(result: Any, schema: pa.Schema | None) -> pa.Table:
    import numpy as np
    import pandas as pd

    if isinstance(result, pd.Series):
        result = result.to_frame(_series_name(result, schema))
    elif isinstance(result, np.ndarray):
        result = pd.DataFrame(result if result.ndim > 1 else {_only_name(schema): result})
    elif isinstance(result, pa.RecordBatch):
        result = pa.Table.from_batches([result])
    if isinstance(result, pa.Table):
        return result if schema is None else _checked_table(result, schema)
    if not isinstance(result, pd.DataFrame):
        raise FrameMisfit(
            _short(result),
            type(result).__name__,
            "a DataFrame, Series or array, one for each partition",
            "return a DataFrame from the function of `map_partitions`",
        )
    return _checked_frame(result, schema)


def _series_name(result: Any, schema: pa.Schema | None) -> Any:
    return _only_name(schema) if result.name is None or schema is not None else result.name


def _only_name(schema: pa.Schema | None) -> str:
    return "value" if schema is None or len(schema) != 1 else schema.names[0]


def _checked_frame(frame: Any, schema: pa.Schema | None) -> pa.Table:
    frame = frame.rename(columns=str)
    if schema is not None:
        _check_names(list(frame.columns), schema)
        frame = frame[schema.names]
    try:
        table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise FrameMisfit(
            str(error), "DataFrame", f"the columns {_types(schema)}", _HINT
        ) from error
    return table.replace_schema_metadata()


def _checked_table(table: pa.Table, schema: pa.Schema) -> pa.Table:
    _check_names(table.column_names, schema)
    try:
        return table.select(schema.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise FrameMisfit(str(error), "Table", f"the columns {_types(schema)}", _HINT) from error


def _check_names(names: list[str], schema: pa.Schema) -> None:
    if set(names) != set(schema.names) or len(names) != len(schema.names):
        raise FrameMisfit(
            f"columns {', '.join(names)}", "DataFrame", f"the columns {_types(schema)}", _HINT
        )


_HINT = "return the same columns and types for every partition, or pass `meta=` with the right ones"


def _types(schema: pa.Schema | None) -> str:
    if schema is None:
        return "of one type each"
    return ", ".join(f"{field.name} ({field.type})" for field in schema)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:199] + "…"
