"""What `connect("slurm://partition", …)` hands to the native runner.

Submitting, watching and reading back is the runner's; here is what only Python knows: which
interpreter runs tasks, and the modules that lie beside the user's script.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from os import fspath
from pathlib import Path
from typing import Any

from windrow.runners.modules import local_modules

SCHEME = "slurm://"


def options(
    target: str, given: Mapping[str, Any], exchange: str, *, share_memory: bool
) -> dict[str, Any]:
    """Give the options of the native runner; modules are written where nodes find them.

    Parameters
    ----------
    target
        `"slurm://partition"`; `"slurm://"` is Slurm's default partition.
    given
        `time`, `mem`, `cpus`, `account`, `qos`, `constraint`, `at_once`, `sbatch`, `setup`,
        `folder`, `pilots` and `poll` as the runner reads them; `detach` and `dry_run`.
    exchange
        The folder or URL of the exchanges.
    share_memory
        Whether a task may use of `mem` what its Python leaves.

    Raises
    ------
    ValueError
        When there is no folder for scripts and logs.
    """
    settings = dict(given)
    detach = bool(settings.pop("detach", False))
    dry_run = bool(settings.pop("dry_run", False)) or os.environ.get("WINDROW_DRY_RUN") == "1"
    settings["partition"] = target.removeprefix(SCHEME).rstrip("/")
    if settings.get("folder") is not None:
        settings["folder"] = str(Path(fspath(settings["folder"])).expanduser().absolute())
    place = settings.get("folder") or exchange
    if "://" in place:
        raise ValueError(
            f"tasks on Slurm keep scripts, logs and outcomes in files, and `{place}` is no folder\n"
            'hint: pass `folder="/shared/me/runs"` as well, a folder that all nodes share'
        )
    home = Path(place) / f"client-{uuid.uuid4().hex[:12]}"
    settings["setup"] = [*_lines(settings.get("setup")), *_modules(home, write=not dry_run)]
    return {
        "command": [sys.executable, "-m", "windrow._cli"],
        "slurm": {
            "name": target,
            "settings": settings,
            "home": str(home),
            "detach": detach,
            "dry_run": dry_run,
            "share_memory": share_memory,
        },
    }


def goes_on(slurm: Mapping[str, Any], exchange: str) -> Callable[[], str | None] | None:
    """Give what tells, of a detached client, how to come back to the run that it was at last."""
    if not slurm["detach"]:
        return None
    folder = slurm["settings"].get("folder")

    def told() -> str | None:
        runs = []
        for path in Path(folder or exchange).glob("*/slurm.json"):
            # A run that is written or removed just now is none to come back to.
            with suppress(OSError, ValueError):
                if json.loads(path.read_text())["home"] == slurm["home"]:
                    runs.append(path.parent.name)
        if not runs:
            return None
        further = f" --folder {shlex.quote(folder)}" if folder else ""
        return (
            f"jobs of run `{max(runs)}` that were submitted go on\n"
            f"hint: windrow attach {max(runs)} --exchange {shlex.quote(exchange)}{further}"
        )

    return told


def refuse_processes(processes: int | None) -> None:
    """Say what is meant where somebody asks for processes: Slurm's jobs are none of this machine.

    Raises
    ------
    ValueError
        When `processes` is given.
    """
    if processes is not None:
        raise ValueError(
            "`processes` is of this machine, and tasks on Slurm are not\n"
            "hint: `at_once=` says how many tasks run at a time, `pilots=` how many jobs"
        )


def is_detached(given: Mapping[str, Any]) -> bool:
    """Tell whether jobs shall go on without their driver: their runs are kept, then."""
    return bool(given.get("detach", False))


def _lines(setup: Any) -> list[Any]:
    if setup is None:
        return []
    return setup.splitlines() if isinstance(setup, str) else list(setup)


def _modules(home: Path, *, write: bool) -> list[str]:
    """Put the zip of the user's modules beside the runs; gives the line that makes it known."""
    modules = local_modules()
    if modules is None:
        return []
    path = home / modules.name
    if write:
        try:
            home.mkdir(parents=True, exist_ok=True)
            path.write_bytes(modules.content)
        except OSError as error:
            raise ValueError(
                f"cannot write the program's modules to `{path}`: {error}\n"
                "hint: `exchange=` or `folder=` must be a folder that this machine can write"
            ) from error
    return [f"export PYTHONPATH={shlex.quote(str(path))}${{PYTHONPATH:+:$PYTHONPATH}}"]
