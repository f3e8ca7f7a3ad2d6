"""One function on the way to its lifted form, and the way back to a function object."""

from __future__ import annotations

import ast
import keyword
import sys
from dataclasses import dataclass, field
from types import CellType, CodeType, FunctionType
from typing import Any

from windrow.functions.arguments import Binding
from windrow.functions.calls import remake
from windrow.functions.capture import Captured, FunctionNode, compile_quietly
from windrow.functions.refusal import Refusal

_FACTORY = "__windrow_factory__"


@dataclass(frozen=True, eq=False, repr=False)
class Routine:
    """A function together with the (lifted) tree that stands for its body."""

    function: FunctionType
    node: FunctionNode
    lines: list[str]


@dataclass(eq=False, repr=False)
class Part:
    """A copy of a function's node, its row reads being replaced by parameters.

    Parameters
    ----------
    captured
        The original.
    node
        The copy; changed in place.
    row
        The name of the parameter that is the row.
    taken
        Identifiers in use.
    parameters
        Column to parameter, in the order of first use.
    cells
        Lifted helpers, under the free names by which the body calls them.
    """

    captured: Captured
    node: FunctionNode
    row: str
    taken: set[str]
    parameters: dict[str, str] = field(default_factory=dict)
    cells: dict[str, CellType] = field(default_factory=dict)

    def fresh(self, wish: str) -> str:
        """Make a new identifier, `wish` itself when that is free."""
        base = wish if wish.isidentifier() and not wish.startswith("__") else "column"
        name, number = base, 0
        while name in self.taken or _is_reserved(name):
            number += 1
            name = f"{base}_{number}"
        self.taken.add(name)
        return name

    def parameter(self, column: str) -> str:
        """Return the parameter that carries `column`."""
        if column not in self.parameters:
            self.parameters[column] = self.fresh(column)
        return self.parameters[column]

    def main_arguments(self, names: dict[str, str], binding: Binding) -> Signature:
        """Columns first; every other parameter keeps its bound value or default as a default."""
        spec = self.node.args
        others = [arg.arg for arg in (*spec.posonlyargs, *spec.args) if arg.arg != self.row]
        keyword = [arg.arg for arg in spec.kwonlyargs if arg.arg != self.row]
        return Signature(
            positional=[*names.values(), *others],
            keyword=keyword,
            defaults=tuple(binding.values[name] for name in others),
            keyword_defaults={name: binding.values[name] for name in keyword},
        )

    def helper_arguments(self) -> Signature:
        """Keep the helper's parameters; the row is replaced, where it stands, by its columns."""
        spec = self.node.args
        function = self.captured.function
        positional: list[str] = []
        for arg in (*spec.posonlyargs, *spec.args):
            positional += self.parameters.values() if arg.arg == self.row else [arg.arg]
        keyword: list[str] = []
        for arg in spec.kwonlyargs:
            keyword += self.parameters.values() if arg.arg == self.row else [arg.arg]
        return Signature(
            positional=positional,
            keyword=keyword,
            defaults=function.__defaults__ or (),
            keyword_defaults=dict(function.__kwdefaults__ or {}),
        )

    def build(self, signature: Signature) -> FunctionType:
        """Compile the lifted tree and give it the globals and cells of the original."""
        function, node = self.captured.function, self.node
        node.args = signature.to_ast(node)
        body: ast.stmt
        if isinstance(node, ast.Lambda):
            body = ast.copy_location(ast.Return(node), node)
        else:
            node.decorator_list, node.returns, body = [], None, node
        free = sorted({*function.__code__.co_freevars, *self.cells})
        factory = _function_around(body, free, node)
        code = _inner_code(factory, self.captured, function.__code__)
        return remake(
            function,
            _requalified(code, function.__code__.co_qualname),
            signature.defaults,
            signature.keyword_defaults,
            tuple(self._cell(name) for name in code.co_freevars),
        )

    def routine(self, lifted: FunctionType) -> Routine:
        """Return the lifted function together with its tree."""
        return Routine(lifted, self.node, self.captured.lines)

    def _cell(self, name: str) -> CellType:
        if name in self.cells:
            return self.cells[name]
        function = self.captured.function
        return (function.__closure__ or ())[function.__code__.co_freevars.index(name)]


@dataclass(frozen=True, eq=False, repr=False)
class Signature:
    """The parameters of a lifted function, and the values that are not passed."""

    positional: list[str]
    keyword: list[str]
    defaults: tuple[Any, ...]
    keyword_defaults: dict[str, Any]

    def to_ast(self, place: FunctionNode) -> ast.arguments:
        """Parameters only: the default values are set on the function object."""

        def arg(name: str) -> ast.arg:
            return ast.copy_location(ast.arg(arg=name), place)

        return ast.arguments(
            posonlyargs=[],
            args=[arg(name) for name in self.positional],
            kwonlyargs=[arg(name) for name in self.keyword],
            kw_defaults=[None] * len(self.keyword),
            defaults=[],
        )


def _function_around(body: ast.stmt, free: list[str], place: FunctionNode) -> ast.Module:
    """`def factory(<free names>): <body>`, so that the free names compile to closure cells."""

    def arg(name: str) -> ast.arg:
        return ast.copy_location(ast.arg(arg=name), place)

    arguments = ast.arguments(
        posonlyargs=[], args=[arg(n) for n in free], kwonlyargs=[], kw_defaults=[], defaults=[]
    )
    lines = [body]
    if isinstance(body, ast.FunctionDef) and body.name not in free:
        # A function that mentions itself means the global, not the one that is defined here.
        lines.insert(0, ast.copy_location(ast.Global([body.name]), place))
    factory = ast.FunctionDef(_FACTORY, arguments, lines, [])
    if sys.version_info >= (3, 12):
        factory.type_params = []
    return ast.Module([ast.copy_location(factory, place)], [])


def _inner_code(module: ast.Module, captured: Captured, original: CodeType) -> CodeType:
    compiled = compile_quietly(module, captured.filename, captured.flags)
    for level in (_FACTORY, original.co_name):
        inner = [
            const
            for const in compiled.co_consts
            if isinstance(const, CodeType) and const.co_name == level
        ]
        if len(inner) != 1:
            raise Refusal.whole(f"the lifted form of `{original.co_name}` could not be compiled")
        compiled = inner[0]
    return compiled


def _requalified(code: CodeType, qualname: str) -> CodeType:
    """Give the code, and all code nested in it, the original's qualified name (for messages)."""
    prefix = code.co_qualname

    def rename(inner: CodeType) -> CodeType:
        consts = tuple(rename(c) if isinstance(c, CodeType) else c for c in inner.co_consts)
        return inner.replace(
            co_qualname=qualname + inner.co_qualname[len(prefix) :], co_consts=consts
        )

    return rename(code)


def _is_reserved(name: str) -> bool:
    return keyword.iskeyword(name) or name in ("__debug__", _FACTORY)
