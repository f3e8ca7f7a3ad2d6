"""Relational queries of all kinds give the same as stages as in one plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import queries
import same
import tpch
import windrow as wr


def ask(data: Path, query: str) -> pa.Table:
    frames = {
        "g": wr.read_parquet(data / "groups"),
        "c": wr.read_parquet(data / "cities.parquet"),
        "n": wr.read_parquet(data / "nested.parquet"),
        "e": wr.read_parquet(data / "empty.parquet"),
        "t": wr.read_csv(data / "groups.csv"),
    }
    used = {name: frame for name, frame in frames.items() if f" {name}" in f" {query}"}
    return wr.sql(query, **used)._full().collect()


@pytest.mark.parametrize("name", queries.UNORDERED)
def test_unordered(name: str, data: Path, known: Any, staged: Any) -> None:
    query = queries.UNORDERED[name]
    expected = known(name, lambda: ask(data, query))
    same.check(staged(lambda: ask(data, query)), expected, ordered=False)


@pytest.mark.parametrize("name", queries.ORDERED)
def test_ordered(name: str, data: Path, known: Any, staged: Any) -> None:
    query = queries.ORDERED[name]
    expected = known(name, lambda: ask(data, query))
    same.check(staged(lambda: ask(data, query)), expected, ordered=True)


@pytest.mark.parametrize("question", tpch.QUESTIONS)
def test_tpch(question: int, tpch_data: dict[str, Path], known: Any, staged: Any) -> None:
    def answer() -> pa.Table:
        query = tpch.QUESTIONS[question]
        frames = {name: wr.read_parquet(place) for name, place in tpch_data.items()}
        used = {name: frame for name, frame in frames.items() if name in query}
        return wr.sql(query, **used)._full().collect()

    expected = known(f"tpch {question}", answer)
    assert expected.num_rows > 0, "a question that nothing answers tests nothing"
    same.check(staged(answer), expected, ordered=True)


def test_random_numbers_are_drawn_once(data: Path, staged: Any) -> None:
    """Whatever reads a random stage reads the same of it."""
    query = (
        "with r as (select id, random() x from g)"
        " select count(*) n, sum(case when x < 0.5 then 1 else 0 end) half from r"
    )
    [row] = staged(lambda: ask(data, query)).to_pylist()
    assert row["n"] == 6_000
    assert 2_500 < row["half"] < 3_500


def test_now_is_the_same_everywhere(data: Path, staged: Any) -> None:
    query = "select count(distinct now()) n from g where id % 3 = 0 group by few"
    assert set(staged(lambda: ask(data, query)).column("n").to_pylist()) == {1}
