"""A task that runs alone, in a process of its own, reads its own rows and no others.

Sources that share their work among the partitions of a process would give one task all rows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import windrow as wr

SOURCES: dict[str, Callable[[Path], wr.DataFrame]] = {
    "parquet": lambda data: wr.read_parquet(data / "groups"),
    "row groups": lambda data: wr.read_parquet(data / "nested.parquet")[["id"]],
    "csv": lambda data: wr.read_csv(data / "groups.csv"),
    "memory": lambda data: wr.from_pandas(pd.DataFrame({"id": range(6_000)}), npartitions=4),
}


@pytest.mark.parametrize("source", SOURCES)
def test_each_task_reads_its_own_rows(source: str, data: Path, told: list[dict[str, Any]]) -> None:
    df = SOURCES[source](data)
    expected = df.compute()["id"].tolist()
    told.clear()
    with wr.connect("local", processes=2, one_task_each=True):
        got = df.compute()["id"].tolist()
    assert got == expected
    tasks = [event for event in told if event["event"] == "task_finished"]
    read = {event["task"]["partition"]: event["rows"] for event in tasks}
    assert len(read) == len(tasks) == df.npartitions == 4
    assert sum(read.values()) == len(expected)
    if source in ("parquet", "memory"):
        assert set(read.values()) == {1_500}
    else:
        assert max(read.values()) < len(expected)
