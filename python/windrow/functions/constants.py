"""Captured values as data: what a function sees of its surroundings, copied as it is now."""

from __future__ import annotations

import re
import struct
from datetime import date, datetime, timedelta
from typing import Any

Json = dict[str, Any]

# Beyond this many entries a captured container stays with the interpreter.
MAX_ENTRIES = 1_000_000
_MAX_DEPTH = 8
_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)


def is_container(value: object) -> bool:
    """Whether `value` is looked into rather than computed with."""
    return isinstance(value, dict | list | set | frozenset | tuple | range)


def holds_mutable(value: Any) -> bool:
    """Whether a container holds others that can be changed."""
    if isinstance(value, dict):
        items = [*value, *value.values()]
    elif isinstance(value, range):
        return False
    else:
        items = list(value)
    return any(
        isinstance(item, dict | list | set) or (isinstance(item, tuple) and holds_mutable(item))
        for item in items
    )


def constant(value: Any) -> Json | None:
    """Write a value, or None when it is not plain data.

    Exact types only: a subclass of `str` or `dict` may behave in its own way. Integers are
    written as text and floats as their bits, so that nothing is lost on the way.
    """
    return _written(value, [MAX_ENTRIES], 0)


def _written(value: Any, room: list[int], depth: int) -> Json | None:
    scalar = _scalar(value)
    if scalar is not None:
        return scalar
    kind = type(value)
    if kind is range:
        return {"t": "range", "v": [str(value.start), str(value.stop), str(value.step)]}
    if kind in (list, tuple, set, frozenset):
        items = _all(value, room, depth)
        word = "set" if kind is frozenset else kind.__name__
        return None if items is None else {"t": word, "v": items}
    if kind is dict:
        keys, values = _all(value, room, depth), _all(value.values(), room, depth)
        if keys is None or values is None:
            return None
        return {"t": "dict", "v": [list(pair) for pair in zip(keys, values, strict=True)]}
    return None


def _all(values: Any, room: list[int], depth: int) -> list[Json] | None:
    room[0] -= len(values)
    if room[0] < 0 or depth >= _MAX_DEPTH:
        return None
    written = []
    for value in values:
        one = _written(value, room, depth + 1)
        if one is None:
            return None
        written.append(one)
    return written


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
    if kind is re.RegexFlag:
        return {"t": "int", "v": str(int(value))}
    if kind is re.Pattern and type(value.pattern) is str:
        return {"t": "pattern", "v": [value.pattern, value.flags]}
    if kind is date:
        return {"t": "date", "v": (value - _EPOCH.date()).days}
    if kind is datetime and value.tzinfo is None and value.fold == 0:
        return {"t": "datetime", "v": (value - _EPOCH) // _MICROSECOND}
    if kind is timedelta and abs(value.days) < 10_000_000:
        return {"t": "timedelta", "v": value // _MICROSECOND}
    return None
