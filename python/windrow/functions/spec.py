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
from types import FunctionType, ModuleType
from typing import Any

from windrow.functions.arguments import BOUND_ROW, bind
from windrow.functions.capture import FunctionNode, capture
from windrow.functions.constants import constant, is_container
from windrow.functions.known import known_name
from windrow.functions.parts import Routine
from windrow.functions.purity import audit
from windrow.functions.refusal import Refusal
from windrow.functions.scopes import MISSING, bound_names, look_up

Json = dict[str, Any]
_MAX_DEPTH = 8

_BINARY = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.Pow: "pow",
    ast.LShift: "shl",
    ast.RShift: "shr",
    ast.BitAnd: "and",
    ast.BitOr: "or",
    ast.BitXor: "xor",
}
_UNARY = {ast.USub: "neg", ast.UAdd: "pos", ast.Invert: "invert", ast.Not: "not"}
_COMPARE = {
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
    ast.Is: "is",
    ast.IsNot: "is_not",
    ast.In: "in",
    ast.NotIn: "not_in",
}


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
    writer = _Writer(lifted)
    if constants is None:
        constants = _defaults(routine)
    body = writer.routine(routine, columns, constants, ())
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


@dataclass
class _Writer:
    """Shared by a function and everything inlined into it."""

    lifted: dict[int, Routine]
    functions: dict[int, Json] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    keep: list[object] = field(default_factory=list)

    def routine(
        self,
        routine: Routine,
        params: list[str],
        constants: dict[str, Any],
        stack: tuple[int, ...],
    ) -> list[Json]:
        node = routine.node
        if isinstance(node, ast.AsyncFunctionDef):
            raise Refusal.at(node, routine.lines, "an `async` function")
        body = _Body(self, routine, set(params), constants, (*stack, id(routine.function)))
        if isinstance(node, ast.Lambda):
            return [body.stmt(ast.copy_location(ast.Return(node.body), node.body))]
        if any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in ast.walk(node)):
            raise Refusal.at(node, routine.lines, "a generator function")
        return body.block(node.body)

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


class _Unsupported(Exception):  # noqa: N818 - control flow inside this module
    def __init__(self, node: ast.AST, why: str) -> None:
        self.node = node
        self.why = why


class _Body:
    """Writes the statements and expressions of one function."""

    def __init__(
        self,
        writer: _Writer,
        routine: Routine,
        params: set[str],
        constants: dict[str, Any],
        stack: tuple[int, ...],
    ) -> None:
        self.writer = writer
        self.routine = routine
        self.stack = stack
        assigned = bound_names_of_body(routine.node)
        self.locals = params | assigned
        # A parameter with a bound value that is never assigned is that value.
        self.constants = {k: v for k, v in constants.items() if k not in assigned}
        self.assigned_constants = {k: v for k, v in constants.items() if k in assigned}
        self.locals -= self.constants.keys()

    # --- statements ---

    def block(self, statements: list[ast.stmt]) -> list[Json]:
        written = [
            self.place(
                ast.copy_location(ast.Pass(), self.routine.node),
                {"k": "assign", "name": name, "value": self.value(value, self.routine.node)},
            )
            for name, value in self.assigned_constants.items()
        ]
        self.assigned_constants = {}
        written.extend(
            self.stmt(statement)
            for statement in statements
            if not isinstance(statement, ast.Pass) and not _is_docstring(statement)
        )
        return written

    def stmt(self, node: ast.stmt) -> Json:
        try:
            return self.place(node, self.stmt_kind(node))
        except _Unsupported as unsupported:
            return self.give_up(node, unsupported)

    def stmt_kind(self, node: ast.stmt) -> Json:  # noqa: C901 - one line per kind
        match node:
            case ast.Return(value=value):
                return {"k": "return", "value": self.expr(value) if value else None}
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                return {"k": "assign", "name": name, "value": self.expr(value)}
            case ast.Assign(
                targets=[ast.Tuple(elts=targets) | ast.List(elts=targets)], value=value
            ):
                return self.unpack(node, targets, value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value, simple=1):
                return {"k": "assign", "name": name, "value": self.expr(value)}
            case ast.AugAssign(target=ast.Name(id=name) as target, op=op, value=value):
                read = ast.copy_location(ast.Name(name, ast.Load()), target)
                joined = ast.copy_location(ast.BinOp(read, op, value), node)
                return {"k": "assign", "name": name, "value": self.expr(joined)}
            case ast.If(test=test, body=body, orelse=orelse):
                return {
                    "k": "if",
                    "test": self.expr(test),
                    "body": self.block(body),
                    "orelse": self.block(orelse),
                }
            case ast.Expr(value=value):
                return {"k": "expr", "value": self.expr(value)}
            case ast.Raise():
                audit(node, self.routine)
                return {"k": "raise"}
            case ast.Assert(test=test, msg=message):
                if message is not None:
                    audit(message, self.routine)
                return {"k": "assert", "test": self.expr(test)}
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=[]):
                for handler in handlers:
                    audit(handler, self.routine)
                return {"k": "try", "body": self.block(body), "orelse": self.block(orelse)}
        raise _Unsupported(node, f"`{_word(node)}` statements are not compiled")

    def unpack(self, node: ast.stmt, targets: list[ast.expr], value: ast.expr) -> Json:
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        if len(names) != len(targets):
            raise _Unsupported(node, "unpacking into anything but plain names is not compiled")
        return {"k": "unpack", "names": names, "value": self.expr(value)}

    # --- expressions ---

    def expr(self, node: ast.expr) -> Json:
        try:
            return self.place(node, self.expr_kind(node))
        except _Unsupported as unsupported:
            return self.give_up(node, unsupported)

    def expr_kind(self, node: ast.expr) -> Json:  # noqa: PLR0912, C901 - one line per kind
        match node:
            case ast.Constant(value=value):
                return self.value(value, node)
            case ast.Name(id=name):
                return self.name(node, name)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return {
                    "k": "binary",
                    "op": _BINARY[type(op)],
                    "left": self.expr(left),
                    "right": self.expr(right),
                }
            case ast.UnaryOp(op=op, operand=operand):
                return {"k": "unary", "op": _UNARY[type(op)], "value": self.expr(operand)}
            case ast.BoolOp(op=op, values=values):
                word = "and" if isinstance(op, ast.And) else "or"
                return {"k": "bool", "op": word, "values": [self.expr(value) for value in values]}
            case ast.Compare(left=left, ops=ops, comparators=rights):
                return {
                    "k": "compare",
                    "left": self.expr(left),
                    "ops": [_COMPARE[type(op)] for op in ops],
                    "rights": [
                        self.container(right)
                        if isinstance(op, ast.In | ast.NotIn)
                        else self.expr(right)
                        for op, right in zip(ops, rights, strict=True)
                    ],
                }
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
                    "value": self.expr(value),
                    "lower": self.expr(low) if low else None,
                    "upper": self.expr(high) if high else None,
                    "step": self.expr(step) if step else None,
                }
            case ast.Subscript(value=value, slice=index):
                return {"k": "index", "value": self.container(value), "index": self.expr(index)}
            case ast.JoinedStr(values=values):
                return {"k": "format", "parts": [self.format_part(value) for value in values]}
            case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
                if not any(isinstance(item, ast.Starred) for item in items):
                    kind = type(node).__name__.lower()
                    return {"k": "sequence", "kind": kind, "items": [self.expr(i) for i in items]}
        raise _Unsupported(node, f"{_word(node)} is not compiled")

    def name(self, node: ast.expr, name: str) -> Json:
        if name in self.locals:
            return {"k": "local", "name": name}
        return self.value(self.resolve(name, node), node)

    def resolve(self, name: str, node: ast.expr) -> Any:
        if name in self.constants:
            return self.constants[name]
        value = look_up(self.routine.function, name)
        if value is MISSING:
            raise _Unsupported(node, f"`{name}` has no value now")
        return value

    def value(self, value: Any, node: ast.AST) -> Json:
        """Write a captured or literal value; containers only stand where they are read."""
        if is_container(value) and not isinstance(value, tuple | frozenset | range):
            raise Refusal.at(node, self.routine.lines, "a captured container is used as a whole")
        written = constant(value)
        if written is None:
            if known_name(value) is not None or isinstance(value, FunctionType | ModuleType):
                raise _Unsupported(node, "a function used as a value is not compiled")
            audit(node, self.routine, self.constants)
            raise _Unsupported(node, f"a captured `{type(value).__name__}` is not compiled")
        return {"k": "const", "value": written}

    def container(self, node: ast.expr) -> Json:
        """Write an expression whose value is only looked into."""
        target = self.static(node)
        if is_container(target):
            written = constant(target)
            if written is not None:
                return self.place(node, {"k": "const", "value": written})
            raise Refusal.at(node, self.routine.lines, "what it holds is not plain data")
        return self.expr(node)

    def static(self, node: ast.expr) -> Any:
        """Find the object an expression means now, if it is no local: `K`, `module.K`, `len`."""
        match node:
            case ast.Name(id=name) if name in self.constants:
                return self.constants[name]
            case ast.Name(id=name) if name not in self.locals:
                return look_up(self.routine.function, name)
            case ast.Attribute(value=owner, attr=attr):
                module = self.static(owner)
                if type(module) is ModuleType:
                    return vars(module).get(attr, MISSING)
        return MISSING

    def attribute(self, node: ast.Attribute) -> Json:
        value = self.static(node)
        if value is not MISSING:
            return self.value(value, node)
        raise _Unsupported(node, f"the attribute `{node.attr}` is not compiled")

    def call(self, node: ast.Call) -> Json:
        if any(isinstance(arg, ast.Starred) for arg in node.args) or any(
            keyword.arg is None for keyword in node.keywords
        ):
            raise _Unsupported(node, "unpacked arguments are not compiled")
        target = self.static(node.func)
        if isinstance(target, FunctionType) and known_name(target) is None:
            return self.inline_call(node, target)
        if target is MISSING and isinstance(node.func, ast.Attribute):
            return self.method(node, node.func)
        name = known_name(target)
        if name is None:
            audit(node, self.routine, self.constants)
            raise _Unsupported(node, f"`{ast.unparse(node.func)}` is not compiled")
        if name in ("len", "isinstance"):
            args = [self.argument(name, arg) for arg in node.args]
        else:
            args = [self.expr(arg) for arg in node.args]
        return {"k": "call", "name": name, "args": args, "keywords": self.keywords(node)}

    def argument(self, name: str, node: ast.expr) -> Json:
        if name == "len":
            return self.container(node)
        names = self.type_names(node)
        return (
            self.expr(node) if names is None else self.place(node, {"k": "types", "names": names})
        )

    def type_names(self, node: ast.expr) -> list[str] | None:
        if isinstance(node, ast.Tuple):
            parts = [self.type_names(item) for item in node.elts]
            return None if None in parts else [name for part in parts for name in part or []]
        value = self.static(node)
        plain = isinstance(value, type) and value in (
            int,
            float,
            bool,
            str,
            bytes,
            list,
            dict,
            tuple,
        )
        if value is type(None):
            return ["NoneType"]
        return [value.__name__] if plain else None

    def keywords(self, node: ast.Call) -> Json:
        return {str(keyword.arg): self.expr(keyword.value) for keyword in node.keywords}

    def method(self, node: ast.Call, function: ast.Attribute) -> Json:
        text = function.value
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            if function.attr == "format":
                parts = self.format_call(node, text.value)
                if parts is not None:
                    return {"k": "format", "parts": parts}
        elif is_container(self.static(text)) and function.attr != "get":
            raise Refusal.at(node, self.routine.lines, "a captured container may be changed here")
        return {
            "k": "method",
            "value": self.container(text) if function.attr == "get" else self.expr(text),
            "name": function.attr,
            "args": [self.expr(arg) for arg in node.args],
            "keywords": self.keywords(node),
        }

    def inline_call(self, node: ast.Call, function: FunctionType) -> Json:
        if id(function) in self.stack:
            raise _Unsupported(node, f"`{function.__name__}` calls itself")
        if len(self.stack) > _MAX_DEPTH:
            raise _Unsupported(node, f"more than {_MAX_DEPTH} calls inside one another")
        args = tuple((BOUND_ROW, arg) for arg in node.args)
        kwargs = {str(keyword.arg): (BOUND_ROW, keyword.value) for keyword in node.keywords}
        try:
            binding = bind(function, args, kwargs)
            index = self.writer.inline(function, self.stack)
        except Refusal as refusal:
            audit(node, self.routine, self.constants)
            raise _Unsupported(node, refusal.reason.text) from None
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

    # --- formatting ---

    def format_part(self, node: ast.expr) -> Json:
        match node:
            case ast.Constant(value=str(text)):
                return {"text": text}
            case ast.FormattedValue(value=value, conversion=conversion, format_spec=spec):
                literal = ""
                if spec is not None:
                    if not isinstance(spec, ast.JoinedStr) or not all(
                        isinstance(part, ast.Constant) for part in spec.values
                    ):
                        raise _Unsupported(node, "a computed format is not compiled")
                    literal = "".join(part.value for part in spec.values)  # type: ignore[attr-defined]
                mark = chr(conversion) if conversion >= 0 else ""
                return {"value": self.expr(value), "conversion": mark, "spec": literal}
        raise _Unsupported(node, "this part of a format is not compiled")

    def format_call(self, node: ast.Call, template: str) -> list[Json] | None:
        """`"{} {:.2f}".format(a, b)` as the parts of an f-string, if it is as plain as that."""
        import string

        parts: list[Json] = []
        automatic = 0
        for text, name, spec, conversion in string.Formatter().parse(template):
            if text:
                parts.append({"text": text})
            if name is None:
                continue
            if "{" in (spec or ""):
                return None
            if name == "":
                name, automatic = str(automatic), automatic + 1  # noqa: PLW2901
            if name.isdigit() and int(name) < len(node.args):
                value = node.args[int(name)]
            else:
                found = [keyword.value for keyword in node.keywords if keyword.arg == name]
                if not found:
                    return None
                value = found[0]
            parts.append(
                {"value": self.expr(value), "conversion": conversion or "", "spec": spec or ""}
            )
        return parts

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

    def give_up(self, node: ast.AST, unsupported: _Unsupported) -> Json:
        """Leave a node to the interpreter, unless that could be noticed."""
        audit(node, self.routine, self.constants)
        return self.place(unsupported.node, {"k": "unsupported", "why": unsupported.why})


def bound_names_of_body(node: FunctionNode) -> set[str]:
    """The names a function assigns itself, its parameters aside."""
    names: set[str] = set()
    body = node.body if isinstance(node.body, list) else [node.body]
    for part in body:
        names |= bound_names(part)
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(part.name)
        for inner in ast.walk(part):
            if isinstance(inner, ast.alias):
                names.add(inner.asname or inner.name.partition(".")[0])
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
            names.add(part.id)
    return names


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _word(node: ast.AST) -> str:
    return {
        "For": "for",
        "While": "while",
        "With": "with",
        "FunctionDef": "def",
        "ClassDef": "class",
        "Import": "import",
        "ImportFrom": "import",
        "Global": "global",
        "Nonlocal": "nonlocal",
        "Delete": "del",
        "Assign": "assignment",
        "AugAssign": "assignment",
        "ListComp": "a list comprehension",
        "SetComp": "a set comprehension",
        "DictComp": "a dict comprehension",
        "GeneratorExp": "a generator expression",
        "Lambda": "a `lambda`",
        "Dict": "a dict display",
        "Await": "`await`",
        "Yield": "`yield`",
        "Starred": "a starred expression",
    }.get(type(node).__name__, type(node).__name__)
