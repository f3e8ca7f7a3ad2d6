"""A row function in one worker process: what the transport and the calls cost."""

from pathlib import Path
from typing import Any

from benches.generate import matches
from benches.harness.job import Job, Size


def inputs(data: Path, size: Size) -> dict[str, Any]:
    """Make the matches."""
    return {"files": matches.parquet(data, size.rows)}


JOB = Job(
    name="worker_rows",
    title="Row function in one worker",
    cases={
        "columns": "a function that reads three columns by name: called with their values",
        "row": "the same where the reads cannot be told ahead: called with a row",
    },
    inputs=inputs,
    how="own",
    units={"columns": "ns", "row": "ns"},
    by_default=False,
    notes="Per row, with native code off: rows in memory go to a worker, and its answers come "
    "back. The line *python* is a loop over lists of plain values in one process, without the "
    "conversion from and to columns.",
)
