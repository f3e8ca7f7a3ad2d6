"""Groups: every way of asking for aggregates gives pandas' frame."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import windrow as wr
from frame_check import PEOPLE, check, same
from windrow.frame import aggregations
from windrow.frame.aggregations import Output


@pytest.mark.parametrize(
    "build",
    [
        lambda df: df.groupby("city")["visits"].sum(),
        lambda df: df.groupby("city").visits.mean(),
        lambda df: df.groupby("city")[["visits", "age"]].mean(),
        lambda df: df.groupby(["city", "member"])["visits"].sum(),
        lambda df: df.groupby("city").size(),
        lambda df: df.groupby("city")["age"].size(),
        lambda df: df.groupby("city").count(),
        lambda df: df.groupby("member").max()[["id", "visits"]],
        lambda df: df.groupby("member").sum(numeric_only=True),
        lambda df: df.groupby("member")["age"].std(),
        lambda df: df.groupby("member")["age"].var(),
        lambda df: df.groupby("member")["age"].median(),
        lambda df: df.groupby("member")["city"].nunique(),
        lambda df: df.groupby("city", as_index=False)["visits"].sum(),
        lambda df: df.groupby("city", as_index=False).size(),
        lambda df: df.groupby("city", as_index=False)[["visits", "age"]].max(),
        lambda df: df.groupby("city", dropna=False)["visits"].sum(),
        lambda df: df.groupby("age", dropna=False)["visits"].sum(),
        lambda df: df.groupby("age")["visits"].count(),
        lambda df: df.groupby(df.visits % 2)["id"].sum(),
        lambda df: df.groupby(df.city.str.strip().str.lower())["visits"].sum(),
        lambda df: df.groupby([df.city, "member"])["id"].min(),
        lambda df: df.groupby("city")["city"].count(),
        lambda df: df.groupby("city")["visits"].agg("sum"),
        lambda df: df.groupby("city")["visits"].agg(["sum", "mean"]),
        lambda df: df.groupby("city")["visits"].agg(total="sum", most="max"),
        lambda df: df.groupby("city")[["visits", "age"]].agg("sum"),
        lambda df: df.groupby("city")[["visits", "age"]].agg(["min", "max"]),
        lambda df: df.groupby("city").agg({"visits": "sum", "age": "mean"}),
        lambda df: df.groupby("city").agg({"visits": ["sum", "max"], "age": "mean"}),
        lambda df: df.groupby("city").agg(total=("visits", "sum"), n=("id", "count")),
        lambda df: df.groupby("city").agg(n=pd.NamedAgg("id", "count")),
        lambda df: df.groupby("city").agg({"city": "count"}),
        lambda df: df.groupby("city")["visits"].agg(len),
        lambda df: df.groupby("city")["visits"].agg([max, np.mean]),
        lambda df: df.groupby("city").visits.sum().reset_index(),
        lambda df: df.groupby("city").agg(n=("id", "count")).reset_index(drop=True),
        lambda df: df.groupby("city").visits.sum().sort_values(ascending=False),
        lambda df: df.groupby("city").agg(n=("id", "count"))["n"] * 2,
        lambda df: df[df.visits > 0].groupby("city")["visits"].sum(),
    ],
)
def test_same_as_pandas(build):
    check(build)


@pytest.mark.parametrize("name", ["first", "last"])
def test_first_and_last_say_that_they_are_not_there_yet(name):
    groups = wr.from_pandas(PEOPLE).groupby("member")[["age", "city"]]
    with pytest.raises(NotImplementedError, match=f"`{name}`"):
        getattr(groups, name)().compute()


def test_two_levels_of_columns():
    frame = wr.from_pandas(PEOPLE)
    wide = frame.groupby("city").agg({"visits": ["sum", "max"]})
    expected = PEOPLE.groupby("city").agg({"visits": ["sum", "max"]})
    same(wide["visits"], expected["visits"])
    same(wide[("visits", "max")].rename("m"), expected[("visits", "max")].rename("m"))
    wide.columns = ["total", "most"]
    expected.columns = ["total", "most"]
    same(wide.reset_index(), expected.reset_index())


def test_filtering_groups():
    def build(df):
        counts = df.groupby("city").agg(n=("id", "count"))
        return counts[counts.n > 1]

    check(build)


def test_unsorted_groups_are_the_same_groups():
    check(lambda df: df.groupby("city", sort=False)["visits"].sum().reset_index(), ordered=False)


def test_the_number_of_groups():
    frame = wr.from_pandas(PEOPLE)
    assert frame.groupby("city").ngroups == PEOPLE.groupby("city").ngroups
    assert len(frame.groupby(["city", "member"])) == len(PEOPLE.groupby(["city", "member"]))


def test_merging_on_the_keys_of_groups():
    def build(df):
        totals = df.groupby("city").agg(total=("visits", "sum"))
        return df.merge(totals.reset_index(), on="city")[["id", "total"]].sort_values("id")

    check(build)


@settings(max_examples=50, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "", None]),
            st.integers(-2, 2),
            st.none() | st.integers(-50, 50).map(float),
        ),
        min_size=1,
        max_size=20,
    ),
    names=st.lists(
        st.sampled_from(["sum", "mean", "min", "max", "count", "size", "nunique"]),
        min_size=1,
        max_size=3,
        unique=True,
    ),
    dropna=st.booleans(),
)
def test_any_rows_as_pandas(rows, names, dropna):
    frame = pd.DataFrame(rows, columns=["s", "i", "x"]).astype({"s": "str", "x": "float64"})
    check(lambda df: df.groupby("s", dropna=dropna)["x"].agg(names), frame)
    check(lambda df: df.groupby(["i", "s"], dropna=dropna)["x"].agg(names), frame)


# ---- what cannot be


def test_text_in_a_mean_is_named():
    with pytest.raises(TypeError, match=r"`mean` needs numbers, column `city`(.|\n)*numeric_only"):
        wr.from_pandas(PEOPLE).groupby("member").mean()


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda g: g.agg("summ"), ValueError, "did you mean `sum`"),
        (lambda g: g.agg({"visit": "sum"}), KeyError, "did you mean `visits`"),
        (lambda g: g.agg(total="sum"), TypeError, r"pair of column and aggregate"),
        (lambda g: g.agg(), TypeError, "needs to know what to compute"),
        (lambda g: g.agg(lambda x: x.sum()), NotImplementedError, "own function"),
        (lambda g: g["nope"], KeyError, "there is no column `nope`"),
        (lambda g: g.cumcount(), NotImplementedError, "`DataFrameGroupBy.cumcount` is not in"),
        (lambda g: g.visits.transform("sum"), NotImplementedError, "merge"),
        (list, NotImplementedError, "looping over groups"),
        (lambda g: g.sum(min_count=3), NotImplementedError, "`min_count`"),
    ],
)
def test_what_cannot_be_says_so(build, error, message):
    with pytest.raises(error, match=message):
        build(wr.from_pandas(PEOPLE).groupby("city"))


def test_key_and_output_of_one_name_in_columns_is_refused():
    with pytest.raises(ValueError, match="two columns `city`"):
        wr.from_pandas(PEOPLE).groupby("city", as_index=False)["city"].count()


# ---- what `agg` is given, without data


def test_outputs_of_a_dict_with_lists():
    found = aggregations.of_frame({"a": ["sum", "max"], "b": "min"}, {}, ["a", "b"])
    assert found == [
        Output(("a", "sum"), "a", "sum"),
        Output(("a", "max"), "a", "max"),
        Output(("b", "min"), "b", "min"),
    ]


@pytest.mark.parametrize(("func", "name"), [(sum, "sum"), (len, "size"), (np.max, "max")])
def test_known_functions_are_names(func, name):
    assert aggregations.aggregate_name(func) == name
