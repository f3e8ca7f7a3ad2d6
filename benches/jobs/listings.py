"""Row functions of numbers and texts over Parquet files, beside the peers' own expressions."""

from pathlib import Path
from typing import Any

from benches.generate import rows
from benches.harness.job import Job, Size


def inputs(data: Path, size: Size) -> dict[str, Any]:
    """Make the listings."""
    return {"files": rows.parquet(data, size.rows)}


JOB = Job(
    name="listings",
    title="Row functions: arithmetic and text, summed",
    cases={
        "charge": "arithmetic with `//`, `%`, floats and a chained comparison",
        "bedrooms": "a chain of `strip`, `lower`, `split`, `replace` and `int`",
        "vowels": "a loop over the characters of a text",
        "tidy": "`strip`, `lower`, `count` on ASCII text",
        "tidy_accented": "the same where one text in twenty is not ASCII",
        "leaving": "integers that are more than 64 bits for one row in twenty",
        "mostly_leaving": "integers that are more than 64 bits for two rows of five",
    },
    inputs=inputs,
    notes="Windrow gets the plain Python function. The peers' lines are native expressions that a "
    "user would write by hand instead; *zip* is the function in a Python loop over the columns, "
    "*native=False* runs it in Windrow's Python workers.",
)
