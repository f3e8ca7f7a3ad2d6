"""SQL over frames in the caller's scope, or passed by name."""

# ruff: noqa: F841 - the queries use the variables

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

import windrow as wr
from frame_check import PEOPLE, same

everyone = wr.from_pandas(PEOPLE, npartitions=2)


def test_a_local_frame():
    local = wr.from_pandas(PEOPLE)
    same(
        wr.sql("select id, visits * 2 as twice from local where visits > 2 order by id"),
        PEOPLE.assign(twice=PEOPLE.visits * 2)[PEOPLE.visits > 2][["id", "twice"]],
    )


def test_a_global_frame_and_a_local_one():
    def inner():
        cities = wr.DataFrame({"city": ["Oslo", "Rome"], "country": ["no", "it"]})
        return wr.sql(
            "select country, count(*) as n from everyone join cities using (city)"
            " group by country order by country"
        )

    same(inner(), pd.DataFrame({"country": ["it", "no"], "n": [3, 2]}))


def test_pandas_and_arrow_tables():
    frame = pd.DataFrame({"a": [1, 2, 3]})
    other = pa.table({"a": [2, 3, 4]})
    found = wr.sql("select frame.a from frame join other on frame.a = other.a order by 1")
    assert found.compute().a.to_list() == [2, 3]


def test_frames_by_name():
    found = wr.sql("select sum(id) as total from t", t=everyone[everyone.visits > 3])
    assert found.compute().total.to_list() == [8]


def test_names_in_capitals():
    People = wr.from_pandas(PEOPLE)  # noqa: N806
    assert wr.sql('select count(*) as n from "People"').compute().n[0] == 8
    assert wr.sql("select count(*) as n from People").compute().n[0] == 8
    del People


def test_the_result_is_a_frame_like_others():
    found = wr.sql("select city, visits from everyone")
    assert found.groupby("city").visits.sum().compute()["Rome"] == 1
    assert found[found.visits > 3].visits.sum() == 19


def test_a_query_over_a_function():
    df = wr.from_pandas(PEOPLE)
    df["odd"] = df.id.map(lambda number: number % 2 == 1)
    assert wr.sql("select count(*) as n from df where odd").compute().n[0] == 4


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("select * from nowhere", "nowhere"),
        ("select agee from everyone", "agee"),
        ("selec * from everyone", "selec"),
    ],
)
def test_what_cannot_be_planned(query, message):
    with pytest.raises((ValueError, KeyError), match=f"(?i){message}"):
        wr.sql(query).compute()


def test_what_is_no_table():
    with pytest.raises(TypeError, match="the table `t` is a `list`"):
        wr.sql("select * from t", t=[1, 2])
