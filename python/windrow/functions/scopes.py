"""Which names a function uses, binds and sees: the questions lifting and compiling ask.

The answers are deliberately coarse. A name that is bound *anywhere* inside a function, in any
nested scope, counts as bound; so a name that is not bound can only be what the enclosing
function, the module or the builtins make of it.
"""

from __future__ import annotations

import ast
import builtins
from collections import deque
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any, TypeVar

MISSING: Any = object()

# Attributes and names through which a function can look at its own frame.
FRAME_READERS = frozenset({"_getframe", "currentframe", "__class__"})

_FRAME_BUILTINS: tuple[Any, ...] = (locals, globals, vars, dir, eval, exec, super, breakpoint)


_Node = TypeVar("_Node", bound=ast.AST)


def reads_frame(value: Any) -> bool:
    """Whether `value` is a builtin that can see the caller's local names."""
    return any(value is builtin for builtin in _FRAME_BUILTINS)


def bound_names(node: ast.AST) -> set[str]:
    """All names that anything inside `node` assigns, deletes, imports or declares."""
    names: set[str] = set()
    for inner in walk(node):
        if inner is node:
            continue
        if isinstance(inner, ast.Name):
            if not isinstance(inner.ctx, ast.Load):
                names.add(inner.id)
        else:
            names.update(_declared(inner))
    return names


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """`node` and all nodes inside of it, as `ast.walk` gives them, and several times quicker."""
    waiting = deque((node,))
    while waiting:
        inner = waiting.popleft()
        yield inner
        waiting.extend(children(inner))


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right inside of `node`, as `ast.iter_child_nodes` gives them, but quicker."""
    found: list[ast.AST] = []
    fields = vars(node)
    for name in node._fields:
        value = fields.get(name)
        if isinstance(value, list):
            found.extend([part for part in value if isinstance(part, ast.AST)])
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def copy_of(node: _Node) -> _Node:
    """Copy a tree; several times quicker than `copy.deepcopy`."""
    kind = type(node)
    copied = kind.__new__(kind)
    for name, value in vars(node).items():
        setattr(copied, name, _copy_of_field(value))
    return copied


def _copy_of_field(value: Any) -> Any:
    if isinstance(value, ast.AST):
        return copy_of(value)
    return list(map(_copy_of_field, value)) if isinstance(value, list) else value


def _declared(node: ast.AST) -> list[str]:
    if isinstance(node, ast.expr | ast.expr_context):
        return []
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
    names.update(inner.id for inner in walk(node) if isinstance(inner, ast.Name))
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


# Methods that change what they are called on.
_CHANGING = frozenset(
    {"append", "extend", "insert", "pop", "popitem", "remove", "clear", "sort", "reverse"}
    | {"update", "setdefault", "add", "discard", "__setitem__", "__delitem__", "__iadd__"}
    | {"intersection_update", "difference_update", "symmetric_difference_update"}
)


def changes_in_place(node: ast.AST) -> bool:
    """Whether anything inside `node` could change a container."""
    for inner in walk(node):
        if isinstance(inner, ast.Attribute):
            if inner.attr in _CHANGING:
                return True
        elif isinstance(inner, ast.Subscript):
            if not isinstance(inner.ctx, ast.Load):
                return True
        elif isinstance(inner, ast.AugAssign) and (
            isinstance(inner.target, ast.Subscript | ast.Attribute) or _grows(inner)
        ):
            return True
    return False


def _grows(node: ast.AugAssign) -> bool:
    """Whether an augmented assignment could make a list grow in place."""
    plain = (ast.Constant, ast.JoinedStr, ast.BinOp, ast.Compare, ast.BoolOp)
    return (
        not isinstance(node.op, ast.Sub | ast.Div | ast.Mod)
        and not isinstance(node.value, plain)
        and not _is_number(node.value)
    )


def _is_number(node: ast.expr) -> bool:
    """Whether a value is a number as far as its form tells: `len(x)`, `int(y)`."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("len", "int", "float", "ord", "round", "abs", "sum", "str")
    )


def reads(statements: list[ast.stmt], name: str) -> bool:
    """Whether any of the statements uses a name."""
    return any(
        isinstance(inner, ast.Name) and inner.id == name
        for statement in statements
        for inner in walk(statement)
    )


def is_from_outside(function: FunctionType, name: str) -> bool:
    """Whether a function, or a scope inside of it, may read `name` from outside of the function."""

    def reads_global(code: CodeType) -> bool:
        inner = [part for part in code.co_consts if isinstance(part, CodeType)]
        return name in code.co_names or any(map(reads_global, inner))

    return name in function.__code__.co_freevars or reads_global(function.__code__)


def looped_texts(
    node: ast.AST, name: str, texts_of: Callable[[ast.expr], list[str] | None]
) -> list[str] | None:
    """Give the texts that `name` goes through, where only loops over constant ones bind it."""
    texts: list[str] = []
    loops = bindings = 0
    for inner in walk(node):
        match inner:
            case ast.For() | ast.comprehension():
                if isinstance(inner.target, ast.Name) and inner.target.id == name:
                    found = texts_of(inner.iter)
                    if found is None:
                        return None
                    texts += found
                    loops += 1
            case ast.Name(id=bound, ctx=ast.Store() | ast.Del()):
                bindings += bound == name
            case _:
                bindings += _declared(inner).count(name)
    return list(dict.fromkeys(texts)) if 0 < loops == bindings else None


def own_names(node: ast.AST) -> set[str]:
    """The names that a function binds itself; its parameters and inner scopes aside."""
    names: set[str] = set()
    for inner in _own_nodes(node):
        if isinstance(inner, ast.Name):
            if not isinstance(inner.ctx, ast.Load):
                names.add(inner.id)
        elif not isinstance(inner, ast.arg):
            names.update(_declared(inner))
    return names


def binding_count(node: ast.AST, name: str) -> int:
    """In how many places a function binds a name."""
    count = 0
    for inner in _own_nodes(node):
        if isinstance(inner, ast.Name):
            count += inner.id == name and not isinstance(inner.ctx, ast.Load)
        else:
            count += _declared(inner).count(name)
    arguments = getattr(node, "args", None)
    if isinstance(arguments, ast.arguments):
        count += sum(
            arg.arg == name
            for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        )
    return count


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    body = getattr(node, "body", [])
    waiting: list[ast.AST] = list(body) if isinstance(body, list) else [body]
    while waiting:
        inner = waiting.pop()
        yield inner
        match inner:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Lambda():
                continue
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                # `:=` inside of them binds outside of them.
                waiting.extend(
                    walrus.target for walrus in walk(inner) if isinstance(walrus, ast.NamedExpr)
                )
                waiting.append(inner.generators[0].iter)
                continue
        waiting.extend(children(inner))
