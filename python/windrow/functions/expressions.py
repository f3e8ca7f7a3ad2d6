"""Expressions as data."""

from __future__ import annotations

import ast
import re
from typing import Any

from windrow.functions.constants import is_container
from windrow.functions.formats import Formats
from windrow.functions.invocations import Invocations
from windrow.functions.purity import audit
from windrow.functions.scopes import MISSING, walk
from windrow.functions.words import BINARY, COMPARE, UNARY, word
from windrow.functions.writing import Json, Unsupported

_COMPREHENSIONS = {
    ast.ListComp: "list",
    ast.SetComp: "set",
    ast.DictComp: "dict",
    ast.GeneratorExp: "generator",
}
_SET_OPERATORS = (ast.BitAnd, ast.BitOr, ast.Sub)


class Expressions(Formats, Invocations):
    """Writes the expressions of one function."""

    def expr(self, node: ast.expr) -> Json:
        """Write an expression; what is not compiled is left to the interpreter."""
        try:
            return self.place(node, self.expr_kind(node))
        except Unsupported as unsupported:
            return self.give_up(node, unsupported)

    def expr_kind(self, node: ast.expr) -> Json:  # noqa: PLR0912, C901 - one line per kind
        """Write an expression without its place."""
        match node:
            case ast.Constant(value=value):
                return self.value(value, node)
            case ast.Name(id=name):
                return self.name(node, name)
            case ast.BinOp(left=ast.Constant(value=str(template)), op=ast.Mod(), right=right):
                return {"k": "format", "parts": self.percent(node, template, right)}
            case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
                write = self.container if isinstance(op, _SET_OPERATORS) else self.expr
                return {
                    "k": "binary",
                    "op": BINARY[type(op)],
                    "left": write(left),
                    "right": write(right),
                }
            case ast.UnaryOp(op=op, operand=operand):
                return {"k": "unary", "op": UNARY[type(op)], "value": self.expr(operand)}
            case ast.BoolOp(op=op, values=values):
                name = "and" if isinstance(op, ast.And) else "or"
                return {"k": "bool", "op": name, "values": [self.expr(value) for value in values]}
            case ast.Compare():
                return self.compare(node)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return {
                    "k": "choose",
                    "test": self.expr(test),
                    "body": self.expr(body),
                    "orelse": self.expr(orelse),
                }
            case ast.NamedExpr(target=ast.Name(id=name), value=value):
                return {"k": "walrus", "name": name, "value": self.expr(value)}
            case ast.Call():
                return self.call(node)
            case ast.Attribute():
                return self.attribute(node)
            case ast.Subscript(value=value, slice=ast.Slice(lower=low, upper=high, step=step)):
                return {
                    "k": "slice",
                    "value": self.container(value),
                    "lower": self.expr(low) if low else None,
                    "upper": self.expr(high) if high else None,
                    "step": self.expr(step) if step else None,
                }
            case ast.Subscript(value=value, slice=index):
                return self.index(value, index)
            case ast.JoinedStr(values=values):
                return {"k": "format", "parts": [self.format_part(value) for value in values]}
            case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
                if not any(isinstance(item, ast.Starred) for item in items):
                    kind = type(node).__name__.lower()
                    return {"k": "sequence", "kind": kind, "items": [self.expr(i) for i in items]}
            case ast.Dict(keys=keys, values=values) if None not in keys:
                return {
                    "k": "dict",
                    "keys": [self.expr(key) for key in keys if key is not None],
                    "values": [self.expr(value) for value in values],
                }
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                return self.comprehension(node)
        raise Unsupported(node, f"{word(node)} is not compiled")

    def index(self, value: ast.expr, index: ast.expr) -> Json:
        """Write `value[index]`."""
        return {"k": "index", "value": self.container(value), "index": self.expr(index)}

    # --- comparisons ---

    def compare(self, node: ast.Compare) -> Json:
        """Write a comparison."""
        operands = [node.left, *node.comparators]
        about_types = any(self.is_type_call(operand) for operand in operands)
        rights = []
        for op, right in zip(node.ops, node.comparators, strict=True):
            names = self.type_names(right) if about_types else None
            if names is not None:
                rights.append(self.place(right, {"k": "types", "names": names}))
            elif isinstance(op, ast.In | ast.NotIn):
                rights.append(self.items(right))
            else:
                rights.append(self.expr(right))
        return {
            "k": "compare",
            "left": self.expr(node.left),
            "ops": [COMPARE[type(op)] for op in node.ops],
            "rights": rights,
        }

    def is_type_call(self, node: ast.expr) -> bool:
        """Whether an expression is `type(x)`."""
        return isinstance(node, ast.Call) and len(node.args) == 1 and self.static(node.func) is type

    # --- going through ---

    def items(self, node: ast.expr) -> Json:
        """Write an expression whose items are gone through at once."""
        if isinstance(node, ast.Call):
            lazy = self.lazy_call(node)
            if lazy is not None:
                return lazy
        if isinstance(node, ast.GeneratorExp):
            return self.guarded(node, lambda: self.comprehension(node))
        return self.container(node)

    def comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
    ) -> Json:
        """Write a comprehension; its variables get names of their own."""
        before = dict(self.renamed)
        clauses = []
        for generator in node.generators:
            if generator.is_async:
                raise Unsupported(node, "an asynchronous comprehension is not compiled")
            items = self.items(generator.iter)
            for inner in walk(generator.target):
                if isinstance(inner, ast.Name):
                    self.renamed[inner.id] = self.writer.fresh(inner.id)
            clauses.append(
                {
                    "iter": items,
                    "target": self.target(generator.target),
                    "tests": [self.expr(test) for test in generator.ifs],
                }
            )
        element = node.key if isinstance(node, ast.DictComp) else node.elt
        written = {
            "k": "comp",
            "kind": _COMPREHENSIONS[type(node)],
            "element": self.expr(element),
            "value": self.expr(node.value) if isinstance(node, ast.DictComp) else None,
            "clauses": clauses,
        }
        self.renamed = before
        return written

    def target(self, node: ast.expr) -> Json:
        """Write what a loop or an assignment binds."""
        match node:
            case ast.Name(id=name):
                return {"k": "name", "name": self.renamed.get(name, name)}
            case ast.Starred(value=ast.Name(id=name)):
                return {"k": "starred", "name": self.renamed.get(name, name)}
            case ast.Tuple(elts=items) | ast.List(elts=items):
                return {"k": "many", "items": [self.target(item) for item in items]}
        raise Unsupported(node, "assigning to this is not compiled")

    # --- attributes ---

    def attribute(self, node: ast.Attribute) -> Json:
        """Write `value.attribute`."""
        value = self.static(node)
        if value is not MISSING:
            return self.value(value, node)
        if isinstance(node.value, ast.Name | ast.Attribute):
            owner = self.static(node.value)
            if owner is not MISSING and not isinstance(owner, re.Pattern) and _is_object(owner):
                raise Unsupported(node, f"the attribute `{node.attr}` is not compiled")
        return {"k": "attr", "value": self.expr(node.value), "name": node.attr}

    def guarded(self, node: ast.expr, write: Any) -> Json:
        """Write a piece, or leave it to the interpreter."""
        try:
            return self.place(node, write())
        except Unsupported as unsupported:
            audit(node, self.routine, self.constants)
            return self.give_up(node, unsupported)


def _is_object(value: Any) -> bool:
    return not is_container(value) and not isinstance(value, int | float | str | bytes)
