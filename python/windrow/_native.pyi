"""The native module: everything the Python package builds on. Checked against the binary in CI."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

__version__: str

class ArrowSchemaExportable:
    """Structural note only: an object with ``__arrow_c_schema__``."""

@final
class Schema:
    """Column names and types; ``pyarrow.schema(schema)`` makes a pyarrow schema of it."""

    def __arrow_c_schema__(self) -> object: ...

@final
class Table:
    """A result in Arrow memory; ``pyarrow.table(table)`` takes it without a copy."""

    @property
    def num_rows(self) -> int: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

@final
class Function:
    """A Python function in a plan, made from ``windrow.functions.describe``."""

    def __new__(cls, description: str, pickled: bytes) -> Function:
        """Take the JSON of a description (all but the pickle) and the pickled callable."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...

@final
class Expr:
    """A column expression over the rows of one dataset. Building one checks nothing."""

    @staticmethod
    def column(name: str) -> Expr: ...
    @staticmethod
    def literal(value: object) -> Expr:
        """A constant: None, bool, int, float, str, bytes, Decimal, date, datetime, timedelta."""

    @staticmethod
    def apply(function: Function, args: Sequence[Expr], names: Sequence[str], result_type: object | None = None) -> Expr:
        """A row function over ``args`` (named ``names``, the columns of its row).

        ``result_type`` is an object with ``__arrow_c_schema__`` (a pyarrow DataType or Field), or None to infer it.
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

        ``fillna clip round isin between where str.lower str.upper str.strip str.lstrip str.rstrip str.len
        str.contains str.startswith str.endswith str.replace str.slice dt.year dt.month dt.day dt.hour
        dt.minute dt.second dt.dayofweek dt.date``; for ``isin`` the arguments are the values.
        """

    def aggregate(self, name: str) -> Expr:
        """One of ``sum mean min max count size std var nunique first last median``, skipping missing values as pandas does."""

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

    def known_types(self) -> list[object | None]:
        """A Schema-like object of one field a column, or None where a function's result is not inferred yet. Never computes."""

    def schema(self) -> Schema:
        """Columns and types; runs row functions on a sample if their result types are not known."""

    def select(self, columns: Sequence[tuple[str, Expr]]) -> Dataset: ...
    def filter(self, predicate: Expr) -> Dataset:
        """The rows for which ``predicate`` is true (not missing)."""

    def aggregate(self, keys: Sequence[tuple[str, Expr]], aggregates: Sequence[tuple[str, Expr]]) -> Dataset:
        """One row per distinct key (keys may be missing), or one row in all when there are no keys."""

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
        """As ``pandas.merge`` on columns: ``inner left right outer cross semi anti``; missing keys match each other.

        A key of the same name on both sides appears once; other names on both sides get the suffixes.
        """

    def union(self, others: Sequence[Dataset]) -> Dataset: ...
    def map_partitions(self, function: Function, result_schema: object | None = None) -> Dataset: ...
    def repartition(self, npartitions: int) -> Dataset: ...
    def collect(self) -> Table: ...
    def count(self) -> int: ...
    def write(self, format: str, path: str, options: str) -> list[str]:
        """Write ``parquet``, ``csv`` or ``json``; gives the paths written. ``options`` is JSON under pandas' names."""

    def explain(self) -> str:
        """The logical plan, the optimized physical plan, and each function's verdict and reasons."""

@final
class Session:
    """Settings, one memory budget, one pool of workers."""

    def __new__(cls, settings: str = "{}") -> Session: ...
    def settings(self) -> str:
        """The settings in force, as JSON."""

    def scan(self, format: str, paths: Sequence[str], options: str) -> Dataset:
        """Open ``csv``, ``parquet``, ``json`` or ``text`` files; ``options`` is JSON under pandas' names.

        ``dtype`` in the options is a mapping of column to a type name (``int64 float64 bool str date datetime``...).
        """

    def from_arrow(self, stream: object, npartitions: int, divisions: Sequence[int] | None = None) -> Dataset:
        """Rows in memory, from anything with ``__arrow_c_stream__``, cut into ``npartitions`` slices of equal size."""

    def sql(self, query: str, tables: Mapping[str, Dataset]) -> Dataset: ...
    def on_event(self, observer: Callable[[str], None] | None) -> None:
        """Give every event (JSON) of this session's runs to ``observer``, on the calling thread."""

    def last_run(self) -> dict[str, Any] | None: ...
    def close(self) -> None: ...

def cli_main(arguments: Sequence[str], executable: str) -> int: ...
def doctor(executable: str) -> str: ...
