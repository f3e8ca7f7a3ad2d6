"""A real Slurm of a few nodes on this machine, in a folder of its own: `with cluster(folder) as s`.

As a program, `python cluster.py FOLDER` starts it, prints the path of its slurm.conf and waits
until its standard input ends; then it stops everything that it started.

Munge has its own socket and key and Slurm its own ports, so nothing of the machine is touched.
"""

from __future__ import annotations

import getpass
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel")
PATIENCE = 60.0

CONFIGURATION = """\
ClusterName=windrow
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
MpiDefault=none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1
MaxArraySize={largest_array}
ReturnToService=2
KillWait=2
SlurmdParameters=config_overrides
NodeName=DEFAULT CPUs=2 RealMemory=4000 State=UNKNOWN
NodeName=n[1-{nodes}] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{first}-{last}]
PartitionName=main Nodes=ALL Default=YES MaxTime=1-00:00:00 State=UP
PartitionName=short Nodes=ALL MaxTime=00:02:00 State=UP
"""


class CannotStartError(RuntimeError):
    """Slurm is installed, and does not run on this machine: in some containers it may not."""


def missing() -> list[str]:
    """What of Slurm this machine does not have."""
    return [program for program in PROGRAMS if _program(program) is None]


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@dataclass
class Slurm:
    """A running Slurm; `environment` makes the commands find it."""

    folder: Path
    nodes: int

    @property
    def configuration(self) -> Path:
        return self.folder / "slurm.conf"

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "SLURM_CONF": str(self.configuration)}

    def run(self, *command: str) -> str:
        """The output of one of Slurm's commands; an error when it fails."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=30, check=False
        )
        if done.returncode:
            raise RuntimeError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
        return done.stdout

    def wait_for_nodes(self) -> None:
        deadline = time.monotonic() + PATIENCE
        state = ""
        while time.monotonic() < deadline:
            with suppress(RuntimeError, subprocess.TimeoutExpired):
                state = self.run("sinfo", "-h", "-N", "-p", "main", "-o", "%T")
                if state.split() == ["idle"] * self.nodes:
                    return
            time.sleep(0.2)
        raise CannotStartError(f"the nodes did not come up: {state}\n{_tail(self.folder / 'log')}")


@contextmanager
def for_tests(folder: Path, *, nodes: int = 4) -> Iterator[Slurm]:
    """As `cluster`, and all commands find it; where it cannot be, what needs it is skipped."""
    import pytest

    if absent := missing():
        pytest.skip(f"no {', '.join(absent)} here; hint: apt-get install slurm-wlm munge")
    with ExitStack() as stack:
        try:
            running = stack.enter_context(cluster(folder, nodes=nodes))
        except CannotStartError as error:
            pytest.skip(f"Slurm does not start here: {error}")
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("SLURM_CONF", str(running.configuration))
        yield running


@contextmanager
def cluster(folder: Path, *, nodes: int = 4, largest_array: int = 1001) -> Iterator[Slurm]:
    """Start munge, a controller and `nodes` nodes of 2 cores; stop them by their ids afterwards."""
    slurm = Slurm(folder, nodes)
    _prepare(slurm, largest_array)
    started: list[subprocess.Popen[bytes]] = []
    conf = str(slurm.configuration)
    try:
        started.append(_munge(folder))
        started.append(_start(folder, slurm, "slurmctld", "-D", "-f", conf))
        started += [
            _start(folder, slurm, "slurmd", "-D", "-N", f"n{number}", "-f", conf)
            for number in range(1, nodes + 1)
        ]
        slurm.wait_for_nodes()
        yield slurm
    finally:
        _end_jobs(slurm)
        for process in reversed(started):
            _stop(process)


def _prepare(slurm: Slurm, largest_array: int) -> None:
    folder = slurm.folder
    for name in ("state", "log", *(f"spool/n{number}" for number in range(1, slurm.nodes + 1))):
        (folder / name).mkdir(parents=True, exist_ok=True)
    first = _free_ports(slurm.nodes + 1)
    text = CONFIGURATION.format(
        host=socket.gethostname(),
        user=getpass.getuser(),
        folder=folder,
        nodes=slurm.nodes,
        port=first,
        first=first + 1,
        last=first + slurm.nodes,
        largest_array=largest_array,
    )
    slurm.configuration.write_text(text)


def _free_ports(count: int) -> int:
    """The first of `count` ports in a row that nobody listens on."""
    for first in range(17000 + os.getpid() % 200 * 16, 32000, 16):
        with suppress(OSError):
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return first
    raise RuntimeError("there are no free ports")


def _munge(folder: Path) -> subprocess.Popen[bytes]:
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(1024))
    files = {"socket": "munge.socket", "pid-file": "munge.pid", "log-file": "log/munge.log"}
    options = [f"--{option}={folder / name}" for option, name in files.items()]
    options += [f"--key-file={key}", f"--seed-file={folder / 'munge.seed'}"]
    process = _spawn(folder, [_program("munged") or "munged", "--foreground", "--force", *options])
    deadline = time.monotonic() + PATIENCE
    while not (folder / "munge.socket").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            _stop(process)
            raise CannotStartError(f"munge did not start\n{_tail(folder / 'log')}")
        time.sleep(0.05)
    return process


def _start(folder: Path, slurm: Slurm, program: str, *options: str) -> subprocess.Popen[bytes]:
    command = [_program(program) or program, *options]
    return _spawn(folder, command, slurm.environment)


def _spawn(
    folder: Path, command: list[str], environment: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    with (folder / "log" / "output.log").open("ab") as log:
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _end_jobs(slurm: Slurm) -> None:
    with suppress(RuntimeError, subprocess.TimeoutExpired):
        jobs = slurm.run("squeue", "-h", "-o", "%A").split()
        if jobs:
            slurm.run("scancel", "--full", "--signal=KILL", *jobs)
            slurm.run("scancel", *jobs)
        deadline = time.monotonic() + 15
        while slurm.run("squeue", "-h", "-o", "%A").split() and time.monotonic() < deadline:
            time.sleep(0.2)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(folder: Path) -> str:
    texts = [(path, path.read_text(errors="replace")) for path in sorted(folder.glob("*.log"))]
    return "\n".join(f"== {path.name}\n{text[-1500:]}" for path, text in texts)


def main() -> None:
    """Keep a Slurm up until standard input ends."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    if absent := missing():
        sys.exit(f"missing: {', '.join(absent)}; hint: apt-get install slurm-wlm munge")
    largest = int(re.sub(r"\D", "", os.environ.get("WINDROW_TEST_MAX_ARRAY", "")) or 1001)
    try:
        with cluster(Path(sys.argv[1]).resolve(), largest_array=largest) as slurm:
            print(slurm.configuration, flush=True)
            sys.stdin.read()
    except CannotStartError as error:
        sys.exit(f"missing: a Slurm that starts here: {error}")


if __name__ == "__main__":
    main()
