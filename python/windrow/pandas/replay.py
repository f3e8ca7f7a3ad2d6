"""pandas' own way from results to an answer: it is given the results in place of the function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def replay(results: Iterable[Any]) -> Callable[..., Any]:
    """A function that gives `results`, one for each call, whatever it is called with.

    pandas then finds types, names and row labels as it does for the function itself.
    """
    waiting = iter(results)

    def next_result(_argument: Any) -> Any:
        return next(waiting)

    return next_result


def is_sequence(value: Any) -> bool:
    """Whether pandas takes a result for a row of several values."""
    try:
        iter(value)
        len(value)
    except (TypeError, AttributeError):
        return False
    return not isinstance(value, (str, bytes))


def is_left_to_pandas(function: Any) -> bool:
    """Whether pandas does `function` in one go: a name, a list or dict of functions, a ufunc."""
    import numpy as np

    return not callable(function) or isinstance(function, np.ufunc)
