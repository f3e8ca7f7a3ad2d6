"""Whether two answers are the same rows, in order or not; floats to the ninth digit."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa


def check(got: pa.Table, expected: pa.Table, *, ordered: bool) -> None:
    """`got` has the columns and the rows of `expected`."""
    assert got.schema.names == expected.schema.names
    assert [plain(kind) for kind in got.schema.types] == [plain(k) for k in expected.schema.types]
    assert got.num_rows == expected.num_rows
    mine, theirs = rows(got), rows(expected)
    if not ordered:
        mine.sort(key=order)
        theirs.sort(key=order)
    for place, (one, other) in enumerate(zip(mine, theirs, strict=True)):
        assert near(one, other), f"row {place}: {one} instead of {other}"


def plain(kind: pa.DataType) -> str:
    return str(kind).replace("string_view", "string").replace("not null", "")


def rows(table: pa.Table) -> list[tuple[Any, ...]]:
    columns = [column.to_pylist() for column in table.columns]
    return list(zip(*columns, strict=True)) if columns else [()] * table.num_rows


def order(row: tuple[Any, ...]) -> str:
    """Sort rows by what they look like; floats by their first digits."""
    return repr(tuple(f"{value:.6e}" if isinstance(value, float) else value for value in row))


def near(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        both_missing = math.isnan(one) and math.isnan(other)
        return both_missing or math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(near(*pair) for pair in pairs)
    return bool(one == other)
