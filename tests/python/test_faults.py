"""What users run into: functions that fail late, workers that die, Ctrl-C. Nothing hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import windrow as wr
from windrow.errors import ResultTypeError, WorkerDied


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    """A Parquet file of 5 million rows, `n` counting from 0."""
    path = tmp_path_factory.mktemp("numbers") / "numbers.parquet"
    pd.DataFrame({"n": np.arange(5_000_000)}).to_parquet(path, row_group_size=250_000)
    return str(path)


def fails_late(row):
    if row["n"] == 3_000_000:
        raise ValueError("this one")
    return row["n"] * 2


def test_an_exception_late_in_a_large_job(numbers):
    with pytest.raises(ValueError, match="this one") as caught:
        wr.read_parquet(numbers).apply(fails_late, axis=1).compute()
    assert "row 3000000: n=3000000" in "\n".join(caught.value.__notes__)
    frames = []
    trace = caught.value.__traceback__
    while trace is not None:
        frames.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert frames[-1] == "fails_late"


def test_a_value_of_another_type_late_in_a_large_job(numbers):
    frame = wr.read_parquet(numbers)
    result = frame["n"].map(lambda n: "three million" if n == 3_000_000 else n)
    with pytest.raises(ResultTypeError) as caught:
        result.compute()
    message = str(caught.value)
    assert "row 3000000" in message
    assert "three million" in message
    assert "result_type" in message


def test_a_group_that_kills_its_worker(numbers):
    def deadly(group):
        if group.name == 3:
            os._exit(3)
        return len(group)

    frame = wr.read_parquet(numbers)[["n"]]
    sizes = frame.groupby(frame.n // 1_000_000)["n"].apply(deadly, result_type=int)
    with pytest.raises(WorkerDied, match="exited with code 3"):
        sizes.compute()


@pytest.mark.parametrize(
    ("end", "cause"),
    [
        (lambda: os._exit(3), "exited with code 3"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "SIGKILL"),
    ],
    ids=["exit", "kill"],
)
def test_a_worker_that_dies(numbers, end, cause):
    def deadly(n):
        if n == 3_000_000:
            end()
        return n

    with pytest.raises(WorkerDied, match=cause):
        wr.read_parquet(numbers)["n"].map(deadly).compute()
    # The session goes on with new workers.
    assert wr.read_parquet(numbers)["n"].map(lambda n: n % 7).max().compute() == 6


SLOW = """
    import sys, time
    import windrow as wr

    wr.configure(temp=sys.argv[2], functions="workers", progress=False)
    frame = wr.read_parquet(sys.argv[1])
    def slow(n):
        time.sleep(0.01)
        return n
    print("started", flush=True)
    frame["n"].map(slow, result_type=int).compute()
"""


def test_ctrl_c_ends_at_once_and_leaves_nothing(numbers, tmp_path):
    code = textwrap.dedent(SLOW)
    command = [sys.executable, "-c", code, numbers, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    workers = descendants_when_busy(process.pid)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors
    assert_ended(workers)
    assert list(tmp_path.iterdir()) == []


def descendants_when_busy(pid):
    """The processes under `pid`, once there are a fork server and a worker."""
    deadline = time.monotonic() + 30
    found: list[int] = []
    while len(found) < 2 and time.monotonic() < deadline:
        found = descendants(pid)
        time.sleep(0.05)
    assert len(found) >= 2
    return found


def descendants(pid):
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        others = [
            child
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return []
    direct = {int(child) for child in (*children, *others)}
    return [*direct, *(inner for child in direct for inner in descendants(child))]


def assert_ended(processes):
    """Processes that were killed are gone as soon as the kernel gets to it."""
    deadline = time.monotonic() + 10
    while (left := [pid for pid in processes if alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left


def alive(pid):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_more_than_the_memory_budget_spills_or_says_so(numbers, tmp_path):
    code = textwrap.dedent("""
        import sys
        import windrow as wr
        from windrow.errors import ResourceError

        wr.configure(memory="120MB", temp=sys.argv[2], progress=False)
        frame = wr.read_parquet(sys.argv[1])
        frame["m"] = frame["n"] * 7919 % 5_000_011
        print(len(frame.merge(frame, on="n")))
        print(frame.sort_values("m").to_parquet(sys.argv[2] + "/sorted.parquet") is not None)
        print(frame.groupby("m", sort=False).agg(count=("n", "count"))["count"].sum().compute())
        frame["k"], frame["l"] = frame["n"] * 1.5, frame["n"] * 2.5
        try:
            frame.to_arrow()
        except ResourceError as error:
            print(error)
    """)
    command = [sys.executable, "-c", code, numbers, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    merged, written, grouped, *message = done.stdout.splitlines()
    assert (merged, written, grouped) == ("5000000", "True", "5000000")
    assert "the memory budget is used up" in message[0]
    assert "configure(memory=...)" in message[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["sorted.parquet"]
