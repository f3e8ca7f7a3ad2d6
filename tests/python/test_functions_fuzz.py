"""Differential fuzzing: generated functions in the subset, columns of edge values.

A case is one function over one set of columns, row for row: value, type and bits of what native
code answers, the kind of exception where it is certain of one; and for the function as it is lifted
for rows that leave, value, type of exception and message, beside the function as it was written.

By default the cases are few, and the same in every run; `make fuzz-functions` tries 20,000, and with
`CASES=1000000` as many others. A failure tells the seed and shows the function.
"""

# ruff: noqa: E501

from __future__ import annotations

import datetime as dt
import itertools
import linecache
import math
import os
import random
import re
import warnings

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from native_functions import begin_check, check, forget_answers

CASES = int(os.environ.get("WINDROW_FUZZ_CASES", "400"))
# The long look of our own checks, with the same cases each time.
SAME = "WINDROW_FUZZ_CASES" not in os.environ or "WINDROW_FUZZ_SAME" in os.environ
PART = os.environ.get("WINDROW_FUZZ_PART", "")
BATCH = 100  # functions of one example: choosing them through Hypothesis costs more than a run
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
DATES = [dt.date(1, 1, 1), dt.date(1969, 12, 31), dt.date(2024, 2, 29), dt.date(9999, 12, 31), None]
MOMENTS = [
    dt.datetime(1969, 12, 31, 23, 59, 59, 999999),
    dt.datetime(2024, 2, 29, 12),
    dt.datetime(2000, 1, 1, 0, 0, 0, 1),
    None,
]
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


LIST_LEAVES = ["{s}.split(',')", "{s}.split()", "list({s})", "['a', '12']"]
LIST_LEAVES = [leaf.replace("{s}", 'row["s"]') for leaf in LIST_LEAVES]

# What only rows are run for: loops, comprehensions, lists, patterns, dates.
LIST = [
    "[{s}, {s}]", "[w.upper() for w in {l}]", "sorted({l})", "{l}[1:]", "{l}[::-2]", "({l} + {l})",
    "[w for w in {l} if w.isdigit()]", "list(reversed({l}))", "re.findall(r'[0-9]+', {s})",
    "re.split(r'[,:]', {s})", "[a + b for a in {l} for b in {s}[:2]]", "({l} * ({i} & 3))",
    "list(map(str.strip, {l}))", "list(filter(None, {l}))", "[str(k) for k in range({i} & 7)]",
    "sorted({l}, key=len, reverse=True)", "{s}.rsplit('a', 1)",
    "{s}.splitlines()", "sorted(set({s}))", "[f'{{{{k}}}}{{{{w}}}}' for k, w in enumerate({l})]",
]  # fmt: skip
INT += [
    "len({l})", "sum(len(w) for w in {l})", "sum(1 for ch in {s} if ch in 'abc1')", "len(set({s}))",
    "max([len(w) for w in {l}], default=0)", "sum(int(ch) for ch in {s} if ch.isdigit())",
    "{l}.index({s})", "{l}.count({s})", "sum(range({i} & 7))", "divmod({i}, {i})[1]", "int({s}, 16)",
    "int(re.sub(r'[^0-9]', '', {s}))", "sum(a == b for a, b in zip({s}, {s}))", "row['d'].year",
    "row['d'].weekday()", "(row['d'] - row['e']).days", "row['m'].hour", "row['e'].isocalendar()[1]",
    "sum(TREE['x'])", "TREE[{s}][0]", "(re.search(r'([0-9])([0-9])?', {s}) or [9, 9])[1] and 1",
    "min({i}, {i}, key=abs)", "round({i}, -1)", "round({x} * 2)", "len(str({l}))", "{s}.index('a')",
]  # fmt: skip
FLOAT += [
    "sum([{x}, {x}, {i}])", "math.atan2({x}, {x})", "max([{x}, {x}])", "float('%.3f' % {x})",
    "sum(float(w) for w in {l} if w.isdigit())", "math.log({x}, 10)", "math.radians({x})",
    "math.fmod({x}, {x})", "round({x}, {i} & 3)", "(row['m'] - LAUNCH).total_seconds()", "pow({x}, 2)",
]  # fmt: skip
TEXT += [
    "''.join({l})", "'-'.join(w.title() for w in {l})", "''.join(ch for ch in {s} if ch.isalpha())",
    "{l}[{i}]", "re.sub(r'[^a-z]+', '_', {s})", "max({l})", "repr({s})", "str({l})",
    "{s}.center({i} & 15, '*')", "{s}.ljust({i} & 7)", "{s}.swapcase()", "'%s:%05.1f' % ({s}, {x})",
    "'%d' % {x}", 'f"{{{x}:g}}"', 'f"{{{x}:.3e}}"', 'f"{{{x}:>12}}"', 'f"{{{i}:x}}"', "hex({i})",
    "{s}[{i}:{i}:{i}]", "next((w for w in {l} if w), 'none')", "{s}.replace({s}, 'z', {i} & 3)",
    "{s}.split(None, 1)[0]", "{s}.rsplit(None, 1)[-1]", "row['d'].isoformat()", "str(row['m'])",
    "row['m'].strftime('%Y/%m/%d %H:%M:%S')", "'%-5s|' % {s}", "min({l}, key=len)", "{s}[::2]",
    "re.sub(r'([a-z])([0-9])', r'\\2\\1', {s})", "{s}.translate(SWAP)", "str({x})[:3]",
    "datetime.strptime({s}, '%H:%M').strftime('%I')", 'f"{{{x}:,}}|{{{s}!r}}"',
]  # fmt: skip
COND += [
    "any(ch.isdigit() for ch in {s})", "all(w for w in {l})", "({s} in {l})", "({l} == {l})",
    "({l} < {l})", "({i} in range(0, 10, 3))", "(type({i}) == int)", "bool(re.match(r' *[0-9]', {s}))",
    "(row['d'] < row['e'])", "(row['m'] >= LAUNCH)", "bool({l})", "any(a < b for a, b in PAIRS)",
    "({s}, {i}) in KEYS", "all(ch in 'a12' for ch in {s})", "(({i}, {s}) < ({i}, {s}))",
]  # fmt: skip


GRAMMAR = {
    "l": (LIST_LEAVES, LIST),
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
    pieces = re.split(r"\{([ixscl])\}", pick.choice(templates))
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
    turn = f"turn{next(_serial)}"  # nothing else assigns it: the loop ends
    return pick.choice(
        [
            f"if {condition}:\n{indent(first)}\nelse:\n{indent(second)}",
            f"if {condition}:\n{indent(first)}\n{second}",
            f"try:\n{indent(first)}\nexcept Exception:\n    v = None\n{second}",
            f"try:\n{indent(first)}\nexcept (ValueError, KeyError):\n{indent(second)}",
            f"try:\n{indent(first)}\nexcept TypeError:\n    v = None\nfinally:\n    w = 1\n{second}",
            f"for item in {expression(pick, 'l', 2)}:\n{indent(first)}\n{second}",
            f"for k in range({expression(pick, 'i', 1)} & 7):\n    if k == 5:\n        break\n{indent(first)}",
            f"{turn} = 0\nwhile {turn} < 3:\n    {turn} += 1\n{indent(first)}\n    v = {turn}\n{second}",
            f"out = []\nfor ch in {expression(pick, 's', 2)}:\n    out.append(ch)\nv = ''.join(out)\n{second}",
            f"n = 0\nfor ch in {expression(pick, 's', 2)}:\n    if ch in 'abc 1':\n        n += 1\nv = n\n{second}",
            f"{first}\n{second}",
            first,
        ]
    )


def body(pick):
    kind = pick.choice("ixscl")
    tail = pick.choice(["v", expression(pick, kind, 3)])
    return f"{statements(pick, kind, pick.randrange(4))}\nreturn {tail}"


MODULE = """
import math
import re
from datetime import datetime
LAUNCH = datetime(2024, 2, 29, 12)
TREE = {{"x": [1, 2], "a": (3,), "12": [4]}}
PAIRS = [(1, 2), (0.5, 0.25)]
KEYS = {{("a", 1), ("12", 0)}}
SWAP = str.maketrans({{"a": "b", ",": None, "1": "one"}})
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
            "d": column(DATES, pa.date32()),
            "e": column(DATES, pa.date32()),
            "m": column(MOMENTS, pa.timestamp("us")),
        }
    )


def generated(pick):
    """Give the text of a function, and itself; None where this Python cannot read it."""
    text = MODULE.format(body=indent(body(pick)))
    try:
        f, name = load(text)
    except SyntaxError:  # quotes inside an f-string, before 3.12
        return text, None, None
    return text, f, name


@settings(
    max_examples=max(1, CASES // BATCH),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    derandomize=SAME,
    phases=[Phase.generate],
)
@given(seed=st.integers(0, 2**63 - 1))
def test_generated_functions(seed):
    pick = random.Random(f"{PART}{seed}")
    forget_answers()
    tables = [table(pick) for _ in range(4)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        begun = None
        for _ in range(BATCH):
            text, f, name = generated(pick)
            rows, nulls = pick.choice(tables), pick.choice(["nan", "none"])
            following = f and begin(f, rows, nulls, text)
            finish(begun)
            begun = following and (following, text)
            linecache.cache.pop(name, None)
        finish(begun)


def begin(f, rows, nulls, text):
    try:
        return begin_check(f, rows, nulls=nulls, native=None)
    except AssertionError as error:
        raise AssertionError(f"{error}, of\n{text}") from None


def finish(begun):
    """While the answers of one function are judged, native code has the next."""
    if begun:
        check, text = begun
        try:
            check.finish(original=True)
        except AssertionError as error:
            raise AssertionError(f"{error}, of\n{text}") from None


def benign():
    rows = range(40)
    return pa.RecordBatch.from_pydict(
        {
            "i": pa.array([row % 7 + 1 for row in rows]),
            "j": pa.array([row % 3 + 1 for row in rows], pa.int16()),
            "x": pa.array([row % 11 + 0.5 for row in rows]),
            "y": pa.array([row % 5 + 0.25 for row in rows], pa.float32()),
            "s": pa.array([("a", "12", "3")[row % 3] for row in rows]),
            "t": pa.array([("abc", "7", "a")[row % 3] for row in rows], pa.string_view()),
            "b": pa.array([row % 2 == 0 for row in rows]),
            "d": pa.array([dt.date(2024, 1, row % 28 + 1) for row in rows]),
            "e": pa.array([dt.date(2023, 5, row % 28 + 1) for row in rows]),
            "m": pa.array([dt.datetime(2024, 3, row % 28 + 1, row % 24) for row in rows]),
        }
    )


SIMPLEST = {
    "i": 'row["i"]',
    "x": 'row["x"]',
    "s": 'row["s"]',
    "c": 'row["b"]',
    "l": "row['t'].split(',')",
}
TEMPLATES = [template for _, templates in GRAMMAR.values() for template in templates]


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_feature_leaves_what_it_could_answer(template):
    pieces = re.split(r"\{([ixscl])\}", template)
    for index, piece in enumerate(pieces):
        pieces[index] = (
            SIMPLEST[piece] if index % 2 else piece.replace("{{", "{").replace("}}", "}")
        )
    text = MODULE.format(body=f"    return {''.join(pieces)}")
    try:
        f, name = load(text)
    except SyntaxError:  # quotes inside an f-string, before 3.12
        pytest.skip("not a function on this version")
    try:
        result = check(f, benign(), nulls="none")
    finally:
        linecache.cache.pop(name, None)
    assert result.info["verdict"] == "native", result.info["left_out"]
    uncertain = [reason for reason in result.info["reasons"] if reason and not reason[0]]
    assert len(uncertain) <= 0.05 * 40, uncertain[0]
