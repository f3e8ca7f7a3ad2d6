"""`connect("slurm://…")`: array jobs, what is shown and refused, what dies, and who goes on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cluster
import tables
import test_leaves
import windrow as wr

ROWS = 4_000
PATIENCE = 120.0
ARRAYS = {"target": "slurm://main", "time": "10m", "mem": "300M", "poll": 0.5}


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("numbers")
    draw = np.random.default_rng(5)
    for part in range(4):
        rows = range(part, ROWS, 4)
        few = [row % 7 for row in rows]
        noise = tables.noise(draw, len(rows), 1_500)  # each file is a task of its own
        pq.write_table(
            pa.table({"id": rows, "few": few, "noise": noise}), folder / f"{part}.parquet"
        )
    return folder


def totals(numbers: Path, function: Callable[[int], int] = abs) -> dict[int, int]:
    df = wr.read_parquet(numbers)
    df["id"] = df["id"].map(function, result_type=int)
    found: dict[int, int] = df.groupby("few")["id"].sum().compute().to_dict()
    return found


EXPECTED = {few: sum(range(few, ROWS, 7)) for few in range(7)}


def until(is_so: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (found := is_so()):
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.1)
    return found


def running(slurm: cluster.Slurm) -> list[list[str]]:
    """Elements of arrays that run, and their nodes."""
    said = slurm.run("squeue", "-h", "-r", "-t", "R", "-o", "%F_%K %N")
    return [line.split() for line in said.splitlines()]


def waits_for(folder: Path) -> Callable[[int], int]:
    """Says that it runs, and goes on when it may."""

    def wait(value: int) -> int:
        import os
        import time

        if value == 5:
            open(os.path.join(folder, f"runs-{os.getpid()}"), "w").close()
            deadline = time.monotonic() + 120
            while not os.path.exists(os.path.join(folder, "go")):
                if time.monotonic() > deadline:
                    raise TimeoutError("nobody said go")
                time.sleep(0.05)
        return value

    return wait


def test_stages_are_array_jobs(slurm: cluster.Slurm, numbers: Path, tmp_path: Path) -> None:
    def size(group: pd.DataFrame) -> int:
        return len(group)

    with wr.connect(**ARRAYS, exchange=tmp_path, durable=tmp_path):
        sizes = wr.read_parquet(numbers).groupby("few").apply(size).compute()
    assert sizes.to_dict() == {few: len(range(few, ROWS, 7)) for few in range(7)}
    first, *_, last = scripts_of_the_run(tmp_path)
    assert "#SBATCH --array=0-3" in first
    assert "#SBATCH --dependency=afterany:" in last


def test_a_small_stage_does_not_wait_for_slurm(
    slurm: cluster.Slurm, numbers: Path, tmp_path: Path
) -> None:
    """The sums of what the nodes have summed are the driver's."""
    with wr.connect(**ARRAYS, exchange=tmp_path, durable=tmp_path):
        assert totals(numbers) == EXPECTED
    assert len(scripts_of_the_run(tmp_path)) == 1


def scripts_of_the_run(exchange: Path) -> list[str]:
    [run] = [path.parent for path in exchange.glob("*/slurm.json")]
    return [path.read_text() for path in sorted((run / "tasks").glob("*.sh"))]


def test_nothing_is_left_of_a_run(slurm: cluster.Slurm, numbers: Path, tmp_path: Path) -> None:
    with wr.connect(**ARRAYS, exchange=tmp_path):
        assert totals(numbers) == EXPECTED
    until(lambda: not list(tmp_path.rglob("*.arrow")))
    until(lambda: not slurm.run("squeue", "-h").strip())


def test_nothing_is_left_of_a_run_that_is_interrupted(
    driver: Any, slurm: cluster.Slurm, tmp_path: Path
) -> None:
    process, exchange = driver(), tmp_path / "exchange"
    until(lambda: list(tmp_path.glob("runs-*")) and len(list(exchange.rglob("*.ok"))) == 3)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=PATIENCE)
    assert "KeyboardInterrupt" in told
    assert "windrow attach" not in told
    until(lambda: not slurm.run("squeue", "-h").strip())
    until(lambda: not list(exchange.iterdir()))


def test_a_failed_task_shows_its_log(slurm: cluster.Slurm, numbers: Path, tmp_path: Path) -> None:
    def dies(value: int) -> int:
        import os
        import sys

        if value == 5:
            print("i have had enough", file=sys.stderr, flush=True)
            os._exit(3)
        return value

    with (
        wr.connect(**ARRAYS, exchange=tmp_path),
        pytest.raises(wr.errors.ResourceError, match="ended with exit code 3") as raised,
    ):
        totals(numbers, dies)
    assert "i have had enough" in str(raised.value)


def test_a_cancelled_element_runs_again(
    slurm: cluster.Slurm, numbers: Path, tmp_path: Path
) -> None:
    kill(slurm, numbers, tmp_path, lambda element, _: slurm.run("scancel", element))


def test_a_node_goes_down(slurm: cluster.Slurm, numbers: Path, tmp_path: Path) -> None:
    nodes = []

    def down(_: str, node: str) -> None:
        nodes.append(node)
        slurm.run("scontrol", "update", f"nodename={node}", "state=down", "reason=test")

    try:
        kill(slurm, numbers, tmp_path, down)
    finally:
        for node in nodes:
            # It may be back by itself already (`ReturnToService`).
            with suppress(RuntimeError):
                slurm.run("scontrol", "update", f"nodename={node}", "state=resume")
        slurm.wait_for_nodes()


def kill(
    slurm: cluster.Slurm, numbers: Path, tmp_path: Path, how: Callable[[str, str], Any]
) -> None:
    """Does something to the one task that waits; the answer is what it would have been."""
    import threading

    go = tmp_path / "go"

    def strike() -> None:
        until(lambda: list(tmp_path.glob("runs-*")))
        # The other tasks of the stage have ended, so that the one that runs is the one that waits.
        [[element, node]] = until(lambda: found if len(found := running(slurm)) == 1 else None)
        how(element, node)
        # Only when its next attempt runs: the first may live on until Slurm has reached it.
        until(lambda: len(list(tmp_path.glob("runs-*"))) >= 2)
        go.touch()

    striker = threading.Thread(target=strike)
    striker.start()
    with wr.connect(**ARRAYS, exchange=tmp_path / "exchange", durable=tmp_path / "exchange"):
        assert totals(numbers, waits_for(tmp_path)) == EXPECTED
    striker.join()


DRIVER = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
import windrow as wr
import slurm_program

wr.configure(partitions=4, workers=2, progress=False)
with wr.connect("slurm://main", time="10m", poll=0.5, exchange={exchange!r}, {more}):
    print(slurm_program.totals({numbers!r}, {folder!r}))
"""


@pytest.fixture
def driver(slurm: cluster.Slurm, numbers: Path, tmp_path: Path) -> Iterator[Any]:
    """Starts a program in a process of its own; its modules lie beside it and nowhere else."""
    beside = tmp_path / "beside"
    beside.mkdir()
    (beside / "slurm_program.py").write_text(
        "import os, time\nimport windrow as wr\n\n"
        "def totals(numbers, folder):\n"
        "    df = wr.read_parquet(numbers)\n"
        "    df['id'] = df['id'].map(lambda value: wait(value, folder), result_type=int)\n"
        "    sums = df.groupby('few')['id'].sum().reset_index()\n"
        "    sums['id'] = sums['id'].map(lambda value: value + 0 * wait(-1, folder),"
        " result_type=int)\n"
        "    return sorted(map(tuple, sums.compute().to_numpy().tolist()))\n\n"
        "def wait(value, folder):\n"
        "    if value == 5:\n"
        "        open(os.path.join(folder, f'runs-{os.getpid()}'), 'w').close()\n"
        "        deadline = time.monotonic() + 120\n"
        "        while not os.path.exists(os.path.join(folder, 'go')):\n"
        "            if time.monotonic() > deadline:\n"
        "                raise TimeoutError('nobody said go')\n"
        "            time.sleep(0.05)\n"
        "    return value\n"
    )
    started: list[subprocess.Popen[str]] = []

    def start(more: str = "") -> subprocess.Popen[str]:
        text = DRIVER.format(
            tests=str(beside),
            exchange=str(tmp_path / "exchange"),
            numbers=str(numbers),
            folder=str(tmp_path),
            more=more,
        )
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", text],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


ANSWER = str(sorted(EXPECTED.items()))


def test_a_driver_that_is_killed_is_resumed(driver: Any, tmp_path: Path) -> None:
    exchange = tmp_path / "exchange"
    first = driver(f"durable={str(exchange)!r}")
    until(lambda: list(tmp_path.glob("runs-*")) and len(list(exchange.rglob("*.ok"))) == 3)
    first.kill()
    first.wait()
    (tmp_path / "go").touch()
    second = driver(f"durable={str(exchange)!r}, resume=True")
    said, _ = second.communicate(timeout=PATIENCE)
    assert said.strip() == ANSWER
    # The task that was in flight has gone on by itself, and nothing ran twice.
    assert len(list(tmp_path.glob("runs-*"))) == 1
    assert len(list(exchange.glob("2*"))) == 1


def test_whoever_detaches_may_attach_again(
    driver: Any, slurm: cluster.Slurm, tmp_path: Path
) -> None:
    exchange = tmp_path / "exchange"
    first = driver("detach=True")
    until(lambda: list(tmp_path.glob("runs-*")))
    first.send_signal(signal.SIGINT)
    _, told = first.communicate(timeout=PATIENCE)
    assert running(slurm), "the jobs went with their driver"
    (tmp_path / "go").touch()
    [run] = [path.name for path in exchange.glob("2*")]
    attach = f"attach {run} --exchange {exchange}"
    assert f"hint: windrow {attach}\n" in told
    command = [sys.executable, "-m", "windrow._cli", *attach.split()]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE, check=False, env=os.environ
    )
    assert f"run `{run}` is complete" in done.stdout, done.stderr
    second = driver("detach=True, resume=True")
    said, _ = second.communicate(timeout=PATIENCE)
    assert said.strip() == ANSWER
    assert len(list(tmp_path.glob("runs-*"))) == 1


def test_a_pilot_that_is_killed_loses_no_row(
    slurm: cluster.Slurm, numbers: Path, tmp_path: Path
) -> None:
    mark = str(tmp_path / "killed")

    def kills(value: int) -> int:
        import os
        import signal

        if value == 5 and not os.path.exists(mark):
            open(mark, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return value

    with wr.connect(**ARRAYS, pilots=2, exchange=tmp_path / "exchange"):
        assert totals(numbers, kills) == EXPECTED
    assert os.path.exists(mark), "no pilot was killed"


def test_scripts_are_shown_and_nothing_is_run(
    numbers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        wr.connect(**ARRAYS, exchange=tmp_path, dry_run=True),
        pytest.raises(wr.errors.DryRun) as ended,
    ):
        totals(numbers)
    shown = capsys.readouterr().out
    assert shown == ended.value.scripts
    assert ended.value.code == 0
    assert re.search(r"#SBATCH --array=0-3\n", shown)
    assert "#SBATCH --mem=300M\n" in shown
    assert "#SBATCH --dependency=afterany:<windrow-RUN-s0-0>\n" in shown
    assert " -m windrow._cli task " in shown
    assert not list(tmp_path.iterdir())


def test_the_command_shows_scripts_too(numbers: Path, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        "import windrow as wr\n"
        f"with wr.connect('slurm://main', time='10m', exchange={str(tmp_path / 'runs')!r}):\n"
        f"    df = wr.read_parquet({str(numbers)!r})\n"
        "    print('the answer', df.groupby('few')['id'].sum().compute())\n"
    )
    command = [sys.executable, "-m", "windrow._cli", "run", "--dry-run", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("==== stage 0 (")
    assert "#SBATCH --partition=main\n" in done.stdout
    assert "the answer" not in done.stdout


def test_what_is_missing_is_asked_for(slurm: cluster.Slurm, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="pass `exchange=`"):
        wr.connect("slurm://main")
    with pytest.raises(ValueError, match="pass `folder="):
        wr.connect("slurm://main", exchange="s3://bucket/runs")
    with pytest.raises(ValueError, match="slurm has no partition `mian`"):
        wr.connect("slurm://mian", exchange=tmp_path)
    with pytest.raises(ValueError, match=r"no option `memm`\nhint: did you mean `mem`"):
        wr.connect("slurm://main", memm="4G", exchange=tmp_path)
    with pytest.raises(ValueError, match="allows 00:02:00 at most"):
        wr.connect("slurm://short", time="1h", exchange=tmp_path)
    with pytest.raises(ValueError, match="`processes` is of this machine"):
        wr.connect("slurm://main", processes=2, exchange=tmp_path)


@pytest.mark.parametrize(
    ("asked", "advice"),
    [
        ({"mem": "400G"}, "lower `mem=`"),
        ({"cpus": 40}, "look at `mem=`, `cpus=`"),
        ({"constraint": "gpu"}, "no node has what `constraint=` names"),
    ],
)
def test_what_no_node_has_is_refused(
    slurm: cluster.Slurm, numbers: Path, tmp_path: Path, asked: dict[str, Any], advice: str
) -> None:
    """At once, or when Slurm says that the job can never start."""
    with (
        wr.connect(**{**ARRAYS, **asked}, exchange=tmp_path),
        pytest.raises(wr.errors.ResourceError, match=advice),
    ):
        totals(numbers)
    until(lambda: not slurm.run("squeue", "-h").strip())


def test_another_build_is_refused(slurm: cluster.Slurm, numbers: Path, tmp_path: Path) -> None:
    """The driver says in each task what it is, and the nodes compare first."""
    exchange = tmp_path / "exchange"
    with wr.connect(**ARRAYS, exchange=exchange, durable=exchange):
        assert totals(numbers) == EXPECTED
    [tasks] = exchange.glob("2*/tasks/*-s0-*.json")
    specs = json.loads(tasks.read_text())
    specs[0]["build"] = "windrow 0.0.9 build old"
    tasks.write_text(json.dumps(specs))
    outcomes = tmp_path / "outcomes"
    command = [sys.executable, "-m", "windrow._cli", "task", str(tasks)]
    subprocess.run([*command, "--outcomes", str(outcomes)], check=True)
    [told] = [json.loads(path.read_text()) for path in outcomes.glob("*.json")]
    assert told["outcome"] == "fatal"
    assert "`windrow 0.0.9 build old` and `windrow" in told["message"]


@pytest.mark.parametrize("source", test_leaves.SOURCES)
def test_each_task_reads_its_own_rows(source: str, data: Path, slurm: Any, tmp_path: Path) -> None:
    """As array jobs: each task is a process of its own, which knows of no other."""
    df = test_leaves.SOURCES[source](data)
    assert df.npartitions == 4
    expected = df.compute()["id"].tolist()
    with wr.connect("slurm://main", time="5m", poll=0.5, exchange=tmp_path):
        assert df.compute()["id"].tolist() == expected
