"""Pickling a function as it is now: what it has captured is fixed when `apply` is called.

Functions of `__main__`, of notebooks and of the running script travel by value; functions of
modules that the workers can import (they have the same `sys.path`) travel by reference.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import sys
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

import cloudpickle

from windrow.functions.calls import function_in_module, is_remade


class UnpicklableFunctionError(TypeError):
    """A function cannot be sent to a worker because of something it holds on to."""


def pickle_callable(callable_: Callable[..., Any], function: FunctionType | None) -> bytes:
    """Pickle `callable_`.

    Parameters
    ----------
    callable_
        What the worker is to call.
    function
        The plain function in it, if there is one; names what is at fault.

    Raises
    ------
    UnpicklableFunctionError
        Naming the captured object that cannot be pickled.
    """
    with _by_value(function):
        try:
            buffer = io.BytesIO()
            _Pickler(buffer, protocol=5).dump(callable_)
            return buffer.getvalue()
        except Exception as error:
            raise _blame(callable_, function, error) from error


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """cloudpickle, but a remade function of an importable module keeps that module's globals."""

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is FunctionType and is_remade(obj) and _by_reference(obj):
            parts = (obj.__name__, obj.__qualname__, obj.__defaults__, obj.__kwdefaults__)
            return function_in_module, (obj.__module__, obj.__code__, parts, obj.__closure__)
        return super().reducer_override(obj)


def _by_reference(function: FunctionType) -> bool:
    module = sys.modules.get(function.__module__ or "")
    return (
        module is not None
        and module.__name__ != "__main__"
        and vars(module) is function.__globals__
        and module not in _registered()
        and not _stays_here(module)
    )


@contextlib.contextmanager
def _by_value(function: FunctionType | None) -> Iterator[None]:
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    if module is None or not _stays_here(module) or module in _registered():
        yield
        return
    cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        cloudpickle.unregister_pickle_by_value(module)


def _registered() -> list[ModuleType]:
    return [sys.modules[n] for n in cloudpickle.list_registry_pickle_by_value() if n in sys.modules]


def _stays_here(module: ModuleType) -> bool:
    """Whether another process cannot import `module`: the running script or a made-up module."""
    if module.__name__ == "__main__":
        return False  # cloudpickle sees to it
    path = getattr(module, "__file__", None)
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if path and script and os.path.realpath(path) == os.path.realpath(script):
        return True
    try:
        return importlib.util.find_spec(module.__name__) is None
    except (ImportError, ValueError, AttributeError):
        return True


def _blame(
    callable_: Callable[..., Any], function: FunctionType | None, error: Exception
) -> UnpicklableFunctionError:
    name = getattr(function or callable_, "__name__", type(callable_).__name__)
    for holder, value in _held(callable_, function):
        try:
            cloudpickle.dumps(value, protocol=5)
        except Exception as cause:  # noqa: BLE001 - whatever it is, it is to blame
            kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
            return UnpicklableFunctionError(
                f"the function `{name}` cannot be sent to a worker: `{holder}`, a `{kind}`, "
                f"cannot be pickled ({cause})\n"
                f"hint: make `{holder}` inside the function, or pass plain data instead"
            )
    return UnpicklableFunctionError(
        f"the function `{name}` cannot be sent to a worker: {error}\n"
        "hint: use plain data and importable objects in it"
    )


def _held(
    callable_: Callable[..., Any], function: FunctionType | None
) -> Iterator[tuple[str, Any]]:
    """List what the callable holds on to, with the name the user knows it by."""
    if function is None:
        yield from getattr(callable_, "__dict__", {}).items()
        return
    code = function.__code__
    if callable_ is not function:
        yield from getattr(callable_, "keywords", {}).items()
        yield from ((f"argument {i + 1}", v) for i, v in enumerate(getattr(callable_, "args", ())))
        owner = getattr(callable_, "__self__", None)
        if owner is not None:
            yield from (
                (f"self.{key}", value) for key, value in getattr(owner, "__dict__", {}).items()
            )
            yield "self", owner
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):
            yield name, cell.cell_contents
    defaults = function.__defaults__ or ()
    parameters = code.co_varnames[: code.co_argcount]
    yield from zip(parameters[len(parameters) - len(defaults) :], defaults, strict=True)
    yield from (function.__kwdefaults__ or {}).items()
    for name in code.co_names:
        if name in function.__globals__:
            yield name, function.__globals__[name]
