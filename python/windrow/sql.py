"""SQL over frames: `wr.sql("select ... from df")`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import TYPE_CHECKING, Any

from windrow import session
from windrow.frame.frame import DataFrame
from windrow.frame.rows import Rows

if TYPE_CHECKING:
    from windrow._native import Dataset

_WORD = re.compile(r'"((?:[^"]|"")+)"|([^\W\d]\w*)')


def sql(query: str, /, **tables: Any) -> DataFrame:
    """A lazy frame from a query over frames.

    Parameters
    ----------
    query
        A `select` in DataFusion's SQL, which is close to PostgreSQL's.
    tables
        Frames by the name the query uses. Other names are looked up among the caller's variables.
        Windrow frames, pandas DataFrames and Arrow tables are all taken.

    Raises
    ------
    ValueError
        For a query that cannot be planned.
    KeyError
        For a column or table that is not there.

    Examples
    --------
    >>> matches = wr.read_csv("matches.csv")
    >>> wr.sql("select city, count(*) as n from matches group by city order by n desc")
    """
    words = set(_words(query))
    found = {name: _dataset(name, table) for name, table in tables.items()}
    for name, value in _variables(sys._getframe(1), words - set(found)):
        found[name] = _dataset(name, value)
    dataset = session.current().sql(query, found)
    return DataFrame._of(Rows(dataset))


def _words(query: str) -> Iterator[str]:
    """The identifiers in a query, as they are written and as SQL folds them."""
    for quoted, plain in _WORD.findall(query):
        yield quoted.replace('""', '"') or plain


def _variables(frame: FrameType | None, names: set[str]) -> Iterator[tuple[str, Any]]:
    """The caller's variables among `names` that hold tables: locals first, then globals."""
    if frame is None:
        return
    scopes: tuple[Mapping[str, Any], ...] = (frame.f_locals, frame.f_globals)
    for name in names:
        value = next((scope[name] for scope in scopes if name in scope), None)
        if _is_table(value):
            yield name, value


def _is_table(value: object) -> bool:
    if isinstance(value, DataFrame):
        return True
    module = type(value).__module__.partition(".")[0]
    if module == "pandas":
        return type(value).__name__ == "DataFrame"
    return not isinstance(value, type) and hasattr(type(value), "__arrow_c_stream__")


def _dataset(name: str, table: Any) -> Dataset:
    from windrow import sources

    if not isinstance(table, DataFrame):
        if type(table).__module__.partition(".")[0] == "pandas":
            table = sources.from_pandas(table)
        elif hasattr(table, "__arrow_c_stream__") or hasattr(table, "__arrow_c_array__"):
            table = sources.from_arrow(table)
        else:
            raise TypeError(
                f"the table `{name}` is a `{type(table).__name__}`\n"
                "hint: pass a windrow frame, a pandas DataFrame or an Arrow table"
            )
    frame: DataFrame = table
    return frame._full()
