"""Progress in notebooks: a bar under the cell, updated in place while a run lasts."""

from __future__ import annotations

import json
import sys
from html import escape
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from windrow._native import Session

#: A run that is over sooner shows no bar, in milliseconds.
DELAY = 1000
#: The least time between two updates, in milliseconds.
TICK = 200


class Handle(Protocol):
    """What IPython gives for something that was displayed."""

    def update(self, bundle: dict[str, str], *, raw: bool) -> None:
        """Show `bundle` (MIME type to content) in its place."""


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook (not a terminal, not plain Python)."""
    # A notebook has imported IPython long before us: nothing is imported to find out.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def attach(session: Session, progress: bool | None = None) -> None:
    """Show the runs of `session` under the cell if this is a notebook.

    Parameters
    ----------
    session
        Whose events are shown.
    progress
        The setting: False shows nothing.
    """
    if progress is not False and in_notebook():
        session.on_event(NotebookBar().observe_json)


class NotebookBar:
    """Shows one run at a time; it comes after a second and ends as one line.

    Parameters
    ----------
    display
        Shows a MIME bundle and gives the handle to update it; IPython's when not given.
    """

    def __init__(self, display: Callable[[dict[str, str]], Handle] | None = None) -> None:
        self._display = display or _ipython_display
        self._handle: Handle | None = None
        self._run: _Run | None = None

    def observe_json(self, event: str) -> None:
        """Take notice of an event as JSON."""
        self.observe(json.loads(event))

    def observe(self, event: dict[str, Any]) -> None:
        """Take notice of an event: a dict with `event` (its kind), `at` (ms) and its fields."""
        kind = event["event"]
        if kind == "output":
            # In a notebook these are the streams of the cell.
            stream = sys.stdout if event["stream"] == "stdout" else sys.stderr
            stream.write(event["line"] + "\n")
        elif kind == "run_started" and self._run is None:
            self._run = _Run(event)
        elif self._run is not None and event.get("run") == self._run.id:
            self._follow(self._run, kind, event)

    def _follow(self, run: _Run, kind: str, event: dict[str, Any]) -> None:
        if kind == "stage_started":
            run.stage = _Stage(event)
        elif kind == "progress":
            run.progress(event)
            if run.is_due(event["at"]):
                self._show(run.bundle(event["at"]))
        elif kind == "run_finished":
            if self._handle is not None:
                self._show(run.summary(event))
            self._handle = self._run = None

    def _show(self, bundle: dict[str, str]) -> None:
        if self._handle is None:
            self._handle = self._display(bundle)
        else:
            self._handle.update(bundle, raw=True)


def _ipython_display(bundle: dict[str, str]) -> Handle:
    from IPython import display

    show: Any = display.display  # it has no types
    handle: Handle = show(bundle, raw=True, display_id=True)
    return handle


class _Stage:
    """How far a stage is."""

    def __init__(self, event: dict[str, Any]) -> None:
        self.name: str = event.get("name", "")
        self.started: int = event["at"]
        self.rows = self.bytes = self.tasks = 0
        self.unit: str = event.get("unit", "rows")
        self.rows_total: int | None = event.get("rows_total")
        self.bytes_total: int | None = event.get("bytes_total")
        self.tasks_total: int = event.get("partitions", 0)

    def progress(self, event: dict[str, Any]) -> None:
        self.rows, self.bytes = event["rows"], event["bytes"]
        self.tasks = event.get("tasks_done", 0)
        self.rows_total = event.get("rows_total") or self.rows_total
        self.bytes_total = event.get("bytes_total") or self.bytes_total
        self.tasks_total = event.get("tasks_total", self.tasks_total)

    def measure(self) -> tuple[int, int | None, Callable[[int], str], str]:
        """What is done, the total if that is known, how numbers are shown, and their unit.

        By rows if their total is known, else by bytes, else by tasks, as on a terminal.
        """
        if self.rows_total:
            return self.rows, self.rows_total, count, f" {self.unit}"
        if self.bytes_total:
            return self.bytes, self.bytes_total, size, ""
        if self.tasks_total > 1:
            return self.tasks, self.tasks_total, count, " tasks"
        if self.bytes and not self.rows:
            return self.bytes, None, size, ""
        return self.rows, None, count, f" {self.unit}"

    def fraction(self) -> float | None:
        done, total, _, _ = self.measure()
        # An estimate may be too small: only its end says that a run is done.
        return min(done / total, 0.99) if total else None

    def describe(self, at: int) -> str:
        """`2.25 M of 5.00 M rows · 1.20 M rows/s · 2.3 s left`."""
        seconds = max(at - self.started, 1) / 1000
        done, total, show, unit = self.measure()
        known = total is not None and total >= done
        parts = [f"{show(done)} of {show(total or 0)}{unit}" if known else f"{show(done)}{unit}"]
        if unit == " tasks":
            if self.rows:
                parts.append(f"{count(self.rows)} {self.unit}")
        elif done:
            rate = done / seconds
            parts.append(f"{f'{rate:.1f}' if rate < 9.95 else show(int(rate))}{unit}/s")
        if known and done:
            parts.append(f"{duration(((total or 0) - done) / done * seconds)} left")
        else:
            parts.append(duration(seconds))
        return " · ".join(parts)


class _Run:
    """What is known of the run that is shown."""

    def __init__(self, event: dict[str, Any]) -> None:
        self.id: str = event["run"]
        self.name: str = event.get("name", "")
        self.stage: _Stage | None = None
        self._shown: int = event["at"] + DELAY - TICK

    def progress(self, event: dict[str, Any]) -> None:
        if self.stage is None:
            self.stage = _Stage(event)
        self.stage.progress(event)

    def is_due(self, at: int) -> bool:
        if at - self._shown < TICK:
            return False
        self._shown = at
        return True

    def bundle(self, at: int) -> dict[str, str]:
        stage = self.stage
        fraction = stage.fraction() if stage else None
        name = (stage.name if stage else "") or self.name
        text = stage.describe(at) if stage else ""
        value = "" if fraction is None else f' value="{fraction:.3f}"'
        percent = "" if fraction is None else f"{fraction:.0%}  "
        return {
            "text/plain": f"{name}  {percent}{text}",
            "text/html": (
                f"<div><code>{escape(name)}</code> "
                f'<progress max="1"{value} style="width: 16em; vertical-align: middle"></progress> '
                f"<small>{escape(percent + text)}</small></div>"
            ),
        }

    def summary(self, event: dict[str, Any]) -> dict[str, str]:
        state = event["status"]["state"]
        time = duration(event["seconds"])
        unit = self.stage.unit if self.stage else "rows"
        rows = f"1 {unit[:-1]}" if event["rows"] == 1 else f"{count(event['rows'])} {unit}"
        # Tasks that nobody counts the rows of.
        is_counted = event["rows"] > 0 or self.stage is None or self.stage.tasks_total < 2
        text = {
            "succeeded": f"done in {time}, {rows}" if is_counted else f"done in {time}",
            "cancelled": f"cancelled after {time}",
        }.get(state, f"failed after {time}")
        return {
            "text/plain": f"{self.name}: {text}",
            "text/html": f"<div><small><code>{escape(self.name)}</code> {text}</small></div>",
        }


def count(number: int) -> str:
    """Give a count in at most three digits and a unit: `999`, `12.3 k`, `5.00 M`."""
    return _scaled(number, 1000, ("", "k", "M", "G", "T", "P", "E"))


def size(number: int) -> str:
    """Give a number of bytes as a size: `999 B`, `1.50 GiB`."""
    return _scaled(number, 1024, ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"))


def duration(seconds: float) -> str:
    """Give seconds as a clock does: `0.8 s`, `42 s`, `3:07`, `2:03:00`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minute:02}:{second:02}"
    return f"{minute}:{second:02}" if minute else f"{second} s"


def _scaled(number: int, step: int, units: tuple[str, ...]) -> str:
    if number < step:
        return f"{number} {units[0]}".rstrip()
    value, unit = float(number), 0
    # What would be rounded up to four digits goes to the next unit.
    while value >= step - 0.5 and unit + 1 < len(units):
        value /= step
        unit += 1
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} {units[unit]}"
