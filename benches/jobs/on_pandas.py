"""Functions applied to pandas objects that are in memory already."""

from pathlib import Path
from typing import Any

from benches.generate import matches
from benches.harness.job import Job, Size


def inputs(data: Path, size: Size) -> dict[str, Any]:
    """Make the matches; a tenth of them is enough for pandas."""
    return {"files": matches.parquet(data, size.rows // 10)}


JOB = Job(
    name="on_pandas",
    title="On pandas objects",
    cases={
        "plain": "df.apply(f, axis=1), a function with branches",
        "heavy": "df.apply(f, axis=1) on a fiftieth of the rows, about 20 µs of Python a row",
        "values": "series.map(f), a few µs of Python a value",
        "groups": "groupby.apply(f), a few pandas calls a group",
    },
    inputs=inputs,
    notes="A tenth of the rows of the other jobs, read once before the warm runs. pandarallel, "
    "parallel-pandas and mapply are not here: their last releases do not import with pandas 3.",
)
