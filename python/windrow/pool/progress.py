"""Progress of a call over many items, shown as all runs are: as a bar, or under the cell."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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
        self._run.stage(name, 1, total, items=True)
        self._total = total
        self._shown = time.monotonic()

    def show(self, job: Job) -> None:
        """Show how far it is, unless that was shown a moment ago."""
        now = time.monotonic()
        if now - self._shown >= _TICK:
            self._shown = now
            self._count(job)

    def _count(self, job: Job) -> None:
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
                    self.finish(job)
                    return True
                self.show(job)
                if deadline is not None and time.monotonic() >= deadline:
                    return False
        except BaseException as error:
            cancelled = not isinstance(error, Exception)
            self.finish(job, f"{type(error).__name__}: {error}", cancelled=cancelled)
            raise

    def finish(self, job: Job, error: str | None = None, *, cancelled: bool = False) -> None:
        """Show the end."""
        self._count(job)
        self._run.finish(error, cancelled)
