"""Functions over rows and over items, in this interpreter and in worker processes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from windrow import _native
from windrow._worker import pickling, tasks


def rows(
    function: Callable[..., Any],
    data: dict[str, Any] | pa.Table,
    *,
    call: str = "positional",
    nulls: str = "nan",
    result: pa.DataType | None = None,
    pool: Any = None,
    batch_size: int | None = None,
) -> pa.Array:
    """Call `function` on the rows of `data`; gives one array (a table for `call="batch"`)."""
    table = data if isinstance(data, pa.Table) else pa.table(data)
    pickled = pickling.dumps(function)
    columns = table.column_names if call == "positional" else None
    identity = hashlib.sha256(pickled + repr((call, columns, nulls)).encode()).hexdigest()
    description = {
        "id": identity,
        "name": getattr(function, "__name__", "function"),
        "file": None,
        "line": None,
        "call": call,
        "columns": columns,
        "nulls": nulls,
    }
    empty = pa.RecordBatch.from_pylist([], schema=table.schema)
    batches = table.combine_chunks().to_batches(batch_size) or [empty]
    values, _ = _native.call_rows(json.dumps(description), pickled, batches, result, pool)
    table = pa.Table.from_batches(values)
    return table if call == "batch" else table.column("value").combine_chunks()


@contextmanager
def pool_of(workers: int = 2, **options: Any) -> Iterator[Any]:
    """A pool of workers that is gone afterwards."""
    # Without it the fork server outlives the pool for a while.
    options.setdefault("keep_warm", 0)
    pool = _native.WorkerPool(workers, **options)
    try:
        yield pool
    finally:
        pool.close(graceful=False)


def submit(
    pool: Any, function: Callable[..., Any], mode: str, arguments: Any, **options: Any
) -> Any:
    """Start a call; `arguments` are `(args, kwargs)` or a list of items."""
    name = getattr(function, "__name__", "function")
    known = pool.function(name, pickling.dumps(function), is_async=tasks.is_async(function))
    data, buffers = pickling.dumps_with_buffers(arguments)
    count = 1 if mode == "apply" else len(arguments)
    return pool.submit(known, mode, data, buffers, count, **options)


def apply(pool: Any, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call `function` in a worker and give its result, or raise what it raised."""
    ticket = submit(pool, function, "apply", (args, kwargs))
    assert ticket.wait(60), "the call has not ended"
    ((_, _, value, _, failure),) = ticket.take()
    if failure is not None:
        raise failure
    return value


def outcomes(ticket: Any) -> list[Any]:
    """The result or the exception of every item of a `map`."""
    assert ticket.wait(60), "the call has not ended"
    items: list[Any] = []
    for start, stop, values, failures, failure in ticket.take():
        assert start == len(items)
        run = list(values) if failure is None else [failure] * (stop - start)
        for number, exception in failures:
            run[number - start] = exception
        items += run
    return items
