"""Group-by questions of the public benchmark, from Parquet files to a result in memory."""

from pathlib import Path
from typing import Any

from benches.generate import groups
from benches.harness.job import Job, Size
from benches.questions import QUESTIONS


def inputs(data: Path, size: Size) -> dict[str, Any]:
    """Make the table."""
    return {"files": groups.parquet(data, size.rows)}


def digest(table: Any, case: str) -> dict[str, float]:
    """The number of groups and the sum of every result column."""
    import pyarrow.compute as pc

    _keys, aggregates = QUESTIONS[case]
    sums = {name: float(pc.sum(pc.cast(table[name], "float64")).as_py()) for name in aggregates}
    return {"groups": table.num_rows, **sums}


def describe(case: str) -> str:
    """Give a question in words."""
    keys, aggregates = QUESTIONS[case]
    asked = ", ".join(f"{how} {column}" for column, how in aggregates.values())
    return f"{case}: {asked} by {', '.join(keys)}"


JOB = Job(
    name="group_by",
    title="Group-by",
    cases={case: describe(case) for case in QUESTIONS},
    inputs=inputs,
    digest=digest,
)
