"""One operation each, as functions of one value: what native code has kernels for."""

# ruff: noqa: FLY002, PLW0108

import math

TEXTS = {
    "lower": lambda s: s.lower(),
    "upper": lambda s: s.upper(),
    "title": lambda s: s.title(),
    "capitalize": lambda s: s.capitalize(),
    "strip": lambda s: s.strip(),
    "lstrip": lambda s: s.lstrip(),
    "rstrip": lambda s: s.rstrip(),
    "split": lambda s: len(s.split()),
    "isdigit": lambda s: s.isdigit(),
    "isalpha": lambda s: s.isalpha(),
    "isalnum": lambda s: s.isalnum(),
    "isspace": lambda s: s.isspace(),
    "isupper": lambda s: s.isupper(),
    "islower": lambda s: s.islower(),
    "len": lambda s: len(s),
    "ord": lambda s: ord(s),
    "first": lambda s: s[0],
    "reversed": lambda s: s[::-1],
    "count": lambda s: s.count("a"),
    "find": lambda s: s.find("a"),
    "replace": lambda s: s.replace("a", "bc"),
    "int": lambda s: int(s),
    "float": lambda s: float(s),
}

# The interpreter of rows has code of its own for these.
ROWS = {
    "lower, row": lambda s: "".join([s.lower()]),
    "upper, row": lambda s: "".join([s.upper()]),
    "title, row": lambda s: "".join([s.title()]),
    "capitalize, row": lambda s: "".join([s.capitalize()]),
    "tests, row": lambda s: [s.isalpha(), s.isalnum(), s.isdigit(), s.isupper(), s.islower()],
}

FLOATS = {
    "str": lambda x: str(x),
    ".2f": lambda x: f"{x:.2f}",
    ".3e": lambda x: f"{x:.3e}",
    "g": lambda x: f"{x:g}",
    ",.1f": lambda x: f"{x:,.1f}",
    "%": lambda x: f"{x:.1%}",
    "round": lambda x: round(x),
    "round 2": lambda x: round(x, 2),
    "int": lambda x: int(x),
    "floor": lambda x: math.floor(x),
    "remainder": lambda x: x % 0.3,
    "whole": lambda x: x // 0.3,
    "seventh": lambda x: x / 7,
}

INTS = {
    "str": lambda i: str(i),
    ",": lambda i: f"{i:,}",
    "05d": lambda i: f"{i:05d}",
    "x": lambda i: f"{i:x}",
    "// 7": lambda i: i // 7,
    "% 7": lambda i: i % 7,
    "// 4294967295": lambda i: i // 4294967295,
    "% 1000": lambda i: i % 1000,
    "% -7": lambda i: i % -7,
    "/ 3": lambda i: i / 3,
    "* 3": lambda i: i * 3,
    "bucket": lambda i: "low" if i < -5 else "high" if i > 5 else "middle",
    "grade": lambda i: 1000 if i < -5 else -7 if i > 5 else 0,
}

NUMBERS_AS_TEXT = {"int": lambda s: int(s), "float": lambda s: float(s)}
