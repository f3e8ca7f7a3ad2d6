"""The names of operators in a specification, and of kinds of code in messages."""

from __future__ import annotations

import ast

BINARY: dict[type[ast.operator], str] = {
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
UNARY: dict[type[ast.unaryop], str] = {
    ast.USub: "neg",
    ast.UAdd: "pos",
    ast.Invert: "invert",
    ast.Not: "not",
}
COMPARE: dict[type[ast.cmpop], str] = {
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

_WORDS = {
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
    "AnnAssign": "assignment",
    "Lambda": "a `lambda`",
    "Await": "`await`",
    "Yield": "`yield`",
    "Starred": "a starred expression",
    "Match": "match",
}


def word(node: ast.AST) -> str:
    """Name a kind of code as people call it."""
    name = type(node).__name__
    return _WORDS.get(name, name)
