"""Sorting, merging, duplicates, writing: frames of frames."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import windrow as wr
from frame_check import PEOPLE, check, same

CITIES = pd.DataFrame(
    {
        "city": ["Oslo", "Rome", "Rome", "Paris", None],
        "country": ["no", "it", "va", "fr", "??"],
        "id": [10, 20, 30, 40, 50],
    }
)


@pytest.mark.parametrize(
    "build",
    [
        lambda df: df.sort_values("age"),
        lambda df: df.sort_values("age", ascending=False),
        lambda df: df.sort_values("age", na_position="first"),
        lambda df: df.sort_values(["city", "id"], ascending=[False, True]),
        lambda df: df.sort_values(["member", "age", "id"]),
        lambda df: df.sort_values("city").head(3)[["city"]],
        lambda df: df.nlargest(2, "visits"),
        lambda df: df.nsmallest(3, ["id"]),
        lambda df: df[["id", "city"]].sort_values("id", ascending=False)[:2],
    ],
)
def test_sorting_as_pandas(build):
    check(build)


@pytest.mark.parametrize("how", ["inner", "left", "right", "outer"])
def test_merging_on_a_column_as_pandas(how):
    left, right = wr.from_pandas(PEOPLE, 2), wr.from_pandas(CITIES)
    same(
        left[["id", "city"]].merge(right, on="city", how=how),
        PEOPLE[["id", "city"]].merge(CITIES, on="city", how=how),
        ordered=False,
    )


@pytest.mark.parametrize("how", ["inner", "left", "right", "outer"])
def test_merging_on_different_names_as_pandas(how):
    right = CITIES.rename(columns={"city": "town"})
    same(
        wr.from_pandas(PEOPLE)[["id", "city"]].merge(
            wr.from_pandas(right), how, left_on="city", right_on="town", suffixes=("", "_2")
        ),
        PEOPLE[["id", "city"]].merge(
            right, how, left_on="city", right_on="town", suffixes=("", "_2")
        ),
        ordered=False,
    )


def test_merging_with_pandas_and_with_itself():
    left = wr.from_pandas(PEOPLE)[["id", "city"]]
    same(
        left.merge(CITIES, on="city"),
        PEOPLE[["id", "city"]].merge(CITIES, on="city"),
        ordered=False,
    )
    check(lambda df: df[["id", "city"]].merge(df[["id", "age"]], on="id").sort_values("id"))


def test_cross_merge_and_indicator():
    left, right = PEOPLE[["id"]], CITIES[["country"]]
    same(
        wr.from_pandas(left).merge(wr.from_pandas(right), how="cross"),
        left.merge(right, how="cross"),
        ordered=False,
    )
    found = wr.from_pandas(PEOPLE)[["city"]].merge(CITIES, on="city", how="outer", indicator=True)
    expected = PEOPLE[["city"]].merge(CITIES, on="city", how="outer", indicator=True)
    counts = found.compute()["_merge"].astype(str).value_counts().to_dict()
    assert counts == expected["_merge"].astype(str).value_counts()[lambda n: n > 0].to_dict()


def test_rows_with_and_without_a_match():
    left = wr.from_pandas(PEOPLE)
    known = left.merge(CITIES, on="city", how="left_semi")[["id"]].sort_values("id").compute()
    assert known.id.to_list() == [1, 2, 3, 4, 6, 7]
    strange = left.merge(CITIES, on="city", how="left_anti")[["id"]].sort_values("id").compute()
    assert strange.id.to_list() == [5, 8]


@settings(max_examples=30, deadline=None)
@given(
    left=st.lists(st.tuples(st.none() | st.integers(0, 4), st.integers()), min_size=1, max_size=10),
    right=st.lists(
        st.tuples(st.none() | st.integers(0, 4), st.integers()), min_size=1, max_size=10
    ),
    how=st.sampled_from(["inner", "left", "right", "outer"]),
)
def test_merging_any_rows_as_pandas(left, right, how):
    one = pd.DataFrame([(k, v % 1000) for k, v in left], columns=["k", "a"]).astype(
        {"k": "float64"}
    )
    two = pd.DataFrame([(k, v % 1000) for k, v in right], columns=["k", "b"]).astype(
        {"k": "float64"}
    )
    same(
        wr.from_pandas(one, 2).merge(wr.from_pandas(two, 2), on="k", how=how),
        one.merge(two, on="k", how=how),
        ordered=False,
    )


def test_duplicates():
    check(lambda df: df[["city", "member"]].drop_duplicates(), ordered=False)
    check(lambda df: df.visits.drop_duplicates(), ordered=False)
    with pytest.raises(NotImplementedError, match="subset"):
        wr.from_pandas(PEOPLE).drop_duplicates("city")


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda df: df.merge(CITIES, on="town"), "there is no column `town`"),
        (lambda df: df.merge(CITIES, on="city", how="sideways"), "`how` is `sideways`"),
        (lambda df: df.merge(CITIES, on="id", left_on="id"), "either `on`"),
        (lambda df: df.merge(CITIES, left_on="id"), "go together"),
        (lambda df: df[["age"]].merge(CITIES), "no column in common"),
        (lambda df: df.merge(CITIES, left_index=True, right_on="id"), "`left_index`"),
        (lambda df: df.sort_values("aage"), "did you mean `age`"),
        (lambda df: df.sort_values("age", inplace=True), "assign the result"),
        (lambda df: df.sort_values(["age", "id"], ascending=[True]), "1 entries"),
        (lambda df: df.drop([1, 2]), "`drop` of rows"),
        (lambda df: df.reset_index(), "row number"),
    ],
)
def test_what_cannot_be_says_so(build, message):
    with pytest.raises((ValueError, KeyError, NotImplementedError), match=message):
        build(wr.from_pandas(PEOPLE))


# ---- files


def test_parquet_there_and_back(tmp_path):
    path = tmp_path / "people.parquet"
    written = wr.from_pandas(PEOPLE).to_parquet(path)
    assert [str(name) for name in written] == [str(path)]
    same(wr.read_parquet(path), PEOPLE)
    pd.testing.assert_frame_equal(pd.read_parquet(path), PEOPLE)
    same(wr.read_parquet(path, columns=["age", "id"]), PEOPLE[["age", "id"]])


def test_csv_there_and_back(tmp_path):
    frame = PEOPLE.drop(columns="since")
    path = tmp_path / "people.csv"
    wr.from_pandas(frame).to_csv(path, index=False)
    same(wr.read_csv(path), frame)
    pd.testing.assert_frame_equal(pd.read_csv(path), frame)


def test_csv_options(tmp_path):
    path = tmp_path / "people.csv"
    wr.from_pandas(PEOPLE)[["id", "city"]].to_csv(path, sep=";", na_rep="?", header=False)
    assert path.read_text().splitlines()[:3] == ["1;Oslo", "2;Rome", "3;?"]


def test_json_there_and_back(tmp_path):
    frame = PEOPLE.drop(columns="since")
    path = tmp_path / "people.jsonl"
    wr.from_pandas(frame).to_json(path, orient="records", lines=True)
    same(wr.read_json(path), frame)


def test_groups_are_written_with_their_keys(tmp_path):
    path = tmp_path / "totals.csv"
    totals = wr.from_pandas(PEOPLE).groupby("city").agg(total=("visits", "sum"))
    totals.to_csv(path)
    expected = PEOPLE.groupby("city").agg(total=("visits", "sum"))
    pd.testing.assert_frame_equal(pd.read_csv(path, index_col="city"), expected)
    totals.to_csv(path, index=False)
    assert path.read_text().splitlines()[0] == "total"


def test_a_folder_gets_a_file_per_partition(tmp_path):
    folder = tmp_path / "out"
    written = wr.from_pandas(PEOPLE, npartitions=2).to_parquet(f"{folder}/")
    assert len(written) >= 1
    same(wr.read_parquet(folder), PEOPLE, ordered=False)
