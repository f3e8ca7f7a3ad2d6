"""`mapreduce`: map, shuffle by key, reduce, on the session's workers."""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Sequence
from typing import Any

from windrow._job import Job
from windrow.mapreduce.inputs import By, units
from windrow.mapreduce.result import MapReduceResult
from windrow.mapreduce.tasks import (
    MapOutput,
    Mapper,
    ReduceOutput,
    Reducer,
    map_task,
    reduce_task,
)

# A reduce task holds its bucket in memory; map outputs are cut so that it is about this large.
_BUCKET_BYTES = 64 << 20


def mapreduce(
    inputs: Any,
    mapper: Mapper,
    reducer: Reducer,
    combiner: Reducer | None = None,
    by: By = "file",
    *,
    partitions: int | None = None,
) -> MapReduceResult:
    """Map inputs to pairs, bring equal keys together, reduce the values of each key.

    Runs at once, on worker processes; while a client is open (`windrow.connect`), as stages on it.
    Keys and values are any picklable Python objects; keys must
    be hashable, and equal keys must have equal hashes in every process. The values of a key come in
    the order of the inputs.

    Parameters
    ----------
    inputs
        A path, a folder (its files, at any depth), a glob, or a list of these; with `by="item"` any
        iterable of Python objects.
    mapper
        `mapper(filename)`, `mapper(line)` or `mapper(item)` yields pairs `(key, value)`.
    reducer
        `reducer(key, values)` returns the value of the key, or yields several; `values` is a list.
    combiner
        As `reducer`; called in the map tasks on some of the values of a key, so that less travels.
        Often the reducer itself.
    by
        What the mapper gets: `"file"` (a name), `"line"` (a line of a UTF-8 text file, without its
        line break) or `"item"`.
    partitions
        How many reduce tasks; by the size of the map tasks' output when not given.

    Returns
    -------
    MapReduceResult
        Like a dict, with `items()`.

    Raises
    ------
    Exception
        What the mapper, combiner or reducer raised, with a note of what it worked on.
    FileNotFoundError
        Inputs that are not there.
    windrow.errors.WorkerDied
        A task that killed its worker.
    """
    if by not in ("file", "line", "item"):
        raise ValueError(f'`by` is `{by}`; it can be "file", "line" or "item"')
    from windrow import client
    from windrow.session import current

    session = current()
    if (connected := client.current()) is not None:
        from windrow.mapreduce.stages import on_client

        return on_client(connected, session, inputs, (mapper, reducer, combiner), by, partitions)
    pieces = units(inputs, by, session.workers)
    folder = tempfile.mkdtemp(prefix="mapreduce-", dir=session.scratch)
    try:
        with Job(session, "mapreduce") as job:
            # More buckets than reduce tasks: how many tasks are worth it shows after the map.
            buckets = partitions or 8 * session.workers
            task = functools.partial(map_task, mapper, combiner, buckets, folder)
            mapped: list[MapOutput] = job.stage("map", task, [(unit,) for unit in pieces])
            reduce_ = functools.partial(reduce_task, reducer, folder)
            shares = _shares(mapped, buckets, partitions or 0, session.workers)
            reduced: list[ReduceOutput] = job.stage("reduce", reduce_, [(one,) for one in shares])
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return MapReduceResult(reduced, folder)


def _shares(
    mapped: Sequence[MapOutput], buckets: int, wanted: int, workers: int
) -> list[list[tuple[str, int, int]]]:
    """The runs that each reduce task reads: whole buckets, as few tasks as their size allows."""
    size = sum(length for output in mapped for runs in output.runs for _, length in runs)
    count = wanted or min(buckets, max(workers if size > 1 << 20 else 1, size // _BUCKET_BYTES))
    shares: list[list[tuple[str, int, int]]] = [[] for _ in range(count)]
    for bucket in range(buckets):
        for output in mapped:
            for offset, length in output.runs[bucket]:
                shares[bucket % count].append((output.path, offset, length))
    return [share for share in shares if share]
