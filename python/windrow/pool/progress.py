"""Progress of a call over many items, shown as all runs are: as a bar, or under the cell."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from windrow._native import Job, Run

_TICK = 0.1


class Progress:
    """Tells how far a call is.

    Parameters
    ----------
    name
        The function's.
    total
        How many items there are, if that is known.
    """

    def __init__(self, name: str, total: int | None) -> None:
        from windrow.session import current

        self._run: Run = current().start_run(name)
        self._run.stage(name, 1)
        self._total = total
        self._shown = time.monotonic()

    def show(self, job: Job) -> None:
        """Show how far it is, unless that was shown a moment ago."""
        now = time.monotonic()
        if now - self._shown >= _TICK:
            self._shown = now
            done, _ = job.progress()
            self._run.count(done, self._total)

    def gather(
        self,
        job: Job,
        values: list[Any],
        failed: list[tuple[int, BaseException, Any]],
        timeout: float | None,
    ) -> bool:
        """Gather all results, as `Job.gather`, and show how far it is."""
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            while True:
                rest = _TICK if deadline is None else min(_TICK, deadline - time.monotonic())
                if job.gather(values, failed, max(rest, 0)):
                    self.finish(None)
                    return True
                self.show(job)
                if deadline is not None and time.monotonic() >= deadline:
                    return False
        except BaseException as error:
            self.finish(f"{type(error).__name__}: {error}")
            raise

    def finish(self, error: str | None) -> None:
        """Show the end."""
        self._run.finish(error)
