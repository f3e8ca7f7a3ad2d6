"""Sources in object stores that are reached without TLS, as servers on one's own network are."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pandas as pd
import pytest

import servers
import windrow as wr


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
