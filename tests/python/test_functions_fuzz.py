"""Differential fuzzing: generated functions in the subset, columns of edge values.

`WINDROW_FUZZ_CASES=100000 pytest tests/python/test_functions_fuzz.py` looks longer.
"""

# ruff: noqa: E501

from __future__ import annotations

import itertools
import linecache
import math
import os
import re
import warnings

import pyarrow as pa
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from native_functions import check

CASES = int(os.environ.get("WINDROW_FUZZ_CASES", "200"))
ROWS = 32

INTS = [0, 1, -1, 2, 3, 5, -7, 10, 100, 2**53, 2**53 + 1, 2**62, 2**63 - 1, -(2**63), None, None]
FLOATS = [
    0.0,
    -0.0,
    1.0,
    -1.5,
    2.5,
    0.1,
    1e16,
    1e-5,
    1e300,
    2.0**53,
    math.inf,
    -math.inf,
    math.nan,
    None,
]
TEXTS = [
    "", "a", "abc", " x ", "12", "-5", "1_0", "2.0", "1e5", "nan", "é日本", "it's A", "\u00a0x\u2003",
    "\x1cx", "a,b,,c", "12:34", "ß", "İ", "١٢", "007", "True", None,
]  # fmt: skip
BOOLS = [True, False, None]
_serial = itertools.count()


INT_LEAVES = ['row["i"]', 'row["j"]', "row.i", "0", "1", "2", "3", "-1", "7", "K", "True"]
FLOAT_LEAVES = ['row["x"]', 'row["y"]', "0.5", "1.0", "2.5", "-0.0", "RATE"]
TEXT_LEAVES = ['row["s"]', 'row["t"]', '"a"', '","', '""', '"abc"', "NAME"]
COND_LEAVES = ['row["b"]', "True", "False"]

INT = [
    "({i} + {i})", "({i} - {i})", "({i} * {i})", "({i} // {i})", "({i} % {i})", "(-{i})", "abs({i})",
    "({i} & {i})", "({i} | {i})", "({i} ^ {i})", "(~{i})", "({i} << ({i} & 7))", "({i} >> ({i} & 7))",
    "({i} ** 2)", "len({s})", "int({s})", "int({x})", "round({x})", "({i} if {c} else {i})", "({i} or {i})",
    "({i} and {i})", "max({i}, {i})", "min({i}, {i}, 3)", "{s}.find({s})", "{s}.count({s})", "TABLE.get({s}, 5)",
    "TABLE[{s}]", "LIST[{i}]", "helper({i}, {i})", "int({c})", "len({s}.split(','))", "math.floor({x})",
    "ord({s})", "({i} if {s} in TABLE else {i})",
]  # fmt: skip
FLOAT = [
    "({x} + {x})", "({x} - {i})", "({x} * {x})", "({x} / {x})", "({i} / {i})", "({x} // {x})", "({x} % {i})",
    "(-{x})", "abs({x})", "float({s})", "float({i})", "({x} if {c} else {x})", "max({x}, {i})", "min({x}, {x})",
    "round({x}, 2)", "math.sqrt({x})", "({x} ** 2)", "helper({x}, {i})", "({x} or {x})", "math.exp({x})",
]  # fmt: skip
TEXT = [
    "({s} + {s})", "str({i})", "str({x})", "str({c})", "{s}.upper()", "{s}.lower()", "{s}.strip()", "{s}.title()",
    "{s}[{i}]", "{s}[1:]", "{s}[:-1]", "{s}[{i}:{i}]", "{s}[::-1]", "{s}.split(',')[0]", "{s}.split(':')[-1]",
    "{s}.split()[0]", "{s}.replace({s}, '-')", "{s}.zfill(4)", "({s} if {c} else {s})", "({s} or {s})",
    "({s} * ({i} & 3))", 'f"{{{i}:05d}}|{{{s}:>4}}"', 'f"{{{x}:.2f}}"', 'f"{{{s}}}-{{{i}}}"', "NAMES[{i}]",
    "'{{}}/{{:,}}'.format({s}, {i})", "{s}.lstrip('a ')", "{s}.capitalize()", "{s}.partition('a')[2]",
    "{s}.rsplit(',', 1)[0]", "{s}.removeprefix('a')", "chr({i} & 127)",
]  # fmt: skip
COND = [
    "({i} < {i})", "({x} >= {i})", "({i} == {x})", "({s} == {s})", "({s} < {s})", "({s} in {s})", "(not {c})",
    "({c} and {c})", "({c} or {i})", "({i} < {i} <= {i})", "({s} in ('a', '12', ''))", "({i} in [1, 2.0, 7])",
    "(row['i'] is None)", "(row['s'] is not None)", "isinstance(row['s'], str)", "pd_isna({x})", "bool({s})",
    "{s}.isdigit()", "{s}.startswith({s})", "{s}.endswith(('a', 'c'))", "math.isnan({x})", "({x} != {x})",
    "({s} in TABLE)", "({i} != {s})", "row['b'] == True", "(row['x'] == row['x'])",
]  # fmt: skip


GRAMMAR = {
    "i": (INT_LEAVES, INT),
    "x": (FLOAT_LEAVES, FLOAT),
    "s": (TEXT_LEAVES, TEXT),
    "c": (COND_LEAVES, COND),
}


def expression(pick, kind, depth):
    """A random expression; `{i}` in a template is an int, `{x}` a float, `{s}` text, `{c}` a bool."""
    leaves, templates = GRAMMAR[kind]
    if depth == 0 or pick.random() < 0.2:
        return pick.choice(leaves)
    pieces = re.split(r"\{([ixsc])\}", pick.choice(templates))
    for index, piece in enumerate(pieces):
        if index % 2:
            pieces[index] = expression(pick, piece, depth - 1)
        else:
            pieces[index] = piece.replace("{{", "{").replace("}}", "}")
    return "".join(pieces)


def indent(text):
    return "\n".join("    " + line for line in text.splitlines())


def statements(pick, kind, depth):
    value = expression(pick, kind, 3)
    if depth == 0:
        other = expression(pick, pick.choice("ixsc"), 3)
        return pick.choice([f"v = {value}", f"return {value}", f"return {value}", f"w = {other}"])
    first, second = (statements(pick, kind, depth - 1) for _ in range(2))
    condition = expression(pick, "c", 2)
    return pick.choice(
        [
            f"if {condition}:\n{indent(first)}\nelse:\n{indent(second)}",
            f"if {condition}:\n{indent(first)}\n{second}",
            f"try:\n{indent(first)}\nexcept Exception:\n    v = None\n{second}",
            f"{first}\n{second}",
            first,
        ]
    )


def body(pick):
    kind = pick.choice("ixsc")
    tail = pick.choice(["v", expression(pick, kind, 3)])
    return f"{statements(pick, kind, pick.randrange(4))}\nreturn {tail}"


MODULE = """
import math
from pandas import isna as pd_isna
K, RATE, NAME = 4, 0.1, "12"
TABLE = {{"a": 1, "12": 2, "": 3}}
LIST = [10, 20, 30]
NAMES = ["zero", "one", "two"]
def helper(a, b=2):
    if a > b:
        return a - b
    elif a == b:
        return 0
    return b
def f(row):
    v = 0 if row["i"] else None
{body}
"""


def load(text):
    name = f"<fuzzed {next(_serial)}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    space = {"__name__": "fuzzed"}
    exec(compile(text, name, "exec"), space)
    return space["f"], name


def table(pick):
    missing = pick.random() < 0.7

    def column(values, kind):
        values = values if missing else [value for value in values if value is not None]
        return pa.array([pick.choice(values) for _ in range(ROWS)], kind)

    return pa.RecordBatch.from_pydict(
        {
            "i": column(INTS, pa.int64()),
            "j": column([0, 1, 2, 3, -2, None], pa.int16()),
            "x": column(FLOATS, pa.float64()),
            "y": column([0.5, -2.0, 3.0, None], pa.float32()),
            "s": column(TEXTS, pa.string()),
            "t": column(TEXTS, pa.string_view()),
            "b": column(BOOLS, pa.bool_()),
        }
    )


@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(pick=st.randoms(use_true_random=False), nulls=st.sampled_from(["nan", "none"]))
def test_generated_functions(pick, nulls):
    text = MODULE.format(body=indent(body(pick)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            f, name = load(text)
        except SyntaxError:  # quotes inside an f-string, before 3.12
            assume(False)
        try:
            check(f, table(pick), nulls=nulls, native=None)
        finally:
            linecache.cache.pop(name, None)
