"""Lifted and unlifted agree on generated functions: value, exception, message and lines."""

from __future__ import annotations

import itertools
import linecache
import pickle
import traceback
import warnings

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from windrow.functions import describe

COLUMNS = ["a", "b", "c"]
_serial = itertools.count()

READS = [
    'row["a"]', "row.b", 'row["c"]', 'row.get("a", 7)', 'row.get("zz", 7)', 'row.get("b")',
    'row.get("c", 1 // row["a"])', 'row["zz"]', "aid(row)", "aid(row, k=row.b)", "nested(row)",
    '("a" in row)', "local", "K", "cell", "2", "'s'", "None", "1.5",
]  # fmt: skip
OPERATORS = ["+", "-", "*", "//", "%", "<", "==", "and", "or", "is not", "in"]

reads = st.sampled_from(READS)


def combine(inner):
    binary = st.builds(lambda x, op, y: f"({x} {op} {y})", inner, st.sampled_from(OPERATORS), inner)
    ternary = st.builds(lambda x, y, z: f"({x} if {y} else {z})", inner, inner, inner)
    calls = st.builds(
        lambda f, x: f"{f}({x})",
        st.sampled_from(["str", "len", "abs", "(lambda v: v)", "repr", "int"]),
        inner,
    )
    shapes = st.builds(
        lambda shape, x, y: shape.format(x=x, y=y),
        st.sampled_from(
            [
                "[{x} for _ in range(2)]",
                "sum({x} for _ in range(2))",
                "f'{{{x}}}-{{{y}!r}}'",
                "(lambda: {x})()",
                "{{{x!s}: {y}}}",
                "[{x}, {y}][-1]",
                "[q for q in [{x}] if {y}]",
                "(w := {x}, {y})",
            ]
        ),
        inner,
        inner,
    )
    return binary | ternary | calls | shapes


expressions = st.recursive(reads, combine, max_leaves=8)


def indent(text):
    return "\n".join("    " + line for line in text.splitlines())


statements = st.recursive(
    st.builds(lambda e: f"local = {e}", expressions)
    | st.builds(lambda e: f"return {e}", expressions),
    lambda inner: st.builds(
        lambda template, e, x, y: template.format(e=e, x=indent(x), y=indent(y)),
        st.sampled_from(
            [
                "if {e}:\n{x}\nelse:\n{y}",
                "for local in [{e}, 2]:\n{x}\n{y}",
                "try:\n{x}\nexcept (TypeError, KeyError) as error:\n    local = str(error)\n{y}",
                "def part():\n    return {e}\nlocal = part()\nif local:\n{x}\n{y}",
                "local = (\n    {e}\n)\nwith_more = [\n    local,\n]\nif with_more:\n{x}\n{y}",
            ]
        ),
        expressions,
        inner,
        inner,
    ),
    max_leaves=4,
)

MODULE = """
K = 3
def aid(r, k=2):
    if r["a"]:
        return r.b
    return deep(k, r)
def deep(k, record, *, m=1):
    return k * record["c"] + m
def nested(row):
    return (lambda: row["b"])()
def make(cell):
    def f(row):
        local = 0
{body}
        return local
    g = lambda row: {expression}
    return f, g
f, g = make(5)
"""


class Row(dict):
    def __getattr__(self, name):
        return self[name]


values = st.sampled_from([0, 1, -3, 2.5, "", "text", None, True, [1, 2]])


def load(text):
    name = f"<generated {next(_serial)}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    space = {"__name__": "generated"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `"s" is not 2`, `2()`
        exec(compile(text, name, "exec"), space)
    return space, name


def outcome(call, filename):
    try:
        return repr(call())
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [(f.name, f.lineno, f.colno) for f in frames if f.filename == filename]
        return type(error).__name__, str(error), lines


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=statements, expression=expressions, row=st.tuples(values, values, values))
def test_lifted_equals_unlifted(body, expression, row):
    text = MODULE.format(body=indent(indent(body)), expression=expression)
    try:
        space, filename = load(text)
    except SyntaxError:  # `:=` and quotes may stand where Python does not allow them
        assume(False)
    try:
        by_name = Row(zip(COLUMNS, row, strict=True))
        for name in ("f", "g"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                description = describe(space[name], columns=COLUMNS, form="row")
            assert description.call == "positional", (description.reasons, text)
            lifted = pickle.loads(description.pickled)
            arguments = [by_name[column] for column in description.columns]
            direct = outcome(lambda name=name: space[name](by_name), filename)
            by_value = outcome(lambda a=arguments, f=lifted: f(*a), filename)
            assert by_value == direct, text
    finally:
        del linecache.cache[filename]
