"""Programs with functions, frames and files give the same as stages as in one plan."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import windrow as wr
from windrow.frame.rows import Rows

Build = Callable[[Path], Any]


def frame(data: Path) -> wr.DataFrame:
    return wr.read_parquet(data / "groups")


def shout(name: str) -> str:
    return name.upper() + "!"


def hard(row: Any) -> float:
    """Not native: the interpreter has to run it."""
    digits = set(str(row["id"]))
    return len(digits) + (row["few"] or 0) / 10


def fails_late(row: Any) -> float:
    """Raises for one row, which no sample meets."""
    letters = set(str(row["id"]))
    return len(letters) / (int(row["id"]) - 4_321)


def rowfun(data: Path) -> Any:
    df = frame(data)
    df["score"] = df.apply(hard, axis=1)
    return df[["id", "score"]]


def simple_rowfun(data: Path) -> Any:
    df = frame(data)
    df["twice"] = df.apply(lambda row: row["id"] * 2 + row["few"], axis=1)
    return df[df["twice"] % 3 == 0][["id", "twice"]]


def grouped_rowfun(data: Path) -> Any:
    df = frame(data)
    df["shout"] = df["name"].map(shout)
    return df.groupby("shout")["id"].sum()


def partitions(data: Path) -> Any:
    return frame(data).map_partitions(
        lambda part: pd.DataFrame({"rows": [len(part)], "first": [int(part["id"].min())]})
    )


def group_function(data: Path) -> Any:
    """Rows of a group come in the order of the frame, wherever they were."""
    return (
        frame(data)
        .groupby("few")
        .apply(
            lambda group: pd.Series(
                {
                    "rows": len(group),
                    "rising": group["id"].is_monotonic_increasing,
                    "key": group.name,
                }
            )
        )
    )


def group_frames(data: Path) -> Any:
    largest = (
        frame(data)
        .groupby(["few", "name"], dropna=False)
        .apply(lambda group: group.nlargest(2, "id")[["id", "amount"]])
    )
    return largest.reset_index(drop=True)


def from_memory(data: Path) -> Any:
    people = pd.DataFrame({"few": range(7), "boss": [f"b{value}" for value in range(7)]})
    joined = frame(data).merge(wr.from_pandas(people, npartitions=2), on="few", how="left")
    return joined.groupby("boss")["id"].count()


def repartitioned(data: Path) -> Any:
    dealt = wr.DataFrame._of(Rows(frame(data)._full().repartition(3)))
    return dealt.groupby("few")["amount"].max()


def nothing_known(_data: Path) -> Any:
    # A batch of these rows has no bytes.
    missing = wr.from_arrow(pa.table({"nothing": pa.nulls(50)}))
    return wr.DataFrame._of(Rows(missing._full().repartition(3)))


def nothing_sorted(_data: Path) -> Any:
    return wr.from_arrow(pa.table({"nothing": pa.nulls(50)})).sort_values("nothing")


def sorted_frame(data: Path) -> Any:
    ranked = frame(data).sort_values(["name", "id"])
    return wr.DataFrame._of(Rows(ranked._full().limit(200)))


def everything_sorted(data: Path) -> Any:
    return frame(data).sort_values(["amount", "id"], ascending=False)


def constants(data: Path) -> Any:
    df = frame(data)
    chosen = df[(df["name"] > "n04") & (df["day"] < pd.Timestamp("1970-06-01")) & df["flag"]]
    return chosen[["id", "day"]]


PROGRAMS: dict[str, tuple[Build, bool]] = {
    "a row function": (rowfun, True),
    "a simple row function": (simple_rowfun, True),
    "a function below an exchange": (grouped_rowfun, False),
    "a frame function": (partitions, True),
    "a function of groups": (group_function, True),
    "frames of groups": (group_frames, True),
    "rows from memory": (from_memory, False),
    "dealt to other partitions": (repartitioned, False),
    "rows without a value": (nothing_known, True),
    "a sort of nothing": (nothing_sorted, True),
    "the first of a sort": (sorted_frame, True),
    "all of a sort": (everything_sorted, True),
    "constants of many types": (constants, True),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str, data: Path, known: Any, staged: Any) -> None:
    build, ordered = PROGRAMS[name]
    expected = known(name, lambda: build(data).compute())
    got = staged(lambda: build(data).compute())
    if not ordered:
        expected, got = expected.sort_index(), got.sort_index()
    if isinstance(expected, pd.Series):
        pd.testing.assert_series_equal(got, expected)
    else:
        pd.testing.assert_frame_equal(got, expected)


def test_counts_and_single_values(data: Path, staged: Any) -> None:
    def program() -> tuple[Any, ...]:
        df = frame(data)
        return len(df), df["id"].sum().compute(), len(df[df["few"] > 100])

    assert staged(program) == (6_000, 17_997_000, 0)


def test_files_are_written(data: Path, tmp_path: Path, staged: Any) -> None:
    place = tmp_path / "out"
    staged(lambda: frame(data)[["id", "few"]].to_parquet(place))
    written = pd.read_parquet(place)
    assert sorted(written["id"]) == list(range(6_000))


def test_the_users_exception_comes_back_whole(data: Path, staged: Any) -> None:
    def program() -> Any:
        df = frame(data)
        return df.apply(fails_late, axis=1, result_type=float).compute()

    with pytest.raises(ZeroDivisionError, match="division by zero"):
        staged(program)


def test_an_exception_for_a_group_names_it(data: Path, staged: Any) -> None:
    def fails(group: Any) -> int:
        return 1 // (group.name - 3)

    with pytest.raises(ZeroDivisionError) as caught:
        staged(lambda: frame(data).groupby("few").apply(fails, result_type=int).compute())
    assert any(note.startswith("group 3") for note in caught.value.__notes__)


def test_what_cannot_travel_says_so(staged: Any) -> None:
    lock = threading.Lock()
    df = wr.from_pandas(pd.DataFrame({"a": [1, 2, 3]}))
    with pytest.raises(Exception, match="pickle"):
        staged(lambda: df.apply(lambda row: (lock, row["a"])[1], axis=1).compute())


def test_a_run_is_told(data: Path, told: list[dict[str, Any]], staged: Any, way: str) -> None:
    staged(lambda: frame(data).groupby("few")["id"].sum().compute())
    kinds = [event["event"] for event in told]
    assert kinds[0] == "run_started"
    assert "run_finished" in kinds
    assert kinds.count("stage_started") >= 2
    finished = [event for event in told if event["event"] == "task_finished"]
    assert len(finished) >= 4
    assert {event["status"]["state"] for event in finished} == {"succeeded"}
