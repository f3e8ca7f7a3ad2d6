"""Other systems on this machine, one of each for all tests; what is missing is skipped and said."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

import servers
import teams


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with servers.s3(tmp_path_factory.mktemp("moto")) as environment:
        yield environment


@pytest.fixture(scope="session")
def azure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with servers.azure(tmp_path_factory.mktemp("azurite")) as environment:
        yield environment


@pytest.fixture
def s3(s3_server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """S3 is this machine's server, for this process and those that it starts."""
    for name, value in s3_server.items():
        monkeypatch.setenv(name, value)
    return s3_server


@pytest.fixture
def azure(azure_server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Azure is this machine's server, for this process and those that it starts."""
    for name, value in azure_server.items():
        monkeypatch.setenv(name, value)
    return azure_server


@pytest.fixture
def data(tmp_path: Path) -> str:
    """A folder of four files."""
    return teams.files(tmp_path / "data")
