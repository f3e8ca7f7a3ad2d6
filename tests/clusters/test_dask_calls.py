"""MapReduce and calls of pools and executors on a Dask cluster, also when workers die."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

distributed = pytest.importorskip("distributed", reason="Dask is not here: `make test-clusters`")
pytest.importorskip("windrow._native", reason="the native module is not built")

import windrow as wr  # noqa: E402 - it needs what is asked for above


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Any]:
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=60
        ) as cluster,
        wr.connect(cluster, exchange=tmp_path / "exchange"),
    ):
        yield cluster


def workers(cluster: Any) -> set[int]:
    with distributed.Client(cluster, set_as_default=False) as client:
        return set(client.run(os.getpid).values())


def test_calls_run_on_the_clusters_workers(cluster: Any) -> None:
    there = workers(cluster)
    with wr.Pool() as pool:
        assert set(pool.map(lambda _: os.getpid(), range(60), chunksize=1)) <= there
        large = "x" * 100_000
        assert pool.map(lambda item: len(large) + item, range(5)) == [100_000 + n for n in range(5)]
    with wr.Executor() as executor:
        assert executor.submit(os.getpid).result() in there


def test_a_call_that_kills_its_workers_fails_alone(cluster: Any) -> None:
    def kills(item: int) -> int:
        if item == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    with wr.Pool() as pool:
        found = pool.map(kills, range(5), chunksize=5, on_error="collect")
    assert found[:3] + found[4:] == [0, 1, 2, 4]
    assert isinstance(found[3], wr.errors.ItemKilled)
    assert "its workers died again and again" in str(found[3])


def test_a_worker_that_dies_once_loses_no_call(cluster: Any, tmp_path: Path) -> None:
    mark = tmp_path / "killed"

    def kills_once(item: int) -> int:
        if item == 7 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    with wr.Pool() as pool:
        assert pool.map(kills_once, range(20), chunksize=2) == list(range(20))
    assert mark.exists()


def test_mapreduce_when_a_worker_dies(cluster: Any, tmp_path: Path) -> None:
    mark = tmp_path / "killed"

    def mapper(item: int) -> Any:
        if item == 30 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        yield f"k{item % 5}", item

    found = wr.mapreduce(range(100), mapper, lambda _, values: sum(values), by="item")
    assert dict(found.items()) == {f"k{k}": sum(range(k, 100, 5)) for k in range(5)}
    assert mark.exists()
