"""The row object: fast for what rows are used for, a pandas Series for everything else."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from worker_check import rows

DATA = {"a": [1, 2], "b": [1.5, 2.5], "name": ["x", "y"], "count": [7, 8], "text col": ["p", "q"]}


def each(function: Any, data: Any = None, **options: Any) -> list[Any]:
    return rows(function, DATA if data is None else data, call="row", **options).to_pylist()


def test_values_by_label_and_attribute() -> None:
    assert each(lambda row: row["a"]) == [1, 2]
    assert each(lambda row: row.a + row.b) == [2.5, 4.5]
    assert each(lambda row: row["text col"]) == ["p", "q"]
    assert each(lambda row: row.get("zz", 5)) == [5, 5]
    assert each(lambda row: row.get("a")) == [1, 2]


def test_attributes_of_pandas_win_over_columns_of_that_name() -> None:
    assert each(lambda row: row.name) == [0, 1]
    assert each(lambda row: row["name"]) == ["x", "y"]
    assert each(lambda row: callable(row.count)) == [True, True]


@pytest.mark.parametrize("key", ["zz", 0, 1])
def test_a_missing_label_is_a_key_error(key: Any) -> None:
    with pytest.raises(KeyError) as caught:
        each(lambda row: row[key])
    assert caught.value.args == (key,)
    assert any("row 0: a=1" in note for note in caught.value.__notes__)


def test_a_missing_attribute_is_pandas_own_error() -> None:
    with pytest.raises(AttributeError, match="Series"):
        each(lambda row: row.zz)


def test_as_a_mapping() -> None:
    assert each(lambda row: "a" in row) == [True, True]
    assert each(lambda row: 1 in row) == [False, False]
    assert each(len) == [5, 5]
    assert each(lambda row: list(row.keys())) == [list(DATA)] * 2
    assert each(lambda row: dict(row)["b"]) == [1.5, 2.5]
    assert each(lambda row: row.to_dict()["a"]) == [1, 2]
    assert each(lambda row: next(f"{k}={v}" for k, v in row.items())) == ["a=1", "a=2"]


def test_iteration_is_over_values() -> None:
    assert each(lambda row: str(list(row))) == [
        "[1, 1.5, 'x', 7, 'p']",
        "[2, 2.5, 'y', 8, 'q']",
    ]
    assert each(sum, {"a": [1, 2], "b": [3, 4]}) == [4, 6]


def test_anything_a_series_can() -> None:
    numbers = {"a": [1, 2], "b": [3, 5]}
    assert each(lambda row: float(row.mean()), numbers) == [2.0, 3.5]
    assert each(lambda row: int(row.iloc[-1]), numbers) == [3, 5]
    assert each(lambda row: int((row + 1).sum()), numbers) == [6, 9]
    assert each(lambda row: int((10 - row).max()), numbers) == [9, 8]
    assert each(lambda row: int(np.max(row)), numbers) == [3, 5]
    assert each(lambda row: bool((row == row).all()), numbers) == [True, True]
    assert each(lambda row: list(row.index)) == [list(DATA)] * 2
    assert each(lambda row: isinstance(row, pd.Series)) == [True, True]
    assert each(lambda row: int(row[["a", "count"]].sum())) == [8, 10]
    assert each(lambda row: row.str.upper()["name"], {"name": ["x"], "b": ["y"]}) == ["X"]
    assert each(lambda row: "Name: 1" in repr(row)) == [False, True]


def test_rows_can_be_changed_and_kept() -> None:
    def change(row: Any) -> int:
        row["a"] = row["a"] * 10
        row["new"] = 5
        return int(row["a"] + row.new + len(row))

    assert each(change) == [21, 31]
    kept: list[Any] = []

    def keep(row: Any) -> int:
        kept.append(row)
        return sum(old["a"] for old in kept)

    assert each(keep) == [1, 3]


def test_rows_can_be_copied_and_pickled() -> None:
    assert each(lambda row: pickle.loads(pickle.dumps(row))["a"]) == [1, 2]
    assert each(lambda row: copy.copy(row)["a"]) == [1, 2]
    assert each(lambda row: copy.deepcopy(row)["a"]) == [1, 2]


def test_twin_columns_are_a_series() -> None:
    twins = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    assert each(lambda row: [int(v) for v in row["a"]], twins) == [[1, 2]]


def test_the_name_is_the_ordinal_across_batches() -> None:
    data = {"a": list(range(10))}
    assert each(lambda row: row.name, data, batch_size=3) == list(range(10))


def test_missing_values() -> None:
    data = {"a": pa.array([1, None])}
    assert each(lambda row: row["a"] != row["a"], data) == [False, True]
    assert each(lambda row: row["a"] is None, data, nulls="none") == [False, True]
