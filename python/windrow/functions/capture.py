"""From a function object to the syntax tree it was compiled from, or the reason why not.

The tree is trusted only after the source has been compiled again and one of the code objects
found in it equals the running one. An edited file, a rewritten assertion, `exec`'d text or a
stale notebook cell therefore never gives a wrong tree: it gives a refusal.
"""

from __future__ import annotations
import __future__

import ast
import copy
import functools
import linecache
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import CodeType, FunctionType, MethodType
from typing import Any

from windrow.functions.refusal import Refusal
from windrow.functions.scopes import children, walk

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

_FUTURE_FLAGS = functools.reduce(
    lambda flags, name: flags | getattr(__future__, name).compiler_flag,
    __future__.all_feature_names,
    0,
)
# Line numbers given to candidate nodes to recognize the code compiled from each; beyond any file.
_MARK = 50_000_000

_CODE_FIELDS = (
    "co_name",
    "co_qualname",
    "co_firstlineno",
    "co_flags",
    "co_argcount",
    "co_posonlyargcount",
    "co_kwonlyargcount",
    "co_code",
    "co_names",
    "co_varnames",
    "co_freevars",
    "co_cellvars",
    "co_exceptiontable",
)


@dataclass(frozen=True, eq=False, repr=False)
class Unwrapped:
    """A plain Python function and the arguments already bound to it."""

    function: FunctionType
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, repr=False)
class Captured:
    """A function with its verified syntax tree.

    Parameters
    ----------
    function
        The running function.
    node
        Its node in the tree of the file; shared between captures, never to be changed.
    filename
        The file (or notebook cell) name the code object carries.
    lines
        All lines of that file, with their ends.
    flags
        The `from __future__` flags the code was compiled with.
    """

    function: FunctionType
    node: FunctionNode
    filename: str
    lines: list[str]
    flags: int


def unwrap(callable_: Callable[..., Any]) -> Unwrapped:
    """Peel `functools.partial` and bound methods down to the plain function.

    `__wrapped__` is never followed: the wrapper is what runs.

    Raises
    ------
    Refusal
        If there is no Python function underneath.
    """
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    current: Any = callable_
    while not isinstance(current, FunctionType):
        if type(current) is functools.partial:
            placeholder = getattr(functools, "Placeholder", None)
            if placeholder is not None and any(value is placeholder for value in current.args):
                raise Refusal.whole("a `partial` with placeholders is not looked into")
            args = current.args + args
            kwargs = {**current.keywords, **kwargs}
            current = current.func
        elif isinstance(current, MethodType):
            args = (current.__self__, *args)
            current = current.__func__
        else:
            raise Refusal.whole(_no_function(current))
    return Unwrapped(current, args, kwargs)


def _no_function(value: object) -> str:
    if isinstance(value, type):
        return f"`{value.__name__}` is a class; it is called as it is"
    if type(value).__name__ in ("builtin_function_or_method", "method_descriptor", "ufunc"):
        return f"`{getattr(value, '__name__', value)}` is compiled code without Python source"
    return f"an instance of `{type(value).__name__}` is called through its `__call__`"


def capture(function: FunctionType) -> Captured:
    """Find the syntax tree `function` was compiled from and verify it.

    Raises
    ------
    Refusal
        If the source cannot be found or no longer matches the running code.
    """
    code = function.__code__
    flags = code.co_flags & _FUTURE_FLAGS
    lines = _source_lines(function)
    try:
        return Captured(function, _find(code, lines, flags), code.co_filename, lines, flags)
    except Refusal:
        # The cache may hold an older text than the module was loaded from.
        linecache.checkcache(code.co_filename)
        fresh = _source_lines(function)
        if fresh == lines:
            raise
        return Captured(function, _find(code, fresh, flags), code.co_filename, fresh, flags)


def _source_lines(function: FunctionType) -> list[str]:
    code = function.__code__
    lines = linecache.getlines(code.co_filename, function.__globals__)
    if not lines:
        raise Refusal.whole(
            f"the source of `{code.co_name}` is not available (`{code.co_filename}`)",
            code.co_firstlineno,
        )
    return lines


def _find(code: CodeType, lines: list[str], flags: int) -> FunctionNode:
    mismatch = Refusal.whole(
        f"the source of `{code.co_name}` no longer matches the running code", code.co_firstlineno
    )
    try:
        tree = _parse("".join(lines), flags)
    except (SyntaxError, ValueError, RecursionError, MemoryError, SystemError):
        raise mismatch from None
    statements = [
        statement
        for statement in tree.body
        if _first_line(statement) <= code.co_firstlineno <= (statement.end_lineno or 0)
    ]
    module, compiled, equal = _compile_like(code, tree, statements, flags)
    if not equal:
        raise mismatch
    nodes = _candidates(module, code)
    if not nodes:
        raise mismatch
    if len(equal) > 1:
        # Twins on one line, such as `(lambda x: x, lambda x: x)`: columns tell them apart. Where
        # even these are equal the twins do the same, and the first stands for all.
        positions = list(code.co_positions())
        exact = [path for path in equal if list(compiled[path].co_positions()) == positions]
        equal = exact or equal
    if len(nodes) == 1:
        return nodes[0]
    return _node_of(equal[0], module, nodes, code.co_filename, flags)


@functools.lru_cache(maxsize=32)
def _parse(text: str, flags: int) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _tree(text, flags)
        except SystemError:
            # Before 3.11.9 CPython counts the depth of trees for all threads together (gh-106905):
            # where two are at it, one may fail, and does not the next time.
            return _tree(text, flags)


def _tree(text: str, flags: int) -> ast.Module:
    tree = compile(text, "<source>", "exec", flags | ast.PyCF_ONLY_AST, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    return tree


def compile_quietly(module: ast.Module, filename: str, flags: int) -> CodeType:
    """Compile without the warnings that the user has already seen once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code: CodeType = compile(module, filename, "exec", flags, dont_inherit=True)
    return code


def _compile_like(
    code: CodeType, tree: ast.Module, statements: list[ast.stmt], flags: int
) -> tuple[ast.Module, dict[tuple[int, ...], CodeType], list[tuple[int, ...]]]:
    """Compile the statements around a function until one code object in them equals `code`.

    Only these statements matter, so a file of thousands of lines costs nothing, but for the
    names that the compiler knows to be imported: it calls their attributes in another way than
    methods. A notebook compiles statement by statement, a file as a whole.
    """
    imports = [
        node for node in _module_level(tree) if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    extra = [node for node in imports if node not in statements]
    module = ast.Module(body=statements, type_ignores=[])
    for body in ([*extra, *statements], statements) if extra else (statements,):
        module = ast.Module(body=body, type_ignores=[])
        try:
            compiled = dict(_walk(compile_quietly(module, code.co_filename, flags)))
        except (SyntaxError, ValueError, RecursionError):
            continue
        equal = [path for path, found in compiled.items() if same_code(found, code)]
        if equal:
            return module, compiled, equal
    return module, {}, []


def _module_level(tree: ast.AST) -> Iterator[ast.AST]:
    """Visit everything outside of functions and classes."""
    for node in children(tree):
        yield node
        if not isinstance(node, FunctionNode | ast.ClassDef | ast.expr):
            yield from _module_level(node)


def _first_line(node: ast.stmt | ast.expr) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _candidates(module: ast.Module, code: CodeType) -> list[FunctionNode]:
    return [
        node
        for node in walk(module)
        if isinstance(node, FunctionNode)
        and _first_line(node) == code.co_firstlineno
        and (
            code.co_name == "<lambda>"
            if isinstance(node, ast.Lambda)
            else node.name == code.co_name
        )
    ]


def _node_of(
    path: tuple[int, ...],
    module: ast.Module,
    nodes: list[FunctionNode],
    filename: str,
    flags: int,
) -> FunctionNode:
    """Find the node whose code stands at `path`: each candidate gets a line number of its own."""
    marked = copy.deepcopy(module)
    wanted = {id(node): index for index, node in enumerate(nodes)}
    pairs = zip(walk(module), walk(marked), strict=True)
    for original, twin in pairs:
        index = wanted.get(id(original))
        if index is not None:
            _mark(twin, _MARK + index)
    for found_path, found in _walk(compile_quietly(marked, filename, flags)):
        if found_path == path and found.co_firstlineno >= _MARK:
            return nodes[found.co_firstlineno - _MARK]
    raise Refusal.whole("several functions share one line and cannot be told apart")


def _mark(node: ast.AST, line: int) -> None:
    place = {"lineno": line, "end_lineno": line, "col_offset": 0, "end_col_offset": 1}
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.decorator_list:
        # The first decorator gives a decorated function its first line.
        node.decorator_list.insert(0, ast.Name("marker", ast.Load(), **place))
        return
    for name, value in place.items():
        setattr(node, name, value)


def _walk(code: CodeType, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], CodeType]]:
    """All code objects inside `code`, each with its place in the nest."""
    inner = [const for const in code.co_consts if isinstance(const, CodeType)]
    for index, const in enumerate(inner):
        here = (*path, index)
        yield here, const
        yield from _walk(const, here)


def same_code(left: CodeType, right: CodeType) -> bool:
    """Whether two code objects do the same, nested ones included; columns are not compared."""
    return all(
        getattr(left, name) == getattr(right, name) for name in _CODE_FIELDS
    ) and _same_consts(left.co_consts, right.co_consts)


def _same_consts(left: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    return len(left) == len(right) and all(map(_same_const, left, right))


def _same_const(left: Any, right: Any) -> bool:
    if type(left) is not type(right):
        return False
    if isinstance(left, CodeType):
        return same_code(left, right)
    if isinstance(left, tuple):
        return _same_consts(left, right)
    if isinstance(left, frozenset):
        return sorted(map(_key, left)) == sorted(map(_key, right))
    # repr tells 0.0 from -0.0 and calls two NaN the same.
    return _key(left) == _key(right)


def _key(const: Any) -> tuple[str, str]:
    return type(const).__name__, repr(const)
