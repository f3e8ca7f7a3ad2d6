"""The native module: everything the Python package builds on. Checked against the binary in CI."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, final

import pyarrow as pa

__version__: str

@final
class Function:
    """A Python function in a plan, made from ``windrow.functions.describe``."""

    def __new__(cls, description: str, pickled: bytes) -> Function:
        """Take the JSON of a description (all but the pickle) and the pickled callable."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    def explain(self, schema: pa.Schema) -> str:
        """What of it is native for rows with the columns of ``schema``, and why the rest is not."""

@final
class Expr:
    """A column expression over the rows of one dataset. Building one checks nothing."""

    @staticmethod
    def column(name: str) -> Expr: ...
    @staticmethod
    def literal(value: object) -> Expr:
        """A constant: None, bool, int, float, str, bytes, Decimal, date, datetime, timedelta."""

    @staticmethod
    def apply(
        function: Function,
        args: Sequence[Expr],
        names: Sequence[str],
        result_type: object | None = None,
    ) -> Expr:
        """A row function over ``args`` (named ``names``, the columns of its row).

        ``result_type`` is an object with ``__arrow_c_schema__`` (a pyarrow DataType or Field), or
        None to infer it.
        """

    @staticmethod
    def subquery(dataset: Dataset) -> Expr:
        """The single value of a dataset of one row and one column."""

    def binary(self, op: str, other: Expr) -> Expr:
        """One of ``+ - * / // % ** == != < <= > >= & | ^``, with pandas' meaning."""

    def unary(self, op: str) -> Expr:
        """One of ``- ~ abs isna notna``."""

    def cast(self, data_type: object) -> Expr:
        """As ``Series.astype``; ``data_type`` has ``__arrow_c_schema__``."""

    def call(self, name: str, args: Sequence[Expr]) -> Expr:
        """A scalar function with this expression as its first argument.

        ``fillna clip round isin between where str.lower str.upper str.strip str.lstrip str.rstrip
        str.len
        str.contains str.startswith str.endswith str.replace str.slice dt.year dt.month dt.day
        dt.hour
        dt.minute dt.second dt.dayofweek dt.date``; for ``isin`` the arguments are the values.
        """

    def aggregate(self, name: str) -> Expr:
        """One of ``sum mean min max count size std var nunique first last median``, skipping
        missing values as pandas does.
        """

    @property
    def functions(self) -> list[str]:
        """The names of the row functions inside."""

@final
class Dataset:
    """A lazy plan with a schema and a number of partitions. Building one runs no user code."""

    @property
    def columns(self) -> list[str]: ...
    @property
    def npartitions(self) -> int: ...
    @property
    def divisions(self) -> tuple[int | None, ...]:
        """``npartitions + 1`` row labels; all None where they are not known."""

    @property
    def steps(self) -> int:
        """How many steps the plan has."""

    def known_types(self) -> list[pa.DataType | None]:
        """The type of each column, or None where a function's result is not inferred yet.

        Never computes; empty where not even the columns are known.
        """

    def schema(self) -> pa.Schema:
        """Columns and types; runs row functions on a sample if their result types are not known."""

    def select(self, columns: Sequence[tuple[str, Expr]]) -> Dataset: ...
    def filter(self, predicate: Expr) -> Dataset:
        """The rows for which ``predicate`` is true (not missing)."""

    def aggregate(
        self, keys: Sequence[tuple[str, Expr]], aggregates: Sequence[tuple[str, Expr]]
    ) -> Dataset:
        """One row per distinct key (keys may be missing), or one row in all when there are no
        keys.
        """

    def sort(self, keys: Sequence[tuple[Expr, bool, bool]]) -> Dataset:
        """Sort by ``(expression, descending, missing_last)``."""

    def limit(self, count: int, skip: int = 0) -> Dataset:
        """The first ``count`` rows in order after ``skip``."""

    def distinct(self) -> Dataset: ...
    def join(
        self,
        right: Dataset,
        how: str,
        left_on: Sequence[str],
        right_on: Sequence[str],
        suffixes: tuple[str, str],
        indicator: str | None = None,
    ) -> Dataset:
        """As ``pandas.merge`` on columns: ``inner left right outer cross semi anti``; missing
        keys match each other.

        A key of the same name on both sides appears once; other names on both sides get the
        suffixes.
        """

    def union(self, others: Sequence[Dataset]) -> Dataset: ...
    def map_partitions(
        self,
        function: Function,
        result_schema: object | None = None,
        groups: tuple[int, bool] | None = None,
    ) -> Dataset:
        """A function of frames; with ``groups``, of whole groups of rows, with the place of each as
        last column: how many first columns are the keys, and whether missing ones are keys too.
        """

    def repartition(self, npartitions: int) -> Dataset: ...
    def collect(self) -> pa.Table: ...
    def value(self) -> tuple[bool, Any]:
        """The single value of one row and one column.

        ``(True, value)`` for numbers, text and truth; ``(False, table)`` for other types.
        """

    def count(self) -> int: ...
    def write(self, format: str, path: str, options: str) -> list[str]:
        """Write ``parquet``, ``csv`` or ``json``; gives the paths written. ``options`` is JSON
        under pandas' names.
        """

    def explain(self) -> str:
        """The logical plan, the optimized physical plan, each function's verdict and reasons."""

@final
class Session:
    """Settings, one memory budget, one pool of workers."""

    def __new__(cls, settings: str = "{}") -> Session: ...
    def settings(self) -> str:
        """The settings in force, as JSON."""

    def scan(self, format: str, paths: Sequence[str], options: str) -> Dataset:
        """Open ``csv``, ``parquet``, ``json`` or ``text`` files; ``options`` is JSON under
        pandas' names.

        ``dtype`` in the options is a mapping of column to a type name (``int64 float64 bool str
        date datetime``...).
        """

    def from_arrow(
        self, stream: object, npartitions: int, divisions: Sequence[int] | None = None
    ) -> Dataset:
        """Rows in memory, from anything with ``__arrow_c_stream__``, cut into ``npartitions``
        slices of equal size.
        """

    def sql(self, query: str, tables: Mapping[str, Dataset]) -> Dataset: ...
    @property
    def scratch(self) -> Path:
        """The folder for temporary files; it goes with the session."""

    @property
    def workers(self) -> int:
        """How many worker processes there are."""

    def pool(self) -> WorkerPool:
        """The session's worker processes."""

    def start_run(self, name: str) -> Run:
        """Tell that a job of a face starts."""

    def on_event(self, observer: Callable[[str], None] | None) -> None:
        """Give every event (JSON) of this session's runs to ``observer``, on the calling thread."""

    def connect(self, options: str, runner: object | None = None) -> None:
        """Run datasets as stages from now on: on what ``options`` (JSON) says, or on ``runner``."""

    def disconnect(self) -> None:
        """Run datasets in this process again, and end the runner."""

    def close(self) -> None: ...

@final
class Run:
    """A job that a face carries out on the session's workers, told as events."""

    def stage(self, name: str, tasks: int, rows: int | None = None, *, items: bool = False) -> None:
        """Tell that a stage of `tasks` tasks starts, on `rows` rows (`items`: items) if that is
        known.
        """

    def advance(self, done: int, rows: int = 0) -> None:
        """Tell how many tasks and rows of the stage are done; prints what workers have printed."""

    def count(self, done: int, total: int | None = None) -> None:
        """Tell that `done` items, of `total` if that is known, are done."""

    def finish(self, error: str | None, cancelled: bool = False) -> None:
        """Tell the end: without `error` it succeeded."""

def cli_main(arguments: Sequence[str], executable: str) -> int: ...
def doctor(executable: str) -> str: ...
def execute_task(spec: bytes) -> bytes:
    """Run the task that ``spec`` (JSON) describes; gives its outcome as JSON. Never raises for
    what the task does.
    """

def fingerprint() -> str:
    """Name the build and the Python that all tasks of a job must have."""

# ---- Worker processes: crates/windrow-python/src/{pool,rows,worker} ----

@final
class WorkerPool:
    """Worker processes that call functions on pickled arguments. None is started before it is
    needed.
    """

    def __new__(
        cls,
        workers: int = 0,
        *,
        start: str | None = None,
        max_attempts: int = 3,
        memory_limit: int | None = None,
        tasks_per_worker: int | None = None,
        keep_warm: float | None = None,
        echo: bool = True,
        name_workers: bool = False,
        prepare: bool = False,
    ) -> WorkerPool:
        """`workers` 0: one per processor. `start`: ``fork_server``, ``spawn``, or None for the
        default.

        `memory_limit` is resident bytes of one worker. `keep_warm`: seconds for which the fork
        server waits for the next pool after this one has ended (10 if None). With `echo`, what
        workers print is written to `sys.stdout` and `sys.stderr`, with `name_workers` the worker in
        front of each line. `prepare`: start the fork server now, in the background.
        """

    @property
    def pids(self) -> list[int]:
        """Processes of the workers that are ready."""

    @property
    def workers(self) -> int: ...
    def warm(self, initializer: bytes | None = None) -> None:
        """Start the workers in the background.

        `initializer` is the pickle of ``(callable, arguments)``: each worker calls it first.
        """

    def pending(self) -> tuple[int, int]:
        """Calls that have no outcome yet, and bytes of them."""

    def function(self, name: str, pickled: bytes, *, is_async: bool = False) -> PoolFunction:
        """Make a pickled callable known; the same bytes give the same function."""

    def submit(
        self,
        function: PoolFunction,
        mode: str,
        pickled: bytes,
        buffers: Sequence[object],
        items: int,
        *,
        collect: bool = False,
        concurrency: int = 100,
        timeout: float | None = None,
        max_attempts: int = 0,
        announce: int | None = None,
    ) -> Ticket:
        """Start a call; waits (interruptibly) while too much is pending.

        `mode`: ``apply`` (the pickle is of ``(args, kwargs)``), ``map`` (of a list of items) or
        ``starmap`` (of a list of tuples). `buffers`: out-of-band buffers of the pickle. `collect`:
        go on after an item that raised. `timeout`: seconds for one item. `announce`: the number
        that `next_finished` gives when the call has ended.
        """

    def job(
        self,
        function: PoolFunction,
        mode: str,
        options: Any,
        *,
        ordered: bool = True,
        bound: int | None = None,
        until_taken: bool = False,
        announce: int | None = None,
        revocable: bool = False,
    ) -> Job:
        """Make a job: calls of `function` on chunks that are fed to it.

        `mode` as in `submit`. `options` has the attributes `collect`, `concurrency`, `timeout` and
        `max_attempts` (0: the pool's). `bound`: most chunks on their way, each until it has its
        outcome, or with `until_taken` until it is taken. A job that is not `ordered` gives chunks
        as they come. `announce`: the number that `next_finished` gives when the job has ended. With
        `revocable` the job can be taken back as long as no worker was given it.
        """

    def has_room(self) -> bool:
        """Tell whether a call may be started without waiting for room."""

    def finish(self) -> None:
        """Have the pool end when no call is left; workers then run their exit handlers."""

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end that `close` or `finish` brings about; whether it has come."""

    def next_finished(self, timeout: float | None = None) -> list[int]:
        """Wait for announced calls to end; the numbers of those that have. 0 stands for `wake`."""

    def wake(self) -> None:
        """Make `next_finished` return."""

    def close(self, *, graceful: bool = True, timeout: float = 10.0) -> None:
        """End the pool: calls without an outcome are cancelled. `graceful` runs exit handlers."""

@final
class PoolFunction:
    """A function that a pool knows and sends to each worker once."""

    @property
    def name(self) -> str: ...

@final
class Job:
    """Calls of one function over chunks of items, which are fed one after the other."""

    def feed(self, items: Any) -> None:
        """Send a list of items (``apply``: ``(args, kwargs)``), waiting for room.

        Raises what its pickling raises; the job then goes on without it.
        """

    def feed_all(self, items: list[Any], size: int) -> tuple[int, BaseException] | None:
        """Feed all of a list in chunks of `size`, and close the job.

        After an exception: where the chunk starts that could not be sent, and the exception.
        """

    def feed_each(self, items: Iterable[Any], size: int) -> None:
        """Feed all that an iterable gives in chunks of `size`, each as soon as it is there, and
        close the job. Raises what the iterable, or the pickling of its items, raises.
        """

    def fail(self, items: list[Any], exception: BaseException) -> None:
        """Add items that cannot be sent: `exception` is the outcome of each."""

    def close(self) -> None:
        """Tell that nothing will be fed any more."""

    def ready(self) -> bool:
        """Tell whether everything has its outcome and nothing will be fed any more."""

    def progress(self) -> tuple[int, int]:
        """How many items have their outcome, and how many were fed."""

    def wait_ready(self, timeout: float | None = None) -> bool:
        """Wait until the job is ready, interruptibly; whether it is."""

    def take(
        self, timeout: float | None = None, promptly: bool = True
    ) -> tuple[int, list[Any], list[tuple[int, BaseException, Any]]] | None:
        """Take the next chunk: ``(first item, values, failures)``, None at the timeout.

        `values` has None for items that failed; `failures` has ``(item's ordinal in the job,
        exception, item)``. Without `promptly` the caller is woken for several chunks at a time.
        `StopIteration` when there are no more.
        """

    def gather(
        self,
        values: list[Any],
        failures: list[tuple[int, BaseException, Any]],
        timeout: float | None = None,
    ) -> bool:
        """Take all chunks, appending what `take` gives; False at the timeout, to go on later."""

    def cancel(self) -> None:
        """Drop what has no outcome yet: its outcome is a `windrow.errors.Cancelled`."""

    def take_back(self) -> bool:
        """Cancel a revocable job if no worker was given it; whether that is so."""

    def has_started(self) -> bool:
        """Tell whether a worker was given a revocable job."""

@final
class Ticket:
    """A call that was submitted to a pool."""

    @property
    def number(self) -> int: ...
    @property
    def items(self) -> int: ...
    def ready(self) -> bool: ...
    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the outcome, interruptibly; whether it is there."""

    def cancel(self) -> None: ...
    def take(
        self,
    ) -> list[tuple[int, int, Any, list[tuple[int, BaseException]], BaseException | None]]:
        """Take the outcome, once: ``(start, stop, values, failures, failure)`` for runs of items.

        `values` is the result (``apply``) or the list of results; `failures` has the exceptions of
        single items (their value is None); `failure` is the outcome of all of the run, if not None.
        """

@final
class Row:
    """One row: ``row["a"]``, ``row.a``, and all of `pandas.Series`."""

    def __getitem__(self, key: object, /) -> Any: ...
    def __setitem__(self, key: object, value: object, /) -> None: ...
    def __getattr__(self, name: str, /) -> Any: ...
    def __contains__(self, key: object, /) -> bool: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...
    def get(self, key: object, default: object = None) -> Any: ...
    def items(self) -> Iterator[tuple[str, Any]]: ...
    def to_dict(self, *, into: type | None = None) -> dict[str, Any]: ...

@final
class SharedBytes:
    """Bytes received from another process, with the buffer protocol."""

    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

@final
class WorkerEnds:
    """A worker's ends of its sockets."""

    def serve(self) -> None:
        """Serve tasks until the driver closes its end."""

def fork_server(warm_up: Callable[[], None] | None = None) -> WorkerEnds | None:
    """Serve the driver at standard input; None at its end, ends in each forked worker.

    `warm_up` is called once: when nobody waits for a worker, or the first one was forked.
    """

def worker_ends() -> WorkerEnds:
    """Give the ends of a worker that was started by exec, received through standard input."""

def call_rows(
    description: str,
    pickled: bytes,
    batches: Sequence[object],
    result_type: object | None = None,
    pool: WorkerPool | None = None,
) -> tuple[list[Any], int]:
    """Call a row function on pyarrow record batches: in `pool`, or in this interpreter.

    Gives record batches in order, and the nanoseconds spent in the function.
    """
