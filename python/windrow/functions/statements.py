"""Statements as data."""

from __future__ import annotations

import ast
import builtins
import sys
from types import CodeType, FunctionType, ModuleType
from typing import Any

from windrow.functions.cases import match_as_branches
from windrow.functions.constants import constant, is_container
from windrow.functions.expressions import Expressions
from windrow.functions.known import is_pure_module
from windrow.functions.parts import Routine
from windrow.functions.purity import audit
from windrow.functions.scopes import MISSING, binding_count, changes_in_place, reads, walk
from windrow.functions.words import BINARY, word
from windrow.functions.writing import Json, Unsupported


class Body(Expressions):
    """Writes the statements and expressions of one function."""

    def whole(self, statements: list[ast.stmt]) -> list[Json]:
        """Write the body of the function."""
        written = [
            self.place(
                ast.copy_location(ast.Pass(), self.routine.node),
                {
                    "k": "assign",
                    "name": name,
                    "value": self.place(self.routine.node, self.value(value, self.routine.node)),
                },
            )
            for name, value in self.assigned_constants.items()
        ]
        rest = self.take_functions(self.take_imports(statements))
        self.take_tables(rest)
        written += self.block(rest)
        # A table that is only looked into needs no local.
        unused = self.tables.keys() - self.whole_tables
        return [
            statement
            for statement in written
            if not (statement["k"] == "assign" and statement["name"] in unused)
        ]

    def block(self, statements: list[ast.stmt]) -> list[Json]:
        """Write statements one after the other."""
        written: list[Json] = []
        for statement in statements:
            if isinstance(statement, ast.Pass) or _is_docstring(statement):
                continue
            written.extend(self.several(statement))
        return written

    def several(self, node: ast.stmt) -> list[Json]:
        """Write a statement that may stand for several."""
        match node:
            case ast.Assign(targets=[_, _, *_] as targets, value=value):
                if all(isinstance(target, ast.Name) for target in targets):
                    name = self.writer.fresh("value")
                    first = ast.copy_location(
                        ast.Assign([ast.Name(name, ast.Store())], value), node
                    )
                    self.locals.add(name)
                    read = ast.copy_location(ast.Name(name, ast.Load()), node)
                    rest = [
                        ast.copy_location(ast.Assign([target], read), node) for target in targets
                    ]
                    return [self.stmt(statement) for statement in (first, *rest)]
            case ast.AnnAssign(value=None, simple=1):
                return []
            case ast.Match():
                return match_as_branches(self, node)
        return [self.stmt(node)]

    def stmt(self, node: ast.stmt) -> Json:
        """Write one statement."""
        try:
            return self.place(node, self.stmt_kind(node))
        except Unsupported as unsupported:
            return self.give_up(node, unsupported)

    def stmt_kind(self, node: ast.stmt) -> Json:  # noqa: C901, PLR0912 - one line per kind
        """Write a statement without its place."""
        match node:
            case ast.Return(value=value):
                return {"k": "return", "value": self.expr(value) if value else None}
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                return {"k": "assign", "name": name, "value": self.expr(value)}
            case ast.Assign(targets=[ast.Tuple() | ast.List() as target], value=value):
                return self.unpack(target, value)
            case ast.Assign(targets=[ast.Subscript() as target], value=value):
                return self.store(target, self.expr(value))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value, simple=1):
                return {"k": "assign", "name": name, "value": self.expr(value)}
            case ast.AugAssign(target=ast.Name(id=name), op=op, value=value) if type(op) in BINARY:
                return {
                    "k": "augment",
                    "name": name,
                    "op": BINARY[type(op)],
                    "value": self.expr(value),
                }
            case ast.AugAssign(target=ast.Subscript() as target, op=op, value=value):
                read = ast.copy_location(
                    ast.Subscript(target.value, target.slice, ast.Load()), target
                )
                return self.store(
                    target, self.expr(ast.copy_location(ast.BinOp(read, op, value), node))
                )
            case ast.If(test=test, body=body, orelse=orelse):
                return {
                    "k": "if",
                    "test": self.expr(test),
                    "body": self.block(body),
                    "orelse": self.block(orelse),
                }
            case ast.For(target=target, iter=items, body=body, orelse=orelse):
                return {
                    "k": "for",
                    "iter": self.items(items),
                    "target": self.target(target),
                    "body": self.block(body),
                    "orelse": self.block(orelse),
                }
            case ast.While(test=test, body=body, orelse=orelse):
                return {
                    "k": "while",
                    "test": self.expr(test),
                    "body": self.block(body),
                    "orelse": self.block(orelse),
                }
            case ast.Break():
                return {"k": "break"}
            case ast.Continue():
                return {"k": "continue"}
            case ast.Expr(value=value):
                return {"k": "expr", "value": self.expr(value)}
            case ast.Raise():
                audit(node, self.routine, self.constants)
                return {"k": "raise", "kind": self.raised(node)}
            case ast.Assert(test=test, msg=message):
                if message is not None:
                    audit(message, self.routine, self.constants)
                return {"k": "assert", "test": self.expr(test)}
            case ast.Try():
                return self.attempt(node)
        raise Unsupported(node, f"`{word(node)}` statements are not compiled")

    # --- assignments ---

    def unpack(self, target: ast.Tuple | ast.List, value: ast.expr) -> Json:
        """Write `a, b = value`."""
        names = [item.id for item in target.elts if isinstance(item, ast.Name)]
        if len(names) == len(target.elts):
            return {"k": "unpack", "names": names, "value": self.items(value)}
        return {"k": "bind", "target": self.target(target), "value": self.items(value)}

    def store(self, target: ast.Subscript, value: Json) -> Json:
        """Write `target[index] = value`."""
        if isinstance(target.slice, ast.Slice):
            raise Unsupported(target, "assigning to a slice is not compiled")
        return {
            "k": "store",
            "target": self.expr(target.value),
            "index": self.expr(target.slice),
            "value": value,
        }

    # --- exceptions ---

    def raised(self, node: ast.Raise) -> str | None:
        """The class of the exception, if it is one of Python's own and nothing else can happen."""
        exc = node.exc
        arguments: list[ast.expr] = []
        if isinstance(exc, ast.Call):
            arguments = [*exc.args, *(k.value for k in exc.keywords)]
            exc = exc.func
        plain = all(self.is_plain(inner) for a in arguments for inner in walk(a))
        found = self.static(exc) if exc is not None else None
        return _exception_name(found) if plain and node.cause is None else None

    def is_plain(self, node: ast.AST) -> bool:
        """Whether computing a piece of an exception's message cannot raise another."""
        match node:
            case ast.Name(id=name):
                return name not in self.locals or name in self.params
            case ast.FormattedValue(format_spec=spec):
                return spec is None
        return isinstance(node, ast.Constant | ast.JoinedStr | ast.Load)

    def attempt(self, node: ast.Try) -> Json:
        """Write a `try` statement."""
        if any(
            isinstance(inner, ast.Return | ast.Break | ast.Continue)
            for last in node.finalbody
            for inner in walk(last)
        ):
            raise Unsupported(node, "a `finally` that ends the function is not compiled")
        handlers = []
        for handler in node.handlers:
            audit(handler, self.routine, self.constants)
            body = self.block(handler.body)
            if handler.name is not None and reads(handler.body, handler.name):
                why = "the exception as a value is not compiled"
                body = [self.place(handler, {"k": "unsupported", "why": why})]
            handlers.append({"types": self.caught(handler.type), "body": body})
        return {
            "k": "try",
            "body": self.block(node.body),
            "handlers": handlers,
            "orelse": self.block(node.orelse),
            "last": self.block(node.finalbody),
        }

    def caught(self, node: ast.expr | None) -> list[str] | None:
        """The names of the classes of a handler; those that are not Python's own catch nothing."""
        if node is None:
            return None
        classes: list[Any] = []
        for item in node.elts if isinstance(node, ast.Tuple) else [node]:
            found = self.static(item)
            if isinstance(found, tuple):
                classes.extend(found)
            elif found is MISSING:
                raise Unsupported(item, "a computed exception class is not compiled")
            else:
                classes.append(found)
        return [name for name in map(_exception_name, classes) if name is not None]

    # --- what stands at the beginning of a function ---

    def take_imports(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """Imports of modules that are there already only give them names."""
        rest = list(statements)
        while rest and (_is_docstring(rest[0]) or isinstance(rest[0], ast.Import | ast.ImportFrom)):
            if isinstance(rest[0], ast.Import | ast.ImportFrom):
                found = _imported(rest[0])
                if found is None or any(
                    binding_count(self.routine.node, name) != 1 for name in found
                ):
                    break
                self.constants.update(found)
                self.locals -= found.keys()
            rest.pop(0)
        return rest

    def take_functions(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """Take a `def` or a named `lambda` in the body for a helper like any other.

        It needs none of the locals, and is bound once, before it is used.
        """
        rest: list[ast.stmt] = []
        for index, statement in enumerate(statements):
            match statement:
                case ast.FunctionDef(name=name):
                    node: ast.FunctionDef | ast.Lambda = statement
                case ast.Assign([ast.Name(id=name)], ast.Lambda() as node):
                    pass
                case _:
                    rest.append(statement)
                    continue
            made = self.inner_function(node, name)
            if made is None or reads(statements[:index], name):
                rest.append(statement)
                continue
            self.writer.lifted[id(made)] = Routine(made, node, self.routine.lines)
            self.writer.keep.append(made)
            self.constants[name] = made
            self.locals.discard(name)
        return rest

    def inner_function(self, node: ast.FunctionDef | ast.Lambda, name: str) -> FunctionType | None:
        """Make the function that the body names `name`, if it is the same in every call."""
        outer, arguments = self.routine.function, node.args
        named = isinstance(node, ast.FunctionDef)
        found = [
            code
            for code in outer.__code__.co_consts
            if isinstance(code, CodeType)
            and code.co_name == (name if named else "<lambda>")
            and (named or code.co_firstlineno == node.lineno)
        ]
        plain = not (
            getattr(node, "decorator_list", None)
            or arguments.defaults
            or arguments.kw_defaults
            or arguments.vararg
            or arguments.kwarg
        )
        once = binding_count(self.routine.node, name) == 1
        if not plain or not once or len(found) != 1 or found[0].co_freevars:
            return None
        return FunctionType(found[0], outer.__globals__, name)

    def take_tables(self, statements: list[ast.stmt]) -> None:
        """Local containers of constants that nothing changes are as good as captured ones."""
        if changes_in_place(self.routine.node):
            return
        for index, statement in enumerate(statements):
            match statement:
                case ast.Assign(
                    targets=[ast.Name(id=name)],
                    value=ast.Dict() | ast.List() | ast.Set() | ast.Tuple() as display,
                ) if binding_count(self.routine.node, name) == 1 and not reads(
                    statements[:index], name
                ):
                    value = _literal(display)
                    if is_container(value) and constant(value) is not None:
                        self.tables[name] = value


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return MISSING


def _exception_name(value: Any) -> str | None:
    if isinstance(value, type) and issubclass(value, BaseException):
        name = value.__name__
        return name if getattr(builtins, name, None) is value else None
    return None


def _imported(node: ast.Import | ast.ImportFrom) -> dict[str, Any] | None:
    """What an import binds, if it does no more than that."""
    found: dict[str, Any] = {}
    for alias in node.names:
        if isinstance(node, ast.Import):
            if "." in alias.name:
                return None
            value = sys.modules.get(alias.name)
            module = value
        else:
            module = sys.modules.get(node.module or "") if node.level == 0 else None
            value = vars(module).get(alias.name, MISSING) if module is not None else MISSING
        if type(module) is not ModuleType or value is MISSING or not is_pure_module(module):
            return None
        found[alias.asname or alias.name] = value
    return found


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
