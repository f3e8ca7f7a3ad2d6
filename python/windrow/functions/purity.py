"""Whether a piece of code may run for some rows only: it must not change or ask the world.

Rows that leave native code run in the interpreter, out of step with the others. That cannot be
noticed as long as nothing they do outlives the row.
"""

from __future__ import annotations

import ast
from types import FunctionType, ModuleType
from typing import Any

from windrow.functions.capture import Captured, capture
from windrow.functions.constants import constant, is_container
from windrow.functions.known import CLOCKS, is_pure, is_pure_module
from windrow.functions.parts import Routine
from windrow.functions.refusal import Refusal
from windrow.functions.scopes import MISSING, bound_names, look_up, walk

_MAX_DEPTH = 8
_MORE = "`{}` may do more than compute"


def audit(
    node: ast.AST,
    source: Routine | Captured,
    constants: dict[str, Any] | None = None,
    stack: tuple[int, ...] = (),
) -> None:
    """Check everything inside `node`, and the functions it calls.

    Raises
    ------
    Refusal
        If it could change something that outlives the row, or depends on the world.
    """
    bound = bound_names(source.node) - (constants or {}).keys()
    if isinstance(node, ast.Name):
        _name(node, source, bound, constants or {}, stack)
    owners: set[int] = set()
    for inner in walk(node):
        match inner:
            case ast.Global() | ast.Nonlocal():
                raise Refusal.at(inner, source.lines, "it assigns a name outside the function")
            case ast.Import() | ast.ImportFrom():
                raise Refusal.at(inner, source.lines, "an import inside the function")
            case ast.Await() | ast.Yield() | ast.YieldFrom():
                raise Refusal.at(inner, source.lines, "it waits or yields")
            case ast.Attribute(attr=attr) if attr in CLOCKS:
                raise Refusal.at(inner, source.lines, f"`{attr}` depends on more than the row")
            case ast.Attribute(ast.Name() as owner, attr, ast.Load()) if owner.id not in bound:
                # Of a module that may do anything, what is used is a constant: `numpy.nan`.
                if _is_plain_attribute(owner, attr, source, constants or {}):
                    owners.add(id(owner))
            case ast.Name(id=name, ctx=ast.Load()) if name not in bound and id(inner) not in owners:
                _name(inner, source, bound, constants or {}, stack)


def _name(
    node: ast.Name,
    source: Routine | Captured,
    bound: set[str],
    constants: dict[str, Any],
    stack: tuple[int, ...],
) -> None:
    if node.id in bound:
        return
    value = constants[node.id] if node.id in constants else look_up(source.function, node.id)
    if value is MISSING or _is_data(value):
        return
    if type(value) is ModuleType:
        if is_pure_module(value):
            return
        raise Refusal.at(node, source.lines, _MORE.format(node.id))
    if is_pure(value):
        return
    if isinstance(value, FunctionType) and id(value) not in stack and len(stack) < _MAX_DEPTH:
        inner = capture(value)
        body = inner.node.body
        try:
            for statement in body if isinstance(body, list) else [body]:
                audit(statement, inner, None, (*stack, id(value)))
        except Refusal:
            # A line of a library says nothing to its user.
            if value.__code__.co_filename == source.function.__code__.co_filename:
                raise
            raise Refusal.at(node, source.lines, _MORE.format(node.id)) from None
        return
    if _mutable(value):
        raise Refusal.at(node, source.lines, f"`{node.id}` may be changed by the function")
    raise Refusal.at(node, source.lines, _MORE.format(node.id))


def _is_plain_attribute(
    owner: ast.Name, attr: str, source: Routine | Captured, constants: dict[str, Any]
) -> bool:
    """Whether an attribute of a module is plain data, or a function that only computes."""
    module = constants.get(owner.id, look_up(source.function, owner.id))
    if type(module) is not ModuleType:
        return False
    value = vars(module).get(attr, MISSING)
    if value is MISSING:
        return False
    return is_pure(value) or _is_data(value)


def _is_data(value: object) -> bool:
    """Whether it is plain data that nothing can change."""
    return constant(value) is not None and not _mutable(value)


def _mutable(value: object) -> bool:
    return is_container(value) and not isinstance(value, tuple | frozenset | range)
