"""The functions whose meaning is known, found by identity and never by name."""

from __future__ import annotations

import builtins
import math
import sys
from typing import Any

_BUILTINS = (
    "abs", "bool", "chr", "float", "int", "isinstance", "len", "max", "min", "ord", "round", "str",
)  # fmt: skip
# Pure, although not compiled: rows that need them may go to the interpreter on their own.
_PURE_BUILTINS = (
    "all", "any", "ascii", "bin", "bytes", "callable", "complex", "dict", "divmod", "enumerate",
    "filter", "format", "frozenset", "hash", "hex", "issubclass", "list", "map", "oct", "pow",
    "range", "repr", "reversed", "set", "slice", "sorted", "sum", "tuple", "type", "zip",
)  # fmt: skip
_PANDAS = ("isna", "isnull", "notna", "notnull")
_NUMPY = ("isnan",)
_PURE_MODULES = frozenset(
    {"math", "re", "string", "unicodedata", "datetime", "decimal", "fractions", "_decimal"}
    | {"cmath", "operator", "_operator", "itertools", "calendar", "textwrap", "html", "difflib"}
)


def _table() -> dict[int, tuple[object, str]]:
    table: dict[int, tuple[object, str]] = {}
    for name in _BUILTINS:
        value = getattr(builtins, name)
        table[id(value)] = value, name
    for name, value in vars(math).items():
        if callable(value):
            table[id(value)] = value, f"math.{name}"
    # Looked up only when the user has imported them: `import windrow` stays fast.
    for module, names in (("pandas", _PANDAS), ("numpy", _NUMPY)):
        for name in names:
            value = getattr(sys.modules.get(module), name, None)
            if value is not None:
                table[id(value)] = value, f"{module}.{name}"
    return table


def known_name(value: Any) -> str | None:
    """Name a function that native code can stand for: `len`, `math.sqrt`, `pandas.isna`."""
    found = _table().get(id(value))
    return found[1].replace("isnull", "isna").replace("notnull", "notna") if found else None


def is_pure(value: Any) -> bool:
    """Whether calling `value` has no effect but its result."""
    if known_name(value) is not None:
        return True
    if any(value is getattr(builtins, name) for name in _PURE_BUILTINS):
        return True
    if isinstance(value, type) and issubclass(value, BaseException):
        return True
    return getattr(value, "__module__", None) in _PURE_MODULES


def is_pure_module(value: Any) -> bool:
    """Whether everything in a module is free of effects, names in `CLOCKS` aside."""
    return getattr(value, "__name__", None) in _PURE_MODULES


CLOCKS = frozenset({"now", "today", "utcnow", "seed", "random", "setcontext", "localcontext"})
