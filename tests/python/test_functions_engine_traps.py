"""The semantics traps through the engine: natively, in workers, in this interpreter."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import random
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import windrow as wr
from engine_places import PLACES, check, run, running
from test_functions_traps import REAL, TEXT, TRAPS, WHOLE

# The odd forms are what is tested.
# ruff: noqa: A001, A002, B023, E722, RET503, RUF001, UP031

INF, NAN = math.inf, math.nan
DAYS = {"a": [dt.date(2024, 2, 29), dt.date(2023, 12, 31)]}
ONE = {"a": [1]}


@pytest.mark.parametrize("nulls", ["nan", "none"])
@pytest.mark.parametrize("index", range(len(TRAPS)), ids=lambda i: f"trap {TRAPS[i][0]}, {i}")
def test_trap(index, nulls):
    _, f, table = TRAPS[index]
    check(f, table, nulls=nulls)


def unbound(row):
    if row["a"] > 0:
        x = 1
    return x


def falls_off(row):
    if row["a"] > 0:
        return 1


def shadows(row):
    def len(text):
        return -1

    return len(row["a"])


def shadowing_parameter(row, max=min):
    return max(row["a"], 3)


def swallows(row):
    try:
        return float(row["a"])
    except:
        return -1.0


def finally_and_else(row):
    found = 0
    try:
        found = 10 // row["a"]
    except ZeroDivisionError:
        found = -1
    else:
        found += 100
    finally:
        found *= 2
    return found


def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)


def many(*args, **kwargs):
    return len(args) + len(kwargs)


def keyword_only(a, *, b=2):
    return a + b


def prints(row):
    print(row["a"])
    return row["a"]


LATE = [lambda row: i + row["a"] for i in range(3)]

MORE = [
    (18, lambda r: 10**400 * 1.0 if r["a"] > 1 else 0.0, {"a": [0, 2]}),
    (31, lambda r: round(r["a"]), {"a": [1.5, NAN]}),
    (31, lambda r: round(r["a"]), {"a": [1.5, 1e300]}),
    (
        34,
        lambda r: int(r["a"]),
        {"a": ["1", "", "2.0", "0x10", "1__0", "²", "0b1", " ", "1 2", "+", "1_000"]},
    ),
    (40, lambda r: "%d" % r["a"], {"a": [3.99, -3.99, 0.0, NAN]}),
    (40, lambda r: "%d" % r["a"], {"a": ["x", "3"]}),
    (40, lambda r: "{:d}".format(r["a"]), {"a": [3.0]}),
    (40, lambda r: "%s %5.1f" % (r["a"], r["a"]), REAL),
    (56, LATE[0], ONE),
    (58, shadows, TEXT),
    (58, shadowing_parameter, WHOLE),
    (59, unbound, {"a": [1, 2, -1, -2]}),
    (60, falls_off, {"a": [1, -1, 2]}),
    (61, lambda r: bool(re.search(r"\d", r["a"])), {"a": ["٣", "3", "x", ""]}),
    (61, lambda r: re.sub("a*", "-", r["a"]), {"a": ["baac", "", "é"]}),
    (61, lambda r: bool(re.match("$", r["a"])), {"a": ["\n", "", "x"]}),
    (61, lambda r: str(re.findall("(a)(b)?", r["a"])), {"a": ["ab a", "", "b"]}),
    (62, lambda r: bool(re.search(r"(a)\1", r["a"])), {"a": ["aa", "ab", "éé"]}),
    (62, lambda r: bool(re.match("i|s", r["a"], re.IGNORECASE)), {"a": ["İ", "ſ", "S", "I"]}),
    (63, lambda r: dt.datetime.fromtimestamp(r["a"], dt.UTC), {"a": [1.0000005, 0.0]}),
    (64, lambda r: r["a"] == dt.datetime(2024, 2, 29), DAYS),
    (
        64,
        lambda r: dt.datetime(2024, 1, 1) < dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
        DAYS,
    ),
    (65, lambda r: r["a"] + dt.timedelta(365), DAYS),
    (65, lambda r: dt.timedelta(days=-r["a"], seconds=1).days, {"a": [1, 0, 5]}),
    (66, swallows, {"a": ["1.5", "x", "", "nan", "٣"]}),
    (66, finally_and_else, {"a": [0, 1, 3]}),
    (67, lambda r: float(np.round(r["a"], 2)), REAL),
    (67, lambda r: round(r["a"], 2), REAL),
    (67, lambda r: bool(np.isnan(r["a"])), REAL),
    (67, lambda r: float(np.float64(r["a"]) / 1.0), REAL),
    (69, lambda r: r["zz"] if r["a"] > 5 else r["a"], {"a": [1, 2, 3]}),
    (69, lambda r: r["zz"] if r["a"] > 2 else r["a"], {"a": [1, 2, 3]}),
    (72, lambda r: r["a"] * 100, pa.record_batch({"a": pa.array([127, -128, None], pa.int8())})),
    (72, lambda r: r["a"] << 4, pa.record_batch({"a": pa.array([255, 16], pa.uint8())})),
    (73, lambda r: r["a"] + 1, pa.record_batch({"a": pa.array([2**64 - 2, 1], pa.uint64())})),
    (
        73,
        lambda r: str(r["a"] * 2),
        {"a": [decimal.Decimal("1.10"), decimal.Decimal("-0.05")]},
    ),
    (
        73,
        lambda r: r["a"].year,
        pa.record_batch({"a": pa.array([0, 10**15], pa.timestamp("us"))}),
    ),
    (74, lambda r: f"{r['a']} {r['b']}", {"a": DAYS["a"], "b": [True, None]}),
    (74, lambda r: f"{r['a']}", {"a": [decimal.Decimal("1.10")]}),
    (76, lambda r: any(10 // x > 3 for x in (1, r["a"])), {"a": [0, 1]}),
    (76, lambda r: all(10 // x > 3 for x in (1, r["a"])), {"a": [1, 0]}),
    (77, lambda r: random.Random(r["a"]).random(), {"a": [1, 2]}),
    (78, lambda r: factorial(r["a"]), {"a": [0, 1, 5, 20]}),
    (78, lambda r: factorial(r["a"]), {"a": [1, 21]}),
    (78, lambda r: many(r["a"], 1, k=2), WHOLE),
    (78, lambda r: keyword_only(r["a"]) + keyword_only(r["a"], b=1), {"a": [1, 2]}),
]  # fmt: skip


@pytest.mark.parametrize("nulls", ["nan", "none"])
@pytest.mark.parametrize("index", range(len(MORE)), ids=lambda i: f"trap {MORE[i][0]}, {i}")
def test_more_traps(index, nulls):
    _, f, table = MORE[index]
    check(f, table, nulls=nulls)


SEEN_BY_OTHERS = {55, 57, 70, 71, 75, 77, 79, 80}


def test_every_trap_is_here():
    numbers = {number for number, _, _ in [*TRAPS, *MORE]} | SEEN_BY_OTHERS
    assert numbers == set(range(1, 81))


def counted(row, seen=[]):  # noqa: B006
    seen.append(row["a"])
    return len(seen)


@pytest.mark.parametrize(
    "f", [counted, prints, lambda r: random.random(), lambda r: dt.datetime.now().year]
)
def test_what_outlives_a_row_is_pythons_wholly(f):
    """Traps 55 and 77: state across rows, output, clocks and chance."""
    text = str(wr.explain_function(f, {"a": int}))
    assert text.splitlines()[0] == "python", text


@pytest.mark.parametrize("place", PLACES)
def test_captured_values_are_taken_when_apply_is_called(place):
    """Trap 57."""
    rate = 2
    with running(place):
        column = wr.from_arrow(pa.table({"a": [1, 2]})).apply(lambda r: r["a"] * rate, axis=1)
        rate = 100
        assert column.to_list() == [2, 4]


@pytest.mark.parametrize("place", PLACES)
def test_attributes_of_the_row_win_over_columns(place):
    """Trap 70: `row.count` is the method of a row; `row["count"]` is the column."""
    table = pa.record_batch({"count": [5, 6], "a": [1, 2]})
    assert run(lambda r: r["count"] + r.a, table, place=place).values == [6, 8]
    assert run(lambda r: callable(r.count), table, place=place).values == [True, True]


@pytest.mark.parametrize("place", PLACES)
def test_two_columns_of_one_name_are_refused(place):
    """Trap 71: which of them `row["a"]` would be is not guessed."""
    with running(place), pytest.raises(Exception, match="a"):
        wr.from_pandas(pd.DataFrame([[1, 2]], columns=["a", "a"])).apply(
            lambda r: r["a"], axis=1
        ).compute()


@pytest.mark.parametrize("place", PLACES)
def test_a_surrogate_in_a_result_is_an_error(place):
    """Trap 75."""
    outcome = run(lambda r: chr(0xD7FF + r["a"]), pa.record_batch({"a": [0, 1]}), place=place)
    assert outcome.error is not None
    assert "does not fit" in str(outcome.error)


@pytest.mark.parametrize("place", PLACES)
def test_an_empty_frame_gives_an_empty_float_column(place):
    """Trap 79: as pandas."""
    outcome = run(
        lambda r: r["a"] + 1, pa.record_batch({"a": pa.array([], pa.int64())}), place=place
    )
    assert (outcome.type, outcome.values) == ("double", [])


@pytest.mark.parametrize("nulls", ["nan", "none"])
def test_one_type_for_all_partitions(nulls):
    """Trap 80: int in one partition, float or None in another."""
    whole = pa.record_batch({"a": list(range(100))})
    for f in (
        lambda r: r["a"] if r["a"] < 50 else r["a"] / 2,
        lambda r: r["a"] if r["a"] < 50 else None,
        lambda r: None if r["a"] < 50 else "late",
    ):
        told = [run(f, whole, place=place, nulls=nulls, npartitions=4).told() for place in PLACES]
        assert told[0] == told[1] == told[2]
        assert not isinstance(told[0][0], type), told
