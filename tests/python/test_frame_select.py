"""Choosing rows and columns, and adding them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import windrow as wr
from frame_check import PEOPLE, check, same


def people(npartitions: int = 3) -> wr.DataFrame:
    return wr.from_pandas(PEOPLE, npartitions=npartitions)


@pytest.mark.parametrize(
    "build",
    [
        lambda df: df["age"],
        lambda df: df.city,
        lambda df: df[["visits", "id"]],
        lambda df: df[df["visits"] > 2],
        lambda df: df[(df.age > 20) & ~df.member | (df.city == "Rome")],
        lambda df: df[df.age != 31][["id", "city"]],
        lambda df: df[df["visits"] > 100],
        lambda df: df[lambda d: d.id % 2 == 0],
        lambda df: df[2:5],
        lambda df: df[:3],
        lambda df: df["id"][df["member"]],
        lambda df: df.head(3),
        lambda df: df.head(0),
        lambda df: df.tail(2),
        lambda df: df.age.head(2),
        lambda df: df.city.tail(2),
        lambda df: df.drop(columns="age"),
        lambda df: df.drop(columns=["age", "nothing"], errors="ignore"),
        lambda df: df.rename(columns={"age": "years"}),
        lambda df: df.rename(columns=str.upper),
        lambda df: df.assign(double=df.visits * 2, flag=True),
        lambda df: df.assign(a=1, b=lambda d: d.a + d.id),
        lambda df: df.dropna(),
        lambda df: df.dropna(subset=["age"]),
        lambda df: df[["age", "city"]].dropna(how="all"),
        lambda df: df.fillna({"age": 0.0, "city": "?"}),
        lambda df: df.age.fillna(df.visits),
        lambda df: df.astype({"visits": "float64", "id": str}),
        lambda df: df.visits.to_frame("n"),
        lambda df: df[["id", "visits"]] * 2 + 1,
        lambda df: df[["id", "visits"]] - df[["id", "visits"]].mean(),
        lambda df: df[["id", "age"]].isna(),
        lambda df: df[["id", "visits"]].isin([3, 7]),
        lambda df: df.copy(),
    ],
)
def test_same_as_pandas(build):
    check(build)


def test_setting_columns_in_place_as_pandas():
    def build(df):
        df["double"] = df["visits"] * 2
        df["visits"] = df["visits"] + 1  # replaces in place, `double` keeps the old values
        df["one"] = 1
        df["nothing"] = None
        del df["city"]
        df.age = df.age + 1
        return df.drop(columns="nothing")

    check(build)


def test_a_copy_does_not_see_what_is_added_later():
    df = people()
    before, copied = df[["id"]], df.copy()
    df["new"] = df.id + 1
    assert "new" in df
    assert "new" not in copied
    assert list(before) == ["id"]


def test_a_filter_keeps_columns_that_were_added():
    check(lambda df: df.assign(double=df.visits * 2)[df.visits > 2].double)


def test_filters_of_filters():
    def build(df):
        adults = df[df.age >= 18]
        return adults[adults.visits > 3]

    check(build)


def test_names_and_counts():
    df = people()
    assert list(df) == list(PEOPLE)
    assert list(df.columns) == list(PEOPLE.columns)
    assert len(df) == 8
    assert df.shape == (8, 6)
    assert not df.empty
    assert df[df.id > 100].empty
    assert len(df[df.id > 5].age) == 3
    assert (df.ndim, df.age.ndim) == (2, 1)


def test_dtypes_are_those_of_pandas():
    pd.testing.assert_series_equal(people().dtypes, PEOPLE.dtypes)
    assert people().city.dtype == PEOPLE.city.dtype


def test_renaming_all_columns():
    df = people()[["id", "age"]]
    df.columns = ["a", "b"]
    assert list(df.compute()) == ["a", "b"]
    with pytest.raises(ValueError, match="3 names for 2 columns"):
        df.columns = ["a", "b", "c"]


def test_a_column_of_another_frame_is_refused():
    df = people()
    old = df[df.id > 2]
    with pytest.raises(ValueError, match=r"`id` and `age` may not line up(.|\n)*merge"):
        df.id + old.age
    with pytest.raises(ValueError, match="may not line up"):
        df["other"] = old.age
    with pytest.raises(ValueError, match="may not line up"):
        df[old.id > 1]


@pytest.mark.parametrize("values", [[1, 2], np.arange(8), pd.Series(range(8))])
def test_rows_without_a_frame_are_refused(values):
    df = people()
    with pytest.raises(TypeError, match="merge"):
        df["new"] = values


def test_unknown_columns_name_the_nearest():
    df = people()
    with pytest.raises(KeyError, match="did you mean `visits`"):
        df["visit"]
    with pytest.raises(KeyError, match=r"there is no column `zzz`(.|\n)*the columns are `id`"):
        df[["id", "zzz"]]
    with pytest.raises(AttributeError, match="did you mean `city`"):
        df.citi  # noqa: B018
    with pytest.raises(KeyError, match="did you mean `visits`"):
        df.drop(columns="vists")


def test_truth_values_are_ambiguous():
    df = people()
    for thing in (df, df.age):
        with pytest.raises(ValueError, match="ambiguous"):
            bool(thing)


def test_one_name_for_two_columns_is_refused():
    df = people()
    with pytest.raises(ValueError, match="two columns `id`"):
        df.rename(columns={"age": "id"})
    with pytest.raises(ValueError, match="chosen twice"):
        df[["id", "id"]]


def test_a_frame_of_python_data():
    same(
        wr.DataFrame({"a": [1, 2], "b": ["x", None]}), pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    )


def test_arrow_data_out():
    import pyarrow as pa

    table = people().to_arrow()
    assert table.column("visits").to_pylist() == PEOPLE.visits.to_list()
    assert table.column("city").null_count == 1
    assert pa.table(people()).equals(table)
    assert people().id.to_arrow().to_pylist() == PEOPLE.id.to_list()
    assert people().id.values.tolist() == PEOPLE.id.to_list()
    assert np.asarray(people().id).tolist() == PEOPLE.id.to_list()


def test_results_can_be_changed():
    found = people()[["id", "visits"]].compute()
    found.loc[0, "id"] = 100
    assert found.id[0] == 100
    assert people().id.compute()[0] == 1
