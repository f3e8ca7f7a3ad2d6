"""The Dask adapter on real clusters of this machine, with stand-ins for the tasks' work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

distributed = pytest.importorskip("distributed", reason="Dask is not here: `make test-clusters`")
pytest.importorskip("windrow._native", reason="the native module is not built")

import dask_tasks  # noqa: E402 - they need what is asked for above
import servers  # noqa: E402
from windrow import errors  # noqa: E402
from windrow.runners import modules  # noqa: E402
from windrow.runners.dask import DaskRunner, attempt_name  # noqa: E402
from windrow.runners.dask_bundles import Bundles  # noqa: E402

PATIENCE = 90.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address=":0",
        resources={"GPU": 1},
        silence_logs=50,
    ) as cluster:
        yield cluster


@contextmanager
def runner(target: Any, **options: Any) -> Iterator[DaskRunner]:
    made = DaskRunner(target, execute=dask_tasks.execute, **options)
    try:
        yield made
    finally:
        made.close()


def spec(number: int, **do: Any) -> bytes:
    task = {"stage": 1, "epoch": 0, "partition": number, "round": 0}
    attempt = {"task": task, "driver": 0, "number": 0}
    # A run of its own each time: Dask knows tasks by their names.
    run = f"test-{os.getpid()}-{time.monotonic_ns()}"
    return json.dumps({"run": run, "attempt": attempt, "do": do}).encode()


def reports(runner: DaskRunner, count: int) -> dict[str, tuple[str, Any]]:
    """Wait for so many attempts to end."""
    found: dict[str, tuple[str, Any]] = {}
    deadline = time.monotonic() + PATIENCE
    while len(found) < count:
        assert time.monotonic() < deadline, found
        for name, kind, what in runner.report(0.5):
            assert name not in found
            found[name] = (kind, json.loads(what) if isinstance(what, bytes) else what)
    return found


def eventually(what: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def test_every_task_comes_back_once(cluster: Any) -> None:
    with runner(cluster) as dask:
        dask.start([spec(number) for number in range(100)])
        found = reports(dask, 100)
        assert {kind for kind, _ in found.values()} == {"ended"}
        assert set(found) == {f"1.e0.{number}.r0.a0-0" for number in range(100)}
        assert len({outcome["pid"] for _, outcome in found.values()}) == 2
        assert dask.report(0) == []


def test_capabilities_tell_threads_and_memory(cluster: Any) -> None:
    with runner(cluster) as dask:
        capabilities = dask.capabilities()
        assert (capabilities["at_once"], capabilities["whole_stages"]) == (2, True)
        assert capabilities["memory_bytes"] > 1 << 20


def test_a_killed_worker_loses_nothing(tmp_path: Path) -> None:
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
        ) as cluster,
        runner(cluster) as dask,
    ):
        gate, mark = str(tmp_path / "gate"), tmp_path / "mark"
        tasks = [spec(number, wait_for=gate, mark=str(mark)) for number in range(20)]
        dask.start(tasks)
        eventually(mark.exists)
        pids = list(dask.client.run(os.getpid).values())
        os.kill(pids[0], signal.SIGKILL)
        Path(gate).touch()
        found = reports(dask, 20)
        assert {kind for kind, _ in found.values()} == {"ended"}


def test_a_task_that_kills_its_workers_is_lost_with_a_reason(tmp_path: Path) -> None:
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=60
        ) as cluster,
        runner(cluster) as dask,
    ):
        dask.start([spec(0, die=True)])
        ((kind, reason),) = reports(dask, 1).values()
        assert kind == "lost"
        assert reason.startswith("its workers died again and again, likely out of memory")


def test_an_exception_outside_of_the_task_is_a_reason(cluster: Any) -> None:
    with runner(cluster, retries=0) as dask:
        dask.start([spec(0, **{"raise": "no such thing"})])
        found = reports(dask, 1)
        assert found == {
            "1.e0.0.r0.a0-0": ("lost", "failed on its Dask worker: ValueError: no such thing")
        }


def test_an_exception_of_one_of_many_short_tasks_is_its_own(cluster: Any) -> None:
    with runner(cluster, retries=0) as dask:
        dask.start(
            [spec(number, **({"raise": "no"} if number == 70 else {})) for number in range(99)]
        )
        found = reports(dask, 99)
        lost = {name: what for name, (kind, what) in found.items() if kind == "lost"}
        assert lost == {"1.e0.70.r0.a0-0": "failed on its Dask worker: ValueError: no"}


def test_short_tasks_share_calls_and_long_ones_do_not() -> None:
    tasks = [("run", str(number), b"") for number in range(100)]
    for seconds, shared in [(0.001, True), (0.5, False)]:
        bundles = Bundles()
        calls = bundles.add(tasks, 2)
        assert [len(call) for call in calls] == [1] * 4
        bundles.took(seconds)
        while more := bundles.ready(2, 0):
            calls += more
        assert [task for call in calls for task in call] == tasks
        assert (max(map(len, calls)) > 1) == shared


def test_what_nobody_needs_is_in_no_call() -> None:
    bundles = Bundles()
    first = bundles.add([("run", str(number), b"") for number in range(100)], 1)
    bundles.drop("50")
    bundles.took(1.0)
    named = [name for call in [*first, *bundles.ready(1, 0)] for _, name, _ in call]
    assert named == [str(number) for number in range(100) if number != 50]


def test_cancelled_attempts_are_not_told(cluster: Any, tmp_path: Path) -> None:
    with runner(cluster) as dask:
        gate = tmp_path / "gate"
        dask.start([spec(number, wait_for=str(gate)) for number in range(6)])
        dask.cancel([f"1.e0.{number}.r0.a0-0" for number in range(5)] + ["unknown"])
        gate.touch()
        assert set(reports(dask, 1)) == {"1.e0.5.r0.a0-0"}
        assert dask.report(0.2) == []


def test_resources_are_the_clusters(cluster: Any, tmp_path: Path) -> None:
    with runner(cluster, resources={"GPU": 1}) as dask:
        dask.start([spec(0)])
        assert len(reports(dask, 1)) == 1
    with runner(cluster, resources={"TPU": 1}) as dask:
        dask.start([spec(0)])
        assert dask.report(1.0) == [], "no worker has that"


def test_a_cluster_that_scales_sees_what_is_to_be_done() -> None:
    with distributed.LocalCluster(
        n_workers=0, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    ) as cluster:
        cluster.adapt(minimum=0, maximum=2, interval="100ms")
        with runner(cluster) as dask:
            assert dask.capabilities()["at_once"] == 1
            dask.start([spec(number) for number in range(10)])
            assert len(reports(dask, 10)) == 10


def test_tls_is_the_clusters() -> None:
    security = distributed.Security.temporary()
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        dashboard_address=":0",
        security=security,
        protocol="tls://",
        silence_logs=60,
    ) as cluster:
        address = cluster.scheduler_address.removeprefix("tls://")
        with runner(f"dask://{address}", security=security) as dask:
            dask.start([spec(0)])
            assert len(reports(dask, 1)) == 1
        with pytest.raises(ConnectionError, match="pass `security=`"):
            DaskRunner(f"dask://{address}", timeout=2)


def test_a_client_that_was_given_stays_open(cluster: Any) -> None:
    with distributed.Client(cluster, set_as_default=False) as client:
        with runner(client) as dask:
            assert dask.client is client
            assert dask.name == f"dask://{cluster.scheduler_address.removeprefix('tcp://')}"
        assert client.status == "running"
    with runner(cluster) as dask:
        ours = dask.client
    assert ours.status == "closed"


def test_where_no_scheduler_is() -> None:
    port = servers.free_port()
    with pytest.raises(
        ConnectionError, match=f"no Dask scheduler answers at `dask://127.0.0.1:{port}`"
    ):
        DaskRunner(f"dask://127.0.0.1:{port}", timeout=1)
    with pytest.raises(ValueError, match="is no address of a Dask scheduler"):
        DaskRunner("dask://")
    with pytest.raises(TypeError, match="`int` is neither a Dask client nor a cluster"):
        DaskRunner(3)


def test_a_scheduler_that_goes_away_is_an_error_not_a_wait(tmp_path: Path) -> None:
    with scheduler(tmp_path) as (address, process), worker(address, tmp_path):
        with distributed.Client(f"tcp://{address}", set_as_default=False) as client:
            client.wait_for_workers(1, timeout=PATIENCE)
        with runner(f"dask://{address}") as dask:
            dask.start([spec(0, wait_for=str(tmp_path / "never"))])
            process.kill()
            deadline = time.monotonic() + PATIENCE
            told = ""
            while not told and time.monotonic() < deadline:
                try:
                    dask.report(1.0)
                except errors.WindrowError as error:
                    told = str(error)
            assert told.startswith(f"the Dask scheduler of `dask://{address}` is gone\nhint: ")


def test_workers_with_another_build_are_refused_with_both(tmp_path: Path) -> None:
    package = tmp_path / "other/windrow"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "_native.py").write_text(
        "__version__ = '0.0.1'\ndef fingerprint():\n    return 'another'\n"
    )
    with (
        scheduler(tmp_path) as (address, _),
        worker(address, tmp_path, path=[str(package.parent)]),
        distributed.Client(f"tcp://{address}", set_as_default=False) as client,
    ):
        client.wait_for_workers(1, timeout=PATIENCE)
        with pytest.raises(errors.WindrowError) as caught:
            DaskRunner(client)
    told = str(caught.value)
    assert "has not what this program has:\n  windrow: `" in told
    assert "` here, `0.0.1` there\n" in told
    assert "` here, `another` there\n" in told
    assert "  python: " not in told, "what is the same is not shown"


def test_modules_of_the_script_travel_and_new_ones_replace_old(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "helper.py").write_text("ANSWER = 1\n")
    script = mine / "script.py"
    script.write_text(
        "import sys, json\n"
        "import helper\n"
        "from windrow.runners.dask import DaskRunner\n"
        "def execute(spec):\n"
        "    import helper\n"
        "    return str(helper.ANSWER).encode()\n"
        "runner = DaskRunner(sys.argv[1], execute=execute)\n"
        "task = {'stage': 1, 'epoch': 0, 'partition': 0, 'round': 0}\n"
        "attempt = {'task': task, 'driver': 0, 'number': 0}\n"
        "run = str(helper.ANSWER)\n"
        "runner.start([json.dumps({'run': run, 'attempt': attempt}).encode()])\n"
        "print(runner.report(60)[0][2])\n"
        "runner.close()\n"
    )
    with scheduler(tmp_path) as (address, _), worker(address, tmp_path):
        assert run_script(script, f"dask://{address}") == "b'1'\n"
        (mine / "helper.py").write_text("ANSWER = 2\n")
        assert run_script(script, f"dask://{address}") == "b'2'\n"


def test_only_local_modules_are_packed() -> None:
    packed = modules.local_modules()
    assert packed is not None
    assert "dask_tasks" in packed.names
    assert not {"pytest", "json", "windrow", "distributed"} & set(packed.names)
    assert modules.local_modules() == packed, "the same files make the same zip"


def test_attempts_are_named_as_in_the_files_of_a_run() -> None:
    task = {"stage": 3, "epoch": 0, "partition": 17, "round": 1}
    assert attempt_name({"task": task, "driver": 0, "number": 2}) == "3.e0.17.r1.a0-2"


def run_script(script: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, script, *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env=python_environment(),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def python_environment(path: list[str] | None = None) -> dict[str, str]:
    package = str(Path(errors.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*(path or []), package])}


@contextmanager
def scheduler(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A scheduler as a site starts it."""
    port = servers.free_port()
    options = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    with dask_process(["scheduler", *options], folder) as process:
        eventually(lambda: servers.answers(port))
        yield f"127.0.0.1:{port}", process


@contextmanager
def worker(address: str, folder: Path, path: list[str] | None = None) -> Iterator[None]:
    """A worker that shares nothing with this process but the machine."""
    options = ["--nthreads", "1", "--no-dashboard", "--no-nanny", "--local-directory", str(folder)]
    with dask_process(["worker", f"tcp://{address}", *options], folder, path):
        yield


@contextmanager
def dask_process(
    arguments: list[str], folder: Path, path: list[str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]]
    with (folder / f"{arguments[0]}.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=folder, env=python_environment(path)
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
