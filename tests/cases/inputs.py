"""Fixtures of the cases, wherever they run: the settings and the tables."""

from __future__ import annotations

from pathlib import Path

import pytest

import tables
import tpch
import windrow as wr


@pytest.fixture(scope="session", autouse=True)
def settings() -> None:
    """Every exchange has four sides, so that a lost or doubled one shows."""
    wr.configure(partitions=4, workers=2, progress=False)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cases")
    tables.make(folder)
    return folder


@pytest.fixture(scope="session")
def tpch_data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return tpch.make(tmp_path_factory.mktemp("tpch"))
