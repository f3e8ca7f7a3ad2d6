"""Binding arguments to the parameters of a plain function, as a call would, without calling."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from windrow.functions.refusal import Refusal

# Stands for the row (or the value, or the batch) among the arguments.
BOUND_ROW: Any = object()


@dataclass(frozen=True, eq=False, repr=False)
class Binding:
    """Parameter name to argument, for every parameter; the row is `BOUND_ROW`."""

    name: str
    values: dict[str, Any]

    def row_parameter(self) -> str:
        """Return the one parameter the row goes to."""
        rows = [name for name, value in self.values.items() if value is BOUND_ROW]
        if len(rows) != 1:
            raise Refusal.whole(f"`{self.name}` gets the row {len(rows)} times")
        return rows[0]

    def check_position(self, function: FunctionType) -> None:
        """Refuse a row in a parameter that has a default, or stands after one that has."""
        defaults = len(function.__defaults__ or ())
        row = self.row_parameter()
        names = _positional(function)
        if row in names[len(names) - defaults :] or row in (function.__kwdefaults__ or {}):
            raise Refusal.whole(f"the parameter `{row}` of `{self.name}` has a default value")


def bind(function: FunctionType, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Binding:
    """Bind a call; defaults fill the rest.

    Raises
    ------
    Refusal
        If the call would raise TypeError, or the function takes `*args` or `**kwargs`.
    """
    code = function.__code__
    name = function.__name__
    if code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS):
        raise Refusal.whole(f"`{name}` takes `*args` or `**kwargs`", code.co_firstlineno)
    names = _positional(function)
    keyword_only = code.co_varnames[len(names) : len(names) + code.co_kwonlyargcount]
    wrong = Refusal.whole(f"`{name}` cannot be called with these arguments", code.co_firstlineno)
    if len(args) > len(names):
        raise wrong
    values = dict(zip(names, args, strict=False))
    for key, value in kwargs.items():
        by_keyword = key in names[code.co_posonlyargcount :] or key in keyword_only
        if key in values or not by_keyword:
            raise wrong
        values[key] = value
    defaults = function.__defaults__ or ()
    known = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))
    known.update(function.__kwdefaults__ or {})
    for parameter in (*names, *keyword_only):
        if parameter not in values:
            if parameter not in known:
                raise wrong
            values[parameter] = known[parameter]
    return Binding(name, values)


def _positional(function: FunctionType) -> tuple[str, ...]:
    return function.__code__.co_varnames[: function.__code__.co_argcount]
