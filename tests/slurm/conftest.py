"""A Slurm of four nodes on this machine, one for all tests; where there is none, that is said."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "cases"))

import cluster
import inputs
import windrow as wr
from windrow import session

Program = Callable[[], Any]

settings, data, tpch_data = inputs.settings, inputs.data, inputs.tpch_data  # fixtures


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cluster.Slurm]:
    with cluster.for_tests(tmp_path_factory.mktemp("slurm")) as running:
        yield running


@pytest.fixture(scope="module")
def pilots(
    slurm: cluster.Slurm, settings: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Program], Any]]:
    """What a program gives on four pilots; outside of it, programs run in this process.

    All programs share one client, and with it its pilots: the client's session is the default one
    only while a program runs.
    """
    own = session._open(dict(session._given))
    here, session._current = session.current(), own
    client = wr.connect(
        "slurm://main", pilots=4, time="20m", poll=0.5, exchange=tmp_path_factory.mktemp("exchange")
    )
    session._current = here

    def answer(program: Program) -> Any:
        outside, session._current = session._current, own
        try:
            return program()
        finally:
            session._current = outside

    yield answer
    client.close()
    own.close()
