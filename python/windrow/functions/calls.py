"""Callables that the workers unpickle: a function with its extra arguments bound."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import CellType, CodeType, FunctionType
from typing import Any

from windrow.functions.arguments import BOUND_ROW, bind
from windrow.functions.refusal import Refusal


class BoundTail:
    """Calls `function(first, *args, **kwargs)`: `partial` for the arguments after the first."""

    __slots__ = ("args", "function", "kwargs")

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs

    def __call__(self, first: Any) -> Any:
        """Call with the row, value or frame."""
        return self.function(first, *self.args, **self.kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return BoundTail, (self.function, self.args, self.kwargs)


def bind_tail(
    callable_: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Callable[..., Any]:
    """`callable_` as a function of its first argument only.

    A plain function gets the values as its defaults, which costs nothing per call and adds no
    frame to a traceback; anything else is wrapped.
    """
    if not args and not kwargs:
        return callable_
    if type(callable_) is not FunctionType:
        return BoundTail(callable_, args, kwargs)
    code = callable_.__code__
    positional = code.co_varnames[: code.co_argcount]
    try:
        binding = bind(callable_, (BOUND_ROW, *args), kwargs)
    except Refusal:
        return BoundTail(callable_, args, kwargs)  # raises the TypeError of the call itself
    keyword_only = code.co_varnames[len(positional) : len(positional) + code.co_kwonlyargcount]
    return remake(
        callable_,
        code,
        tuple(binding.values[name] for name in positional[1:]),
        {name: binding.values[name] for name in keyword_only},
        callable_.__closure__,
    )


def remake(
    function: FunctionType,
    code: CodeType,
    defaults: tuple[Any, ...],
    keyword_defaults: dict[str, Any],
    closure: tuple[CellType, ...] | None,
) -> FunctionType:
    """Make a variant of `function` with the same globals and names."""
    made = FunctionType(code, function.__globals__, function.__name__, defaults, closure)
    made.__kwdefaults__ = keyword_defaults or None
    made.__qualname__ = function.__qualname__
    made.__module__ = function.__module__
    made.__dict__[_REMADE] = True
    return made


_REMADE = "__windrow_remade__"


def is_remade(function: FunctionType) -> bool:
    """Whether `function` was made by `remake`, so that no module holds it under its name."""
    return _REMADE in function.__dict__


def function_in_module(
    module: str,
    code: CodeType,
    parts: tuple[str, str, tuple[Any, ...] | None, dict[str, Any] | None],
    closure: tuple[CellType, ...] | None,
) -> FunctionType:
    """In the worker: a remade function over the globals of the imported `module`."""
    name, qualname, defaults, keyword_defaults = parts
    globals_ = vars(importlib.import_module(module))
    made = FunctionType(code, globals_, name, defaults, closure)
    made.__kwdefaults__ = keyword_defaults
    made.__qualname__ = qualname
    made.__module__ = module
    made.__dict__[_REMADE] = True
    return made
