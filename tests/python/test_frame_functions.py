"""User functions: on rows, on values, on partitions."""

from __future__ import annotations

import functools
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import windrow as wr
from frame_check import PEOPLE, check, same, shared


def people() -> wr.DataFrame:
    return wr.from_pandas(PEOPLE, npartitions=3)


def grade(row):
    if row["member"]:
        return row["visits"] * 2
    return row["visits"]


def plus(row, amount, *, factor=1):
    return (row["visits"] + amount) * factor


class Shop:
    def __init__(self, price):
        self.price = price

    def cost(self, row):
        return row["visits"] * self.price


LIMIT = 2


@pytest.mark.parametrize(
    "build",
    [
        lambda df: df.apply(lambda row: row["visits"] + 1, axis=1),
        lambda df: df.apply(lambda row: row.visits > LIMIT, axis=1),
        lambda df: df.apply(grade, axis=1),
        lambda df: df.apply(plus, axis=1, args=(10,), factor=3),
        lambda df: df.apply(functools.partial(plus, amount=5), axis=1),
        lambda df: df.apply(Shop(1.5).cost, axis="columns"),
        lambda df: df.apply(lambda row: f"{row['id']}:{row['member']}", axis=1),
        lambda df: df.apply(len, axis=1),
        lambda df: df[["id", "visits"]].apply(lambda row: row["id"] * row["visits"], axis=1),
        lambda df: df.visits.map(lambda visits: visits * visits),
        lambda df: df.visits.apply(lambda visits, add: visits + add, args=(1,)),
        lambda df: df.visits.apply(lambda visits, add=0: visits + add, add=7),
        lambda df: df.visits.map(str),
        lambda df: df.city.map(len, na_action="ignore"),
        lambda df: df.city.map({"Oslo": 1, "Rome": 2}),
        lambda df: df.visits.map({0: "none", 3: "some"}),
        lambda df: df.city.map(pd.Series({"Oslo": "no", "Rome": "it"})),
        lambda df: df.age.map(lambda age: 0 if age >= 18 else 1),
        lambda df: df.assign(v=df.apply(grade, axis=1))[["id", "v"]],
        lambda df: df[df.apply(lambda row: row["visits"] > 1, axis=1)],
        lambda df: df.visits.map(lambda visits: visits + 1).map(lambda visits: visits * 2),
        lambda df: df.apply(grade, axis=1).sum(),
        lambda df: df.assign(g=df.visits.map(lambda v: v % 2)).groupby("g")["id"].sum(),
        lambda df: df.sort_values("id", ascending=False).apply(grade, axis=1),
    ],
)
def test_same_as_pandas(build):
    check(build)


def test_a_function_result_used_twice_runs_once_per_row(tmp_path):
    log = tmp_path / "calls"

    def noted(row):
        with log.open("a") as file:
            file.write("x")
        return row["visits"]

    df = wr.from_pandas(PEOPLE, npartitions=1)
    df["v"] = df.apply(noted, axis=1, result_type=int)
    assert df[df.v > 1].v.sum().compute() == 28
    assert len(log.read_text()) == len(PEOPLE)


def test_missing_values_look_like_nan_or_none():
    seen = people().city.map(lambda city: type(city).__name__).compute()
    assert set(seen) == {"str", "float"}
    seen = people().city.map(lambda city: type(city).__name__, nulls="none").compute()
    assert set(seen) == {"str", "NoneType"}
    found = people().apply(lambda row: row["age"] is None, axis=1, nulls="none").compute()
    assert found.sum() == 2


def test_values_are_plain_python():
    def kinds(row):
        return " ".join(type(row[name]).__name__ for name in ("id", "age", "city", "member"))

    found = wr.from_pandas(PEOPLE.dropna()).apply(kinds, axis=1).compute()
    assert set(found) == {"int float str bool"}


def test_no_function_runs_while_a_plan_is_built(tmp_path):
    mark = tmp_path / "ran"

    def touch(row):
        mark.touch()
        return 1

    df = people()
    df["r"] = df.apply(touch, axis=1)
    small = df[df.r > 0].groupby("r")["id"].sum()
    assert "?" in repr(df)
    repr(small)
    assert not mark.exists()
    assert small.compute().to_dict() == {1: 36}
    assert mark.exists()


def test_result_types():
    half = people().visits.map(lambda visits: visits // 2, result_type=float)
    assert half.compute().dtype == np.float64
    wide = people().apply(lambda row: [row["id"]], axis=1).compute()
    assert wide.to_list() == [[number] for number in PEOPLE.id]
    texts = people().apply(lambda row: None, axis=1, result_type=str).compute()
    assert texts.isna().all()


def test_a_result_that_does_not_fit_names_its_row():
    df = wr.from_pandas(pd.DataFrame({"n": range(1000)}), npartitions=1)
    mixed = df.n.map(lambda n: "odd one" if n == 777 else n, result_type=int)
    with pytest.raises(Exception, match=r"777") as caught:
        mixed.compute()
    assert "odd one" in str(caught.value)


def test_a_users_exception_is_itself():
    def fail(row):
        return 1 // (row["id"] - 5)

    with pytest.raises(ZeroDivisionError) as caught:
        people().apply(fail, axis=1, result_type=int).compute()
    notes = "\n".join(getattr(caught.value, "__notes__", []))
    assert "id" in notes
    assert "5" in notes


def test_map_partitions():
    doubled = people().map_partitions(lambda frame: frame.assign(id=frame.id * 2))
    same(doubled.compute()[["id"]], PEOPLE[["id"]] * 2)
    sizes = people().map_partitions(
        lambda frame: pd.DataFrame({"n": [len(frame)]}), result_type={"n": int}
    )
    assert sizes.n.sum().compute() == len(PEOPLE)
    with_arguments = people().map_partitions(
        lambda frame, add, times: frame[["id"]] * times + add, 1, times=10
    )
    same(with_arguments, PEOPLE[["id"]] * 10 + 1)


@pytest.mark.parametrize(
    "build",
    [
        lambda df: df.sort_values(["visits", "id"], ascending=False),
        lambda df: df.sort_values(["visits", "id"])[["id"]],
        lambda df: df.sort_values(["visits", "id"]).assign(twice=lambda f: f.id * 2),
    ],
)
def test_map_partitions_after_a_sort_has_sorted_rows(build):
    found = build(people()).map_partitions(lambda frame: frame)
    same(found, build(PEOPLE))


def test_map_partitions_may_change_what_groups_were_made_by():
    def build(df):
        counts = df.groupby("city").agg(n=("id", "count")).reset_index()
        one = (
            counts.assign(city="all")
            if isinstance(df, pd.DataFrame)
            else counts.map_partitions(lambda frame: frame.assign(city="all"))
        )
        return one.groupby("city")["n"].sum()

    check(build)


def test_map_partitions_with_an_example_of_its_columns():
    example = pd.DataFrame({"n": pd.Series(dtype="int64")})
    df = people().map_partitions(
        lambda frame: frame[["id"]].rename(columns={"id": "n"}), meta=example
    )
    assert list(df) == ["n"]
    assert df.n.sum().compute() == 36


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda df: df.apply(grade), NotImplementedError, "axis=1"),
        (lambda df: df.apply(grade, axis=1, result_type="expand"), NotImplementedError, "expand"),
        (lambda df: df.apply("sum", axis=1), TypeError, "not callable"),
        (lambda df: df.apply(grade, axis=1, nulls="zero"), ValueError, '"nan" or "none"'),
        (lambda df: df.visits.map([1, 2]), TypeError, "function, a dict or a pandas Series"),
        (lambda df: df.visits.map(str, na_action="drop"), ValueError, "na_action"),
        (lambda df: df.visits.map(str, result_type="nonsense"), TypeError, "nonsense"),
    ],
)
def test_what_cannot_be_says_so(build, error, message):
    with pytest.raises(error, match=message):
        build(people())


def test_an_unpicklable_function_names_what_it_holds():
    import threading

    lock = threading.Lock()
    with pytest.raises(Exception, match="lock"):
        people().apply(lambda row: lock.locked(), axis=1)


def test_explain_names_the_function():
    text = str(people().apply(grade, axis=1).explain())
    assert "grade" in text


@pytest.mark.parametrize("npartitions", [1, 10])
def test_home_advantage_on_all_matches(npartitions):
    def home_advantage(row):
        if row["neutral"]:
            return 0
        if row["home_score"] > row["away_score"]:
            return 1
        if row["home_score"] < row["away_score"]:
            return -1
        return 0

    path = shared("match_results.csv")
    matches = wr.read_csv(path)
    assert math.isclose(matches["home_score"].mean().compute(), 1.7404675442578301, rel_tol=1e-15)
    assert matches.apply(home_advantage, axis=1).sum().compute() == 8061
    in_memory = wr.from_pandas(pd.read_csv(path), npartitions=npartitions)
    assert in_memory.apply(home_advantage, axis=1).sum().compute() == 8061


@pytest.mark.parametrize(
    ("result", "hint"),
    [
        (lambda row: pd.Series({"a": row["id"], "b": 1}), "`map_partitions` gives several columns"),
        (lambda row: {"a": 2**64 + row["id"]}, "integers of 64 bits"),
        (lambda row: [row["id"], "x"], "values of one type at each place"),
    ],
)
def test_a_result_that_is_no_value_of_a_column(result, hint):
    with pytest.raises(wr.errors.ResultTypeError, match="does not fit one column") as caught:
        people().apply(result, axis=1).compute()
    assert hint in str(caught.value)


def test_a_result_beyond_its_declared_type_names_its_row():
    frame = wr.from_pandas(pd.DataFrame({"n": range(300)}))
    kind = pa.list_(pa.int64())
    lists = frame.apply(lambda row: [2 ** (row["n"] % 100)], axis=1, result_type=kind)
    with pytest.raises(wr.errors.ResultTypeError, match="row 63"):
        lists.compute()


def test_what_is_raised_is_told_though_most_of_the_sample_raises():
    def number(text):
        return 0 if text == "" else float(text.strip())

    texts = wr.from_pandas(pd.DataFrame({"text": ["", "1.5", *[None] * 100]}))
    with pytest.raises(AttributeError, match="no attribute 'strip'"):
        texts["text"].apply(number).compute()
