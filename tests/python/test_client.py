"""`connect`: what it takes, and what it says about what it does not take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import windrow as wr


@pytest.fixture(autouse=True)
def settings() -> Iterator[None]:
    usual = {"workers": 2, "partitions": 4, "progress": False, "memory": wr.settings()["memory"]}
    wr.configure(**usual)
    yield
    wr.configure(**usual)


def total() -> int:
    return int(wr.from_pandas(pd.DataFrame({"a": [1, 2, 3]}))["a"].sum().compute())


class Silent:
    """A runner that takes tasks and tells nothing."""

    name = "silent"
    capabilities = start = report = cancel = close = None


def test_a_client_is_the_default_until_it_is_closed() -> None:
    client = wr.connect("threads")
    assert "exchange=" in repr(client)
    assert total() == 6
    client.close()
    client.close()
    assert "closed" in repr(client)
    assert total() == 6


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"target": "locale"}, ValueError, "does not know the target `locale`"),
        ({"target": "spark://host"}, NotImplementedError, "tasks on Spark"),
        ({"target": "local", "processes": 0}, ValueError, "`processes` is `0`"),
        ({"target": "local", "colour": 1}, ValueError, "has no option `colour`"),
        ({"target": "threads", "resume": "a b"}, ValueError, "no id of a run"),
        ({"target": "threads", "resume": 3}, ValueError, "`resume` is `3`"),
        ({"target": Silent()}, ValueError, "pass `exchange=`"),
        ({"target": "threads", "durable": "a", "exchange": "b"}, ValueError, "name two folders"),
    ],
)
def test_what_is_wrong_is_said(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        wr.connect(**arguments)
    assert total() == 6


def test_there_is_one_client_at_a_time() -> None:
    with wr.connect("threads"), pytest.raises(ValueError, match="a client is open already"):
        wr.connect("local")
    with wr.connect("threads"):
        assert total() == 6


@pytest.mark.parametrize("target", ["threads", "local"])
def test_more_rows_than_memory_are_written(target: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(3)
    for part in range(4):
        columns = {name: noise.random(400_000) for name in "abcd"}
        pq.write_table(pa.table(columns), tmp_path / f"{part}.parquet")
    wr.configure(memory="32MB")
    with wr.connect(target):
        df = wr.read_parquet(tmp_path / "*.parquet")
        with pytest.raises(wr.errors.ResourceError, match="memory"):
            df.compute()
        df.to_parquet(tmp_path / "folder")
        df[["a"]].to_csv(tmp_path / "all.csv")
    here = pd.concat(pd.read_parquet(tmp_path / f"{part}.parquet") for part in range(4))
    written = pd.read_parquet(tmp_path / "folder")
    assert (written.to_numpy() == here.to_numpy()).all()
    assert pd.read_csv(tmp_path / "all.csv")["a"].tolist() == here["a"].tolist()


def test_runs_are_kept_where_they_are_durable(tmp_path: Path) -> None:
    with wr.connect("threads", exchange=tmp_path):
        assert total() == 6
    assert not list(tmp_path.iterdir())
    with wr.connect("threads", durable=tmp_path):
        assert total() == 6
    [run] = tmp_path.iterdir()
    commits = list(run.glob("stages/*/*/*.ok"))
    assert commits
    with wr.connect("threads", durable=tmp_path, resume=True):
        assert total() == 6
    # Nothing ran again, and nothing was begun anew.
    assert [run] == list(tmp_path.iterdir())
    assert sorted(run.glob("stages/*/*/*.ok")) == sorted(commits)


def test_a_resumed_run_must_be_there(tmp_path: Path) -> None:
    with (
        wr.connect("threads", durable=tmp_path, resume="20200101-000000-000-aaaaaa"),
        pytest.raises(FileNotFoundError, match="there is no run"),
    ):
        total()
