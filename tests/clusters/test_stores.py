"""Sources in object stores that are reached without TLS, as servers on one's own network are."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pandas as pd
import pytest

import servers
import windrow as wr

QUERIES = {
    "groups": "select key, count(*) n, sum(id) s from g group by key order by key",
    "join": "select a.key, count(*) n from g a join g b on a.id = b.id + 1 group by a.key"
    " order by a.key",
    "sort": "select id, key from g order by key desc, id",
}


def test_s3_without_tls_by_environment(s3: dict[str, str]) -> None:
    servers.make_bucket(s3, "plain")
    request = urllib.request.Request(
        f"{s3['AWS_ENDPOINT']}/plain/folder/t.csv", data=b"a,b\n1,x\n2,y\n", method="PUT"
    )
    request.add_header("Content-Type", "text/csv")
    urllib.request.urlopen(request, timeout=30).close()
    frame = wr.read_csv("s3://plain/folder/t.csv").compute()
    assert frame.to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}


def test_s3_is_written_and_read_back(s3: dict[str, str]) -> None:
    servers.make_bucket(s3, "written")
    data = pd.DataFrame({"a": range(1000), "b": [f"row {row}" for row in range(1000)]})
    wr.from_pandas(data).to_parquet("s3://written/out")
    found = wr.read_parquet("s3://written/out").compute().sort_values("a", ignore_index=True)
    pd.testing.assert_frame_equal(found, data, check_dtype=False)


def test_without_leave_the_setting_is_named(
    s3: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    with pytest.raises(Exception, match="AWS_ALLOW_HTTP=true"):
        wr.read_csv("s3://elsewhere/t.csv")


def test_azure_without_tls_by_environment(azure: dict[str, str], tmp_path: Path) -> None:
    servers.make_container(azure, "written")
    data = pd.DataFrame({"a": range(100)})
    wr.from_pandas(data).to_parquet("az://written/out")
    found = wr.read_parquet("az://written/out").compute().sort_values("a", ignore_index=True)
    pd.testing.assert_frame_equal(found, data, check_dtype=False)


def staged_through(url: str, folder: Path) -> None:
    """Whole jobs exchange their rows in the store, and are found there again."""
    wr.configure(workers=2, partitions=4, progress=False)
    for part in range(4):
        rows = range(part * 500, part * 500 + 500)
        frame = pd.DataFrame({"id": rows, "key": [row * 7 % 50 for row in rows]})
        frame.to_parquet(folder / f"{part}.parquet")

    def ask(query: str) -> list[object]:
        table = wr.sql(query, g=wr.read_parquet(folder))._full().collect()
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))

    here = {name: ask(query) for name, query in QUERIES.items()}
    for again in (False, True):
        with wr.connect("local", processes=2, durable=url, resume=again):
            for name, query in QUERIES.items():
                assert ask(query) == here[name], name
            words = wr.mapreduce(
                range(100), lambda item: [(item % 3, item)], lambda _, all_: sum(all_), by="item"
            )
            assert dict(words.items()) == {0: 1683, 1: 1617, 2: 1650}


def test_stages_exchange_through_s3(s3: dict[str, str], tmp_path: Path) -> None:
    servers.make_bucket(s3, "stages")
    staged_through("s3://stages/runs", tmp_path)
    listed = urllib.request.urlopen(f"{s3['AWS_ENDPOINT']}/stages?list-type=2", timeout=30).read()
    # The second round has found the runs of the first.
    assert listed.count(b"/job.json<") == len(QUERIES) + 1
    assert b".ok<" in listed


def test_stages_exchange_through_azure(azure: dict[str, str], tmp_path: Path) -> None:
    servers.make_container(azure, "stages")
    staged_through("az://stages/runs", tmp_path)
