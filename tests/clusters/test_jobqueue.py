"""Dask on a batch system: jobs of a real Slurm are the workers, as `dask-jobqueue` submits them."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

jobqueue = pytest.importorskip("dask_jobqueue", reason="dask-jobqueue is not here")
pytest.importorskip("windrow._native", reason="the native module is not built")

sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "slurm"))

import cluster as slurms  # noqa: E402 - they need what is asked for above
import windrow as wr  # noqa: E402
from teams import ROWS  # noqa: E402

PATIENCE = 120.0


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[slurms.Slurm]:
    with slurms.for_tests(tmp_path_factory.mktemp("slurm"), nodes=2) as running:
        yield running


@pytest.fixture(scope="module")
def jobs(slurm: slurms.Slurm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two jobs, each a worker of one thread."""
    with jobqueue.SLURMCluster(
        queue="main",
        cores=1,
        processes=1,
        memory="1GB",
        walltime="00:10:00",
        interface="lo",
        log_directory=str(tmp_path_factory.mktemp("logs")),
        scheduler_options={"dashboard_address": ":0"},
    ) as cluster:
        cluster.scale(jobs=2)
        yield cluster


def totals(data: str, function: Callable[[int], int]) -> dict[str, int]:
    frame = wr.read_parquet(data)
    frame["id"] = frame["id"].map(function, result_type=int)
    found: dict[str, int] = frame.groupby("team")["id"].sum().compute().to_dict()
    return found


EXPECTED = {f"t{team}": sum(range(team, ROWS, 7)) for team in range(7)}


def test_workers_are_jobs(slurm: slurms.Slurm, jobs: Any, data: str, tmp_path: Path) -> None:
    def job(value: int) -> str:
        import os

        return os.environ["SLURM_JOB_ID"]

    with wr.connect(jobs, exchange=tmp_path / "exchange"):
        assert totals(data, abs) == EXPECTED
        seen = set(wr.read_parquet(data)["id"].map(job, result_type=str).compute())
        with wr.Pool(2) as pool:
            seen |= set(pool.map(job, range(10)))
    assert seen <= set(slurm.run("squeue", "-h", "-o", "%A").split())


def test_a_cancelled_job_loses_no_row(
    slurm: slurms.Slurm, jobs: Any, data: str, tmp_path: Path
) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()

    def cancelled_once(value: int) -> int:
        import os
        import time

        if value == 5 and not os.listdir(marks):
            open(os.path.join(marks, os.environ["SLURM_JOB_ID"]), "w").close()
            time.sleep(60)
        return value

    def cancel() -> None:
        deadline = time.monotonic() + PATIENCE
        while not (found := list(marks.iterdir())) and time.monotonic() < deadline:
            time.sleep(0.05)
        slurm.run("scancel", found[0].name)
        cancelled.append(found[0].name)

    cancelled: list[str] = []
    thread = threading.Thread(target=cancel)
    thread.start()
    with wr.connect(jobs, exchange=tmp_path / "exchange"):
        assert totals(data, cancelled_once) == EXPECTED
    thread.join()
    assert cancelled
