"""`connect`: the same program on threads, processes of this machine, or a cluster."""

from __future__ import annotations

import json
import os
import sys
import warnings
import weakref
from collections.abc import Callable
from os import PathLike, fspath
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from windrow import session

if TYPE_CHECKING:
    from windrow._native import Session, WorkerPool
    from windrow.runners.remote_pool import Carrier, RemotePool


# The client that is open, if one is.
_open: Client | None = None


class Client:
    """What frames run on; made by `connect`.

    A context manager: inside it, and until `close`, all that is computed runs as stages on it.
    """

    def __init__(
        self, name: str, exchange: str, owner: Session, runner: Any, processes: int | None
    ) -> None:
        self.name = name
        #: The folder or URL of what stages exchange; runs are folders in it.
        self.exchange = exchange
        #: Pools and executors whose calls run there.
        self.pools: weakref.WeakSet[RemotePool] = weakref.WeakSet()
        self._session: Session | None = owner
        self._runner, self._processes = runner, processes
        #: What to tell of a run that goes on without this program, asked when it is interrupted.
        self._goes_on: Callable[[], str | None] | None = None

    @property
    def is_remote(self) -> bool:
        """Whether tasks run elsewhere than on threads and processes of this machine."""
        return self._processes is None

    def at_once(self) -> int:
        """How many tasks run at a time, as far as is known now."""
        if self._processes is not None:
            return self._processes
        told = None if self._runner is None else self._runner.capabilities()["at_once"]
        return max(int(told or json.loads(self._owner().settings())["partitions"]), 1)

    def workers(self, count: int | None, options: dict[str, Any]) -> WorkerPool:
        """Give the workers of a new pool, at most `count` at a time, on what runs tasks."""
        from windrow.runners.remote_pool import RemotePool, refuse

        refuse(self.name, **options)
        pool = RemotePool(self._carrier, count)
        self.pools.add(pool)
        # It has the methods of one.
        return cast("WorkerPool", pool)

    def _carrier(self, pool: RemotePool) -> Carrier:
        """What takes the calls of a pool to where tasks run."""
        module = sys.modules.get("windrow.runners.dask")
        if module is not None and isinstance(self._runner, module.DaskRunner):
            from windrow.runners.dask_calls import DaskCalls

            return DaskCalls(self._runner, pool)
        from windrow.runners.stage_calls import StageCalls

        return StageCalls(self._owner(), self.name, self.at_once(), pool)

    def _owner(self) -> Session:
        if self._session is None:
            raise ValueError("the client is closed\nhint: connect again")
        return self._session

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if isinstance(error, KeyboardInterrupt) and self._goes_on is not None:
            note = self._goes_on()
            if note is not None:
                error.add_note(note)
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._session is None else f"exchange={self.exchange!r}"
        return f"<windrow.Client {self.name}, {state}>"

    def close(self) -> None:
        """End what runs tasks; what is computed from now on runs in this process."""
        global _open  # noqa: PLW0603 - one client is the default for all frames
        for pool in list(self.pools):
            pool.close(graceful=False)
        owner, self._session = self._session, None
        if owner is not None:
            if _open is self:
                _open = None
            owner.disconnect()


def current() -> Client | None:
    """The client that runs what is computed now, if one does."""
    if _open is None or _open._session is not session.current():
        return None
    return _open


def say_it_stays(what: str) -> None:
    """Warn that something runs on this machine although a client of a cluster is open."""
    found = current()
    if found is not None and found.is_remote:
        warnings.warn(
            f"{what} runs on the workers of this machine, not on `{found.name}`", stacklevel=3
        )


def connect(
    target: Any = "local",
    *,
    processes: int | None = None,
    durable: str | PathLike[str] | None = None,
    exchange: str | PathLike[str] | None = None,
    resume: bool | str | None = None,
    memory: int | None = None,
    **more: Any,
) -> Client:
    """Run what is computed from now on as stages of tasks, on `target`.

    Frames made before are included, and so is `mapreduce`. Calls of `Pool` and `Executor` made from
    now on run on a cluster's workers; for `"local"` and `"threads"` on processes of this machine,
    as always. Set what you want to set with `configure` first: it makes a new
    session, which this client is not part of.

    Parameters
    ----------
    target
        `"local"`: processes of this machine. `"threads"`: threads of this process.
        `"dask://host:8786"`, a `distributed.Client` or a cluster object: a Dask cluster.
        `"slurm://partition"`: array jobs of Slurm, or pilots; `time`, `mem`, `cpus`, `account` and
        more are its options, and `detach=True` lets jobs go on when this program ends.
        An object with `name`, `capabilities()`, `start(specs)`, `report(seconds)`, `cancel(names)`
        and `close()`: a runner of your own. `capabilities()` gives `at_once`, how many tasks it
        takes at a time, and perhaps `near_bytes`: a stage that reads no more than that, and neither
        joins nor calls your functions, is done by this process.
    processes
        How many processes run tasks; the number of workers in the settings when not given.
    durable
        A folder in which runs are kept: if this process dies, `windrow resume RUN` or the same
        program with `resume=True` runs only what was not done.
    exchange
        A folder or URL (`s3://bucket/prefix`) that all tasks reach. For `"local"` and `"threads"`
        a temporary folder when not given; what is in it goes with the run unless `durable` is set.
    resume
        `True`: a run of the folder that did the same work is continued. An id: that run is.
    memory
        Bytes that a task may use; beyond it operators spill. A share of the settings' memory when
        not given.
    more
        Options of the target, as its runner takes them.

    Returns
    -------
    Client
        A context manager with `close()`.

    Raises
    ------
    ValueError
        For a target or an option that is not known.

    Examples
    --------
    >>> with wr.connect("local", processes=2, durable="runs"):
    ...     totals = df.groupby("city").sum().compute()
    """
    global _open  # noqa: PLW0603
    owner = session.current()
    if _open is not None and _open._session is owner:
        raise ValueError(
            f"a client is open already: {_open!r}\nhint: close it first, or use `with connect(...)`"
        )
    settings = json.loads(owner.settings())
    kind, runner = _runner(target, more)
    count = settings["workers"] if processes is None else processes
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"`processes` is `{count!r}`\nhint: give a whole number from 1 on")
    folder = _exchange(kind, owner, durable, exchange)
    options: dict[str, Any] = {
        "kind": kind,
        "exchange": folder,
        "durable": durable is not None,
        # What goes with the run and stays on this machine is written faster than compressed.
        "compress": durable is not None or exchange is not None,
        "resume": resume,
        "memory_bytes": memory or _share(runner) or settings["memory"] // max(count, 1),
        "processes": count,
    }
    if kind == "processes":
        options["command"] = [sys.executable, "-m", "windrow._cli", "task", "--serve"]
        # Modules beside the user's script are found by their tasks, too.
        places = [place or os.getcwd() for place in sys.path]
        options["environment"] = {"PYTHONPATH": os.pathsep.join(places)}
        options["one_task_each"] = bool(more.pop("one_task_each", False))
    goes_on = None
    if kind == "slurm":
        from windrow.runners import slurm

        slurm.refuse_processes(processes)
        options["durable"] |= slurm.is_detached(more)
        options |= slurm.options(str(target), more, folder, share_memory=memory is None)
        goes_on = slurm.goes_on(options["slurm"], folder)
        more.clear()
    if more and runner is None:
        name = next(iter(more))
        raise ValueError(f"`connect` has no option `{name}` for `{target}`")
    owner.connect(json.dumps(options), runner)
    near = kind in ("threads", "processes")
    name = target if isinstance(target, str) else getattr(runner, "name", kind)
    _open = Client(name, folder, owner, runner, count if near else None)
    _open._goes_on = goes_on
    return _open


def _share(runner: Any) -> int | None:
    """The memory of a task on another system, where its runner tells it."""
    if runner is None:
        return None
    share: int | None = runner.capabilities().get("memory_bytes")
    # The task's Python lives in it as well.
    return share * 7 // 10 if share else None


def _runner(target: Any, more: dict[str, Any]) -> tuple[str, Any]:
    """The kind of runner, and the runner itself where Python brings it."""
    if target == "local":
        return "processes", None
    if target == "threads":
        return "threads", None
    if isinstance(target, str) and target.startswith("slurm://"):
        return "slurm", None
    for found, make in _ADAPTERS:
        if found(target):
            runner = make(target, more)
            more.clear()
            return "python", runner
    if all(
        hasattr(target, name) for name in ("capabilities", "start", "report", "cancel", "close")
    ):
        return "python", target
    if isinstance(target, str) and target.partition("://")[0] in ("spark", "ray"):
        name = target.partition("://")[0].capitalize()
        raise NotImplementedError(
            f"tasks on {name} (`{target}`) cannot be run from `connect` yet\n"
            'hint: "local", "threads", "slurm://partition" and "dask://host:port" are there'
        )
    raise ValueError(
        f"`connect` does not know the target `{target}`\n"
        'hint: it can be "local", "threads", "slurm://partition" or "dask://host:port"'
    )


def _is_dask(target: Any) -> bool:
    if isinstance(target, str):
        return target.startswith("dask://")
    modules = {base.__module__.partition(".")[0] for base in type(target).__mro__}
    return bool(modules & {"distributed", "dask_jobqueue", "dask_kubernetes", "dask_cloudprovider"})


def _dask(target: Any, more: dict[str, Any]) -> Any:
    try:
        from windrow.runners.dask import DaskRunner
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("windrow"):
            raise NotImplementedError("tasks on Dask cannot be run yet in this build") from error
        raise
    return DaskRunner(target, **more)


# What an adapter takes, and how it is made.
_ADAPTERS: list[tuple[Callable[[Any], bool], Callable[[Any, dict[str, Any]], Any]]] = [
    (_is_dask, _dask),
]


def _exchange(
    kind: str,
    owner: Session,
    durable: str | PathLike[str] | None,
    exchange: str | PathLike[str] | None,
) -> str:
    given = durable if exchange is None else exchange
    if durable is not None and exchange is not None and fspath(durable) != fspath(exchange):
        raise ValueError(
            "`durable` and `exchange` name two folders\nhint: a durable run is kept in its exchange"
        )
    if given is None:
        if kind in ("python", "slurm"):
            raise ValueError(
                "tasks on other machines need a place that all of them reach\n"
                'hint: pass `exchange=`, a shared folder or a URL such as "s3://bucket/prefix"'
            )
        folder = Path(owner.scratch) / "exchange"
        folder.mkdir(exist_ok=True)
        return str(folder)
    text = fspath(given)
    if "://" in text:
        return text
    path = Path(text).expanduser().absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"cannot make the folder `{path}` for exchanges: {error}") from error
    return str(path)
