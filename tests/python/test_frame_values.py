"""Expressions on values: operators, functions, text, dates, reductions; pandas' answers."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import windrow as wr
from frame_check import PEOPLE, check

VALUES = [
    lambda df: df.visits + df.age,
    lambda df: 10 - df.visits,
    lambda df: df.visits / 3,
    lambda df: df.age // 7,
    lambda df: df.visits % 4,
    lambda df: -df.age,
    lambda df: df.age**2,
    lambda df: 2**df.visits,
    lambda df: abs(df.age),
    lambda df: df.age.abs(),
    lambda df: df.age == 31,
    lambda df: df.age != 31,
    lambda df: df.age < df.visits,
    lambda df: df.age >= 18,
    lambda df: ~(df.age > 18),
    lambda df: df.member & (df.visits > 1),
    lambda df: df.member ^ (df.visits > 1),
    lambda df: df.member | False,
    lambda df: df.city == "Oslo",
    lambda df: df.city != "Oslo",
    lambda df: df.city + "!",
    lambda df: "in " + df.city,
    lambda df: df.visits.add(1).mul(2).ge(8),
    lambda df: df.age.isna(),
    lambda df: df.city.notna(),
    lambda df: df.age.fillna(-1),
    lambda df: df.age.fillna(df.age.mean()),
    lambda df: df.city.fillna("none"),
    lambda df: df.city.isin(["Oslo", "Bern"]),
    lambda df: df.age.isin([31, np.nan]),
    lambda df: df.visits.isin([]),
    lambda df: df.age.between(0, 31),
    lambda df: df.age.between(0, 31, inclusive="neither"),
    lambda df: df.age.clip(0, 40),
    lambda df: df.visits.clip(upper=5),
    lambda df: (df.age / 7).round(2),
    lambda df: pd_round(df.age / 3),
    lambda df: df.age.where(df.member),
    lambda df: df.visits.where(df.member, -1),
    lambda df: df.visits.mask(df.visits > 5, 5),
    lambda df: df.visits.astype(float),
    lambda df: df.visits.astype(str),
    lambda df: df.visits.astype(bool),
    lambda df: df.member.astype(int),
    lambda df: df.city.str.lower(),
    lambda df: df.city.str.upper(),
    lambda df: df.city.str.strip(),
    lambda df: df.city.str.len(),
    lambda df: df.city.str.contains("o"),
    lambda df: df.city.str.contains("^[OR]", regex=True),
    lambda df: df.city.str.contains("OSLO", case=False),
    lambda df: df.city.str.startswith("O"),
    lambda df: df.city.str.endswith("e"),
    lambda df: df.city.str.replace("o", "0"),
    lambda df: df.city.str.replace("[aeiou]", "", regex=True),
    lambda df: df.city.str[:2],
    lambda df: df.city.str.slice(1, 3),
    lambda df: df.since > dt.datetime(2020, 1, 1),
    lambda df: df.since >= pd.Timestamp("2020-01-31"),
    lambda df: df.visits.unique() if isinstance(df, pd.DataFrame) else df.visits.unique().values,
    lambda df: df.visits.sort_values(ascending=False),
    lambda df: df.age.sort_values(na_position="first"),
    lambda df: df.visits.nlargest(2),
    lambda df: df.visits.nsmallest(1),
]


def pd_round(values):
    return values.round()


@pytest.mark.parametrize("build", VALUES)
def test_same_as_pandas(build):
    def computed(df):
        found = build(df)
        return pd.Series(np.sort(found)) if isinstance(found, np.ndarray) else found

    check(computed)


@pytest.mark.parametrize(
    "part", ["year", "month", "day", "hour", "minute", "second", "day_of_week"]
)
def test_parts_of_dates_as_pandas(part):
    check(lambda df: getattr(df.dropna().since.dt, part), dtypes=False)


@pytest.mark.parametrize("name", ["sum", "mean", "min", "max", "count", "std", "var", "median"])
@pytest.mark.parametrize("column", ["id", "age", "visits", "member"])
def test_reductions_as_pandas(name, column):
    check(lambda df: getattr(df[column], name)())


@pytest.mark.parametrize("name", ["min", "max", "count", "nunique"])
@pytest.mark.parametrize("column", ["city", "since"])
def test_reductions_of_text_and_dates_as_pandas(name, column):
    check(lambda df: getattr(df[column].dropna(), name)())


@pytest.mark.parametrize("name", ["sum", "mean", "min", "max", "count", "std", "median"])
def test_reductions_of_nothing_as_pandas(name):
    check(lambda df: getattr(df[df.id > 100].age, name)())


@pytest.mark.parametrize("name", ["sum", "mean", "std", "var"])
def test_frame_reductions_take_the_numeric_columns(name):
    check(lambda df: getattr(df, name)(numeric_only=True))
    df = wr.from_pandas(PEOPLE)
    assert list(getattr(df, name)().compute().index) == ["id", "age", "member", "visits"]


def test_frame_counts_as_pandas():
    check(lambda df: df.count())
    check(lambda df: df.nunique())
    check(lambda df: df[["id", "age", "visits"]].max())


def test_counting_different_values_with_missing_ones():
    check(lambda df: df.age.nunique(dropna=False))
    check(lambda df: df.age.nunique())
    check(lambda df: df.visits.nunique(dropna=False))


def test_any_and_all():
    check(lambda df: df.member.any())
    check(lambda df: df.member.all())
    check(lambda df: (df.visits >= 0).all())


def test_value_counts_as_pandas():
    expected = PEOPLE.city.value_counts()
    found = wr.from_pandas(PEOPLE).city.value_counts().compute()
    assert found.name == "count"
    assert found.index.name == "city"
    assert found.to_dict() == expected.to_dict()
    assert found.is_monotonic_decreasing


def test_value_counts_options():
    city = wr.from_pandas(PEOPLE).city
    shares = city.value_counts(normalize=True).compute()
    assert shares.name == "proportion"
    assert shares["Rome"] == pytest.approx(3 / 7)
    assert city.value_counts(dropna=False).compute().sum() == 8
    assert city.value_counts(ascending=True).compute().is_monotonic_increasing


# ---- lazy values


def test_a_lazy_value_is_what_it_computes():
    visits = wr.from_pandas(PEOPLE).visits
    total = visits.sum()
    assert "not computed" in repr(total)
    assert (float(total), int(total), f"{total:>4}", str(total)) == (29.0, 29, "  29", "29")
    assert total == 29
    assert total > 28
    assert total <= 30
    assert total == visits.sum()
    assert bool(visits.min()) is False
    assert list(range(visits.max()))[-1] == 11
    assert "29" in repr(total)


def test_arithmetic_with_lazy_values_stays_lazy():
    df = wr.from_pandas(PEOPLE)
    mean = df.visits.sum() / df.visits.count()
    assert "not computed" in repr(mean)
    assert mean.compute() == pytest.approx(29 / 8)
    assert (2 * mean + 1).compute() == pytest.approx(2 * 29 / 8 + 1)
    assert (-mean).compute() == pytest.approx(-29 / 8)
    assert mean.item() == pytest.approx(29 / 8)


def test_lazy_values_in_expressions():
    check(lambda df: df[df.visits > df.visits.mean()])
    check(lambda df: df.visits.mean() < df.visits)
    check(lambda df: (df.age - df.age.mean()) / df.age.std())
    check(lambda df: df.assign(share=df.visits / df.visits.sum()))


def test_lazy_values_go_into_functions_as_values():
    check(lambda df: mark(df, df.visits.mean()))


def mark(df, mean):
    return df.visits.map(lambda visits: visits > mean)


# ---- properties

NUMBERS = st.none() | st.floats(-1000, 1000, width=32)
ROWS = st.lists(
    st.tuples(
        st.integers(-100, 100),
        NUMBERS,
        NUMBERS,
        st.booleans(),
        st.none() | st.text("abAB é", max_size=3),
    ),
    min_size=1,
    max_size=12,
)


def frame_of(rows) -> pd.DataFrame:
    columns = dict(zip("ixybs", zip(*rows, strict=True), strict=True))
    frame = pd.DataFrame(columns)
    return frame.astype({"i": "int64", "x": "float64", "y": "float64", "b": "bool", "s": "str"})


def numeric(depth: int = 2):
    leaf = st.sampled_from(["df.i", "df.x", "df.y", "2", "0.5", "-3"])
    pair = st.tuples(leaf if depth == 0 else st.deferred(lambda: numeric(depth - 1)), leaf)
    pairs = st.builds("({0[0]} {1} {0[1]})".format, pair, st.sampled_from("+-*"))
    return leaf if depth == 0 else pairs | leaf


def condition():
    compare = st.builds(
        "({} {} {})".format,
        st.sampled_from(["df.i", "df.x", "df.y"]),
        st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
        numeric(1),
    )
    text = st.builds("(df.s {} 'a')".format, st.sampled_from(["==", "!=", "<", ">="]))
    simple = compare | text | st.sampled_from(["df.b", "df.x.isna()", "df.s.notna()"])
    both = st.builds("({} {} {})".format, simple, st.sampled_from("&|^"), simple)
    return simple | both | st.builds("(~{})".format, simple)


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, source=numeric(), npartitions=st.integers(1, 4))
def test_numeric_expressions_as_pandas(rows, source, npartitions):
    if "df" in source:
        check(
            lambda df: eval(source, {"df": df}).rename("v"), frame_of(rows), npartitions=npartitions
        )


@settings(max_examples=80, deadline=None)
@given(rows=ROWS, source=condition(), npartitions=st.integers(1, 4))
def test_filters_as_pandas(rows, source, npartitions):
    check(lambda df: df[eval(source, {"df": df})], frame_of(rows), npartitions=npartitions)
    check(lambda df: eval(source, {"df": df}).rename("v"), frame_of(rows), npartitions=npartitions)


@settings(max_examples=40, deadline=None)
@given(rows=ROWS, name=st.sampled_from(["sum", "mean", "min", "max", "count", "nunique"]))
def test_reductions_of_any_rows_as_pandas(rows, name):
    frame = frame_of(rows)
    for column in ("i", "x", "b"):
        check(lambda df, column=column: float(getattr(df[column], name)()), frame)
