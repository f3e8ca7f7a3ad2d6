"""Functions of groups give pandas' frame, and say which group they failed for."""

from __future__ import annotations

import threading

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import windrow as wr
from frame_check import PEOPLE, check, same
from windrow.functions.snapshot import UnpicklableFunctionError


def compare(build, data=PEOPLE, *, names=True):
    """`build` gives pandas' answer: labels too of one partition, of several all but the labels."""
    expected = build(data.copy())
    told = {"check_names": names, "check_index_type": False}
    equal = (
        pd.testing.assert_frame_equal
        if isinstance(expected, pd.DataFrame)
        else pd.testing.assert_series_equal
    )
    equal(build(wr.from_pandas(data, npartitions=1)).compute(), expected, **told)
    equal(
        unlabelled(build(wr.from_pandas(data, npartitions=3)).compute()),
        unlabelled(expected),
        **told,
    )


def unlabelled(found):
    """Without the level that says which row a row was."""
    if found.index.nlevels > 1 and found.index.names[-1] is None:
        return found.droplevel(-1)
    return found.reset_index(drop=True) if found.index.names == [None] else found


def summary(group, factor=1, *, offset=0):
    return pd.Series({"n": len(group) * factor + offset, "age": group["age"].mean()})


@pytest.mark.parametrize(
    "build",
    [
        # one value
        lambda df: df.groupby("city").apply(lambda g: g.visits.sum()),
        lambda df: df.groupby("city").apply(lambda g: g.name.upper()),
        lambda df: df.groupby(["city", "member"]).apply(lambda g: repr(g.name)),
        lambda df: df.groupby("visits").apply(lambda g: type(g.name).__name__ + str(g.name)),
        lambda df: df.groupby(df.visits % 2).apply(len),
        lambda df: df.groupby(df.city).apply(lambda g: str(list(g.columns))),
        lambda df: df.groupby("city")["visits"].apply(lambda s: s.max() - s.min()),
        lambda df: df.groupby("city", as_index=False)["visits"].apply(lambda s: s.max()),
        lambda df: df.groupby("city")["city"].apply(lambda s: s.iloc[0] * 2),
        lambda df: df.groupby("city")[["city", "id"]].apply(lambda g: str(g.columns.tolist())),
        lambda df: df.groupby("city").apply(lambda g: g.since.max()),
        lambda df: df.groupby("city").apply(lambda g: g.id.tolist()),
        lambda df: df.groupby("city").apply(lambda g: None if g.name == "Oslo" else len(g)),
        lambda df: df.groupby("city", dropna=False).apply(lambda g: repr(g.name)),
        lambda df: df.groupby("age", dropna=False).apply(lambda g: g.id.sum()),
        lambda df: df.groupby("city").apply(lambda g: str(list(g.dtypes))),
        lambda df: df.groupby("city").apply(lambda g: str(list(g.id))),
        # one row
        lambda df: df.groupby("city").apply(summary),
        lambda df: df.groupby("city").apply(summary, 10, offset=1),
        lambda df: df.groupby("city", as_index=False).apply(summary),
        lambda df: df.groupby("city").apply(lambda g: g.iloc[0]),
        lambda df: df.groupby("city").apply(
            lambda g: None if g.name == "Oslo" else pd.Series({"n": len(g)})
        ),
        lambda df: df.groupby("city").apply(lambda g: pd.Series({("a", "x"): 1, ("b", "y"): "t"})),
        # several values
        lambda df: df.groupby("city").apply(lambda g: g.visits * 2),
        lambda df: df.groupby("city")["visits"].apply(lambda s: s.cumsum()),
        lambda df: df.groupby("city")["visits"].apply(lambda s: s.describe()),
        lambda df: df.groupby("city", as_index=False)["visits"].apply(lambda s: s.head(1)),
        lambda df: df.groupby("city", group_keys=False)["visits"].apply(lambda s: s.head(1)),
        lambda df: df.groupby("city").apply(lambda g: pd.Series([1], index=[g.name])),
        # frames
        lambda df: df.groupby("city").apply(lambda g: g),
        lambda df: df.groupby("city").apply(lambda g: g.nlargest(2, "visits")),
        lambda df: df.groupby("city").apply(lambda g: g[g.visits > 2]),
        lambda df: df.groupby("city").apply(lambda g: g[["visits", "age"]].describe()),
        lambda df: df.groupby("city").apply(lambda g: None if g.name == "Oslo" else g),
        lambda df: df.groupby("city").apply(lambda g: pd.DataFrame({g.name: g.visits})),
        lambda df: df.groupby("city").apply(lambda g: g.set_index("member")[["id"]]),
        lambda df: df.groupby("city", as_index=False).apply(lambda g: g.head(1)),
        lambda df: df.groupby("city", group_keys=False).apply(lambda g: g.head(1)),
        lambda df: df.groupby("city", group_keys=False).apply(
            lambda g: g.assign(share=g.visits / g.visits.sum())
        ),
        lambda df: df.groupby("city")["id"].apply(lambda s: s.to_frame().assign(n=len(s))),
        # before and after
        lambda df: df.sort_values("visits")[["city", "id"]].groupby("city")["id"].apply(list),
        lambda df: df[df.visits > 0].groupby("city").apply(summary)["n"] * 2,
        lambda df: df.groupby("city").apply(summary).reset_index().groupby("n")["age"].max(),
        lambda df: df.groupby("city").apply(lambda g: g.head(1))[["id"]],
        # no groups
        lambda df: df[df.visits > 99].groupby("city").apply(len),
        lambda df: df[df.visits > 99].groupby("city")["age"].apply(len),
    ],
)
def test_same_as_pandas(build):
    compare(build)


def test_a_table_of_ones_own_beside_the_keys():
    check(lambda df: df.groupby("city")["id"].apply(lambda s: s.sum()).reset_index())
    frame = wr.from_pandas(PEOPLE).groupby("city").apply(lambda g: g.head(1)).reset_index()
    assert list(frame.columns)[:2] == ["city", "level_1"]


def test_keys_that_are_all_missing_are_no_groups():
    data = pd.DataFrame({"k": [None, None], "x": [1, 2]}).astype({"k": "float64"})
    compare(lambda df: df.groupby("k").apply(len), data)
    compare(lambda df: df.groupby("k", dropna=False).apply(len), data)


def test_zero_has_no_sign_as_a_key():
    data = pd.DataFrame({"k": [0.0, -0.0, np.nan, 1.0], "x": [1, 2, 3, 4]})
    compare(lambda df: df.groupby("k")["x"].apply(list), data)


def test_one_group_of_rows_stays_long():
    """pandas makes a single row of it, with the labels of rows as names of columns."""
    frame = wr.from_pandas(PEOPLE.assign(one=1)).groupby("one").apply(lambda g: g.visits)
    assert frame.compute().tolist() == PEOPLE["visits"].tolist()


def test_unsorted_groups_are_the_same_groups():
    check(lambda df: df.groupby("city", sort=False)["id"].apply(len).reset_index(), ordered=False)


def test_types_follow_from_the_group_alone():
    """Whole numbers are floats where the group has a missing one, whatever else a worker gets."""
    ages = pa.table({"k": ["a", "a", "b", "b"], "n": pa.array([1, None, 2, 3], pa.int64())})
    kinds = wr.from_arrow(ages).groupby("k")["n"].apply(lambda s: str(s.dtype)).compute()
    assert kinds.to_dict() == {"a": "float64", "b": "int64"}


def test_large_and_many_groups_are_whole():
    rows = 60_000
    keys = np.where(np.arange(rows) % 2, 0, np.arange(rows) % 20_000)
    data = pd.DataFrame({"k": keys, "x": np.arange(rows)})
    sizes = (
        wr.from_pandas(data, npartitions=5)
        .groupby("k")["x"]
        .apply(lambda s: len(s) if s.is_monotonic_increasing else -1)
    )
    pd.testing.assert_series_equal(
        sizes.compute(), data.groupby("k")["x"].count(), check_names=False
    )


@settings(max_examples=40, deadline=None)
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
    keys=st.sampled_from(["s", "i", ["i", "s"]]),
    dropna=st.booleans(),
    function=st.sampled_from(
        [
            lambda g: g["x"].sum(),
            lambda g: pd.Series({"n": len(g), "x": g["x"].max()}),
            lambda g: g[g["x"] > 0],
            lambda g: g.head(2),
        ]
    ),
)
def test_any_rows_as_pandas(rows, keys, dropna, function):
    frame = pd.DataFrame(rows, columns=["s", "i", "x"]).astype({"s": "str", "x": "float64"})
    compare(lambda df: df.groupby(keys, dropna=dropna).apply(function), frame)


# ---- what it gives, said beforehand


@pytest.mark.parametrize(
    ("function", "result_type"),
    [
        (len, int),
        (lambda g: g.visits.mean(), "float64"),
        (summary, {"n": float, "age": float}),
        (summary, pa.schema([("n", pa.float64()), ("age", pa.float64())])),
        (lambda g: g.visits * 2, pd.Series(dtype="int64", name="visits")),
        (lambda g: g[["id", "city2"]], pd.DataFrame({"id": [0], "city2": [""]})[:0]),
    ],
)
def test_result_type(function, result_type):
    data = PEOPLE.assign(city2="x")
    expected = data.groupby("city").apply(function)
    found = wr.from_pandas(data).groupby("city").apply(function, result_type=result_type)
    same(found, expected)


def test_nothing_is_tried_with_a_result_type():
    def fails(group):
        raise LookupError(group.name)

    lazy = wr.from_pandas(PEOPLE).groupby("city").apply(fails, result_type=int)
    with pytest.raises(LookupError) as caught:
        lazy.compute()
    assert any(note.startswith("group ") and "row" in note for note in caught.value.__notes__)


# ---- what fails


def grouped(data=PEOPLE, **options):
    return wr.from_pandas(data, npartitions=2).groupby("city", **options)


def test_what_raises_names_its_group():
    with pytest.raises(ZeroDivisionError) as caught:
        grouped().apply(lambda g: 1 // (len(g) - 3), result_type=int).compute()
    assert "group 'Rome' of 3 rows" in caught.value.__notes__


def test_what_raises_for_a_whole_sample_says_how_to_do_without():
    with pytest.raises(ZeroDivisionError) as caught:
        grouped().apply(lambda g: 1 // 0)
    assert any("`result_type=`" in note for note in caught.value.__notes__)


def test_what_raises_for_a_part_of_a_group_is_left_out_of_the_sample():
    def third(group):
        return group["id"].iloc[2_000]

    data = pd.DataFrame({"city": ["a", "b"] * 3_000, "id": range(6_000)})
    with pytest.raises(IndexError):
        grouped(data).apply(third)
    found = grouped(data).apply(third, result_type=int).compute()
    assert found.to_dict() == {"a": 4_000, "b": 4_001}


@pytest.mark.parametrize(
    ("function", "options", "words"),
    [
        (lambda g: "three" if len(g) == 3 else len(g), {}, r"`'?three'?` \(str\)"),
        (lambda g: g if g.name == "Rome" else len(g), {}, r"\(DataFrame\)"),
        (lambda g: None, {}, "None for all groups"),
        (lambda g: pd.DataFrame([[1, 2]], columns=["a", "a"]), {}, "two columns `a`"),
        (lambda g: pd.Period("2020", "Y"), {}, "Period"),
        (lambda g: pd.Series({"when": pd.Period("2020", "Y")}), {}, "Period|period"),
    ],
)
def test_results_that_do_not_fit_are_named(function, options, words):
    with pytest.raises(wr.errors.ResultTypeError, match=words) as caught:
        grouped(**options).apply(function).compute()
    assert "hint: " in str(caught.value)


@pytest.mark.parametrize(
    ("function", "result_type", "words"),
    [
        (lambda g: g.age.mean(), int, "truncated(.|\n)*group 'Oslo' of 2 rows"),
        (lambda g: str(g.name), int, "group '"),
        (lambda g: g, int, r"does not fit a value"),
        (len, {"n": int}, "does not fit a Series with the labels `n`"),
        (summary, {"n": int}, "does not fit a Series with the labels `n`"),
        (lambda g: g, pd.DataFrame({"id": [0]})[:0], "the columns `id`"),
        (len, pd.Series(dtype=int), "does not fit a Series"),
    ],
)
def test_results_that_are_not_what_was_said_are_named(function, result_type, words):
    with pytest.raises(wr.errors.ResultTypeError, match=words):
        grouped().apply(function, result_type=result_type).compute()


def test_rows_that_change_with_the_group_have_no_order_without_keys():
    """pandas puts rows back into their order if every group kept its own: a sample tells."""
    data = pd.DataFrame({"city": ["a", "b"] * 400, "id": [*range(798), 0, 1]})
    frame = grouped(data, group_keys=False).apply(lambda g: g.drop_duplicates())
    with pytest.raises(wr.errors.ResultTypeError, match="`group_keys=False`"):
        frame.compute()


def test_a_dict_of_one_column_is_refused():
    with pytest.raises(wr.errors.ResultTypeError, match=r"pd.Series"):
        grouped()["id"].apply(lambda s: {"a": 1})


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match=r'agg\("sum"\)'):
        grouped().apply("sum")
    with pytest.raises(NotImplementedError, match="include_groups"):
        grouped().apply(len, include_groups=True)
    assert grouped().apply(len, include_groups=False).compute().sum() == 7


def test_lists_are_no_keys():
    lists = wr.from_arrow(pa.table({"k": [[1], [2]], "x": [1, 2]}))
    with pytest.raises(TypeError, match="cannot be grouped by `k`"):
        lists.groupby("k").apply(len)


def test_what_cannot_be_sent_is_named():
    lock = threading.Lock()
    with pytest.raises(UnpicklableFunctionError, match="`lock`"):
        grouped().apply(lambda g: (lock, 1)[1])
