"""Calls of pools and executors as Dask futures, over the client that runs our tasks."""

from __future__ import annotations

import queue
import threading
import uuid
from typing import TYPE_CHECKING, Any

from windrow._worker import calls

if TYPE_CHECKING:
    from windrow.runners.dask import DaskRunner
    from windrow.runners.remote_pool import RemotePool

# A larger function is handed to the cluster once, not with each call.
_LARGE = 32 << 10
# A cluster that scales may have no worker yet.
_LEAST = 4


class DaskCalls:
    """Carries chunks as futures; retries and lost workers are Dask's."""

    #: One that runs, and some that are there when it has ended.
    ahead = 4

    def __init__(self, runner: DaskRunner, pool: RemotePool) -> None:
        self.name = runner.name
        self._runner, self._pool = runner, pool
        self._client = runner.client
        self._id = uuid.uuid4().hex
        self._futures: dict[int, Any] = {}
        self._functions: dict[bytes, Any] = {}
        self._ended: queue.SimpleQueue[tuple[int, Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._listen, name="windrow-dask", daemon=True)
        self._thread.start()

    @property
    def at_once(self) -> int:
        """Threads of the cluster's workers."""
        return max(int(self._runner.capabilities()["at_once"]), _LEAST)

    def start(self, number: int, function: bytes, chunk: bytes) -> None:
        """Submit a chunk."""
        future = self._client.submit(
            calls.run,
            self._known(function),
            chunk,
            key=f"windrow-call-{self._id}-{number}",
            pure=False,
            **self._runner.options,
        )
        self._futures[number] = future
        future.add_done_callback(lambda done: self._ended.put((number, done)))

    def _known(self, function: bytes) -> Any:
        if len(function) < _LARGE:
            return function
        if function not in self._functions:
            self._functions[function] = self._client.scatter(function)
        return self._functions[function]

    def cancel(self, numbers: list[int]) -> None:
        """Drop chunks. One that a worker is at goes on, and nobody listens to it."""
        futures = [self._futures.pop(number) for number in numbers if number in self._futures]
        if futures and self._client.status == "running":
            self._client.cancel(futures, force=True)

    def close(self) -> None:
        """End the thread that listens."""
        self._ended.put(None)

    def _listen(self) -> None:
        while True:
            try:
                first = self._ended.get(timeout=0.5)
            except queue.Empty:
                if self._client.status not in ("running", "connecting"):
                    self._gone()
                    return
                continue
            found = [first]
            while not self._ended.empty():
                found.append(self._ended.get())
            self._tell(dict(filter(None, found)))
            if None in found:
                return

    def _tell(self, ended: dict[int, Any]) -> None:
        from windrow.runners.dask import is_killed, reason

        ended = {
            number: future
            for number, future in ended.items()
            if self._futures.get(number) is future
        }
        finished = {
            number: future for number, future in ended.items() if future.status == "finished"
        }
        # One round trip for all; a worker may have died since.
        outcomes = self._client.gather(finished, errors="skip") if finished else {}
        for number, future in ended.items():
            self._futures.pop(number, None)
            if (outcome := outcomes.get(number)) is not None:
                self._pool.ended(number, outcome)
            else:
                # A result goes with the worker that had it, and Dask may give up on it.
                again = future.status != "error" and self._client.status == "running"
                self._pool.lost(number, reason(future), killed=is_killed(future), again=again)

    def _gone(self) -> None:
        for number in list(self._futures):
            self._futures.pop(number, None)
            self._pool.lost(number, "was lost with the connection to the scheduler", killed=False)
