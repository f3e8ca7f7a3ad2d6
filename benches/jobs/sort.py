"""Sorts, from Parquet files to a result in the peer's own memory."""

from pathlib import Path
from typing import Any

from benches.generate import groups
from benches.harness.job import Job, Size
from benches.questions import ORDERS


def inputs(data: Path, size: Size) -> dict[str, Any]:
    """Make the table."""
    return {"files": groups.parquet(data, size.rows)}


def digest(table: Any, case: str) -> list[Any]:
    """The number of rows, the sort columns of some rows, and whether all are in order."""
    columns, _count = ORDERS[case]
    frame = table.select(list(columns)).to_pandas()
    again = frame.sort_values(list(columns), ascending=list(columns.values()), kind="stable")
    in_order = frame.reset_index(drop=True).equals(again.reset_index(drop=True))
    picked = [0, len(frame) // 3, len(frame) - 1]
    return [len(frame), in_order, *[list(map(_plain, frame.iloc[row])) for row in picked]]


def _plain(value: Any) -> str | float:
    return value if isinstance(value, str) else float(value)


JOB = Job(
    name="sort",
    title="Sort",
    cases={
        "full": "all rows and columns by id3, v3 descending",
        "top_100": "the 100 rows of highest v3",
        "top_100k": "the 100,000 rows of highest v3",
    },
    inputs=inputs,
    digest=digest,
)
