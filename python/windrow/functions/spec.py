"""A function as data: the tree, the names and the captured values that native code is made from.

The form is our own JSON, the same for every Python version. Names are resolved here, where the
live objects are, and by identity: what the Rust side gets has no names but locals and columns.
Whatever the subset lacks becomes an `unsupported` node, so that the rows that reach it are left
to the interpreter; whatever could notice that some rows ran elsewhere refuses the function.
"""

from __future__ import annotations

import ast
import json
import sys
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from windrow.functions.capture import capture
from windrow.functions.parts import Routine
from windrow.functions.refusal import Refusal
from windrow.functions.scopes import changes_in_place, walk
from windrow.functions.statements import Body

Json = dict[str, Any]


def routine_of(function: FunctionType) -> Routine:
    """Capture a function that needs no lifting."""
    captured = capture(function)
    return Routine(function, captured.node, captured.lines)


def emit(
    routine: Routine,
    columns: list[str],
    lifted: dict[int, Routine],
    constants: dict[str, Any] | None = None,
) -> str:
    """Write the specification of a function of columns.

    Parameters
    ----------
    routine
        Its first parameters take the columns; every other parameter must have a default.
    columns
        The parameters that are columns, in order.
    lifted
        The lifted helpers of the routine, by the `id` of their function.
    constants
        The values of all other parameters; None: their defaults.

    Raises
    ------
    Refusal
        If no part of it can run natively.
    """
    writer = Writer(lifted)
    if constants is None:
        constants = _defaults(routine)
    body = writer.routine(routine, columns, constants, ())
    writer.check_changes()
    spec = {
        "python": list(sys.version_info[:2]),
        "name": routine.function.__name__,
        "params": columns,
        "body": body,
        "functions": [writer.functions[key] for key in writer.order],
    }
    return json.dumps(spec, ensure_ascii=False)


def _defaults(routine: Routine) -> dict[str, Any]:
    function = routine.function
    code = function.__code__
    names = code.co_varnames[: code.co_argcount]
    values = function.__defaults__ or ()
    known = dict(zip(names[len(names) - len(values) :], values, strict=True))
    return {**known, **(function.__kwdefaults__ or {})}


@dataclass(eq=False, repr=False)
class Writer:
    """Shared by a function and everything inlined into it."""

    lifted: dict[int, Routine]
    functions: dict[int, Json] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    keep: list[object] = field(default_factory=list)
    # A captured container that holds others that could be changed, and where it stands.
    delicate: Refusal | None = None
    changes: bool = False
    serial: int = 0

    def routine(
        self,
        routine: Routine,
        params: list[str],
        constants: dict[str, Any],
        stack: tuple[int, ...],
    ) -> list[Json]:
        """Write the statements of a function."""
        node = routine.node
        if isinstance(node, ast.AsyncFunctionDef):
            raise Refusal.at(node, routine.lines, "an `async` function")
        self.changes = self.changes or changes_in_place(node)
        body = Body(self, routine, set(params), constants, (*stack, id(routine.function)))
        if isinstance(node, ast.Lambda):
            return [body.stmt(ast.copy_location(ast.Return(node.body), node.body))]
        if any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in walk(node)):
            raise Refusal.at(node, routine.lines, "a generator function")
        return body.whole(node.body)

    def inline(self, function: FunctionType, stack: tuple[int, ...]) -> int:
        """Write `function` once; the answer is its place in `functions`."""
        key = id(function)
        if key not in self.functions:
            routine = self.lifted.get(key) or routine_of(function)
            code = function.__code__
            params = list(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
            body = self.routine(routine, params, {}, stack)
            self.functions[key] = {"name": function.__name__, "params": params, "body": body}
            self.order.append(key)
            self.keep.append(function)
        return self.order.index(key)

    def fresh(self, name: str) -> str:
        """Make a name that no function has: of a comprehension's variable, of a hidden local."""
        self.serial += 1
        return f"{name}@{self.serial}"

    def check_changes(self) -> None:
        """Refuse a function that might change what a captured container holds."""
        if self.changes and self.delicate is not None:
            raise self.delicate
