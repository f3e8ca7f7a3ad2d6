"""Measure one job with every peer that can do it."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from benches.harness import machine, process
from benches.harness.adapter import Adapter, Run
from benches.harness.job import Job, Size, agree

PEERS = [
    "windrow",
    "pandas",
    "swifter",
    "processes",
    "futures",
    "loky",
    "dask",
    "pyspark",
    "polars",
    "duckdb",
    "baseline",
]

Inputs = dict[str, Any]
Order = dict[str, Any]


@dataclass
class Line:
    """One line of a table: one peer's figures for one case."""

    case: str
    label: str
    cold: float | None = None
    warm: float | None = None
    peak_bytes: int | None = None
    answer: Any = None
    agrees: bool | None = None
    remark: str = ""

    @property
    def figure(self) -> float | None:
        """The figure that ratios are made of."""
        return self.cold if self.warm is None else self.warm


@dataclass
class Settings:
    """Where and how large."""

    windrow_python: str
    peers_python: str
    data: Path
    size: Size
    peers: list[str]


def measure_job(job: Job, settings: Settings, versions: dict[str, str]) -> list[Line]:
    """Measure every case of ``job`` with every peer; prints as it goes."""
    lines = []
    for case in job.cases:
        first_answer = None
        for peer, adapter, run in _runs_of(job, case, settings.peers):
            inputs = _inputs_of(job, settings, run.fraction)
            line = Line(case, adapter.label(run))
            order = {"peer": peer, "job": job.name, "variant": run.variant, "case": case}
            order |= {"inputs": inputs, "fraction": run.fraction}
            try:
                versions.update(_measure_line(line, job, order, settings))
            except process.FailedError as failure:
                line.remark = str(failure)[:150]
            if run.fraction < 1 and line.figure:
                line.remark = f"times scaled from {run.fraction:.0%} of the rows"
            if line.answer is not None:
                first_answer = line.answer if first_answer is None else first_answer
                expected = job.reference(inputs) if job.reference else first_answer
                line.agrees = agree(line.answer, expected)
            lines.append(line)
            print(f"  {case:<12} {line.label:<56} {_brief(line, job)}", flush=True)
    return lines


def _inputs_of(job: Job, settings: Settings, fraction: float) -> Inputs:
    """Make the inputs of a job, or of a share of it."""
    rows = int(settings.size.rows * fraction)
    return job.inputs(settings.data, replace(settings.size, rows=rows))


def _runs_of(job: Job, case: str, peers: list[str]) -> Iterator[tuple[str, Adapter, Run]]:
    for peer in peers:
        adapter: Adapter = import_module(f"benches.peers.{peer}").adapter
        for run in adapter.all_runs:
            if run.job == job.name and case not in run.apart_from:
                yield peer, adapter, run


def _measure_line(line: Line, job: Job, order: Order, settings: Settings) -> dict[str, str]:
    """Fill in the figures of ``line``; gives the versions of the peer's packages."""
    ours = order["peer"] == "windrow"
    python = settings.windrow_python if ours else settings.peers_python
    order = order | {"cores": machine.cores(), "how": job.how, "warm_runs": 0, "digest": False}
    measure = {"timed": _measure_timed, "process": _measure_process, "own": _measure_own}[job.how]
    return measure(line, order, python, settings.size.runs)


def _measure_timed(line: Line, order: Order, python: str, runs: int) -> dict[str, str]:
    found = process.run(python, order | {"warm_runs": runs, "digest": True})
    line.cold = found["opened"] + found["first"] / order["fraction"]
    line.warm = statistics.median(found["warm"]) / order["fraction"]
    line.answer = found["answer"]
    line.peak_bytes = process.run(python, order, watch_memory=True)["peak_bytes"]
    versions: dict[str, str] = found["versions"]
    return versions


def _measure_process(line: Line, order: Order, python: str, runs: int) -> dict[str, str]:
    arguments = [order[key] for key in ("peer", "job", "variant", "case")] + [
        order["inputs"]["csv"]
    ]
    found = [process.time_process(python, arguments, order["cores"]) for _ in range(runs + 1)]
    times = [seconds for _answer, seconds in found]
    line.cold, line.warm = times[0], statistics.median(times[1:])
    answer = found[0][0]
    line.answer = None if answer == "None" else float(answer)
    return {}


def _measure_own(line: Line, order: Order, python: str, runs: int) -> dict[str, str]:
    found = [process.run(python, order) for _ in range(min(runs, 3))]
    figures = [each["figure"]["figure"] for each in found]
    line.remark = found[0]["figure"]["remark"]
    if None not in figures:
        line.warm = statistics.median(figures)
    versions: dict[str, str] = found[0]["versions"]
    return versions


def _brief(line: Line, job: Job) -> str:
    if line.figure is None:
        return f"no figure: {line.remark}"
    agreement = {None: "", True: "agrees", False: "DISAGREES"}[line.agrees]
    return f"{line.figure:10.4g} {job.unit(line.case)}  {agreement}"
