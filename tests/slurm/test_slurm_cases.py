"""The set of programs on pilots of a real Slurm: equal to one plan in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import queries
import same
import test_calls
import test_programs as programs
import test_queries
import tpch
import windrow as wr

texts = test_calls.texts  # a fixture


@pytest.mark.parametrize("name", [*queries.UNORDERED, *queries.ORDERED])
def test_query(name: str, data: Path, pilots: Any) -> None:
    ordered = name in queries.ORDERED
    query = queries.ORDERED[name] if ordered else queries.UNORDERED[name]
    got = pilots(lambda: test_queries.ask(data, query))
    same.check(got, test_queries.ask(data, query), ordered=ordered)


@pytest.mark.parametrize("question", tpch.QUESTIONS)
def test_tpch(question: int, tpch_data: dict[str, Path], pilots: Any) -> None:
    def answer() -> pa.Table:
        query = tpch.QUESTIONS[question]
        frames = {name: wr.read_parquet(place) for name, place in tpch_data.items()}
        used = {name: frame for name, frame in frames.items() if name in query}
        return wr.sql(query, **used)._full().collect()

    same.check(pilots(answer), answer(), ordered=True)


@pytest.mark.parametrize("name", programs.PROGRAMS)
def test_program(name: str, data: Path, pilots: Any) -> None:
    build, ordered = programs.PROGRAMS[name]
    expected, got = build(data).compute(), pilots(lambda: build(data).compute())
    if not ordered:
        expected, got = expected.sort_index(), got.sort_index()
    check = (
        pd.testing.assert_series_equal
        if isinstance(expected, pd.Series)
        else pd.testing.assert_frame_equal
    )
    check(got, expected)


def test_files_are_written(data: Path, tmp_path: Path, pilots: Any) -> None:
    place = tmp_path / "out"
    pilots(lambda: programs.frame(data)[["id", "few"]].to_parquet(place))
    assert sorted(pd.read_parquet(place)["id"]) == list(range(6_000))


def test_the_users_exception_comes_back_whole(data: Path, pilots: Any) -> None:
    def program() -> Any:
        df = programs.frame(data)
        return df.apply(programs.fails_late, axis=1, result_type=float).compute()

    with pytest.raises(ZeroDivisionError, match="division by zero"):
        pilots(program)


@pytest.mark.parametrize("name", ["files", "items"])
def test_mapreduce(name: str, texts: Path, pilots: Any) -> None:
    def program() -> list[str]:
        return test_calls.as_texts(test_calls.PROGRAMS[name](texts))

    assert pilots(program) == program()


def test_calls_of_pools(pilots: Any) -> None:
    """Each map is a stage; the calls run on nodes, where Slurm names the job."""

    def where(item: int) -> tuple[int, bool]:
        import os

        return item * item, "SLURM_JOB_ID" in os.environ

    def program() -> list[Any]:
        with wr.Pool() as pool, wr.Executor() as executor:
            return [pool.map(where, range(20)), executor.submit(pow, 2, 10).result()]

    assert pilots(program) == [[(item * item, True) for item in range(20)], 1024]
