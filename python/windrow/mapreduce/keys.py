"""Buckets of keys that are the same in every process, whatever its `PYTHONHASHSEED`."""

from __future__ import annotations

import datetime as dt
import decimal
import fractions
import uuid
import zlib
from collections.abc import Callable
from typing import Any

# Python hashes numbers by their value alone, so that equal numbers of all types have equal hashes.
_NUMBERS = (int, float, complex, decimal.Decimal, fractions.Fraction)


def stable_hash(key: Any) -> int:
    """A hash that equal keys share in all processes.

    A type is known by its `__hash__`: whoever changes what is equal changes that as well. Keys of
    unknown types all have the same hash; their values are then reduced by one task.
    """
    known = _HASHES.get(type(key).__hash__)
    if known is not None:
        return known(key)
    plain = _plain(key)
    return 0 if plain is None else stable_hash(plain)


def _plain(key: Any) -> Any:
    """What a value of numpy or pandas is equal to; None for what is neither."""
    module = type(key).__module__.partition(".")[0]
    if module == "numpy" and hasattr(key, "item"):
        plain = key.item()
        return plain if isinstance(plain, (int, float, complex, str, bytes)) else None
    if module == "pandas" and isinstance(key, dt.datetime):
        return key.to_pydatetime(warn=False)  # type: ignore[attr-defined]
    if module == "pandas" and isinstance(key, dt.timedelta):
        return key.to_pytimedelta()  # type: ignore[attr-defined]
    return None


def _of_tuple(key: tuple[Any, ...]) -> int:
    return hash(tuple(stable_hash(part) for part in key))


def _of_set(key: frozenset[Any]) -> int:
    return hash(frozenset(stable_hash(part) for part in key))


def _of_datetime(key: dt.datetime) -> int:
    offset = key.utcoffset()
    # An aware time is equal to the same moment in another zone.
    moment = key.replace(tzinfo=None, fold=0)
    return hash((moment - dt.datetime.min - (offset or dt.timedelta())) // _TICK)


_TICK = dt.timedelta(microseconds=1)

_HASHES: dict[Any, Callable[[Any], int]] = {
    **{kind.__hash__: hash for kind in _NUMBERS},
    type(None).__hash__: lambda _: 1,
    str.__hash__: lambda key: zlib.crc32(key.encode("utf-8", "surrogatepass")),
    bytes.__hash__: zlib.crc32,
    tuple.__hash__: _of_tuple,
    frozenset.__hash__: _of_set,
    dt.date.__hash__: lambda key: key.toordinal(),
    dt.datetime.__hash__: _of_datetime,
    dt.timedelta.__hash__: lambda key: hash(key // _TICK),
    uuid.UUID.__hash__: lambda key: hash(key.int),
}
# `object.__hash__` is an address; before Python 3.12 it is that of None as well.
_HASHES.pop(object.__hash__, None)
