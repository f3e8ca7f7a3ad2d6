"""What `Series.map` sends to the workers when it is given a mapping; imports nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def is_missing(value: object) -> bool:
    """Whether a function's argument stands for a missing value: None or NaN."""
    return value is None or value != value  # noqa: PLR0124 - only NaN differs from itself


class Lookup:
    """Looks values up as pandas does: what the mapping has not is missing.

    A mapping with `__missing__` (a `defaultdict`, a `Counter`) is asked for its default.
    """

    def __init__(self, mapping: Mapping[Any, Any]) -> None:
        self.__name__ = "map"
        self._mapping = mapping
        self._ask = hasattr(type(mapping), "__missing__")
        # Two NaN are two keys to a dict; pandas treats all missing keys as one.
        self._missing = next((mapping[key] for key in mapping if is_missing(key)), None)

    def __call__(self, value: Any) -> Any:
        """The mapping's value for `value`, or None."""
        if is_missing(value):
            return self._missing
        found = self._mapping[value] if self._ask else self._mapping.get(value)
        return None if is_missing(found) else found


class SkipMissing:
    """Calls a function for present values only: `na_action="ignore"`."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.__name__ = getattr(function, "__name__", type(function).__name__)
        self._function = function

    def __call__(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        """The function's result, or None for a missing value."""
        return None if is_missing(value) else self._function(value, *args, **kwargs)
