"""What all parts of writing a function as data share: names, captured values, places."""

from __future__ import annotations

import ast
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from windrow.functions.constants import constant, holds_mutable, is_container
from windrow.functions.known import known_name
from windrow.functions.parts import Routine
from windrow.functions.purity import audit
from windrow.functions.refusal import Refusal
from windrow.functions.scopes import MISSING, look_up, own_names

if TYPE_CHECKING:
    from windrow.functions.spec import Writer

Json = dict[str, Any]


class Unsupported(Exception):  # noqa: N818 - control flow inside this package
    """A piece of code that is not compiled; it never reaches the user."""

    def __init__(self, node: ast.AST, why: str) -> None:
        self.node = node
        self.why = why


class Writing:
    """The scope of one function, and how its names and places are written."""

    def __init__(
        self,
        writer: Writer,
        routine: Routine,
        params: set[str],
        constants: dict[str, Any],
        stack: tuple[int, ...],
    ) -> None:
        self.writer = writer
        self.routine = routine
        self.stack = stack
        assigned = own_names(routine.node)
        self.params = params - assigned
        self.locals = params | assigned
        # A parameter with a bound value that is never assigned is that value.
        self.constants = {k: v for k, v in constants.items() if k not in assigned}
        self.assigned_constants = {k: v for k, v in constants.items() if k in assigned}
        self.locals -= self.constants.keys()
        # The variables of the comprehensions and lambdas around.
        self.renamed: dict[str, str] = {}
        # Local containers of constants that nothing changes.
        self.tables: dict[str, Any] = {}
        self.whole_tables: set[str] = set()

    # --- names ---

    def name(self, node: ast.expr, name: str) -> Json:
        """Write the value of a name."""
        if name in self.renamed:
            return {"k": "local", "name": self.renamed[name]}
        if name in self.locals:
            if name in self.tables:
                self.whole_tables.add(name)
            return {"k": "local", "name": name}
        return self.value(self.resolve(name, node), node)

    def resolve(self, name: str, node: ast.expr) -> Any:
        """Find what a name outside of the function means now."""
        if name in self.constants:
            return self.constants[name]
        value = look_up(self.routine.function, name)
        if value is MISSING:
            raise Unsupported(node, f"`{name}` has no value now")
        return value

    def static(self, node: ast.expr) -> Any:
        """Find the object an expression means now, if it is no local: `K`, `module.K`, `len`."""
        match node:
            case ast.Name(id=name) if name in self.renamed:
                return MISSING
            case ast.Name(id=name) if name in self.constants:
                return self.constants[name]
            case ast.Name(id=name) if name not in self.locals:
                return look_up(self.routine.function, name)
            case ast.Attribute(value=owner, attr=attr):
                return _member(self.static(owner), attr)
        return MISSING

    # --- values ---

    def value(self, value: Any, node: ast.AST) -> Json:
        """Write a captured or literal value; containers only stand where they are read."""
        if is_container(value) and not isinstance(value, tuple | frozenset | range):
            raise Refusal.at(node, self.routine.lines, "a captured container is used as a whole")
        written = constant(value)
        if written is None:
            if known_name(value) is not None or isinstance(value, FunctionType | ModuleType):
                raise Unsupported(node, "a function used as a value is not compiled")
            audit(node, self.routine, self.constants)
            raise Unsupported(node, f"a captured `{type(value).__name__}` is not compiled")
        self.watch(value, node)
        return {"k": "const", "value": written}

    def container(self, node: ast.expr) -> Json:
        """Write an expression whose value is only looked into."""
        if isinstance(node, ast.Name) and node.id in self.tables and node.id not in self.renamed:
            return self.place(node, {"k": "const", "value": constant(self.tables[node.id])})
        target = self.static(node)
        if is_container(target):
            written = constant(target)
            if written is not None:
                self.watch(target, node)
                return self.place(node, {"k": "const", "value": written})
            raise Refusal.at(node, self.routine.lines, "what it holds is not plain data")
        return self.expr(node)

    def watch(self, value: Any, node: ast.AST) -> None:
        """Remember that a captured container holds others, which nothing may change."""
        if self.writer.delicate is None and is_container(value) and holds_mutable(value):
            self.writer.delicate = Refusal.at(
                node, self.routine.lines, "what a captured container holds may be changed"
            )

    def expr(self, node: ast.expr) -> Json:
        """Write an expression."""
        raise NotImplementedError

    # --- places ---

    def place(self, node: ast.AST, written: Json) -> Json:
        """Add line, column (characters, from 1) and source to a node."""
        if "line" not in written:
            reason = Refusal.at(node, self.routine.lines, "").reason
            written["at"] = {
                "line": reason.line or 0,
                "column": reason.column or 0,
                "snippet": reason.snippet,
            }
        return written

    def give_up(self, node: ast.AST, unsupported: Unsupported) -> Json:
        """Leave a node to the interpreter, unless that could be noticed."""
        audit(node, self.routine, self.constants)
        return self.place(unsupported.node, {"k": "unsupported", "why": unsupported.why})


def _member(owner: Any, attr: str) -> Any:
    """An attribute of a module, or plain data of a class of the user's."""
    if type(owner) is ModuleType:
        return vars(owner).get(attr, MISSING)
    if type(owner) is type and owner.__module__ not in ("builtins", "datetime"):
        for base in owner.__mro__:
            if attr in vars(base):
                value = vars(base)[attr]
                value = value.__func__ if isinstance(value, staticmethod) else value
                plain = constant(value) is not None or isinstance(vars(base)[attr], staticmethod)
                return value if plain else MISSING
    return MISSING
