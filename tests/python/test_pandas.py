"""`import windrow.pandas`: pandas' own answers, from all cores."""

from __future__ import annotations

import functools
import os
import signal
import threading
import traceback
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import windrow as wr
import windrow.pandas
from pandas_check import check
from windrow import errors

SHOPS = pd.DataFrame(
    {
        "id": [5, 7, 11, 13, 17, 19, 23, 29, 31],
        "price": [1.5, np.nan, 0.0, -2.25, 1e300, 4.0, 4.0, 0.5, 8.0],
        "open": [True, False, True, True, False, False, True, True, False],
        "city": ["Oslo", None, "Bern", "Rome", "", "Rome", "Oslo", "Bern", "Bern"],
        "since": pd.date_range("2020-01-30", periods=9, tz="Europe/Oslo"),
        "size": pd.Categorical(list("smllmssml"), categories=["s", "m", "l", "xl"]),
    },
    index=pd.Index([f"shop {n}" for n in range(9)], name="shop"),
)
NUMBERS = SHOPS[["id", "price"]]
PLAIN = SHOPS[["id", "price", "open", "city"]]


def grade(row):
    if row["open"]:
        return row["id"] * 2
    return row["id"]


def plus(row, amount, *, factor=1):
    return (row["id"] + amount) * factor


def pid(_):
    return os.getpid()


LOCK = threading.Lock()


class Tax:
    def __init__(self, rate):
        self.rate = rate

    def of(self, row):
        return row["id"] * self.rate


ROW_FUNCTIONS = [
    grade,
    functools.partial(plus, amount=3),
    Tax(0.25).of,
    len,
    lambda row: row["id"] / row["id"],
    lambda row: row["city"],
    lambda row: row["since"],
    lambda row: row["since"] - pd.Timedelta("1h"),
    lambda row: row["open"],
    lambda row: row.name,
    lambda row: row.dtype.name,
    lambda row: type(row["id"]).__name__,
    lambda row: None,
    lambda row: None if row["open"] else row["id"],
    lambda row: None if row["id"] > 11 else row["open"],
    lambda row: row["id"] if row["open"] else "shut",
    lambda row: 2.5 if row["id"] == 19 else row["id"],
    lambda row: row["id"] ** 30,
    lambda row: [row["id"], row["city"]],
    lambda row: (row["id"],) * (1 + row["id"] % 3),
    lambda row: {"id": row["id"]},
    lambda row: np.array([row["id"], 2]),
    lambda row: pd.Series({"twice": row["id"] * 2, "city": row["city"]}),
    lambda row: row[["id", "city"]],
    lambda row: row,
    lambda row: pd.Series([row["id"]] * (1 + row["id"] % 2)),
    lambda row: f"{row['id']:>5}|{row['price']}",
    lambda row: 1 / (row["id"] - 11),
    lambda row: row["price"] ** 2,
    lambda row: row["missing"],
]


@pytest.mark.parametrize("function", ROW_FUNCTIONS)
@pytest.mark.parametrize(
    "data",
    [SHOPS, PLAIN, NUMBERS, SHOPS.reset_index(drop=True), SHOPS.iloc[:1], SHOPS.iloc[:0]],
    ids=["types", "plain", "numbers", "range", "one", "empty"],
)
def test_rows_as_in_pandas(function, data):
    check(lambda df: df.wr.apply(function, axis=1), data)


@pytest.mark.parametrize(
    "ask",
    [
        lambda df: df.wr.apply(plus, axis=1, args=(10,), factor=3),
        lambda df: df.wr.apply(plus, 1, args=[10]),
        lambda df: df.wr.apply(plus, axis="columns", amount=4),
        lambda df: df.wr.apply(lambda row: [row["id"], 1], axis=1, result_type="expand"),
        lambda df: df.wr.apply(lambda row: [row["id"], 1], axis=1, result_type="reduce"),
        lambda df: df.wr.apply(lambda row: [row["id"], 1], axis=1, result_type="broadcast"),
        lambda df: df.wr.apply(lambda row: row["id"], axis=1, result_type="broadcast"),
        lambda df: df.wr.apply(lambda row: row.sum(), axis=1, raw=True),
        lambda df: df.wr.apply(lambda row: row * 2, axis=1, raw=True),
        lambda df: df.wr.apply("sum", axis=1),
        lambda df: df.wr.apply(["sum", "mean"], axis=1),
        lambda df: df.wr.apply(np.sqrt, axis=1),
        lambda df: df.wr.apply(np.sum, axis=1),
        lambda df: df.wr.apply(grade, axis=1),  # no such column: pandas' error
    ],
)
def test_options_as_in_pandas(ask):
    check(ask, NUMBERS)


def odd_frames():
    return list(_odd_frames())


def _odd_frames():
    numbers = pd.DataFrame({"id": range(1, 40)})
    yield "several levels", pd.DataFrame({("a", "id"): [1, 2], ("b", "id"): ["x", "y"]})
    yield "the same name twice", pd.DataFrame([[1, "x"], [2, "y"]], columns=["id", "id"])
    yield "numbers as names", pd.DataFrame([[1, "x"], [2, "y"]])
    yield "no columns", pd.DataFrame(index=[1, 2, 3])
    yield "objects", pd.DataFrame({"id": [1, "one", None, 2.5, [1]], "x": list("abcde")})
    yield "small numbers", numbers.astype("int8").assign(x="y")
    yield "nullable", numbers.astype("Int64").assign(x=pd.array([None] * 39, dtype="Int64"))
    yield "arrow", numbers.astype("int64[pyarrow]")
    yield "labels twice", numbers.set_axis([7] * 39)
    yield "two indexes", numbers.assign(k="a", j=1, v="x").set_index(["k", "j"])
    yield "dates", numbers.set_axis(pd.date_range("2020", periods=39))


@pytest.mark.parametrize(("name", "data"), odd_frames(), ids=lambda value: str(value)[:20])
def test_frames_of_all_kinds(name, data):
    check(lambda df: df.wr.apply(lambda row: row.iloc[0] if len(row) else 0, axis=1), data)
    check(lambda df: df.wr.apply(lambda row: row["id"], axis=1), data)
    check(lambda df: df.wr.apply(lambda row: row.name, axis=1), data)


VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(max_size=3),
    st.booleans(),
    st.none(),
)


@settings(max_examples=40, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=12), st.booleans())
def test_results_become_what_they_become_in_pandas(results, is_pure):
    data = pd.DataFrame({"at": range(len(results)), "x": "y"})
    found = tuple(results)
    functions = [
        lambda row: found[row["at"]] if is_pure else list(found)[row["at"]],
        lambda row: (row["at"] * 3 + 1) % 5,
    ]
    for function in functions:
        check(lambda df, f=function: df.wr.apply(f, axis=1), data)
    check(lambda s: s.wr.map(lambda at: found[at]), data["at"])


VALUE_FUNCTIONS = [
    str,
    type,
    lambda value: value,
    lambda value: value * 2,
    lambda value: None,
    lambda value: value == "Oslo",
    len,
    lambda value: 1 if value else None,
    lambda value: value > 11 or None,
    lambda value: [value],
    lambda value: pd.Series({"a": value, "b": 1}),
    lambda value: np.float32(1) if value else 2,
]


@pytest.mark.parametrize("function", VALUE_FUNCTIONS)
@pytest.mark.parametrize("column", list(SHOPS.columns))
@pytest.mark.parametrize("rows", [9, 0])
def test_values_as_in_pandas(function, column, rows):
    series = SHOPS[column].iloc[:rows]
    check(lambda s: s.wr.map(function), series)
    check(lambda s: s.wr.map(function, na_action="ignore"), series)
    check(lambda s: s.wr.apply(function), series)


@pytest.mark.parametrize(
    "ask",
    [
        lambda s: s.wr.map({5: "five"}),
        lambda s: s.wr.map(pd.Series({5: "five", 7: "seven"})),
        lambda s: s.wr.map(np.sqrt),
        lambda s: s.wr.apply("sum"),
        lambda s: s.wr.apply(np.sum),
        lambda s: s.wr.apply(np.sqrt),
        lambda s: s.wr.apply(lambda v, add, by=1: (v + add) * by, args=(2,), by=3),
        lambda s: s.wr.apply(lambda whole: whole.sum(), by_row=False),
        lambda s: s.wr.map(lambda v: 1 // (v - 11)),
        lambda s: s.wr.map(lambda v: v, na_action="nonsense"),
        lambda s: s.rename(None).wr.map(lambda v: v + 1),
    ],
)
def test_options_of_values_as_in_pandas(ask):
    check(ask, SHOPS["id"])


GROUP_FUNCTIONS = [
    len,
    lambda group: group.name,
    lambda group: group["id"].sum(),
    lambda group: group.sum(numeric_only=True),
    lambda group: group.head(2),
    lambda group: group,
    lambda group: group[["id"]] * 2,
    lambda group: group.sort_values("price"),
    lambda group: None if len(group) < 3 else group,
    lambda group: None,
    lambda group: pd.Series({"n": len(group), "first": group["id"].iloc[0]}),
    lambda group: pd.DataFrame({"n": [len(group)]}),
    lambda group: list(group.columns),
    lambda group: 1 / (len(group) - 2),
]


@pytest.mark.parametrize("function", GROUP_FUNCTIONS)
@pytest.mark.parametrize(
    "group",
    [
        lambda df: df.groupby("city"),
        lambda df: df.groupby("city", group_keys=False),
        lambda df: df.groupby("city", sort=False, dropna=False),
        lambda df: df.groupby("city", as_index=False),
        lambda df: df.groupby(["open", "city"]),
        lambda df: df.groupby("size", observed=False),
        lambda df: df.groupby("size", observed=True),
        lambda df: df.groupby(df["id"] % 2)[["id", "price"]],
        lambda df: df.groupby(level=0),
        lambda df: df.iloc[:0].groupby("city"),
    ],
)
def test_groups_as_in_pandas(function, group):
    check(lambda groups: groups.wr.apply(function), group(SHOPS))


@pytest.mark.parametrize(
    "function",
    [
        len,
        lambda values: values.name,
        lambda values: values.sum(),
        lambda values: values * 2,
        lambda values: values.head(1),
        lambda values: values.describe(),
        lambda values: None,
        lambda values: {"a": 1},
        "sum",
        np.sum,
    ],
)
def test_groups_of_a_column_as_in_pandas(function):
    check(lambda groups: groups.wr.apply(function), SHOPS.groupby("city")["id"])


@pytest.mark.parametrize(
    "ask",
    [
        lambda groups: groups.wr.apply(lambda group, n, by=1: group.head(n)["id"] * by, 2, by=3),
        lambda groups: groups.wr.apply(len, include_groups=False),
        lambda groups: groups.wr.apply(len, include_groups=True),
        lambda groups: groups.wr.apply("sum"),
        lambda groups: groups.wr.apply(3),
    ],
)
def test_options_of_groups_as_in_pandas(ask):
    check(ask, SHOPS[["id", "city"]].groupby("city"))


def test_everything_runs_in_worker_processes():
    data = pd.DataFrame({"k": [n % 40 for n in range(400)], "v": range(400)})
    for pids in (
        data.wr.apply(pid, axis=1),
        data["v"].wr.map(pid),
        data.groupby("k").wr.apply(pid),
    ):
        assert os.getpid() not in set(pids)


def test_what_the_engine_can_compile_it_does(monkeypatch):
    asked: list[Any] = []
    whole = wr.DataFrame.apply
    monkeypatch.setattr(
        wr.DataFrame, "apply", lambda self, *a, **k: asked.append(a) or whole(self, *a, **k)
    )
    check(lambda df: df.wr.apply(grade, axis=1), PLAIN)
    assert len(asked) == 1
    # Rows of one type hold numpy numbers, whose arithmetic is another.
    check(lambda df: df.wr.apply(lambda row: row["id"] / 0, axis=1), NUMBERS)
    assert len(asked) == 1


def test_each_row_is_passed_once(tmp_path):
    def noted(row):
        (tmp_path / f"{row['id']}-{os.urandom(8).hex()}").touch()
        return row["id"]

    SHOPS.wr.apply(noted, axis=1)
    SHOPS["id"].wr.map(lambda value: noted({"id": value}))
    assert len(list(tmp_path.iterdir())) == 2 * len(SHOPS)


def fail(row):
    if row["id"] in (13, 23):
        try:
            raise KeyError("inner")
        except KeyError:
            raise ValueError(f"no {row['id']}")  # noqa: B904 - the context is looked at
    return 1


def test_the_first_failing_row_is_named():
    with pytest.raises(ValueError, match="no 13") as caught:
        SHOPS.wr.apply(fail, axis=1)
    assert caught.value.__notes__[0].startswith("row 'shop 3': id=13, price=-2.25, open=True")
    assert isinstance(caught.value.__context__, KeyError)
    shown = "".join(traceback.format_exception(caught.value))
    assert 'raise ValueError(f"no {row[' in shown
    assert "series_generator" not in shown


def test_the_failing_value_and_group_are_named():
    with pytest.raises(ValueError, match="no 13") as caught:
        SHOPS["id"].wr.map(lambda value: fail({"id": value}))
    assert caught.value.__notes__ == ["row 'shop 3': 13"]
    with pytest.raises(ValueError, match="no 23") as caught:
        SHOPS.groupby("city").wr.apply(lambda group: group.apply(fail, axis=1))
    assert caught.value.__notes__ == ["group 'Oslo' of 2 rows"]


def test_the_row_that_kills_its_worker_is_named():
    def die(row):
        if row["id"] == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        return row["id"]

    with pytest.raises(errors.ItemKilled, match="SIGKILL") as caught:
        SHOPS[["id", "price", "open", "city"]].wr.apply(die, axis=1)
    assert caught.value.signal == signal.SIGKILL
    assert caught.value.item == "row 'shop 3': id=13, price=-2.25, open=True, city='Rome'"
    # The workers go on.
    check(lambda df: df.wr.apply(grade, axis=1), SHOPS)


def test_a_worker_that_is_lost_once_loses_nothing(tmp_path):
    mark = tmp_path / "died"

    def die_once(row):
        if row["id"] == 23 and not mark.exists():
            mark.touch()
            os._exit(3)
        return row["id"]

    assert SHOPS.wr.apply(die_once, axis=1).to_list() == SHOPS["id"].to_list()
    assert mark.exists()


@pytest.mark.parametrize(
    ("ask", "error", "says"),
    [
        (lambda df: df.wr.apply(grade), errors.OptionNotInWindrowYet, "`axis=0`.*\n.*`axis=1`"),
        (lambda df: df.wr.apply(grade, axis="index"), NotImplementedError, "`axis='index'`"),
        (lambda df: df.wr.apply(grade, axis=1, engine="numba"), TypeError, "`engine`"),
        (lambda df: df.wr.transform(grade), errors.NotInWindrowYet, r"`df\.wr\.apply`"),
        (lambda df: df["id"].wr.agg(len), AttributeError, r"`series\.wr\.map` and"),
        (lambda df: df.groupby("id").wr.transform(len), AttributeError, r"`groupby\.wr\.apply`"),
        (
            lambda df: df.wr.apply(lambda row: LOCK.locked(), axis=1),
            errors.FunctionNotPicklable,
            "lock",
        ),
    ],
)
def test_what_is_missing_says_so(ask, error, says):
    with pytest.raises(error, match=says):
        ask(SHOPS)


def test_progress_is_told_in_rows():
    import json

    from windrow import session

    events: list[dict[str, Any]] = []
    session.current().on_event(lambda event: events.append(json.loads(event)))
    try:
        SHOPS.wr.apply(lambda row: row.name, axis=1)
        SHOPS.groupby("city").wr.apply(len)
    finally:
        session.current().on_event(None)
    started = [event for event in events if event["event"] == "stage_started"]
    assert [(event["name"], event["rows_total"]) for event in started] == [
        ("apply <lambda>", 9),
        ("apply len", 9),
    ]
    last = [event for event in events if event["event"] == "progress"][-1]
    assert last["rows"] == 8  # one has no city
    assert [e["status"]["state"] for e in events if e["event"] == "run_finished"] == [
        "succeeded"
    ] * 2
