"""Stages survive what dies: tasks, files, disks, the driver. No row is lost or doubled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import windrow as wr
from stage_faults import Chance, FaultRunner, data_files

ROWS = 2_000


@pytest.fixture(autouse=True)
def settings() -> None:
    wr.configure(partitions=4, workers=2, progress=False)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stages")
    draw = np.random.default_rng(3)
    table = pa.table(
        {
            "id": np.arange(ROWS),
            "key": draw.integers(0, 50, ROWS),
            "few": draw.integers(0, 5, ROWS),
            # Files below 1 MB are not cut into partitions.
            "noise": [draw.bytes(1_500).hex() for _ in range(ROWS)],
        }
    )
    for part in range(4):
        size = ROWS // 4
        pq.write_table(table.slice(part * size, size), folder / f"{part}.parquet")
    return folder


def ask(data: Path, query: str) -> list[tuple[Any, ...]]:
    table = wr.sql(query, g=wr.read_parquet(data))._full().collect()
    return sorted(zip(*(column.to_pylist() for column in table.columns), strict=True))


GROUPS = "select key, count(*) n, sum(id) s from g group by key"
CHAIN = (
    "select n, count(*) c, sum(s) t from"
    " (select a.key, count(*) n, sum(b.id) s from g a join g b on a.id = b.id group by a.key)"
    " group by n"
)
RANDOM = "select k, count(*) n from (select cast(random() * 900 as int) k from g) group by k"


# ---- a task is killed, in a process of its own ------------------------------------------------


def killer(tokens: Path) -> Callable[[int], int]:
    """Kills its process once for each token in a folder."""

    def kill(value: int) -> int:
        import os
        import signal

        for token in os.listdir(tokens):
            try:
                os.unlink(os.path.join(tokens, token))
            except FileNotFoundError:
                continue
            os.kill(os.getpid(), signal.SIGKILL)
        return value

    return kill


def leaf(df: Any, kill: Any) -> Any:
    df["key"] = df["key"].map(kill, result_type=int)
    return df.groupby("key")["id"].sum()


def middle(df: Any, kill: Any) -> Any:
    totals = df.groupby("key")["id"].sum().reset_index()
    totals["few"] = totals["key"].map(kill, result_type=int) % 7
    return totals.groupby("few")["id"].sum()


def final(df: Any, kill: Any) -> Any:
    totals = df.groupby("key")["id"].sum().reset_index()
    totals["key"] = totals["key"].map(kill, result_type=int)
    return totals


def rows(answer: pd.DataFrame | pd.Series[Any]) -> list[list[Any]]:
    return sorted(answer.reset_index().drop(columns="index", errors="ignore").to_numpy().tolist())


@pytest.mark.parametrize("build", [leaf, middle, final])
def test_a_task_is_killed(build: Any, data: Path, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.mkdir()
    expected = rows(build(wr.read_parquet(data), lambda value: value).compute())
    with wr.connect("local", processes=2):
        program = build(wr.read_parquet(data), killer(tokens))
        for number in range(2):
            (tokens / str(number)).touch()
        got = rows(program.compute())
    assert not list(tokens.iterdir())
    assert got == expected


def test_a_task_that_always_dies_is_an_error(data: Path) -> None:
    def die(_: int) -> int:
        import os
        import signal

        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    with (
        wr.connect("local", processes=2),
        pytest.raises(wr.errors.ResourceError, match="was killed by SIGKILL"),
    ):
        wr.read_parquet(data)["key"].map(die, result_type=int).sum().compute()


def test_processes_end_with_their_client(data: Path) -> None:
    before = children()
    with wr.connect("local", processes=2):
        ask(data, GROUPS)
        assert len(children()) >= len(before) + 2
    wait_until(lambda: children() == before)


def children() -> set[int]:
    """Processes of ours that serve tasks."""
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError, ValueError):
            continue
        if b"--serve" in words and parent == os.getpid():
            found.add(int(entry.name))
    return found


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


# ---- attempts that run twice, files that go ---------------------------------------------------


@pytest.mark.parametrize("query", [GROUPS, CHAIN])
def test_every_task_runs_twice(query: str, data: Path, tmp_path: Path) -> None:
    expected = ask(data, query)
    runner = FaultRunner(times=2)
    with wr.connect(runner, exchange=tmp_path):
        assert ask(data, query) == expected
    assert len(runner.executed) > len(set(runner.executed))


def lose_before(stage: int, exchange: Path) -> Callable[[dict[str, Any]], None]:
    """Removes one committed file of each stage before the first task of `stage` starts."""
    done: list[bool] = []

    def before(spec: dict[str, Any]) -> None:
        if spec["attempt"]["task"]["stage"] == stage and not done:
            done.append(True)
            for below in range(stage):
                data_files(exchange, below)[-1].unlink()

    return before


def test_lost_files_are_made_again(data: Path, tmp_path: Path) -> None:
    expected = ask(data, CHAIN)
    runner = FaultRunner(before=lose_before(2, tmp_path))
    with wr.connect(runner, exchange=tmp_path):
        assert ask(data, CHAIN) == expected
    lost = [outcome for outcome in runner.outcomes if outcome["outcome"] == "input_lost"]
    assert lost


@pytest.mark.parametrize("seed", range(8))
def test_a_file_of_a_random_stage_is_lost_after_some_have_read_it(
    seed: int, data: Path, tmp_path: Path
) -> None:
    """Readers of the old file and of the new one must not be mixed: rows would be lost."""
    readers: list[int] = []

    def after(spec: dict[str, Any]) -> None:
        if spec["attempt"]["task"]["stage"] == 1:
            readers.append(1)
            if len(readers) == 1:
                files = data_files(tmp_path, 0)
                files[seed % len(files)].unlink()

    runner = FaultRunner(after=after)
    # One at a time, so that some readers come after the loss.
    runner.capabilities = lambda: {"at_once": 1}  # type: ignore[method-assign]
    with wr.connect(runner, exchange=tmp_path):
        assert sum(count for _, count in ask(data, RANDOM)) == ROWS
    epochs = {name.split(".")[1] for name in runner.executed if name.startswith("1.")}
    assert epochs == {"e0", "e1"}


def test_a_file_of_a_repeatable_stage_is_lost_after_some_have_read_it(
    data: Path, tmp_path: Path
) -> None:
    """Only what was lost, and who missed it, runs again."""
    expected = ask(data, GROUPS)
    readers: list[int] = []

    def after(spec: dict[str, Any]) -> None:
        if spec["attempt"]["task"]["stage"] == 1:
            readers.append(1)
            if len(readers) == 1:
                data_files(tmp_path, 0)[0].unlink()

    runner = FaultRunner(after=after)
    runner.capabilities = lambda: {"at_once": 1}  # type: ignore[method-assign]
    with wr.connect(runner, exchange=tmp_path):
        assert ask(data, GROUPS) == expected
    assert [outcome for outcome in runner.outcomes if outcome["outcome"] == "input_lost"]
    assert {name.split(".")[1] for name in runner.executed} == {"e0"}


def test_a_small_stage_is_not_handed_over(data: Path, tmp_path: Path) -> None:
    """Where the runner says so; what reads files or calls functions is, however small."""
    expected, called = ask(data, GROUPS), rows(final(wr.read_parquet(data), abs).compute())
    for near_bytes, stages in ((0, {"0", "1"}), (1 << 20, {"0"})):
        runner = FaultRunner(near_bytes=near_bytes)
        with wr.connect(runner, exchange=tmp_path):
            assert ask(data, GROUPS) == expected
        assert {name[0] for name in runner.executed} == stages
    runner = FaultRunner(near_bytes=1 << 20)
    with wr.connect(runner, exchange=tmp_path):
        assert rows(final(wr.read_parquet(data), abs).compute()) == called
    assert {name[0] for name in runner.executed} == {"0", "2"}


def test_a_file_is_lost_that_a_small_stage_reads(data: Path, tmp_path: Path) -> None:
    expected = ask(data, GROUPS)
    deleted: list[Path] = []
    one_by_one = threading.Lock()

    def after(_: dict[str, Any]) -> None:
        with one_by_one:
            if not deleted:
                deleted.append(data_files(tmp_path, 0)[0])
                deleted[0].unlink()

    runner = FaultRunner(near_bytes=1 << 20, after=after)
    with wr.connect(runner, exchange=tmp_path):
        assert ask(data, GROUPS) == expected
    assert deleted
    assert {name.split(".")[3] for name in runner.executed} == {"r0", "r1"}


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_random_faults(part: int, data: Path, tmp_path: Path) -> None:
    """200 runs in all: each gives the right answer or a clear error."""
    expected = {query: ask(data, query) for query in (GROUPS, CHAIN)}
    recovered = failed = 0
    for seed in range(part * 50, part * 50 + 50):
        exchange = tmp_path / str(seed)
        chance = Chance(seed, exchange)
        runner = FaultRunner(
            times=1 + seed % 2,
            near_bytes=(seed % 5 == 0) << 20,
            before=chance.before,
            after=chance.after,
        )
        query = [GROUPS, CHAIN, RANDOM][seed % 3]
        with wr.connect(runner, exchange=exchange):
            try:
                got = ask(data, query)
            except wr.errors.ResourceError as error:
                if not any(cause in str(error) for cause in ("times", "lost faster")):
                    raise
                failed += 1
                continue
        if query == RANDOM:
            assert sum(count for _, count in got) == ROWS, f"seed {seed}"
        else:
            assert got == expected[query], f"seed {seed}"
        recovered += chance.left < 12
    assert recovered > 20
    assert failed < 10


# ---- storage that is full ---------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_an_error_that_says_so(data: Path, small_disk: Path) -> None:
    # The answer of threads is not written, what is sorted is.
    query = (
        "select a.id, b.id i, repeat(cast(a.id as text), 60) t from g a join g b on a.few = b.few "
        "order by t, i"
    )
    with (
        wr.connect("threads", exchange=small_disk),
        pytest.raises(wr.errors.ResourceError, match="exchange folder is full"),
    ):
        ask(data, query)
    # What was there goes with the run: the next one has room.
    with wr.connect("threads", exchange=small_disk):
        assert len(ask(data, GROUPS)) == 50


# ---- the driver dies --------------------------------------------------------------------------

PROGRAM = """
    import os, sys, time
    import windrow as wr

    data, runs, marks, resume = sys.argv[1:]
    def slow(value):
        name = f"{os.getpid()}-{value}-{time.time_ns()}"
        open(os.path.join(marks, name), "w").close()
        time.sleep(0.15)
        return value

    wr.configure(partitions=10, workers=2, progress=False)
    df = wr.read_parquet(data)
    with wr.connect("local", processes=2, durable=runs, resume=resume == "yes"):
        # One slow value for each of ten readers.
        totals = wr.sql("select key % 10 k, sum(id) s from g group by key % 10", g=df)
        totals["k"] = totals["k"].map(slow, result_type=int)
        print(sorted(map(tuple, totals.compute().values.tolist())))
"""


def start(program: Path, *words: object) -> subprocess.Popen[str]:
    command = [sys.executable, str(program), *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_driver_that_died_is_resumed(data: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))
    runs, marks = tmp_path / "runs", tmp_path / "marks"
    marks.mkdir()
    driver = start(program, data, runs, marks, "no")

    def commits() -> int:
        return len(list(runs.glob("*/stages/1/*/*.ok")))

    wait_until(lambda: commits() >= 6, 60)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    [run] = [path.name for path in runs.iterdir()]
    # Its processes end by themselves.
    wait_until(lambda: not serving())
    done = commits()
    called = len(list(marks.iterdir()))
    command = [sys.executable, "-m", "windrow._cli", "resume", run, "--exchange", str(runs)]
    resumed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert resumed.returncode == 0, resumed.stderr
    assert f"run `{run}` is complete" in resumed.stdout
    # Ten values: those that were committed are not computed again.
    assert len(list(marks.iterdir())) - called <= 10 - done + 2
    again = start(program, data, runs, marks, "yes")
    answer, _ = again.communicate(timeout=60)
    table = pq.read_table(data)
    expected = (
        pd.DataFrame({"k": table["key"].to_numpy() % 10, "s": table["id"].to_numpy()})
        .groupby("k")["s"]
        .sum()
    )
    assert json.loads(answer.replace("(", "[").replace(")", "]")) == [
        [key, value] for key, value in expected.items()
    ]
    # The sample that finds types may call it; the tasks do not.
    assert not list(runs.glob("*/stages/1/*/*.a2-*.arrow"))


def serving() -> bool:
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError, ValueError):
            continue
        if b"--serve" in words and b"task" in words and parent == 1:
            return True
    return False


def test_a_run_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "windrow._cli", "resume", "nothing", "--exchange", tmp_path]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "there is no run `nothing`" in ended.stderr
