"""Tells `async def` functions apart, without loading `asyncio` for it."""

from __future__ import annotations

import functools
from types import FunctionType, MethodType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_IS_COROUTINE = 0x80  # `inspect.CO_COROUTINE`


def is_async(function: Any) -> bool:
    """Tell whether calling `function` gives a coroutine."""
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, MethodType):
            function = function.__func__
        else:
            break
    if not isinstance(function, FunctionType):
        # An object whose class has an `async def __call__`.
        call = type(function).__call__ if callable(function) else None
        if not isinstance(call, FunctionType):
            return False
        function = call
    return bool(function.__code__.co_flags & _IS_COROUTINE)
