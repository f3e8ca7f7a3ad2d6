"""Runners that go wrong, in a random but repeatable way: tasks twice, lost reports and files."""

from __future__ import annotations

import json
import queue
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from windrow import _native

Report = tuple[str, str, Any]


def attempt_name(spec: bytes) -> str:
    attempt = json.loads(spec)["attempt"]
    task = attempt["task"]
    place = f"{task['stage']}.e{task['epoch']}.{task['partition']}.r{task['round']}"
    return f"{place}.a{attempt['driver']}-{attempt['number']}"


class FaultRunner:
    """Carries tasks out in threads; `before` and `after` say what goes wrong with each.

    `before(spec)` may return a reason for which the attempt is lost without having run;
    `after(spec, outcome)` may return one for which nobody hears that it has run.
    """

    name = "faulty"

    def __init__(
        self,
        *,
        times: int = 1,
        near_bytes: int = 0,
        before: Callable[[dict[str, Any]], str | None] = lambda _: None,
        after: Callable[[dict[str, Any]], str | None] = lambda _: None,
    ) -> None:
        self.times = times
        self.near_bytes = near_bytes
        self.before = before
        self.after = after
        self.executed: list[str] = []
        self.outcomes: list[dict[str, Any]] = []
        self._threads = ThreadPoolExecutor(4)
        self._told: queue.SimpleQueue[Report] = queue.SimpleQueue()

    def capabilities(self) -> dict[str, Any]:
        return {"at_once": 4, "near_bytes": self.near_bytes}

    def start(self, specs: Sequence[bytes]) -> None:
        for spec in specs:
            name = attempt_name(spec)
            told = threading.Event()
            for _ in range(self.times):
                self._threads.submit(self._run, spec, name, told)

    def _run(self, spec: bytes, name: str, told: threading.Event) -> None:
        described = json.loads(spec)
        reason = self.before(described)
        if reason is None:
            self.executed.append(name)
            outcome = _native.execute_task(spec)
            self.outcomes.append(json.loads(outcome))
            reason = self.after(described)
            report: Report = (name, "ended", outcome)
        if reason is not None:
            report = (name, "lost", reason)
        if not told.is_set():
            told.set()
            self._told.put(report)

    def report(self, seconds: float) -> list[Report]:
        try:
            found = [self._told.get(timeout=seconds)]
        except queue.Empty:
            return []
        while not self._told.empty():
            found.append(self._told.get())
        return found

    def cancel(self, names: Sequence[str]) -> None:
        """Attempts that were cancelled go on; nobody listens to them."""

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)


def data_files(exchange: Path, stage: int | None = None) -> list[Path]:
    """The data of committed outputs, in a fixed order."""
    pattern = f"*/stages/{'*' if stage is None else stage}/*/*.arrow"
    return sorted(exchange.glob(pattern), key=lambda path: path.name.rsplit(".", 2)[0])


class Chance:
    """Random faults that are the same for the same seed and order of tasks."""

    def __init__(self, seed: int, exchange: Path) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._exchange = exchange
        self.left = 12

    def _falls(self, share: float) -> bool:
        with self._lock:
            if self.left == 0 or self._random.random() >= share:
                return False
            self.left -= 1
            return True

    def before(self, spec: dict[str, Any]) -> str | None:
        if self._falls(0.08):
            return "was killed by SIGKILL"
        if spec["inputs"] and self._falls(0.10):
            self._lose()
        return None

    def after(self, _: dict[str, Any]) -> str | None:
        if self._falls(0.05):
            self._lose()
        return "went away with its machine" if self._falls(0.06) else None

    def _lose(self) -> None:
        files = data_files(self._exchange)
        if files:
            with self._lock:
                chosen = self._random.choice(files)
            chosen.unlink(missing_ok=True)
