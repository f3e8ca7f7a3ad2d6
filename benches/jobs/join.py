"""Joins, from Parquet files to an aggregate of the joined rows."""

from pathlib import Path
from typing import Any

from benches.generate import groups
from benches.harness.job import Job, Size


def inputs(data: Path, size: Size) -> dict[str, Any]:
    """Make the table and the two tables it is joined with."""
    return {"files": groups.parquet(data, size.rows), **groups.dimensions(data, size.rows)}


JOB = Job(
    name="join",
    title="Join",
    cases={
        "small": "with 100 rows on a text key, sum of v1 in region r3",
        "large": "with 0.9 % as many rows on a number key, sum of v3 * weight",
        "own": "with its own mean by id3, number of rows whose v3 is above it",
    },
    inputs=inputs,
    notes="The same joins through `wr.sql` take as long as through `merge`: the time is that of "
    "DataFusion's hash join, which hashes text keys row by row and, for the join with its own "
    "mean, sends all columns of both sides through a hash exchange. Our rule that builds the hash "
    "table on the aggregated side is in these figures.",
)
