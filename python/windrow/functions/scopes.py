"""Which names a function uses, binds and sees: the questions lifting and compiling ask.

The answers are deliberately coarse. A name that is bound *anywhere* inside a function, in any
nested scope, counts as bound; so a name that is not bound can only be what the enclosing
function, the module or the builtins make of it.
"""

from __future__ import annotations

import ast
import builtins
from types import FunctionType
from typing import Any

MISSING: Any = object()

# Attributes and names through which a function can look at its own frame.
FRAME_READERS = frozenset({"_getframe", "currentframe", "__class__"})

_FRAME_BUILTINS: tuple[Any, ...] = (locals, globals, vars, dir, eval, exec, super, breakpoint)


def reads_frame(value: Any) -> bool:
    """Whether `value` is a builtin that can see the caller's local names."""
    return any(value is builtin for builtin in _FRAME_BUILTINS)


def bound_names(node: ast.AST) -> set[str]:
    """All names that anything inside `node` assigns, deletes, imports or declares."""
    names: set[str] = set()
    for inner in ast.walk(node):
        if inner is node:
            continue
        if isinstance(inner, ast.Name):
            if not isinstance(inner.ctx, ast.Load):
                names.add(inner.id)
        else:
            names.update(_declared(inner))
    return names


def _declared(node: ast.AST) -> list[str]:
    match node:
        case ast.arg(arg=name):
            return [name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.alias(name=name, asname=asname):
            return [asname or name.partition(".")[0]]
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
            return [name]
        case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            return [name]
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return list(names)
    return []


def used_identifiers(function: FunctionType, node: ast.AST) -> set[str]:
    """Every identifier a new name in this function must not collide with."""
    names = bound_names(node)
    names.update(inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name))
    names.update(function.__code__.co_freevars)
    return names


def look_up(function: FunctionType, name: str) -> Any:
    """Find what an unbound `name` in `function` means now, or `MISSING`."""
    code = function.__code__
    if name in code.co_freevars and function.__closure__ is not None:
        cell = function.__closure__[code.co_freevars.index(name)]
        try:
            return cell.cell_contents
        except ValueError:
            return MISSING
    if name in function.__globals__:
        return function.__globals__[name]
    scope = function.__globals__.get("__builtins__", builtins)
    if isinstance(scope, dict):
        return scope.get(name, MISSING)
    return getattr(scope, name, MISSING)
