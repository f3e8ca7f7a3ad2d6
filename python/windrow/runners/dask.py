"""Tasks on a Dask cluster: a thin adapter over `distributed`.

Each task is a call on a warm worker, or one of a few short ones that share a call. Placement,
retries, lost workers, scaling and security are Dask's; that a task may then run twice is harmless,
as the first output that is committed counts.
"""

from __future__ import annotations

import json
import queue
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from windrow import errors
from windrow.runners.dask_bundles import Bundles, Task, failed, run_tasks
from windrow.runners.modules import LocalModules, local_modules

try:
    import distributed
    from distributed.diagnostics.plugin import WorkerPlugin
except ImportError as error:
    message = "Dask is not installed here\nhint: pip install 'windrow[dask]'"
    raise ImportError(message) from error

# What became of an attempt: its name, a kind, and the outcome's JSON or the reason as text.
Report = tuple[str, str, bytes | str]

SCHEME = "dask://"

# A stage that reads less is done here before scheduler and workers have passed its tasks around.
_NEAR_BYTES = 4 << 20
# For so many seconds what the cluster has is not asked for again.
_KNOWN = 0.5


@dataclass(eq=False)
class _Call:
    """A call that runs some attempts."""

    names: list[str]
    future: Any
    #: Those that have not been cancelled.
    wanted: set[str]


class DaskRunner:
    """Runs tasks on a Dask cluster.

    Parameters
    ----------
    target
        `"dask://host:port"`, a `distributed.Client`, or a cluster object (`LocalCluster`, those of
        dask-jobqueue and dask-kubernetes). Only a client that was made here is closed.
    resources
        What each task needs of the workers' abstract resources, as in `Client.submit`.
    options
        For `Client.submit` (`workers`, `priority`, `retries`, …); `security` and `timeout` are for
        the client when it is made here.
    execute
        Makes an outcome of a spec, on a worker; the native one unless a test says otherwise.
    """

    def __init__(
        self,
        target: Any,
        *,
        resources: dict[str, float] | None = None,
        security: Any = None,
        timeout: float = 10.0,
        execute: Callable[[bytes], bytes] | None = None,
        **options: Any,
    ) -> None:
        self._client, self._owned, self.name = _client(target, security, timeout)
        self._options = {"retries": 2, **options, "resources": resources}
        self._execute = execute or execute_task
        self._ended: queue.SimpleQueue[_Call] = queue.SimpleQueue()
        self._drained: list[_Call] = []
        self._calls: dict[str, _Call] = {}
        self._bundles = Bundles()
        self._under_way = 0
        self._known: dict[str, Any] = {}
        self._asked = 0.0
        self._modules: LocalModules | None = None
        try:
            self._compare_builds()
            self._send_modules()
        except BaseException:
            self.close()
            raise

    @property
    def client(self) -> Any:
        """The `distributed.Client`."""
        return self._client

    @property
    def options(self) -> dict[str, Any]:
        """The options of `Client.submit`."""
        return self._options

    def capabilities(self) -> dict[str, Any]:
        """What the cluster has now: threads in all, and memory for each of them in bytes."""
        now = time.monotonic()
        if not self._known or now > self._asked + _KNOWN:
            self._known, self._asked = self._ask(), now
        return dict(self._known)

    def _ask(self) -> dict[str, Any]:
        # Nothing while the scheduler is away.
        workers = self._client.scheduler_info(n_workers=-1).get("workers", {}).values()
        threads = sum(worker["nthreads"] for worker in workers)
        shares = [
            worker["memory_limit"] // max(worker["nthreads"], 1)
            for worker in workers
            if worker["memory_limit"]
        ]
        return {
            "at_once": max(threads, 1),
            "whole_stages": True,
            "near_bytes": _NEAR_BYTES,
            "memory_bytes": min(shares, default=None),
        }

    def start(self, specs: Iterable[bytes]) -> None:
        """Hand tasks over, nearly at once so that a cluster that scales sees what is to be done."""
        tasks = [(*_name(spec), bytes(spec)) for spec in specs]
        self._submit(self._bundles.add(tasks, self._threads()))

    def _threads(self) -> int:
        return int(self.capabilities()["at_once"])

    def _submit(self, bundles: list[list[Task]]) -> None:
        if not bundles:
            return
        # One message for all of them: the scheduler takes longer for a message than for a task.
        futures = self._client.map(
            partial(run_tasks, self._execute),
            [[spec for _, _, spec in bundle] for bundle in bundles],
            key=[f"windrow-{run}-{name}" for (run, name, _), *_ in bundles],
            pure=False,
            **self._options,
        )
        self._under_way += len(bundles)
        for bundle, future in zip(bundles, futures, strict=True):
            names = [name for _, name, _ in bundle]
            call = _Call(names, future, set(names))
            self._calls.update(dict.fromkeys(names, call))
            future.add_done_callback(lambda _, call=call: self._ended.put(call))

    def report(self, wait: float) -> list[Report]:
        """What has ended, after waiting for something for at most `wait` seconds.

        Raises
        ------
        windrow.errors.WindrowError
            When the scheduler is gone.
        """
        deadline = time.monotonic() + wait
        self._submit(self._bundles.ready(self._threads(), self._under_way))
        self._drain(deadline)
        # Without its scheduler a client calls all futures cancelled, and tries to find it again.
        while self._client.status == "connecting":
            if time.monotonic() >= deadline:
                return []
            time.sleep(0.05)
        if self._client.status != "running":
            message = f"the Dask scheduler of `{self.name}` is gone"
            hint = "hint: look at its log; a run with a durable exchange can be resumed"
            raise errors.WindrowError(f"{message}\n{hint}")
        ended, self._drained = self._drained, []
        finished = [call for call in ended if call.future.status == "finished"]
        # One round trip for all that have ended; a worker may have died since.
        futures = {at: call.future for at, call in enumerate(finished)}
        answers = self._client.gather(futures, errors="skip") if futures else {}
        given = {finished[at]: answer for at, answer in answers.items()}
        self._under_way -= len(ended)
        told = [report for call in ended for report in self._told(call, given.get(call))]
        self._submit(self._bundles.ready(self._threads(), self._under_way))
        return told

    def _drain(self, deadline: float) -> None:
        """Collect what has ended; wait for the first."""
        while True:
            rest = 0.0 if self._drained else deadline - time.monotonic()
            try:
                # Short waits, so that a scheduler that goes away is noticed.
                call = self._ended.get(rest > 0, min(rest, 0.5) if rest > 0 else None)
            except queue.Empty:
                if rest <= 0 or self._client.status != "running":
                    return
                continue
            # Attempts that were cancelled are not told of any more.
            if call.wanted:
                self._drained.append(call)

    def _told(self, call: _Call, answer: tuple[list[bytes | str], float] | None) -> list[Report]:
        wanted = [name for name in call.names if name in call.wanted]
        for name in wanted:
            self._calls.pop(name, None)
        if answer is None:
            why = reason(call.future)
            return [(name, "lost", why) for name in wanted]
        outcomes, seconds = answer
        self._bundles.took(seconds)
        each = zip(call.names, outcomes, strict=True)
        return [
            (name, "ended" if isinstance(outcome, bytes) else "lost", outcome)
            for name, outcome in each
            if name in call.wanted
        ]

    def cancel(self, attempts: Iterable[str]) -> None:
        """Drop attempts. One that a worker is at goes on, and nobody listens to it."""
        dropped = []
        for name in attempts:
            self._bundles.drop(name)
            if call := self._calls.pop(name, None):
                call.wanted.discard(name)
                if not call.wanted:
                    dropped.append(call)
        self._drained = [call for call in self._drained if call.wanted]
        self._under_way -= len(dropped)
        if dropped:
            self._client.cancel([call.future for call in dropped], force=True)

    def close(self) -> None:
        """Drop what is left, and the client if it was made here."""
        with suppress(Exception):  # the scheduler may be gone
            if self._calls:
                left = [call.future for call in set(self._calls.values())]
                self._client.cancel(left, force=True)
            if self._modules:
                self._client.unregister_worker_plugin(self._modules.name)
        self._calls.clear()
        self._modules = None
        if self._owned:
            with suppress(Exception):  # as above
                self._client.close()

    def _compare_builds(self) -> None:
        """Refuse workers whose windrow or Python is another; those that come later refuse tasks."""
        if not self._client.scheduler_info(n_workers=-1)["workers"]:
            return
        here = _build()
        probe = _probe()
        for address, answer in self._client.run(probe, on_error="return").items():
            failed = isinstance(answer, BaseException)
            there = {"windrow": f"cannot be imported ({answer})"} if failed else answer
            if differing := [key for key in here if here[key] != there.get(key)]:
                raise errors.WindrowError(_difference(address, differing, here, there))

    def _send_modules(self) -> None:
        self._modules = local_modules()
        if self._modules:
            self._client.register_plugin(_Modules(self._modules), name=self._modules.name)


def execute_task(spec: bytes) -> bytes:
    """Run a task on this worker; gives its outcome."""
    from windrow import _native

    return _native.execute_task(spec)


def _name(spec: bytes) -> tuple[str, str]:
    """Give the run and the name of the attempt that a spec describes."""
    described = json.loads(spec)
    return described["run"], attempt_name(described["attempt"])


def attempt_name(attempt: dict[str, Any]) -> str:
    """Give the name of an attempt as in the files of a run: `3.e0.17.r1.a0-2`."""
    task = attempt["task"]
    place = f"{task['stage']}.e{task['epoch']}.{task['partition']}.r{task['round']}"
    return f"{place}.a{attempt['driver']}-{attempt['number']}"


def _client(target: Any, security: Any, timeout: float) -> tuple[Any, bool, str]:
    """Give a client, whether it is ours, and its name for people."""
    if isinstance(target, distributed.Client):
        return target, False, f"{SCHEME}{_without_scheme(target.scheduler.address)}"
    if isinstance(target, str):
        host = target.removeprefix(SCHEME).rstrip("/")
        if not target.startswith(SCHEME) or not host:
            message = f"`{target}` is no address of a Dask scheduler\nhint: `dask://host:8786`"
            raise ValueError(message)
        address = f"{'tls' if security else 'tcp'}://{host if ':' in host else f'{host}:8786'}"
    elif hasattr(target, "scheduler_address"):
        address = target
    else:
        message = (
            f"`{type(target).__name__}` is neither a Dask client nor a cluster\n"
            "hint: pass `dask://host:8786`, a `distributed.Client` or a cluster object"
        )
        raise TypeError(message)
    given = {"security": security} if security else {}
    try:
        client = distributed.Client(address, timeout=timeout, set_as_default=False, **given)
    except (OSError, TimeoutError) as error:
        shown = target if isinstance(target, str) else target.scheduler_address
        message = (
            f"no Dask scheduler answers at `{shown}`: {error}\n"
            "hint: check host and port, and pass `security=` when the cluster uses TLS"
        )
        raise ConnectionError(message) from error
    return client, True, f"{SCHEME}{_without_scheme(client.scheduler.address)}"


def _without_scheme(address: str) -> str:
    return address.partition("://")[2] or address


def _build() -> dict[str, str]:
    from windrow import _native

    return {
        "windrow": _native.__version__,
        "build": _native.fingerprint(),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
    }


def _probe() -> Callable[[], dict[str, str]]:
    """Give a function that is sent by value: a worker without windrow can still answer."""

    def probe() -> dict[str, str]:
        import sys

        found = {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}
        try:
            from windrow import _native

            found["windrow"] = _native.__version__
            found["build"] = _native.fingerprint()
        except (ImportError, AttributeError) as error:
            found["windrow"] = f"cannot be imported ({error})"
        return found

    return probe


def _difference(
    address: str, differing: list[str], here: dict[str, str], there: dict[str, str]
) -> str:
    sides = "\n".join(
        f"  {key}: `{here[key]}` here, `{there.get(key, 'not there')}` there" for key in differing
    )
    return (
        f"the Dask worker at `{address}` has not what this program has:\n{sides}\n"
        "hint: install the same windrow and Python on the workers as here"
    )


def is_killed(future: Any) -> bool:
    """Whether the task has ended its workers, one after the other."""
    return future.status == "error" and isinstance(future.exception(), distributed.KilledWorker)


def reason(future: Any) -> str:
    """Say in words why there is no outcome."""
    if future.status in ("cancelled", "lost"):
        return "was dropped by the Dask scheduler"
    error = future.exception() if future.status == "error" else None
    if isinstance(error, distributed.KilledWorker):
        return f"its workers died again and again, likely out of memory: {error}"
    if error is None:
        return "its result was lost with its Dask worker"
    return failed(error)


class _Modules(WorkerPlugin):  # type: ignore[misc]  # distributed has no types
    """Puts the zip of the user's modules on the path of every worker, also of those to come."""

    def __init__(self, modules: LocalModules) -> None:
        self.modules = modules

    def setup(self, worker: Any) -> None:
        """Write the zip, and forget modules that came with an earlier one."""
        path = Path(worker.local_directory) / self.modules.name
        path.write_bytes(self.modules.content)
        sys.path.insert(0, str(path))
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None) or ""
            ours = "windrow-modules-" in file and not file.startswith(str(path))
            if ours and name.partition(".")[0] in self.modules.names:
                del sys.modules[name]

    def teardown(self, worker: Any) -> None:
        """Take the zip off the path."""
        path = str(Path(worker.local_directory) / self.modules.name)
        sys.path[:] = [entry for entry in sys.path if entry != path]
