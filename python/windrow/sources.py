"""Where rows come from: files of several formats, pandas, Arrow and Python items."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from windrow import session
from windrow.errors import OptionNotInWindrowYet
from windrow.frame import memory
from windrow.frame.frame import DataFrame
from windrow.frame.missing import nearest, refuse
from windrow.frame.rows import Rows

if TYPE_CHECKING:
    import pandas as pd

    from windrow._native import Dataset

Path: TypeAlias = "str | PathLike[str]"

# pandas' options that Windrow has not, with the nearest thing.
_CSV_NEAREST: Mapping[str, str] = {
    "chunksize": "leave it out: windrow never holds the whole file, and cuts it by itself",
    "converters": '`df["a"] = df["a"].map(f)` after reading',
    "date_parser": '`df["a"] = df["a"].map(f)` after reading',
    "date_format": '`parse_dates` for ISO dates, or `df["a"].map(f)` after reading',
    "dayfirst": '`df["a"].map(f)` after reading',
    "dialect": "use `sep`, `quotechar` and `escapechar`",
    "index_col": "windrow frames have no index: the column stays a column, or is left out "
    "by `usecols` or `df.drop(columns=...)`",
    "iterator": "leave it out: windrow never holds the whole file",
    "skipfooter": "leave the last lines out of the file, or use `nrows`",
    "storage_options": "set the storage's environment variables, such as `AWS_ACCESS_KEY_ID`",
    "filters": "`df[mask]`: windrow skips what the mask excludes while it reads",
    "orient": "`lines=True`: one object per line; `pandas.read_json` reads the others",
    "cache_dates": "leave it out",
    "on_bad_lines": 'use `"error"`, `"skip"` or `"pad"`',
}
_CSV_HARMLESS: Mapping[str, object] = {
    "index_col": None,
    "engine": ...,
    "low_memory": ...,
    "memory_map": ...,
    "iterator": False,
    "chunksize": None,
    "dtype_backend": ...,
}
_PANDAS_CSV = set(_CSV_NEAREST) | set(_CSV_HARMLESS)
_PANDAS_CSV |= {"lineterminator", "float_precision", "verbose"}


def read_csv(  # noqa: PLR0913 - pandas' options
    path: Path | Sequence[Path],
    *,
    sep: str = ",",
    delimiter: str | None = None,
    header: int | Literal["infer"] | None = "infer",
    names: Sequence[str] | None = None,
    usecols: Sequence[str] | Sequence[int] | None = None,
    dtype: object = None,
    parse_dates: bool | Sequence[str | int] = False,
    na_values: object = None,
    keep_default_na: bool = True,
    na_filter: bool = True,
    true_values: Sequence[str] = (),
    false_values: Sequence[str] = (),
    nrows: int | None = None,
    skiprows: int | None = None,
    skip_blank_lines: bool = True,
    skipinitialspace: bool = False,
    quotechar: str | None = '"',
    quoting: int = 0,
    doublequote: bool = True,
    escapechar: str | None = None,
    comment: str | None = None,
    decimal: str = ".",
    thousands: str | None = None,
    compression: str | None = "infer",
    encoding: str | None = None,
    encoding_errors: Literal["strict", "replace"] = "strict",
    on_bad_lines: Literal["error", "skip", "pad"] = "error",
    **options: object,
) -> DataFrame:
    """Open CSV files as one lazy frame; reads only what types need, a sample.

    Parameters
    ----------
    path
        A file, a folder, a pattern such as `data/*.csv.gz`, an address (`s3://`, `gs://`,
        `az://`, `https://`), or a list of these.
    sep, delimiter
        One character.
    dtype
        One type, or column to type. Types not given are inferred from a sample of the rows; a
        row that does not fit is an error that names it.
    parse_dates
        Columns to read as dates, by name or position.
    on_bad_lines
        What to do with rows of too few or too many fields: `"error"`, `"skip"`, or `"pad"` (fill
        up rows that are too short, as pandas does unasked).
    encoding
        UTF-8 is all that can be read.
    header, names, usecols, na_values, keep_default_na, na_filter, true_values, false_values
        As in pandas, as are `nrows`, `skiprows`, `skip_blank_lines`, `skipinitialspace`,
        `quotechar`, `quoting`, `doublequote`, `escapechar`, `comment`, `decimal`, `thousands`,
        `compression` and `encoding_errors`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OptionNotInWindrowYet
        For a pandas option that Windrow does not have yet.
    """
    _refuse_options("read_csv", options, _PANDAS_CSV)
    if on_bad_lines not in ("error", "skip", "pad"):
        refuse("read_csv", {"on_bad_lines": on_bad_lines}, None, _CSV_NEAREST)
    wanted: dict[str, object] = {
        "sep": sep if delimiter is None else delimiter,
        "header": header,
        "names": None if names is None else [str(name) for name in names],
        "usecols": _usecols(usecols),
        "dtype": _dtype(dtype),
        "parse_dates": _parse_dates(parse_dates),
        "na_values": _na_values(na_values),
        "keep_default_na": keep_default_na,
        "na_filter": na_filter,
        "true_values": list(true_values or ()),
        "false_values": list(false_values or ()),
        "nrows": nrows,
        "skiprows": _skiprows(skiprows),
        "skip_blank_lines": skip_blank_lines,
        "skipinitialspace": skipinitialspace,
        "quotechar": quotechar,
        "quoting": int(quoting),
        "doublequote": doublequote,
        "escapechar": escapechar,
        "comment": comment,
        "decimal": decimal,
        "thousands": thousands,
        "encoding": encoding,
        "encoding_errors": encoding_errors,
        "on_bad_lines": on_bad_lines,
        "compression": compression,
    }
    meaning_none = {"header", "compression"} if compression is None else {"header"}
    given = {k: v for k, v in wanted.items() if v is not None or k in meaning_none}
    return _scan("csv", path, given)


def read_parquet(
    path: Path | Sequence[Path], *, columns: Sequence[str] | None = None, **options: object
) -> DataFrame:
    """Open Parquet files as one lazy frame; `path` as in `read_csv`.

    Only the columns and row groups that a result needs are read; `columns` chooses by hand.
    """
    harmless = {"engine": ..., "dtype_backend": ..., "filters": None, "use_threads": ...}
    _refuse_options("read_parquet", options, {"filters", "storage_options", "engine"}, harmless)
    return _scan("parquet", path, {} if columns is None else {"columns": list(columns)})


def read_json(
    path: Path | Sequence[Path],
    *,
    lines: bool = True,
    dtype: object = None,
    nrows: int | None = None,
    encoding: str | None = None,
    compression: str | None = "infer",
    **options: object,
) -> DataFrame:
    """Open JSON files (one object per line) as one lazy frame; `path` as in `read_csv`."""
    if not lines:
        raise OptionNotInWindrowYet(
            "`read_json` has no `lines=False` in windrow yet\n"
            "hint: it reads one object per line; `wr.from_pandas(pandas.read_json(...))` "
            "takes the others"
        )
    pandas_has = {"orient", "convert_dates", "precise_float", "chunksize", "storage_options"}
    harmless = {"orient": "records", "chunksize": None}
    _refuse_options("read_json", options, pandas_has, harmless)
    given = {"dtype": _dtype(dtype), "nrows": nrows, "encoding": encoding}
    return _scan("json", path, _with_compression(given, compression))


def read_text(
    path: Path | Sequence[Path],
    *,
    nrows: int | None = None,
    encoding: str | None = None,
    encoding_errors: Literal["strict", "replace"] = "strict",
    compression: str | None = "infer",
) -> DataFrame:
    """Open text files as a lazy frame of one row per line; `path` as in `read_csv`."""
    given = {"nrows": nrows, "encoding": encoding, "encoding_errors": encoding_errors}
    return _scan("text", path, _with_compression(given, compression))


def _with_compression(given: Mapping[str, object], compression: str | None) -> dict[str, object]:
    """The options that are given; no compression at all is None, as in pandas."""
    options = {name: value for name, value in given.items() if value is not None}
    return options if compression == "infer" else {**options, "compression": compression}


def from_pandas(data: pd.DataFrame | pd.Series[Any], npartitions: int | None = None) -> DataFrame:
    """A lazy frame of rows in memory.

    Parameters
    ----------
    data
        A pandas DataFrame or Series. A default index is dropped; any other becomes columns, named
        as `reset_index()` names them. Column names become text, categories their values, missing
        values (NaN, None, NaT, NA) Arrow nulls. Numbers share memory with `data`: do not change
        it in place while windrow uses it.
    npartitions
        At most how many partitions; each has `ceil(rows / npartitions)` rows, the last one what
        is left. Default: enough for all cores, none too small to be worth it.

    Raises
    ------
    TypeError
        For a column that holds values of several types.
    """
    table = memory.table_of_pandas(data)
    return _in_memory(table, table.num_rows, npartitions)


def from_arrow(data: Any, npartitions: int | None = None) -> DataFrame:
    """A lazy frame of Arrow data: anything with the Arrow PyCapsule interface.

    pyarrow tables, batches and readers, Polars and DuckDB results, and the like. A stream is read
    into memory.
    """
    import pyarrow as pa

    source = memory.table_of_arrow(data)
    if not hasattr(source, "num_rows"):
        source = pa.table(source)
    return _in_memory(source, source.num_rows, npartitions)


def from_items(items: Iterable[Any], npartitions: int | None = None) -> DataFrame:
    """A lazy frame of Python values: one column `item`, or the keys of dicts as columns."""
    table = memory.table_of_items(items)
    return _in_memory(table, table.num_rows, npartitions)


def _in_memory(table: Any, rows: int, npartitions: int | None) -> DataFrame:
    if npartitions is None:
        npartitions = memory.default_partitions(rows, os.cpu_count() or 1)
    if npartitions < 1:
        raise ValueError(f"`npartitions` is {npartitions}; there must be at least one")
    found = memory.divisions(rows, npartitions)
    return _frame(session.current().from_arrow(table, len(found) - 1, found))


def _scan(kind: str, path: Path | Sequence[Path], options: Mapping[str, object]) -> DataFrame:
    paths = [path] if isinstance(path, (str, PathLike)) else list(path)
    if not paths:
        raise ValueError("there is no path in the list\nhint: pass at least one file")
    for item in paths:
        if not isinstance(item, (str, PathLike)):
            raise TypeError(
                f"a path cannot be a `{type(item).__name__}`\n"
                "hint: pass a path; `wr.from_pandas` and `wr.from_arrow` take rows in memory"
            )
    listed = [fspath(item) for item in paths]
    return _frame(session.current().scan(kind, listed, json.dumps(options)))


def _frame(dataset: Dataset) -> DataFrame:
    return DataFrame._of(Rows(dataset))


def _refuse_options(
    function: str,
    options: Mapping[str, object],
    pandas_has: set[str],
    harmless: Mapping[str, object] = _CSV_HARMLESS,
) -> None:
    """Tell pandas' options that Windrow has not yet from slips of the pen."""
    for name in options:
        if name not in pandas_has and name not in harmless:
            known = {"sep", "header", "names", "dtype", "usecols", "parse_dates", "na_values"}
            known |= {"nrows", "skiprows", "compression", "encoding", "columns", *pandas_has}
            likely = nearest(name, known)
            hint = f"\nhint: did you mean `{likely}`?" if likely else ""
            raise TypeError(f"`{function}` has no option `{name}`{hint}")
    refuse(function, options, harmless, _CSV_NEAREST)


def _usecols(usecols: Any) -> list[Any] | None:
    if usecols is None:
        return None
    if callable(usecols) or isinstance(usecols, str):
        raise OptionNotInWindrowYet(
            "`usecols` is a list of names or of positions in windrow\n"
            "hint: `usecols=[...]`, or choose after reading: `df[[...]]`"
        )
    return list(usecols)


def _skiprows(skiprows: Any) -> int | None:
    if skiprows is None or (isinstance(skiprows, int) and skiprows >= 0):
        return skiprows
    raise OptionNotInWindrowYet(
        f"`skiprows={skiprows!r}` is not in windrow yet\n"
        "hint: it is a number of lines to skip at the start; filter other rows out after reading"
    )


def _parse_dates(wanted: Any) -> list[str | int] | None:
    if wanted is None or wanted is False:
        return None
    listed = isinstance(wanted, Sequence) and not isinstance(wanted, str)
    if not listed or not all(isinstance(name, (str, int)) for name in wanted):
        raise TypeError(
            f"`parse_dates` is `{wanted!r}`\n"
            'hint: it is a list of columns in windrow: `parse_dates=["date"]`'
        )
    return list(wanted)


def _na_values(values: Any) -> object:
    if values is None:
        return None
    if isinstance(values, Mapping):
        return {str(name): _texts(given) for name, given in values.items()}
    return _texts(values)


def _texts(values: Any) -> list[str | int | float]:
    listed = [values] if isinstance(values, (str, int, float)) else list(values)
    return [value for value in listed if value == value]  # noqa: PLR0124 - NaN is missing anyway


def _dtype(dtype: Any) -> object:
    if dtype is None:
        return None
    if isinstance(dtype, Mapping):
        return {str(name): _type_name(kind) for name, kind in dtype.items()}
    return _type_name(dtype)


def _type_name(dtype: object) -> str:
    """The engine's name of a type: numpy's for numbers, `str`, `date`, `datetime`..."""
    from windrow.frame.convert import arrow_type

    name = str(arrow_type(dtype))
    return _ENGINE_NAMES.get(name, name)


_ENGINE_NAMES = {
    "string": "str",
    "large_string": "str",
    "double": "float64",
    "float": "float32",
    "halffloat": "float16",
    "date32[day]": "date",
    "timestamp[us]": "datetime",
    "timestamp[ns]": "datetime64[ns]",
}
