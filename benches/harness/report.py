"""Show results: as tables on the terminal and as RESULTS.md."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benches.harness.job import Job
from benches.harness.session import Line

OURS = "windrow"
PREAMBLE = """\
# Results

Written by `make bench`; do not edit. Every peer ran in the same run as Windrow, on the same files,
each in a fresh process and in the best configuration we know of for it (see its file in `peers/`).

- **cold** is the first run of a process, with importing and opening the peer; **warm** is the
  median of the later runs in that process.
- **ratio** is the peer's warm figure over Windrow's: 2.00 means that Windrow takes half the time.
  Where higher is better (MB/s) it is the other way round, so above 1 always favors Windrow.
- **memory** is the peak of all processes of the peer together, in a run of its own; shared pages
  count once. It includes the interpreter and, for Spark, the Java machine.
- **agrees** tells whether the answer is that of plain means, or of the first peer where there are
  none.

What stages cost, on threads, processes and Dask, is in [STAGES.md](STAGES.md).
"""


def save(job: Job, lines: list[Line], context: dict[str, Any], folder: Path) -> None:
    """Keep the results of one job, so that another run may renew only some of them."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {"context": context, "lines": [asdict(line) for line in lines]}
    (folder / f"{job.name}.json").write_text(json.dumps(kept, indent=1))


def render(jobs: list[Job], folder: Path) -> str:
    """Give RESULTS.md from the results kept in ``folder``."""
    sections = [PREAMBLE]
    for job in jobs:
        kept_path = folder / f"{job.name}.json"
        if kept_path.exists():
            kept = json.loads(kept_path.read_text())
            lines = [Line(**line) for line in kept["lines"]]
            sections.append(_section(job, lines, kept["context"]))
    return "\n".join(sections)


def _section(job: Job, lines: list[Line], context: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in sorted(context["versions"].items()))
    text = [
        f"## {job.title}\n",
        f"{context['date']}, {context['machine']}, {context['size']}; load before the run "
        f"{context['load']:.1f}. {versions}.\n",
    ]
    if job.notes:
        text.append(job.notes + "\n")
    for case, title in job.cases.items():
        case_lines = [line for line in lines if line.case == case]
        if case_lines:
            text += [f"### {title}\n", table(job, case, case_lines), ""]
    return "\n".join(text)


def table(job: Job, case: str, lines: list[Line]) -> str:
    """Give one case as a Markdown table, aligned to be read as plain text too."""
    unit = job.unit(case)
    ours = next((line.figure for line in lines if line.label.startswith(OURS)), None)
    rows = [["", f"cold, {unit}", f"warm, {unit}", "ratio", "memory, MiB", "agrees", "remark"]]
    for line in lines:
        agrees = {None: "", True: "yes", False: "**no**"}[line.agrees]
        memory = f"{line.peak_bytes / 2**20:,.0f}" if line.peak_bytes else ""
        ratio = _ratio(line.figure, ours, unit)
        rows.append(
            [line.label, _number(line.cold), _number(line.warm), ratio, memory, agrees, line.remark]
        )
    filled = [index for index in range(len(rows[0])) if any(row[index] for row in rows[1:])]
    rows = [[row[index] for index in filled] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(filled))]
    rows.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    )


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if value < 10 else f"{value:,.1f}"


def _ratio(theirs: float | None, ours: float | None, unit: str) -> str:
    if not theirs or not ours:
        return ""
    return f"{ours / theirs if unit == 'MB/s' else theirs / ours:.2f}"
