"""One question asked of pandas and of windrow: `check(build)` compares the answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import windrow as wr

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"

PEOPLE = pd.DataFrame(
    {
        "id": [1, 2, 3, 4, 5, 6, 7, 8],
        "age": [31.0, np.nan, 18.0, 65.5, 31.0, 0.0, np.nan, -4.0],
        "city": ["Oslo", "Rome", None, "Oslo", "Bern", "Rome", "Rome", " bern "],
        "member": [True, False, True, True, False, False, True, False],
        "visits": [3, 0, 7, 3, 12, 0, 1, 3],
        "since": pd.to_datetime(
            [
                "2020-01-31",
                "2021-06-01",
                None,
                "2019-12-31 23:59:59",
                "2020-02-29",
                "2022-03-04 05:06:07",
                "2020-01-01",
                "1999-07-20",
            ],
            format="ISO8601",
        ).as_unit("us"),
    }
)


def shared(name: str) -> Path:
    """A file of the shared data; the test is skipped where it is not there."""
    path = SHARED / name
    if not path.exists():
        pytest.skip("the shared data folder is not beside this checkout")
    return path


def check(
    build: Callable[[Any], Any],
    data: pd.DataFrame = PEOPLE,
    *,
    ordered: bool = True,
    npartitions: int = 3,
    dtypes: bool = True,
) -> None:
    """`build` gives the same on a pandas frame and on a windrow frame of the same rows."""
    expected = build(data.copy())
    actual = build(wr.from_pandas(data, npartitions=npartitions))
    same(actual, expected, ordered=ordered, dtypes=dtypes)


def same(actual: Any, expected: Any, *, ordered: bool = True, dtypes: bool = True) -> None:
    """Both are equal once computed; row labels count only where they have a name."""
    if hasattr(actual, "compute"):
        actual = actual.compute()
    if isinstance(expected, pd.DataFrame):
        left, right = _comparable(actual, ordered), _comparable(expected, ordered)
        pd.testing.assert_frame_equal(left, right, check_dtype=dtypes)
    elif isinstance(expected, pd.Series):
        left, right = _comparable(actual, ordered), _comparable(expected, ordered)
        pd.testing.assert_series_equal(left, right, check_dtype=dtypes)
    elif isinstance(expected, float) and np.isnan(expected):
        assert np.isnan(actual)
    elif isinstance(expected, float):
        assert actual == pytest.approx(expected, rel=1e-12)
    else:
        assert actual == expected


def _comparable(found: Any, ordered: bool) -> Any:
    assert isinstance(found, (pd.DataFrame, pd.Series)), f"not computed: {type(found)}"
    labels = [name for name in found.index.names if name is not None]
    if not labels and not isinstance(found.index, pd.MultiIndex) and found.index.dtype != object:
        number = pd.api.types.is_integer_dtype(found.index)
        found = found.reset_index(drop=True) if number else found
    if ordered:
        return found
    if isinstance(found, pd.Series):
        return found.sort_values().reset_index(drop=True)
    return found.sort_values(list(found.columns)).reset_index(drop=True)
