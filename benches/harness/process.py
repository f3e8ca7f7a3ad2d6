"""Start the measured process, wait for it, watch its memory."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
MARK = "RESULT "
TIMEOUT = 1200
SAMPLE_SECONDS = 0.03


class FailedError(Exception):
    """A measured process failed; the message is its last line of complaint."""


def environment(cores: int, scratch: Path) -> dict[str, str]:
    """Give the environment of a measured process: found modules, ``cores`` threads, own scratch."""
    return os.environ | {
        "PYTHONPATH": str(ROOT),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(scratch),
        "POLARS_MAX_THREADS": str(cores),
        "OMP_NUM_THREADS": str(cores),
        "TMPDIR": str(scratch),
        "PYTHONWARNINGS": "ignore",
    }


def run(python: str, order: dict[str, Any], watch_memory: bool = False) -> dict[str, Any]:
    """Carry out ``order`` in a fresh process; with ``watch_memory`` add ``peak_bytes``."""
    with tempfile.TemporaryDirectory(prefix="windrow-bench-") as scratch:
        order = order | {"scratch": scratch}
        command = [python, "-m", "benches.harness.child", json.dumps(order)]
        output, peak = _watch(command, environment(order["cores"], Path(scratch)), watch_memory)
    figures: dict[str, Any] = json.loads(_marked(output))
    if watch_memory:
        figures["peak_bytes"] = peak
    return figures


def time_process(python: str, arguments: list[str], cores: int) -> tuple[str, float]:
    """Run ``benches.harness.once`` and give its answer and its seconds from start to exit."""
    with tempfile.TemporaryDirectory(prefix="windrow-bench-") as scratch:
        command = [python, "-m", "benches.harness.once", *arguments]
        started = time.perf_counter()
        output, _ = _watch(command, environment(cores, Path(scratch)), watch_memory=False)
        seconds = time.perf_counter() - started
    return _marked(output), seconds


def _watch(command: list[str], variables: dict[str, str], watch_memory: bool) -> tuple[str, int]:
    """Run a command in a session of its own and leave nothing of it behind.

    Its output goes to files: workers that outlive it would keep a pipe open.
    """
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        child = subprocess.Popen(
            command,
            env=variables,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
        watcher = PeakMemory(child.pid)
        if watch_memory:
            watcher.start()
        try:
            child.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            raise FailedError(f"gave no answer in {TIMEOUT} s") from None
        finally:
            watcher.stop()
            _end_session(child.pid)
            child.wait()
        if child.returncode != 0:
            errors.seek(0)
            lines = [line.strip() for line in errors if line.strip()]
            raise FailedError(lines[-1] if lines else f"exit code {child.returncode}")
        output.seek(0)
        return output.read(), watcher.peak


def _end_session(leader: int) -> None:
    """Kill what is left of the session that the measured process led."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def _marked(output: str) -> str:
    for line in output.splitlines():
        if line.startswith(MARK):
            return line.removeprefix(MARK)
    raise FailedError("ended without a result")


class PeakMemory(threading.Thread):
    """Samples the memory of a process and all its descendants.

    A page that several processes share counts once (proportional set size).
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.root = pid
        self.peak = 0
        self.ended = threading.Event()

    def run(self) -> None:
        """Sample until stopped."""
        while not self.ended.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, self._now())

    def stop(self) -> None:
        """Stop sampling."""
        self.ended.set()
        if self.is_alive():
            self.join()

    def _now(self) -> int:
        try:
            root = psutil.Process(self.root)
            pids = [self.root, *(child.pid for child in root.children(recursive=True))]
        except psutil.NoSuchProcess:
            return 0
        return sum(map(_proportional_bytes, pids))


def _proportional_bytes(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup") as rollup:
            for line in rollup:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass  # it has ended, or this is not Linux
    return 0
