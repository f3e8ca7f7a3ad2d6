"""Row functions inside Windrow's operator, beside a Python loop over the same values in memory."""

from pathlib import Path
from typing import Any

from benches.generate import matches, rows
from benches.harness.job import Job, Size


def inputs(data: Path, size: Size) -> dict[str, Any]:
    """Make matches and listings."""
    return {"matches": matches.parquet(data, size.rows), "files": rows.parquet(data, size.rows)}


CASES = {
    "home": "home advantage",
    "charge": "arithmetic with `//`, `%`, floats and a chained comparison",
    "bedrooms": "a chain of `strip`, `lower`, `split`, `replace` and `int`",
    "vowels": "a loop over the characters of a text",
    "tidy": "`strip`, `lower`, `count` on ASCII text",
    "tidy_accented": "the same where one text in twenty is not ASCII",
    "bedrooms_apart": "the chain over texts of which no two are the same",
    "tidy_apart": "`strip`, `lower`, `count` over texts of which no two are the same",
    "staying": "a product that always fits 64 bits",
    "leaving": "the same where one in twenty does not, and goes to the interpreter",
    "compiling": "reading and compiling the home advantage, before the first row",
}
UNITS = {**dict.fromkeys(CASES, "ns/row"), "compiling": "ms"}

JOB = Job(
    name="native",
    title="Row functions inside the operator, one core",
    cases=CASES,
    inputs=inputs,
    how="own",
    units=UNITS,
    notes="Nanoseconds a row, from Arrow columns to an Arrow column, without reading files. The "
    "Python line is a list comprehension over `zip` of lists of the same values, without making "
    "these lists. The columns of text have few different values (36, 4 and 48), of which Windrow "
    "makes use, but for those of which no two are the same.",
)
