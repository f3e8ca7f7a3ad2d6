"""The cases: one set of programs, run in every way; the answers are equal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import inputs
import windrow as wr

# How a program is run as stages: the options of `connect`.
WAYS: dict[str, dict[str, Any]] = {
    "threads": {"target": "threads"},
    "processes": {"target": "local", "processes": 2},
    "one process per task": {"target": "local", "processes": 2, "one_task_each": True},
    "dask": {},  # its cluster is made by a fixture
}
# Those that are tried; others take long, or need what is not here (see `make test-clusters`).
CHOSEN = os.environ.get("WINDROW_WAYS", "threads,processes").split(",")

Program = Callable[[], Any]

settings, data, tpch_data = inputs.settings, inputs.data, inputs.tpch_data  # fixtures


@pytest.fixture(scope="session")
def known(settings: None) -> Callable[[str, Program], Any]:
    """The answer of a program as one plan in this process, found once."""
    answers: dict[str, Any] = {}

    def answer(name: str, program: Program) -> Any:
        if name not in answers:
            answers[name] = program()
        return answers[name]

    return answer


@pytest.fixture(params=CHOSEN)
def way(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def dask_options(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What connects to a Dask cluster of two workers, one for all tests."""
    import distributed

    # Functions of the cases are in modules beside them.
    path = os.pathsep.join(place or os.getcwd() for place in sys.path)
    os.environ["PYTHONPATH"] = path
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    ) as cluster:
        yield {"target": cluster, "exchange": tmp_path_factory.mktemp("exchange")}


@pytest.fixture
def staged(way: str, request: pytest.FixtureRequest) -> Callable[[Program], Any]:
    """The answer of a program as stages."""
    options = request.getfixturevalue("dask_options") if way == "dask" else WAYS[way]

    def answer(program: Program) -> Any:
        with wr.connect(**options):
            return program()

    return answer


@pytest.fixture
def told() -> Iterator[list[dict[str, Any]]]:
    """The events of the runs in a test."""
    import json

    from windrow import session

    events: list[dict[str, Any]] = []
    session.current().on_event(lambda text: events.append(json.loads(text)))
    yield events
    session.current().on_event(None)
