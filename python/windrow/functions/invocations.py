"""Calls as data: known functions, functions to inline, methods, functions as arguments."""

from __future__ import annotations

import ast
import re
from types import FunctionType
from typing import Any

from windrow.functions.arguments import BOUND_ROW, bind
from windrow.functions.constants import constant, is_container
from windrow.functions.known import CLOCKS, known_method, known_name
from windrow.functions.purity import audit
from windrow.functions.refusal import Refusal
from windrow.functions.scopes import MISSING
from windrow.functions.writing import Json, Unsupported, Writing

_MAX_DEPTH = 8
# Results that can only be gone through once, or are views.
_LAZY = frozenset({"map", "filter", "zip", "enumerate", "reversed", "re.finditer"})
_VIEWS = frozenset({"items", "keys", "values", "finditer"})
# These go through all items of their first argument.
_TAKES_ITEMS = frozenset(
    {"list", "tuple", "set", "dict", "sum", "min", "max", "any", "all", "sorted", "next", "len"}
    | {"frozenset", "reversed"}
)
# Methods that leave what they are called on as it is.
_READING = frozenset(
    {"get", "items", "keys", "values", "index", "count", "copy", "union", "intersection"}
    | {"difference", "issubset", "issuperset", "isdisjoint"}
)
_TYPES = (int, float, bool, str, bytes, list, dict, tuple, set, frozenset)


class Invocations(Writing):
    """Writes calls."""

    def call(self, node: ast.Call) -> Json:
        """Write a call."""
        if any(isinstance(arg, ast.Starred) for arg in node.args) or any(
            keyword.arg is None for keyword in node.keywords
        ):
            raise Unsupported(node, "unpacked arguments are not compiled")
        target = self.static(node.func)
        if isinstance(target, FunctionType) and known_name(target) is None:
            return self.inline_call(node, target)
        match node.func:
            case ast.Attribute(value=owner, attr="maketrans") if self.static(owner) is str:
                return self.table(node)
        if isinstance(node.func, ast.Attribute) and target is MISSING:
            name = known_method(self.static(node.func.value), node.func.attr)
            if name is None:
                return self.method(node, node.func)
        else:
            name = known_name(target)
        if name is None:
            audit(node, self.routine, self.constants)
            raise Unsupported(node, f"`{ast.unparse(node.func)}` is not compiled")
        if name in _LAZY:
            raise Unsupported(node, f"`{name}` used as a value is not compiled")
        return self.known_call(node, name)

    def known_call(self, node: ast.Call, name: str) -> Json:
        """Write a call of a known function."""
        if name == "re.compile":
            return self.pattern(node)
        if name == "isinstance":
            args = [self.expr(arg) for arg in node.args[:1]]
            args.extend(self.types(arg) for arg in node.args[1:])
        elif name in ("map", "filter"):
            args = [self.function(arg) for arg in node.args[:1]]
            args.extend(self.items(arg) for arg in node.args[1:])
        elif name == "re.sub":
            args = [self.constant_of(node.args[0])] if node.args else []
            args.extend(self.function(arg) for arg in node.args[1:2])
            args.extend(self.constant_of(arg) for arg in node.args[2:])
        elif name.startswith("re."):
            args = [self.constant_of(arg) for arg in node.args]
        elif name in ("zip", "enumerate"):
            args = [self.items(arg) for arg in node.args]
        elif name in _TAKES_ITEMS:
            single = len(node.args) == 1 or name in ("sum", "next", "sorted")
            args = [
                self.items(arg) if single and index == 0 else self.expr(arg)
                for index, arg in enumerate(node.args)
            ]
        else:
            args = [self.expr(arg) for arg in node.args]
        return {"k": "call", "name": name, "args": args, "keywords": self.keywords(node)}

    def lazy_call(self, node: ast.Call) -> Json | None:
        """Write a call whose result is gone through at once: `map`, `d.items()`."""
        target = self.static(node.func)
        name = None if target is MISSING else known_name(target)
        if name in _LAZY and not any(isinstance(arg, ast.Starred) for arg in node.args):
            return self.guarded(node, lambda: self.known_call(node, str(name)))
        if (
            target is MISSING
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in _VIEWS
            and not any(isinstance(arg, ast.Starred) for arg in node.args)
            and known_method(self.static(node.func.value), node.func.attr) is None
        ):
            function = node.func
            return self.guarded(node, lambda: self.method(node, function, viewed=True))
        return None

    def items(self, node: ast.expr) -> Json:
        """Write an expression whose items are gone through at once."""
        raise NotImplementedError

    def guarded(self, node: ast.expr, write: Any) -> Json:
        """Write a piece, or leave it to the interpreter."""
        raise NotImplementedError

    # --- arguments ---

    def keywords(self, node: ast.Call) -> Json:
        """Write the arguments with names."""
        written = {}
        for keyword in node.keywords:
            name = str(keyword.arg)
            if name == "key":
                written[name] = self.function(keyword.value)
            elif name == "flags":
                written[name] = self.constant_of(keyword.value)
            else:
                written[name] = self.expr(keyword.value)
        return written

    def constant_of(self, node: ast.expr) -> Json:
        """Write an argument, computed now if it is made of constants: `re.I | re.M`."""
        value = self.folded(node)
        written = None if value is MISSING else constant(value)
        if written is None or is_container(value):
            return self.expr(node)
        return self.place(node, {"k": "const", "value": written})

    def folded(self, node: ast.expr) -> Any:
        """Compute an expression of constants, or `MISSING`."""
        match node:
            case ast.Constant(value=value):
                return value
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                sides = self.folded(left), self.folded(right)
                if all(isinstance(side, int) for side in sides):
                    return sides[0] | sides[1]
                return MISSING
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                sides = self.folded(left), self.folded(right)
                return sides[0] + sides[1] if all(type(s) is str for s in sides) else MISSING
        return self.static(node)

    def pattern(self, node: ast.Call) -> Json:
        """`re.compile` of constants is a constant."""
        values = [self.folded(arg) for arg in (*node.args, *(k.value for k in node.keywords))]
        if node.args and type(values[0]) is str and all(isinstance(v, int) for v in values[1:]):
            try:
                compiled = re.compile(values[0], *values[1:])
            except re.error:
                raise Unsupported(node, "a broken regular expression") from None
            return self.value(compiled, node)
        raise Unsupported(node, "a computed regular expression is not compiled")

    def table(self, node: ast.Call) -> Json:
        """`str.maketrans` of constants is a constant."""
        values = [self.folded(arg) for arg in node.args]
        if not node.keywords and all(type(value) is str for value in values):
            try:
                return {"k": "const", "value": constant(str.maketrans(*values))}
            except (TypeError, ValueError):
                raise Unsupported(node, "`maketrans` fails") from None
        raise Unsupported(node, "a computed table of `maketrans` is not compiled")

    def types(self, node: ast.expr) -> Json:
        """Write the classes that `isinstance` is asked about."""
        names = self.type_names(node)
        return (
            self.expr(node) if names is None else self.place(node, {"k": "types", "names": names})
        )

    def type_names(self, node: ast.expr) -> list[str] | None:
        """Name the classes in an argument of `isinstance`."""
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            parts = [self.type_names(item) for item in node.elts]
            return None if None in parts else [name for part in parts for name in part or []]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            left, right = self.type_names(node.left), self.type_names(node.right)
            return None if left is None or right is None else left + right
        if isinstance(node, ast.Constant) and node.value is None:
            return None
        value = self.static(node)
        if isinstance(value, tuple) and value and all(isinstance(v, type) for v in value):
            names = [_type_name(item) for item in value]
            return None if None in names else [name for name in names if name is not None]
        name = _type_name(value)
        return None if name is None else [name]

    def function(self, node: ast.expr) -> Json:
        """Write a function as an argument: of `map`, `sorted` and their like."""
        if isinstance(node, ast.Lambda):
            return self.guarded(node, lambda: self.lambda_(node))
        target = self.static(node)
        name = None if target is MISSING else known_name(target)
        if name is None and isinstance(node, ast.Attribute) and target is MISSING:
            name = known_method(self.static(node.value), node.attr)
        if name is not None:
            return self.place(node, {"k": "function", "known": name})
        if isinstance(target, FunctionType):
            return self.guarded(node, lambda: self.named_function(node, target))
        return self.expr(node)

    def lambda_(self, node: ast.Lambda) -> Json:
        """Write a `lambda` as an argument."""
        arguments = node.args
        if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.defaults:
            raise Unsupported(node, "a `lambda` with such parameters is not compiled")
        before = dict(self.renamed)
        names = [arg.arg for arg in (*arguments.posonlyargs, *arguments.args)]
        for name in names:
            self.renamed[name] = self.writer.fresh(name)
        written = {
            "k": "function",
            "params": [self.renamed[name] for name in names],
            "body": self.expr(node.body),
        }
        self.renamed = before
        return written

    def named_function(self, node: ast.expr, target: FunctionType) -> Json:
        """Write a function of the user as an argument."""
        self.check_depth(node, target)
        code = target.__code__
        if target.__defaults__ or code.co_kwonlyargcount or code.co_flags & 0x0C:
            raise Unsupported(node, "a function with such parameters is not compiled here")
        try:
            return {"k": "function", "routine": self.writer.inline(target, self.stack)}
        except Refusal as refusal:
            audit(node, self.routine, self.constants)
            raise Unsupported(node, refusal.reason.text) from None

    # --- methods and functions ---

    def method(self, node: ast.Call, function: ast.Attribute, *, viewed: bool = False) -> Json:
        """Write `value.method(...)`."""
        text = function.value
        if function.attr in CLOCKS:
            audit(node, self.routine, self.constants)
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            if function.attr == "format":
                parts = self.format_call(node, text.value)
                if parts is not None:
                    return {"k": "format", "parts": parts}
        elif is_container(self.static(text)) and function.attr not in _READING:
            raise Refusal.at(node, self.routine.lines, "a captured container may be changed here")
        if function.attr in _VIEWS and not viewed:
            raise Unsupported(node, f"`{function.attr}` used as a value is not compiled")
        takes_items = function.attr in ("join", "extend")
        args = [self.items(arg) if takes_items else self.container(arg) for arg in node.args]
        if function.attr == "sub" and node.args:
            args[0] = self.function(node.args[0])
        return {
            "k": "method",
            "value": self.container(text),
            "name": function.attr,
            "args": args,
            "keywords": self.keywords(node),
        }

    def format_call(self, node: ast.Call, template: str) -> list[Json] | None:
        """Write `template.format(...)`."""
        raise NotImplementedError

    def check_depth(self, node: ast.AST, function: FunctionType) -> None:
        """Refuse recursion and deep nesting."""
        if id(function) in self.stack:
            raise Unsupported(node, f"`{function.__name__}` calls itself")
        if len(self.stack) > _MAX_DEPTH:
            raise Unsupported(node, f"more than {_MAX_DEPTH} calls inside one another")

    def inline_call(self, node: ast.Call, function: FunctionType) -> Json:
        """Write a call of a plain function."""
        self.check_depth(node, function)
        args = tuple((BOUND_ROW, arg) for arg in node.args)
        kwargs = {str(keyword.arg): (BOUND_ROW, keyword.value) for keyword in node.keywords}
        try:
            binding = bind(function, args, kwargs)
            index = self.writer.inline(function, self.stack)
        except Refusal as refusal:
            audit(node, self.routine, self.constants)
            raise Unsupported(node, refusal.reason.text) from None
        code = function.__code__
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        passed: dict[int, str] = {}
        for name in names:
            value = binding.values[name]
            if isinstance(value, tuple) and len(value) == 2 and value[0] is BOUND_ROW:
                passed[id(value[1])] = name
        # In the order in which the call computes them; defaults are constants.
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        written: list[Any] = [[passed[id(value)], self.expr(value)] for value in given]
        for name in names:
            if name not in passed.values():
                default = self.value(binding.values[name], node)
                written.append([name, self.place(node, default)])
        return {"k": "inline", "function": index, "args": written}


def _type_name(value: Any) -> str | None:
    """Name a class as the native side names the types of its values.

    Values are never of other classes, unless those are abstract.
    """
    if value is type(None):
        return "NoneType"
    if not isinstance(value, type) or value is object:
        return None
    if value in _TYPES or value.__module__ == "datetime":
        return value.__name__
    if type(value) is not type or value.__module__ == "builtins":
        return None
    return f"{value.__module__}.{value.__qualname__}"
