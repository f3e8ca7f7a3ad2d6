"""One question asked of pandas and of `.wr`: `check(ask)` compares the answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

import windrow.pandas  # noqa: F401 - registers the accessors


class Own:
    """Stands for `.wr`: pandas' own methods under the same name."""

    def __init__(self, wrapped: Any) -> None:
        self.wr = wrapped
        self._wrapped = wrapped

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)


def check(ask: Callable[[Any], Any], data: Any) -> Any:
    """`ask` gets the same answer (values, types, names, labels) from both, or the same error."""
    expected = _answer(ask, Own(data))
    actual = _answer(ask, data)
    same(actual, expected)
    return actual


def _answer(ask: Callable[[Any], Any], data: Any) -> Any:
    try:
        return ask(data)
    except Exception as error:
        return error


def same(actual: Any, expected: Any) -> None:
    """Both are equal in all that pandas knows of them."""
    if isinstance(expected, BaseException) or isinstance(actual, BaseException):
        assert isinstance(actual, BaseException), f"pandas raised {expected!r}"
        if not isinstance(expected, BaseException):
            raise actual
        assert (type(actual), str(actual)) == (type(expected), str(expected))
    elif isinstance(expected, pd.DataFrame):
        assert type(actual) is type(expected)
        pd.testing.assert_index_equal(actual.columns, expected.columns, exact=True)
        for at in range(expected.shape[1]):
            same(actual.iloc[:, at], expected.iloc[:, at])
        pd.testing.assert_index_equal(actual.index, expected.index, exact=True)
    elif isinstance(expected, pd.Series):
        assert (type(actual), actual.name) == (type(expected), expected.name)
        pd.testing.assert_index_equal(actual.index, expected.index, exact=True)
        assert actual.dtype == expected.dtype
        if expected.dtype == object:
            # With their Python types; NaN is equal to NaN here, at any depth.
            assert list(map(repr, actual)) == list(map(repr, expected))
        else:
            pd.testing.assert_series_equal(actual, expected, check_exact=True)
    else:
        assert type(actual) is type(expected)
        assert actual == expected
