"""Calls of pools and executors as the tasks of a stage, on any runner.

What waits when a stage ends is the next stage: a task for each chunk.
"""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING, Any

from windrow._worker import calls

if TYPE_CHECKING:
    from windrow._native import Session
    from windrow.runners.remote_pool import RemotePool

# Tasks of one stage. All of its chunks travel with the program, which every process reads.
_TASKS = 1_000
_BYTES = 64 << 20
# Chunks that come together are a stage together.
_LINGER = 0.01


class Carry:
    """Carries chunks out in a task: a function over partitions, which finds functions by name."""

    def __init__(self, functions: dict[str, bytes]) -> None:
        self._functions = functions

    def __call__(self, frame: Any) -> Any:
        """Give the outcomes of the chunks of `frame`."""
        import pandas as pd

        outcomes = [
            calls.run(self._functions[name], bytes(chunk))
            for name, chunk in zip(frame["function"], frame["chunk"], strict=True)
        ]
        return pd.DataFrame(
            {"number": frame["number"], "outcome": pd.Series(outcomes, dtype=object)}
        )


class StageCalls:
    """Carries chunks as tasks of stages, which the session's client runs one after the other."""

    #: What comes while a stage runs is the next one.
    ahead = 4

    def __init__(self, session: Session, name: str, at_once: int, pool: RemotePool) -> None:
        self.name = name
        self.at_once = max(at_once, 1)
        self._session, self._pool = session, pool
        self._changed = threading.Condition()
        self._waiting: dict[int, tuple[bytes, bytes]] = {}
        self._is_closed = False
        threading.Thread(target=self._serve, name="windrow-calls", daemon=True).start()

    def start(self, number: int, function: bytes, chunk: bytes) -> None:
        """Have a chunk carried out by the next stage."""
        with self._changed:
            self._waiting[number] = (function, chunk)
            self._changed.notify_all()

    def cancel(self, numbers: list[int]) -> None:
        """Drop chunks that are not part of a stage yet; nobody listens to the others."""
        with self._changed:
            for number in numbers:
                self._waiting.pop(number, None)

    def close(self) -> None:
        """Start no stage any more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_closed)
                if self._is_closed:
                    return
                self._changed.wait(_LINGER)
                some = self._some()
            if some:
                self._carry_out(some)

    def _some(self) -> dict[int, tuple[bytes, bytes]]:
        some: dict[int, tuple[bytes, bytes]] = {}
        size = 0
        for number in list(self._waiting)[:_TASKS]:
            some[number] = self._waiting.pop(number)
            size += len(some[number][1])
            if size > _BYTES:
                break
        return some

    def _carry_out(self, some: dict[int, tuple[bytes, bytes]]) -> None:
        try:
            outcomes = self._stage(some)
        except Exception as error:  # noqa: BLE001 - told by the calls that it is the outcome of
            self._failed(some, error)
            return
        for number, outcome in outcomes:
            self._pool.ended(number, outcome)

    def _stage(self, some: dict[int, tuple[bytes, bytes]]) -> list[tuple[int, bytes]]:
        import pyarrow as pa

        from windrow.frame.functions import Call

        names = {function: hashlib.sha256(function).hexdigest() for function, _ in some.values()}
        binary = pa.large_binary()
        table = pa.table(
            {
                "number": pa.array(list(some), pa.int64()),
                "function": [names[function] for function, _ in some.values()],
                "chunk": pa.array([chunk for _, chunk in some.values()], binary),
            }
        )
        carry = Carry({name: function for function, name in names.items()})
        schema = pa.schema([("number", pa.int64()), ("outcome", binary)])
        dataset = self._session.from_arrow(table, len(some))
        found = Call(carry, result_type=schema).on_partitions(dataset).collect()
        return list(zip(found["number"].to_pylist(), found["outcome"].to_pylist(), strict=True))

    def _failed(self, some: dict[int, tuple[bytes, bytes]], error: Exception) -> None:
        """One chunk has done it: the others run again, in two stages, until it is alone."""
        reason = f"failed there: {error}"
        if len(some) == 1:
            for number in some:
                self._pool.lost(number, reason, killed="times" in str(error))
            return
        middle = len(some) // 2
        items = list(some.items())
        for half in (dict(items[:middle]), dict(items[middle:])):
            self._carry_out(half)
