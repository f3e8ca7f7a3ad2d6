"""Captured values as data: what a function sees of its surroundings, copied as it is now."""

from __future__ import annotations

import struct
from typing import Any

Json = dict[str, Any]

# Beyond this many entries a captured container stays with the interpreter.
MAX_ENTRIES = 1_000_000


def is_container(value: object) -> bool:
    """Whether `value` is looked into rather than computed with."""
    return isinstance(value, dict | list | set | frozenset | tuple | range)


def constant(value: Any) -> Json | None:
    """Write a value, or None when it is not plain data.

    Exact types only: a subclass of `str` or `dict` may behave in its own way. Integers are
    written as text and floats as their bits, so that nothing is lost on the way.
    """
    scalar = _scalar(value)
    if scalar is not None:
        return scalar
    kind = type(value)
    if kind is range:
        return {"t": "range", "v": [str(value.start), str(value.stop), str(value.step)]}
    if kind in (list, tuple, set, frozenset):
        items = _scalars(value)
        word = "set" if kind is frozenset else kind.__name__
        return None if items is None else {"t": word, "v": items}
    if kind is dict:
        keys, values = _scalars(value), _scalars(value.values())
        if keys is None or values is None:
            return None
        return {"t": "dict", "v": [list(pair) for pair in zip(keys, values, strict=True)]}
    return None


def _scalars(values: Any) -> list[Json] | None:
    if len(values) > MAX_ENTRIES:
        return None
    written = [_scalar(value) for value in values]
    return None if None in written else written  # type: ignore[return-value]


def _scalar(value: Any) -> Json | None:
    kind = type(value)
    if value is None:
        return {"t": "none"}
    if kind is bool:
        return {"t": "bool", "v": value}
    if kind is int:
        return {"t": "int", "v": str(value)} if value.bit_length() <= 4096 else None
    if kind is float:
        return {"t": "float", "v": struct.pack(">d", value).hex()}
    if kind is str:
        # A lone surrogate cannot be written as UTF-8 and never equals Arrow text.
        return None if any("\ud800" <= c <= "\udfff" for c in value) else {"t": "str", "v": value}
    return None
