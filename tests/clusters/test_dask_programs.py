"""Whole programs on a Dask cluster give what they give in this process, also when a worker dies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

distributed = pytest.importorskip("distributed", reason="Dask is not here: `make test-clusters`")
pytest.importorskip("windrow._native", reason="the native module is not built")

import servers  # noqa: E402 - they need what is asked for above
import windrow as wr  # noqa: E402
from teams import ROWS  # noqa: E402


@pytest.fixture
def cluster() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    ) as cluster:
        yield cluster


def grouped(data: str) -> Any:
    return wr.read_parquet(data).groupby("team")["id"].sum()


def joined(data: str) -> Any:
    left = wr.read_parquet(data)
    right = wr.from_pandas(pd.DataFrame({"team": ["t1", "t2"], "points": [10, 20]}))
    return left.merge(right, on="team", how="left")


def applied(data: str) -> Any:
    frame = wr.read_parquet(data)
    frame["double"] = frame.apply(lambda row: int(str(row["id"])) * 2, axis=1)
    return frame


def ordered(data: str) -> Any:
    return wr.read_parquet(data).sort_values(["team", "id"], ascending=[True, False])


PROGRAMS = [grouped, joined, applied, ordered]


def rows(program: Callable[[str], Any], data: str) -> list[Any]:
    answer = program(data).compute()
    frame = answer.reset_index() if isinstance(answer, pd.Series) else answer
    # As text: missing values are equal to one another.
    found = [repr(row) for row in frame.itertuples(index=False, name=None)]
    return found if program is ordered else sorted(found)


def test_programs_give_what_they_give_here(cluster: Any, data: str, tmp_path: Path) -> None:
    here = {program.__name__: rows(program, data) for program in PROGRAMS}
    with wr.connect(cluster, exchange=tmp_path / "exchange"):
        there = {program.__name__: rows(program, data) for program in PROGRAMS}
    assert there == here
    assert all(here.values())


def test_an_exchange_in_s3(
    cluster: Any, data: str, s3: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    servers.make_bucket(s3, "exchange")
    here = rows(grouped, data)
    with distributed.Client(cluster, set_as_default=False) as client:
        # Workers get their credentials from their own surroundings.
        client.run(os.environ.update, s3)
        with wr.connect(client, exchange="s3://exchange/runs"):
            assert rows(grouped, data) == here


def test_a_users_exception_is_the_users(cluster: Any, data: str, tmp_path: Path) -> None:
    def fails(row: Any) -> int:
        if row["id"] == 4_321:
            raise KeyError("no such team")
        return int(str(row["id"]))

    with (
        wr.connect(cluster, exchange=tmp_path / "exchange"),
        pytest.raises(KeyError, match="no such team"),
    ):
        wr.read_parquet(data).apply(fails, axis=1).compute()


def test_a_worker_that_is_killed_loses_no_row(cluster: Any, data: str, tmp_path: Path) -> None:
    mark = str(tmp_path / "killed")

    def kills(row: Any) -> int:
        if row["id"] == 4_321 and not os.path.exists(mark):
            open(mark, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return int(str(row["id"]))

    with wr.connect(cluster, exchange=tmp_path / "exchange"):
        found = wr.read_parquet(data).apply(kills, axis=1).compute()
    assert sorted(found) == list(range(ROWS))
    assert os.path.exists(mark), "no worker was killed"


def test_what_is_missing_is_asked_for(cluster: Any) -> None:
    before = time.monotonic()
    with pytest.raises(ValueError, match="pass `exchange=`"):
        wr.connect(cluster)
    assert time.monotonic() - before < 60
