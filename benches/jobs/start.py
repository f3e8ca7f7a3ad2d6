"""From nothing to the first answer: whole processes, timed from start to exit."""

from pathlib import Path
from typing import Any

from benches.generate import matches
from benches.harness.job import Job, Size

ROWS = 44_060


def inputs(data: Path, _size: Size) -> dict[str, Any]:
    """Make a CSV of the size of the well-known one."""
    return {"csv": matches.csv(data, ROWS)}


JOB = Job(
    name="start",
    title="First answer",
    cases={
        "import": "import and nothing else",
        "mean": f"mean of a column of a CSV of {ROWS:,} rows",
        "apply": f"sum of a row function over a CSV of {ROWS:,} rows",
    },
    inputs=inputs,
    how="process",
    notes="Seconds from the start of a process to its exit; *cold* is the first of them. "
    "The line *python* is an interpreter that imports nothing.",
)
