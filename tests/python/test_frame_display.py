"""How frames show themselves, and what they say about what is missing."""

from __future__ import annotations

import pandas as pd
import pytest

import windrow as wr
from frame_check import PEOPLE
from windrow.frame.display import Structure


def people() -> wr.DataFrame:
    return wr.from_pandas(PEOPLE[["id", "city"]], npartitions=2)


def test_a_frame_shows_its_structure():
    assert repr(people()).splitlines() == [
        "windrow DataFrame structure:",
        "                  id  city",
        "npartitions=2",
        "0              int64   str",
        "4                ...   ...",
        "7                ...   ...",
        "1 step, nothing computed yet",
    ]


def test_unknown_divisions():
    text = repr(people().sort_values("id"))
    assert "npartitions=1" in text
    assert "int64" in text


def test_unresolved_results_are_shown_as_such():
    df = people()
    df["r"] = df.apply(lambda row: row["id"], axis=1)
    assert " ?" in repr(df)
    assert "trying the function" in repr(df)
    df.compute()
    assert "?" not in repr(df)


def test_a_series_shows_its_structure():
    text = repr(people().id)
    assert text.startswith("windrow Series structure:")
    assert "int64" in text
    assert "city" not in text


def test_notebooks_get_a_table():
    markup = people()._repr_html_()
    assert "<th>city</th>" in markup
    assert "<td>int64</td>" in markup
    odd = wr.DataFrame({"<b>": [1]})
    assert "&lt;b&gt;" in odd._repr_html_()


def test_wide_frames_leave_out_the_middle(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    names = [f"column_{number}" for number in range(100)]
    wide = Structure("DataFrame", names, ["int64"] * 100, 1, (None, None), 1)
    lines = wide.text().splitlines()
    assert max(map(len, lines)) <= 80
    assert "more" in lines[1]
    assert "column_99" in lines[1]


def test_many_partitions_leave_out_the_middle():
    many = Structure("DataFrame", ["a"], ["int64"], 100, tuple(range(101)), 3)
    lines = many.text().splitlines()
    assert len(lines) < 20
    assert lines[-1] == "3 steps, nothing computed yet"


def test_an_explanation_prints_as_itself():
    plan = people()[lambda df: df.id > 3].explain()
    assert repr(plan) == str(plan)
    assert "\n" in repr(plan)


def test_frames_list_their_columns_for_completion():
    assert {"id", "city", "groupby"} <= set(dir(people()))


# ---- what is missing says so


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("pivot_table", "groupby"),
        ("iterrows", "apply"),
        ("itertuples", "apply"),
        ("query", "wr.sql"),
        ("loc", "mask"),
        ("set_index", "no index"),
        ("expanding", "gives a pandas DataFrame, which has it"),
    ],
)
def test_a_missing_method_of_frames_names_the_nearest(name, hint):
    with pytest.raises(NotImplementedError, match=f"`DataFrame.{name}` is not in(.|\n)*{hint}"):
        getattr(people(), name)
    assert not hasattr(people(), name)
    with pytest.raises(wr.errors.WindrowError):
        getattr(people(), name)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("iloc", "head"), ("rolling", "wr.sql"), ("autocorr", "gives a pandas Series")],
)
def test_a_missing_method_of_columns_names_the_nearest(name, hint):
    with pytest.raises(NotImplementedError, match=f"`Series.{name}` is not in(.|\n)*{hint}"):
        getattr(people().id, name)


def test_missing_accessors():
    with pytest.raises(NotImplementedError, match=r"`Series\.str\.split`(.|\n)*text\.split"):
        people().city.str.split(",")
    with pytest.raises(NotImplementedError, match=r"`Series\.dt\.strftime`"):
        people().id.dt.strftime("%Y")


def test_slips_of_the_pen():
    with pytest.raises(AttributeError, match="did you mean `head`"):
        people().haed  # noqa: B018
    with pytest.raises(AttributeError, match="did you mean `fillna`"):
        people().id.filna  # noqa: B018
    with pytest.raises(AttributeError, match=r'df\["new"\]'):
        people().new = 1


def test_every_public_pandas_name_is_there_or_says_so():
    for ours, theirs in ((people(), pd.DataFrame), (people().id, pd.Series)):
        missing = [n for n in dir(theirs) if not n.startswith("_") and n not in dir(type(ours))]
        assert missing
        for name in missing:
            with pytest.raises(NotImplementedError, match=f"{name}(.|\n)*hint: "):
                getattr(ours, name)
