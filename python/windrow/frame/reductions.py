"""Reductions: of a column to a lazy scalar, of a frame to a lazy row of scalars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from windrow.frame.convert import collect, schema_of, to_pandas
from windrow.frame.missing import no_column, refuse
from windrow.frame.rows import Label, Rows, flat
from windrow.frame.scalar import Scalar

if TYPE_CHECKING:
    import pandas as pd

    from windrow._native import Expr

_HARMLESS: Mapping[str, object] = {"axis": 0, "skipna": True, "min_count": 0, "ddof": 1}
# These make sense for numbers and truth values only.
NUMERIC_ONLY = frozenset({"sum", "mean", "std", "var", "median"})


class Reductions:
    """Reductions in terms of `_reduce`; missing values are skipped, as in pandas."""

    __slots__ = ()

    def _reduce(self, name: str, options: Mapping[str, object]) -> Any:
        raise NotImplementedError

    def sum(self, **options: object) -> Any:
        """The sum; 0 when there are no values."""
        return self._reduce("sum", options)

    def mean(self, **options: object) -> Any:
        """The mean; NaN when there are no values."""
        return self._reduce("mean", options)

    def min(self, **options: object) -> Any:
        """The smallest value."""
        return self._reduce("min", options)

    def max(self, **options: object) -> Any:
        """The largest value."""
        return self._reduce("max", options)

    def count(self, **options: object) -> Any:
        """How many values are not missing."""
        return self._reduce("count", options)

    def std(self, **options: object) -> Any:
        """The sample standard deviation (`ddof=1`)."""
        return self._reduce("std", options)

    def var(self, **options: object) -> Any:
        """The sample variance (`ddof=1`)."""
        return self._reduce("var", options)

    def median(self, **options: object) -> Any:
        """The middle value."""
        return self._reduce("median", options)


def reduce_column(rows: Rows, label: str, expr: Expr, name: str) -> Scalar:
    """One aggregate over one column."""
    return Scalar.aggregate(rows.base, expr.aggregate(name), f"{name} of `{label}`")


class ScalarRow:
    """One value for each column of a frame, not computed yet; `compute()` gives a pandas Series.

    `row["a"]` is the lazy value of one column.
    """

    __slots__ = ("_columns", "_name", "_numeric_only", "_rows")

    def __init__(
        self, rows: Rows, columns: Mapping[Label, Expr], name: str, numeric_only: bool
    ) -> None:
        self._rows = rows
        self._columns = dict(columns)
        self._name = name
        self._numeric_only = numeric_only

    def __getitem__(self, label: Label) -> Scalar:
        if label not in self._columns:
            raise no_column(label, self._columns)
        return reduce_column(self._rows, flat(label), self._columns[label], self._name)

    def __getattr__(self, name: str) -> Scalar:
        if name.startswith("_") or name not in self._columns:
            raise AttributeError(
                f"a lazy row of values has no attribute or column `{name}`\n"
                "hint: `compute()` gives a pandas Series"
            )
        return self[name]

    def __contains__(self, label: object) -> bool:
        return label in self._columns

    def __iter__(self) -> Iterator[Any]:
        return iter(self.compute())

    def __repr__(self) -> str:
        names = ", ".join(flat(label) for label in self._columns)
        return f"<windrow {self._name} of {names}: not computed yet; use compute()>"

    def compute(self) -> pd.Series[Any]:
        """Run the plan; gives a pandas Series with one value for each column."""
        import pandas as pd

        columns = self._reduced()
        if not columns:
            return pd.Series([], index=pd.Index([]), dtype="float64")
        base = self._rows.base.aggregate(
            [], [(flat(label), expr.aggregate(self._name)) for label, expr in columns.items()]
        )
        values = to_pandas(collect(base)).iloc[0]
        values.name = None
        values.index = pd.Index(list(columns))
        return values

    def to_pandas(self) -> pd.Series[Any]:
        """The same as `compute()`."""
        return self.compute()

    def _reduced(self) -> dict[Label, Expr]:
        """The columns that take part; here types are needed, so functions may be tried."""
        if not self._numeric_only:
            return self._columns
        import pyarrow as pa
        from pyarrow import types

        schema: pa.Schema = schema_of(Rows(self._rows.base).select(self._columns)[0])
        number = [
            types.is_integer(kind)
            or types.is_floating(kind)
            or types.is_boolean(kind)
            or types.is_decimal(kind)
            for kind in schema.types
        ]
        pairs = zip(self._columns.items(), number, strict=True)
        return {label: expr for (label, expr), kept in pairs if kept}


def checked(owner: str, name: str, options: Mapping[str, object]) -> bool | None:
    """Refuse options Windrow has not; gives `numeric_only` as it was passed."""
    rest = {key: value for key, value in options.items() if key != "numeric_only"}
    refuse(f"{owner}.{name}", rest, _HARMLESS)
    given = options.get("numeric_only")
    return None if given is None else bool(given)
