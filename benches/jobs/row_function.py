"""A plain Python row function over Parquet files, and the sum of what it gives."""

from pathlib import Path
from typing import Any

from benches.generate import matches
from benches.harness.job import Job, Size

COLUMNS = ["home_score", "away_score", "neutral"]


def inputs(data: Path, size: Size) -> dict[str, Any]:
    """Make the matches."""
    return {"files": matches.parquet(data, size.rows)}


def reference(made: dict[str, Any]) -> int:
    """The sum, by numpy and without any row function."""
    import numpy as np
    import pyarrow.parquet as pq

    total = 0
    for path in made["files"]:
        home, away, neutral = (column.to_numpy() for column in pq.read_table(path, columns=COLUMNS))
        total += int(np.where(neutral, 0, np.sign(home - away)).sum())
    return total


JOB = Job(
    name="row_function",
    title="Row function: home advantage, summed",
    cases={"sum": "a Python function with branches, over every row"},
    inputs=inputs,
    reference=reference,
    notes="The function is the same Python object everywhere. Lines that say *by hand* show what "
    "a user gets who rewrites the loop around it for that peer.",
)
