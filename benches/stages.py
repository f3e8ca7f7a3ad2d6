"""What stages cost: the same questions as one plan, as stages in every way, and by peers.

    python -m benches.stages DATA_FOLDER [ROWS]

Prints `benches/STAGES.md`. All ways run in one process, warm, one after the other, over the same
files: two threads, two processes, or two workers of one thread each. Peers leave their answers
where they are, ours come to the program.
"""

import datetime as dt
import os
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pyarrow as pa

import windrow as wr
from benches.generate import groups
from benches.harness import machine
from benches.harness.job import agree
from benches.jobs.group_by import digest
from benches.peers import dask, pyspark
from benches.questions import QUESTIONS

REPEATS = 3
WORKERS = 2
PARTITIONS = 4
# A task that does nothing, so often.
TASKS = 400
_SQL = {"mean": "avg"}

Work = Callable[[], Any]


def median(work: Work, before: Callable[[], None] = lambda: None) -> float:
    """Give the median of some runs after one that warms up, in seconds; `before` is not counted."""
    work()
    taken = []
    for _ in range(REPEATS):
        before()
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def configure() -> None:
    """Make a session whose figures can be compared."""
    wr.configure(workers=WORKERS, partitions=PARTITIONS, progress=False)


# ---- the questions, in each one's words --------------------------------------------------------


def ours(case: str, paths: list[str]) -> Work:
    """Give a question as a query of ours."""
    keys, columns = QUESTIONS[case]
    asked = [f"{_SQL.get(how, how)}({column}) as {name}" for name, (column, how) in columns.items()]
    query = f"select {', '.join([*keys, *asked])} from g group by {', '.join(keys)}"
    return lambda: wr.sql(query, g=wr.read_parquet(paths))._full().collect()


def theirs(peer: Any, session: Any, case: str, paths: list[str]) -> Work:
    """Give a question as `benches/peers` asks it."""
    return lambda: peer.group_by(session, {"files": paths}, case)


def forget(client: Any) -> None:
    """Wait until the cluster has nothing left of earlier runs, or it would not run again."""
    while client.run_on_scheduler(lambda dask_scheduler=None: len(dask_scheduler.tasks)):
        time.sleep(0.01)


# ---- the ways ----------------------------------------------------------------------------------


def each_way(cluster: Any, exchange: Path, measure: Callable[[str], None]) -> None:
    """Call `measure` with each way open."""
    openers: dict[str, Callable[[], AbstractContextManager[Any]]] = {
        "one plan": nullcontext,
        "threads": lambda: wr.connect("threads"),
        "local processes": lambda: wr.connect("local", processes=WORKERS),
        "Dask": lambda: wr.connect(cluster, exchange=exchange),
    }
    for name, opened in openers.items():
        configure()
        with opened():
            measure(name)


def written(folder: Path, work: Work) -> int:
    """Give the bytes that a run of `work` writes, exchanges and answer."""
    configure()
    with wr.connect("threads", durable=folder):
        work()
    return sum(path.stat().st_size for path in folder.glob("*/stages/*/*/*.arrow"))


def compared(answers: dict[str, dict[str, Any]]) -> str:
    """Say whether all have given the answers of the single plan."""
    differing = [
        f"{name} for {case}"
        for case, given in answers.items()
        for name, answer in given.items()
        if not agree(answer, given["one plan"])
    ]
    if differing:
        return f"**Other answers than the single plan's: {', '.join(differing)}.**"
    return "All answers agree: numbers of groups, and sums of all columns."


def group_by(data: Path, rows: int, cluster: Any, spark: Any) -> None:
    """Measure the group-by set and print its table."""
    from distributed import Client

    paths = groups.parquet(data, rows)
    times: dict[str, dict[str, float]] = {case: {} for case in QUESTIONS}
    answers: dict[str, dict[str, Any]] = {case: {} for case in QUESTIONS}

    def measure(way: str) -> None:
        for case in QUESTIONS:
            asked = ours(case, paths)
            times[case][way] = median(asked)
            answers[case][way] = digest(pa.table(asked()), case)

    each_way(cluster, data / "exchange", measure)
    with Client(cluster) as client:
        for case in QUESTIONS:
            asked = theirs(dask, client, case, paths)
            times[case]["Dask's data frame"] = median(asked, lambda: forget(client))
            answers[case]["Dask's data frame"] = digest(dask.adapter.to_arrow(asked()), case)
            forget(client)
    if spark is not None:
        for case in QUESTIONS:
            asked = theirs(pyspark, spark, case, paths)
            times[case]["PySpark"] = median(asked)
            answers[case]["PySpark"] = digest(pyspark.adapter.to_arrow(asked()), case)
    names = list(next(iter(times.values())))
    print(f"| | {' | '.join(names)} | written |")
    print(f"|---|{'---|' * (len(names) + 1)}")
    for case, taken in times.items():
        base = taken["one plan"]
        cells = [f"{taken[name] * 1e3:.0f} ({taken[name] / base:.2f})" for name in names]
        size = written(data / f"kept-{case}-{time.time_ns()}", ours(case, paths)) / 1e6
        print(f"| {case} | {' | '.join(cells)} | {size:.1f} MB |")
    print()
    print(compared(answers))
    print()
    for name in names[1:]:
        ratio = statistics.geometric_mean(
            taken[name] / taken["one plan"] for taken in times.values()
        )
        print(f"- {name}: {ratio:.2f} times the single plan (geometric mean).")


# ---- what a task and a stage cost --------------------------------------------------------------


def nothing(partitions: int) -> Work:
    """Give a run of one stage whose tasks have a row each."""
    table = pa.table({"a": pa.array(range(partitions), pa.int64())})
    frame = wr.from_arrow(table, npartitions=partitions)
    return lambda: wr.sql("select a + 1 as b from f", f=frame)._full().collect()


def stages(count: int) -> Work:
    """Give a run of `count` stages of four tasks with next to no rows."""
    table = pa.table({"a": pa.array(range(PARTITIONS), pa.int64())})
    query = "select a, count(*) as n from f group by a"
    for turn in range(count - 2):
        query = f"select n + {turn} as a, count(*) as n from ({query}) t{turn} group by n + {turn}"
    frame = wr.from_arrow(table, npartitions=PARTITIONS)
    return lambda: wr.sql(query, f=frame)._full().collect()


def calls(client: Any, count: int) -> Work:
    """Give so many calls of Dask's own that do nothing."""
    return lambda: client.gather(client.map(abs, range(count), pure=False))


def overhead(cluster: Any, exchange: Path) -> None:
    """Measure and print the cost of tasks and stages that do nothing."""
    from distributed import Client

    print("| | a run of one stage, ms | each more task, ms | each more stage of 4 tasks, ms |")
    print("|---|---|---|---|")

    def measure(way: str) -> None:
        if way == "one plan":
            return
        one = median(nothing(PARTITIONS))
        task = (median(nothing(TASKS)) - one) / (TASKS - PARTITIONS)
        stage = (median(stages(6)) - median(stages(2))) / 4
        print(f"| {way} | {one * 1e3:.1f} | {task * 1e3:.2f} | {stage * 1e3:.1f} |")

    each_way(cluster, exchange, measure)
    with Client(cluster) as client:
        one = median(calls(client, PARTITIONS))
        call = (median(calls(client, TASKS)) - one) / (TASKS - PARTITIONS)
    print(f"| calls of Dask's own | {one * 1e3:.1f} | {call * 1e3:.2f} | |")


def session_of_spark(scratch: Path) -> Any:
    """Give Spark's session, or None where there is no Java or no PySpark."""
    try:
        return pyspark.open_session(WORKERS, str(scratch))
    except Exception as error:
        print(f"PySpark is not here: {error}", file=sys.stderr)
        return None


def main(data: Path, rows: int) -> None:
    """Measure and print."""
    from distributed import LocalCluster

    # Without it Spark looks for itself by the machine's name.
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    data.mkdir(parents=True, exist_ok=True)
    today = dt.datetime.now(dt.UTC).date()
    versions = ", ".join(f"{name} {_version(name)}" for name in ("dask", "pyspark", "windrow"))
    print("# Stages\n")
    print("Written by `python -m benches.stages`; do not edit.\n")
    print(f"{today}, {machine.describe()}, {rows:,} rows; load before {machine.load():.1f}.")
    print(f"{versions}. Everything warm, in the same run; medians of {REPEATS}.\n")
    print("## The group-by set\n")
    print("Milliseconds, and in brackets as many times as our single plan. `written` is all that")
    print("the stages of a durable run write (Arrow IPC with LZ4), the answer among it; so do")
    print(
        "those on Dask. Runs on threads and local processes keep nothing here: their files are not"
    )
    print("compressed, and the answer of threads stays in memory.\n")
    with LocalCluster(
        n_workers=WORKERS, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    ) as cluster:
        spark = session_of_spark(data)
        group_by(data, rows, cluster, spark)
        if spark is not None:
            spark.stop()
        print("\n## Tasks and stages that do nothing\n")
        overhead(cluster, data / "exchange")


def _version(name: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return str(getattr(wr, "__version__", ""))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5_000_000)
