"""MapReduce as a plan of frames, for clients: a map stage, an exchange by key, a reduce stage.

    units ─► map_partitions(map) ─► rows (bucket, place, run) ─► by bucket, in order of place
          ─► map_partitions(reduce) ─► rows (bucket, pairs)

So it is cut, sent, resumed and recorded as all plans are.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from windrow._worker import pickling
from windrow.mapreduce.inputs import By, FilePiece, LinesPiece, Piece, units
from windrow.mapreduce.keys import stable_hash
from windrow.mapreduce.result import MapReduceResult
from windrow.mapreduce.tasks import Held, Mapper, ReduceOutput, Reducer, dumps, mapped, reduced

if TYPE_CHECKING:
    import pandas as pd

    from windrow._native import Session
    from windrow.client import Client

Functions = tuple[Mapper, Reducer, Reducer | None]

# Rows of one bucket stay together, and come in the order of the inputs.
_SHUFFLE = (
    "select bucket, run, row_number() over (partition by bucket order by place) as turn from mapped"
)
_BUCKETS_PER_TASK = 8


class _Map:
    """A function over partitions of units: gives the runs of their buckets."""

    def __init__(self, mapper: Mapper, combiner: Reducer | None, buckets: int) -> None:
        self._mapper, self._combiner, self._buckets = mapper, combiner, buckets

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        rows: list[tuple[int, int, bytes]] = []
        for number, unit in zip(frame["number"], frame["unit"], strict=True):
            held = Held(self._combiner, lambda key: stable_hash(key) % self._buckets)
            for turn, groups in enumerate(mapped(self._mapper, held, pickling.loads(unit))):
                place = (int(number) << 32) + turn
                rows += [(bucket, place, dumps(pairs)) for bucket, pairs in groups.items()]
        return _frame(rows, ("bucket", "place", "run"))


class _Reduce:
    """A function over partitions of runs: gives the pairs of each bucket."""

    def __init__(self, reducer: Reducer) -> None:
        self._reducer = reducer

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        rows: list[tuple[int, int, bytes]] = []
        ordered = frame.sort_values(["bucket", "turn"])
        for bucket in ordered["bucket"].unique().tolist():
            pairs = reduced(self._reducer, map(bytes, ordered["run"][ordered["bucket"] == bucket]))
            rows.append((bucket, len(pairs), dumps(pairs)))
        return _frame(rows, ("bucket", "count", "pairs"))


def on_client(
    client: Client,
    session: Session,
    inputs: Any,
    functions: Functions,
    by: By,
    partitions: int | None,
) -> MapReduceResult:
    """Run a MapReduce on a client; its result is in the memory of this process."""
    import pyarrow as pa

    from windrow.frame.functions import Call

    mapper, reducer, combiner = functions
    pieces = [[_anywhere(piece) for piece in unit] for unit in units(inputs, by, client.at_once())]
    tasks = partitions or int(json.loads(session.settings())["partitions"])
    buckets = partitions or _BUCKETS_PER_TASK * tasks
    table = pa.table(
        {
            "number": pa.array(range(len(pieces)), pa.int64()),
            "unit": pa.array([pickling.dumps(unit) for unit in pieces], pa.large_binary()),
            # So that a run with other files is not taken for the same work.
            "stamp": pa.array([_stamp(unit) for unit in pieces], pa.string()),
        }
    )
    found = Call(_Map(mapper, combiner, buckets), result_type=_schema("place", "run"))
    maps = found.on_partitions(session.from_arrow(table, max(len(pieces), 1)))
    shuffled = session.sql(_SHUFFLE, {"mapped": maps})
    found = Call(_Reduce(reducer), result_type=_schema("count", "pairs"))
    rows = found.on_partitions(shuffled).collect()
    outputs = sorted(
        zip(*(rows[name].to_pylist() for name in ("bucket", "count", "pairs")), strict=True)
    )
    return MapReduceResult([ReduceOutput(count, pairs, None) for _, count, pairs in outputs], None)


def _schema(number: str, data: str) -> Any:
    import pyarrow as pa

    return pa.schema([("bucket", pa.int64()), (number, pa.int64()), (data, pa.large_binary())])


def _frame(rows: list[tuple[int, int, bytes]], names: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    kinds = ("int64", "int64", "object")
    return pd.DataFrame(
        {
            name: pd.Series(list(column), dtype=kind)
            for name, column, kind in zip(names, columns, kinds, strict=True)
        }
    )


def _anywhere(piece: Piece) -> Piece:
    """A piece that a process in another folder finds; the mapper sees the name as it was given."""
    if isinstance(piece, LinesPiece):
        return replace(piece, name=os.path.abspath(piece.name))
    return piece


def _stamp(unit: Sequence[Piece]) -> str:
    """What the files of a unit were when it was made."""
    stamps = []
    for piece in unit:
        if isinstance(piece, (FilePiece, LinesPiece)) and "://" not in piece.name:
            found = os.stat(piece.name)
            stamps.append(f"{found.st_size}-{found.st_mtime_ns}")
    return " ".join(stamps)
