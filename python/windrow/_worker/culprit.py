"""Names the object inside of a value that cannot be pickled."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from types import FunctionType, MethodType, ModuleType
from typing import Any

_DEPTH = 6
_ITEMS = 1000


def explain(value: Any, error: BaseException, way: str = "to workers") -> str:
    """Give the message for a value that cannot be sent, to workers or the other way, and why.

    Returns
    -------
    str
        For example ``cannot send `f` to workers: its closure variable `lock` is a `_thread.lock```.
    """
    name = _name(value)
    path = _find(value, _DEPTH, set())
    if not path:
        return (
            f"cannot send `{name}` {way}: {error}\n"
            "hint: what it uses must be picklable, or made inside of the function"
        )
    steps = [step for step, _ in path]
    culprit = path[-1][1]
    where = ", ".join(steps)
    return (
        f"cannot send `{name}` {way}: {where} is a `{_type(culprit)}`\n"
        "hint: make it inside of the function, or pass what it was made from"
    )


def _find(value: Any, depth: int, seen: set[int]) -> list[tuple[str, Any]]:
    """Give the way to the innermost part that cannot be pickled; none when it is all of it."""
    if depth == 0 or id(value) in seen:
        return []
    seen.add(id(value))
    for step, part in _parts(value):
        if not _is_picklable(part):
            return [(step, part), *_find(part, depth - 1, seen)]
    return []


def _is_picklable(value: Any) -> bool:
    import cloudpickle

    if isinstance(value, ModuleType):
        return True
    try:
        cloudpickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception:  # noqa: BLE001  anything means no
        return False
    return True


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Give what a value is made of, each with words for where it is."""
    import functools

    if isinstance(value, MethodType):
        yield "its object", value.__self__
        yield from _parts(value.__func__)
    elif isinstance(value, FunctionType):
        yield from _function_parts(value)
    elif isinstance(value, functools.partial):
        yield "its function", value.func
        for number, argument in enumerate(value.args):
            yield f"its argument {number}", argument
        for name, argument in value.keywords.items():
            yield f"its argument `{name}`", argument
    elif isinstance(value, dict):
        for key, item in list(value.items())[:_ITEMS]:
            yield f"the item `{_short(key)}`", item
    elif isinstance(value, (list, tuple, set, frozenset)):
        for number, item in enumerate(list(value)[:_ITEMS]):
            yield f"the item {number}", item
    else:
        yield from _attributes(value)


def _function_parts(function: FunctionType) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            yield f"its closure variable `{name}`", cell.cell_contents
        except ValueError:
            continue  # not bound yet
    for number, default in enumerate(function.__defaults__ or ()):
        yield f"its default {number}", default
    for name, default in (function.__kwdefaults__ or {}).items():
        yield f"its default of `{name}`", default
    for name in _global_names(function.__code__):
        if name in function.__globals__:
            yield f"the global variable `{name}` that it uses", function.__globals__[name]


def _global_names(code: Any) -> list[str]:
    names = list(code.co_names)
    for constant in code.co_consts:
        if hasattr(constant, "co_names"):
            names += _global_names(constant)
    return list(dict.fromkeys(names))


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    attributes = getattr(value, "__dict__", None)
    if isinstance(attributes, dict):
        for name, part in list(attributes.items())[:_ITEMS]:
            yield f"its attribute `{name}`", part


def _name(value: Any) -> str:
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if isinstance(name, str):
        return name.rpartition("<locals>.")[2]
    return _short(value)


def _type(value: Any) -> str:
    kind = type(value)
    module = kind.__module__
    return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"


def shown(value: Any) -> str:
    """Give a short repr that never fails."""
    return _short(value)


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  any repr may fail
        text = f"<{_type(value)}>"
    return text if len(text) <= 60 else text[:59] + "…"
