"""Lifting: a function of a row and its lifted form cannot be told apart."""

# The odd forms are what is tested.
# ruff: noqa: B035, C416, PLC3002, PLW0108

from __future__ import annotations

import functools
import pickle
import traceback

import pytest

from windrow.functions import describe

COLUMNS = ["a", "b", "c", "two words", "len"]


class Row(dict):
    """What a function sees of a pandas row, as far as lifting promises to keep it."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def outcome(call):
    """The value, or the exception with its message and the (function, line)s it went through."""
    try:
        return "value", call()
    except Exception as error:
        frames = [
            (frame.name, frame.lineno)
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == __file__ and frame.name not in ("outcome", "<lambda>call")
        ]
        return type(error), str(error), frames[1:]


def lift(f, columns=COLUMNS, **options):
    description = describe(f, columns=columns, form="row", **options)
    assert description.call == "positional", description.reasons
    function = pickle.loads(description.pickled)
    return description.columns, function


def check(f, *rows, columns=None, expected=None, args=(), kwargs=None):
    """`f` lifted gives for every row what `f(row)` gives, exceptions and their lines included."""
    names, lifted = lift(f, args=args, kwargs=kwargs)
    if columns is not None:
        assert names == columns
    for row in rows:
        values = [row[name] for name in names]
        direct = outcome(lambda row=row: f(Row(row), *args, **(kwargs or {})))
        by_value = outcome(lambda values=values: lifted(*values))
        assert normal(by_value) == normal(direct)
        if expected is not None:
            assert by_value == ("value", expected)


def normal(result):
    # The calling lambda's own frame stands at different lines.
    if len(result) == 3:
        return result[0], result[1], result[2][1:]
    return repr(result)


ROW = {"a": 3, "b": -2, "c": "text", "two words": 1.5, "len": 9}
ROWS = (ROW, {**ROW, "a": 0, "b": 0}, {**ROW, "a": None}, {**ROW, "c": 7, "b": "x"})


def test_subscript_and_attribute():
    check(lambda row: row["a"] - row.b, *ROWS, columns=["a", "b"])


def test_loc_and_at():
    names, lifted = lift(lambda row: (row.loc["a"], row.at["two words"]))
    assert names == ["a", "two words"]
    assert lifted(1, 2) == (1, 2)


def test_get():
    check(lambda row: row.get("a"), ROW, expected=3)
    check(lambda row: row.get("a", 5), ROW, expected=3)
    check(lambda row: row.get("zz", 5) + row["a"], ROW, expected=8)
    _, lifted = lift(lambda row: (row.get("zz"), row.get(key="zz", default=row["a"])))
    assert lifted(3) == (None, 3)
    # The default is an argument: it is evaluated although the column is there.
    check(lambda row: row.get("a", 1 / row["b"]), *ROWS)


NAMES = ["a", "b"]


def test_names_that_a_loop_goes_through():
    def loops(row):
        found = []
        for name in ("a", "b"):
            found.append(row[name])
        return found + [row[name] for name in ["b", "c"]], row.get("a")

    check(loops, *ROWS)
    check(lambda row: [row[name] for name in NAMES], *ROWS, columns=["a", "b"])
    check(lambda row: [row.get(name, 7) for name in ("a", "zz")], *ROWS)
    check(lambda row: [row[name] for name in ("a", "zz")], *ROWS)


def test_in_asks_for_a_column():
    check(lambda row: ("a" in row, "zz" in row, "zz" not in row), ROW, expected=(True, False, True))


def branches(row):
    """A documented function."""
    total = 0
    if row["a"] > 2:
        total += row["a"]
        return total / row["b"]
    elif row["c"].startswith("t"):
        for i in range(3):
            total += i * row["a"]
    return f"{total:>4}{row['two words']!r}"


def test_statements():
    check(branches, *ROWS)


def test_nested_scopes():
    def f(row):
        def inner(k):
            return row["a"] * k + sum(row["b"] for _ in range(2))

        return [inner(i) for i in range(2)], (lambda: row.c)(), {row["a"]: x for x in [row["b"]]}

    check(f, *ROWS)


def helper(row):
    if row["a"] > 1:
        return deeper(row, 2)
    return row["b"] / row["a"]


def deeper(record, k, *, plus=0):
    return record["a"] * k + record["two words"] + plus


def shifted(k, r, m=1):
    return k - r["a"] * m


def test_helpers_are_lifted_through():
    check(lambda row: helper(row), *ROWS, columns=["a", "two words", "b"])
    check(lambda row: helper(row) + deeper(row, k=3, plus=row["b"]), *ROWS)
    check(lambda row: shifted(row["b"], row), *ROWS)
    check(lambda row: shifted(m=2, r=row, k=row["b"]), *ROWS)
    check(helper, *ROWS, columns=["a", "two words", "b"])


def test_helper_names_and_lines_are_in_the_traceback():
    _, lifted = lift(lambda row: helper(row))
    try:
        lifted(0, 1.0, 5)
    except ZeroDivisionError as error:
        frames = traceback.extract_tb(error.__traceback__)
    assert [frame.name for frame in frames[1:]] == ["<lambda>", "helper"]
    assert frames[2].filename == __file__
    assert frames[2].lineno == helper.__code__.co_firstlineno + 3
    assert frames[2].line == 'return row["b"] / row["a"]'


def test_bound_arguments():
    def f(k, row, m=3, *, z=1):
        return k, row["a"], m, z

    _, lifted = lift(functools.partial(f, 10))
    assert lifted(4) == (10, 4, 3, 1)
    _, lifted = lift(functools.partial(f, 10, z=5), args=(7,))
    assert lifted(4) == (10, 4, 7, 5)
    _, lifted = lift(functools.partial(f, 10), kwargs={"m": 8})
    assert lifted(4) == (10, 4, 8, 1)


class Scorer:
    def __init__(self, weight):
        self.weight = weight

    def score(self, row):
        return row["a"] * self.weight


def test_bound_method():
    _, lifted = lift(Scorer(5).score)
    assert lifted(3) == 15


def test_closure_cells_and_globals_are_those_of_the_function():
    count = 0

    def f(row):
        nonlocal count
        count += row["a"]
        return count

    from windrow.functions.arguments import BOUND_ROW
    from windrow.functions.capture import Unwrapped
    from windrow.functions.lift import lift as lift_here

    lifted = lift_here(Unwrapped(f, (BOUND_ROW,)), COLUMNS).function
    assert lifted(2) == 2
    assert f({"a": 5}) == 7
    assert count == 7
    assert lifted.__globals__ is f.__globals__
    assert lifted.__name__ == "f"
    assert lifted.__qualname__ == f.__qualname__


def test_a_column_may_have_the_name_of_a_builtin():
    check(lambda row: row["len"] + len(row["c"]), *ROWS, columns=["len", "c"])


def test_a_function_of_no_column_gets_one():
    names, lifted = lift(lambda row: 42)
    assert names == ["a"]
    assert lifted(None) == 42


def test_qualified_names_in_messages():
    def f(row):
        def inner(x):
            return x

        return inner(row["a"], 1)

    check(f, ROW)


def counts(row):
    counts.calls = getattr(counts, "calls", 0) + 1
    return row["a"] // row["b"], counts.__name__


def test_a_function_may_mention_itself():
    check(counts, *ROWS)
    _, lifted = lift(counts)
    assert lifted.__qualname__ == "counts"
    assert counts.calls >= len(ROWS)


# --- what is not lifted, and why ---

other = {"a": 1}
handlers = [helper]


def recursive(row):
    return row["a"] and recursive(row)


def rebinds(row):
    row = {"a": 1}
    return row["a"]


def assigns(row):
    row["a"] = 1
    return row["b"]


def augments(row):
    row["a"] += 1
    return row["b"]


def deletes(row):
    del row["a"]
    return row["b"]


def star(*rows):
    return rows[0]["a"]


def shadowed(row):
    return [row for row in row["a"]]


def local_helper(row):
    helper = len
    return helper(row)


def defaulted(r={}):  # noqa: B006
    return r["a"]


REFUSED = [
    (lambda row: list(row), "`list` gets the whole row"),
    (lambda row: [x for x in row], "used as a whole"),
    (lambda row: row.index, "`row.index` is an attribute of the row itself"),
    (lambda row: row.name, "`row.name` is an attribute of the row itself"),
    (lambda row: row.sum(), "`row.sum` is an attribute"),
    (lambda row: row.zz, "`row.zz` is not a column"),
    (lambda row: row._a, "attribute of the row itself"),
    (lambda row: row[0], "not a constant string"),
    (lambda row: [row[k] for k in ("a", 1)], "not a constant string"),
    (lambda row: [row[k] for k in row["c"]], "not a constant string"),
    # Outside of the comprehension it is the global of that name.
    (lambda row: [row[other] for other in ("a",)] + [row[other]], "not a constant string"),
    (lambda row: row[other["a"]], "not a constant string"),
    (lambda row: row["a":"b"], "not a constant string"),
    (lambda row: (lambda *r: r)(*row), "used as a whole"),
    (lambda row: max(*row), "used as a whole"),
    (lambda row: dict(**row), "`dict` gets the whole row"),
    (lambda row: row, "used as a whole"),
    (lambda row: handlers[0](row), "not a plain function"),
    (lambda row: row["a"] + eval("row")["b"], "`eval` can see the local names"),
    (lambda row: locals(), "`locals` can see"),
    (lambda row: helper(row, 1), "cannot be called with these arguments"),
    (lambda row: defaulted(row), "has a default value"),
    (lambda row: row.get("a", 1, 2), "not understood"),
    (lambda row, other_row: row["a"], "cannot be called with these arguments"),
    (lambda row: deeper(row, row), "gets the row 2 times"),
    (recursive, "calls itself with the row"),
    (rebinds, "used as a whole"),
    (assigns, "`row` is changed"),
    (augments, "`row` is changed"),
    (deletes, "`row` is changed"),
    (star, "takes `*args`"),
    (shadowed, "used as a whole"),
    (local_helper, "not a plain function"),
    (len, "compiled code"),
]


@pytest.mark.parametrize(("f", "text"), REFUSED)
def test_refused(f, text):
    description = describe(f, columns=COLUMNS, form="row")
    assert description.call == "row"
    assert description.columns is None
    assert text in description.reasons[0].text
    assert description.verdict == "python"
    # What is sent is the function as it is.
    assert callable(pickle.loads(description.pickled))


def test_a_refusal_names_its_place():
    reason = describe(lambda row: 1 + row.index[0], columns=COLUMNS, form="row").reasons[0]
    source = traceback.linecache.getline(__file__, reason.line)
    assert source[reason.column - 1 :].startswith("row.index")
    assert reason.snippet == "row.index"


def test_duplicate_columns_are_not_lifted():
    description = describe(lambda row: row["a"], columns=["a", "b", "a"], form="row")
    assert description.call == "row"
    assert "there are 2 columns `a`" in description.reasons[0].text


def test_pandas_attributes_win_over_columns():
    description = describe(lambda row: row.count, columns=["count"], form="row")
    assert description.call == "row"
    assert 'write `row["count"]`' in description.reasons[0].text
    assert describe(lambda row: row["count"], columns=["count"], form="row").call == "positional"


def test_the_list_of_pandas_attributes_is_complete():
    pandas = pytest.importorskip("pandas")
    from windrow._worker.series_names import SERIES_ATTRIBUTES

    # `wr` is there when `windrow.pandas` has been imported; a column of that name stays one.
    names = {n for n in dir(pandas.Series([1])) if not n.startswith("_")} - {"wr"}
    assert names <= SERIES_ATTRIBUTES


def test_missing_column_raises_only_where_it_is_reached():
    def f(row):
        if row["a"] > 1:
            return row["zz"]
        return 0

    names, lifted = lift(f)
    assert names == ["a"]
    assert lifted(0) == 0
    with pytest.raises(KeyError) as caught:
        lifted(2)
    assert caught.value.args == ("zz",)
    assert caught.traceback[-1].lineno + 1 == f.__code__.co_firstlineno + 2
