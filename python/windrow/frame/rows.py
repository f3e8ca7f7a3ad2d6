"""The rows that columns are expressions over, and how values become expressions."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from windrow._native import Dataset, Expr

# A column's name; pairs come from `agg` with lists and give pandas' two-level columns.
Label: TypeAlias = "str | tuple[str, ...]"


@dataclass(frozen=True, eq=False)
class Rows:
    """A dataset whose rows frames and series share, and its index columns.

    The index columns exist only for `compute()`: after a `groupby` they become the pandas index.
    """

    base: Dataset
    index: tuple[tuple[str | None, Expr], ...] = ()

    def same(self, other: Rows) -> bool:
        """Whether columns over both line up row by row."""
        return self.base is other.base

    def over(self, base: Dataset) -> Rows:
        """The same index columns over `base`, which keeps this dataset's columns."""
        return Rows(base, self.index)

    def select(self, columns: Mapping[Label, Expr]) -> tuple[Dataset, list[str]]:
        """A dataset of the index columns, then `columns`; and the index columns' names in it."""
        named = {flat(label): expr for label, expr in columns.items()}
        taken = set(named)
        index: dict[str, Expr] = {}
        for position, (label, expr) in enumerate(self.index):
            name = free_name(label or f"index_{position}", taken)
            taken.add(name)
            index[name] = expr
        return self.base.select([*index.items(), *named.items()]), list(index)


def flat(label: Label) -> str:
    """The text under which the engine knows a column."""
    return label if isinstance(label, str) else "_".join(part for part in label if part)


def free_name(name: str, taken: Iterable[str]) -> str:
    """`name`, or the first of `name_1`, `name_2`... that is not taken."""
    known = set(taken)
    found, number = name, 0
    while found in known:
        number += 1
        found = f"{name}_{number}"
    return found


def column(name: str) -> Expr:
    """The expression that reads a column."""
    from windrow._native import Expr

    return Expr.column(name)


def literal(value: object) -> Expr:
    """The expression of a constant.

    Raises
    ------
    TypeError
        For anything but a number, text, bytes, truth value, date, time span or missing value.
    """
    from windrow._native import Expr

    return Expr.literal(plain(value))


def plain(value: object) -> Any:
    """A constant as a plain Python value: no numpy or pandas scalars, None for missing ones."""
    if value is None or type(value) in _PLAIN:
        return value
    kind = type(value)
    module = kind.__module__.partition(".")[0]
    if module == "pandas":
        return _plain_pandas(value)
    if module == "numpy" and hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        if getattr(value, "dtype", None) is not None and value.dtype.kind in "mM":  # type: ignore[attr-defined]
            return _plain_time(value)
        return value.item()
    if isinstance(value, (int, float, str, bytes)):  # enum members and the like
        return next(base(value) for base in _BASES if isinstance(value, base))
    if isinstance(value, (decimal.Decimal, dt.date, dt.timedelta)):
        return value
    raise TypeError(
        f"a column cannot be combined with a `{kind.__name__}`\n"
        "hint: it takes a number, text, a truth value, a date, a missing value, "
        "or a column of the same frame"
    )


_BASES: tuple[Any, ...] = (int, float, str, bytes)
_PLAIN = {
    bool,
    int,
    float,
    str,
    bytes,
    decimal.Decimal,
    dt.date,
    dt.datetime,
    dt.timedelta,
}


def _plain_pandas(value: Any) -> Any:
    import pandas as pd

    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime(warn=False)
    if isinstance(value, pd.Timedelta):
        return value.to_pytimedelta()
    raise TypeError(
        f"a column cannot be combined with a pandas `{type(value).__name__}`\n"
        "hint: make it a windrow frame with `wr.from_pandas` and bring it in with `merge`"
    )


def _plain_time(value: Any) -> Any:
    import pandas as pd

    kind = pd.Timestamp if value.dtype.kind == "M" else pd.Timedelta
    return _plain_pandas(kind(value))
