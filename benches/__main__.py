"""Measure Windrow and its peers side by side; usually called by ``make bench``."""

import argparse
import os
import signal
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

from benches.harness import machine, report
from benches.harness.job import FULL, QUICK
from benches.harness.session import PEERS, Settings, measure_job
from benches.jobs import JOBS

HERE = Path(__file__).resolve().parent


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benches", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small inputs, few runs")
    parser.add_argument("--jobs", help=f"some of {','.join(job.name for job in JOBS)}")
    parser.add_argument("--peers", help=f"some of {','.join(PEERS)}; writes no RESULTS.md")
    parser.add_argument("--save", action="store_true", help="write it although few peers ran")
    parser.add_argument("--rows", type=int, help="rows of the tables")
    parser.add_argument("--words", type=int, help="words of the text")
    parser.add_argument("--windrow-python", default=sys.executable, help="has windrow installed")
    return parser.parse_args()


def chosen(names: str | None, known: list[str], default: list[str]) -> list[str]:
    """Give the names asked for, or the default when none were."""
    if names is None:
        return default
    wrong = set(names.split(",")) - set(known)
    if wrong:
        raise SystemExit(f"no such name: {', '.join(sorted(wrong))}; hint: {', '.join(known)}")
    return [name for name in known if name in names.split(",")]


def main() -> int:
    """Measure, print and write the results; 1 if answers disagree or Windrow failed."""
    options = arguments()
    size = QUICK if options.quick else FULL
    size = replace(size, rows=options.rows or size.rows, words=options.words or size.words)
    data = Path(os.environ.get("WINDROW_BENCH_DATA", HERE.parent / ".bench-data"))
    kept = data / ("results-quick" if options.quick else "results")
    settings = Settings(
        windrow_python=options.windrow_python,
        peers_python=sys.executable,
        data=data,
        size=size,
        peers=chosen(options.peers, PEERS, PEERS),
    )
    default = [job.name for job in JOBS if job.by_default]
    names = chosen(options.jobs, [job.name for job in JOBS], default)
    bad = 0
    for job in (job for job in JOBS if job.name in names):
        print(f"\n{job.title}", flush=True)
        versions: dict[str, str] = {}
        context = {
            "date": date.today().isoformat(),
            "machine": machine.describe(),
            "load": machine.load(),
            "size": f"{size.rows:,} rows, {size.words:,} words",
            "versions": versions,
        }
        lines = measure_job(job, settings, versions)
        if options.save or not options.peers:
            report.save(job, lines, context, kept)
        for case, title in job.cases.items():
            print(f"\n{title}\n" + report.table(job, case, [x for x in lines if x.case == case]))
        bad += sum(line.agrees is False for line in lines)
        bad += sum(line.label.startswith("windrow") and line.figure is None for line in lines)
    if options.save or not options.peers:
        target = kept / "RESULTS.md" if options.quick else HERE / "RESULTS.md"
        target.write_text(report.render(JOBS, kept))
        print(f"\nresults: {target}")
    if bad:
        print(f"{bad} answers disagree or are missing", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    # Ended from outside, too, it ends the processes that it measures.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    sys.exit(main())
