"""The functions whose meaning is known, found by identity and never by name."""

from __future__ import annotations

import builtins
import datetime as dt
import functools
import math
import re
import sys
from typing import Any

_BUILTINS = (
    "abs", "all", "any", "bin", "bool", "chr", "dict", "divmod", "enumerate", "filter", "float",
    "hex", "int", "isinstance", "len", "list", "map", "max", "min", "next", "oct", "ord", "pow",
    "range", "repr", "reversed", "round", "set", "sorted", "str", "sum", "tuple", "type", "zip",
)  # fmt: skip
# Pure, although not compiled: rows that need them may go to the interpreter on their own.
_PURE_BUILTINS = (
    "ascii", "bytes", "callable", "complex", "format", "frozenset", "hash", "issubclass", "slice",
)  # fmt: skip
_REGEX = ("compile", "findall", "finditer", "fullmatch", "match", "search", "split", "sub")
_DATES = ("date", "datetime", "timedelta")
_CALENDAR = ("isleap", "monthrange")
_PANDAS = ("isna", "isnull", "notna", "notnull")
_NUMPY = ("isnan",)
_METHODS: dict[type, tuple[str, ...]] = {
    dt.datetime: ("fromisoformat", "strptime"),
    dt.date: ("fromisoformat", "fromordinal"),
}
_TEXT_METHODS = frozenset(
    {"lower", "upper", "strip", "lstrip", "rstrip", "title", "capitalize", "swapcase", "isdigit"}
    | {"isalpha", "isalnum", "isspace", "isupper", "islower", "isnumeric", "isdecimal", "split"}
    | {"startswith", "endswith", "replace", "casefold", "zfill", "count", "find", "isascii"}
)
_PURE_MODULES = frozenset(
    {"math", "re", "string", "unicodedata", "datetime", "decimal", "fractions", "_decimal"}
    | {"cmath", "operator", "_operator", "itertools", "calendar", "textwrap", "html", "difflib"}
)


@functools.cache
def _table(_present: tuple[bool, ...]) -> dict[int, tuple[object, str]]:
    table: dict[int, tuple[object, str]] = {}
    for name in _BUILTINS:
        value = getattr(builtins, name)
        table[id(value)] = value, name
    for name, value in vars(math).items():
        if callable(value):
            table[id(value)] = value, f"math.{name}"
    listed: list[tuple[Any, str, tuple[str, ...]]] = [
        (re, "re", _REGEX),
        (dt, "datetime", _DATES),
        # Looked up only when the user has imported them: the first function stays fast.
        (sys.modules.get("calendar"), "calendar", _CALENDAR),
        (sys.modules.get("pandas"), "pandas", _PANDAS),
        (sys.modules.get("numpy"), "numpy", _NUMPY),
    ]
    for module, owner, names in listed:
        for name in names:
            value = getattr(module, name, None)
            if value is not None:
                table[id(value)] = value, f"{owner}.{name}"
    return table


def known_name(value: Any) -> str | None:
    """Name a function that native code can stand for: `len`, `math.sqrt`, `pandas.isna`."""
    present = tuple(
        hasattr(sys.modules.get(name), mark)
        for name, mark in (("calendar", "monthrange"), ("pandas", "isna"), ("numpy", "isnan"))
    )
    found = _table(present).get(id(value))
    return found[1].replace("isnull", "isna").replace("notnull", "notna") if found else None


def known_method(owner: Any, name: str) -> str | None:
    """Name a method of a class: `str.lower`, `datetime.datetime.strptime`."""
    if owner is str:
        return f"str.{name}" if name in _TEXT_METHODS else None
    if isinstance(owner, type) and name in _METHODS.get(owner, ()):
        return f"datetime.{owner.__name__}.{name}"
    return None


def is_pure(value: Any) -> bool:
    """Whether calling `value` has no effect but its result."""
    if known_name(value) is not None:
        return True
    if any(value is getattr(builtins, name) for name in _PURE_BUILTINS):
        return True
    if isinstance(value, type) and issubclass(value, BaseException):
        return True
    # Pandas' missing values.
    if type(value).__name__ in ("NaTType", "NAType"):
        return True
    return getattr(value, "__module__", None) in _PURE_MODULES


def is_pure_module(value: Any) -> bool:
    """Whether everything in a module is free of effects, names in `CLOCKS` aside."""
    return getattr(value, "__name__", None) in _PURE_MODULES


CLOCKS = frozenset({"now", "today", "utcnow", "seed", "random", "setcontext", "localcontext"})
