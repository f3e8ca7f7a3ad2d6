"""What every part of a frame stands on: its rows, its columns, and reading keys as expressions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from windrow.frame.missing import no_column, other_rows
from windrow.frame.rows import Label, Rows, column, literal
from windrow.frame.scalar import Scalar
from windrow.frame.series import Series

if TYPE_CHECKING:
    from windrow._native import Dataset, Expr


class Core:
    """Columns by label, each an expression over the same rows.

    The columns of a fresh dataset are read only when they are asked for: those of
    `map_partitions` and of SQL over it follow from trying the function.
    """

    __slots__ = ("_labels", "_rows", "_whole")

    _rows: Rows
    _labels: dict[Label, Expr] | None
    _whole: dict[Label, Expr] | None  # the columns of the base itself, once they were read

    @classmethod
    def _of(cls, rows: Rows, columns: Mapping[Label, Expr] | None = None) -> Self:
        """A frame of `columns` over `rows`; None: all columns of the dataset."""
        frame = cls.__new__(cls)
        object.__setattr__(frame, "_rows", rows)
        object.__setattr__(frame, "_labels", None if columns is None else dict(columns))
        object.__setattr__(frame, "_whole", None)
        return frame

    @property
    def _columns(self) -> dict[Label, Expr]:
        if self._labels is None:
            own: dict[Label, Expr] = {name: column(name) for name in self._rows.base.columns}
            object.__setattr__(self, "_labels", own)
            object.__setattr__(self, "_whole", own)
            return own
        return self._labels

    def _with(self, columns: Mapping[Label, Expr]) -> Self:
        """Other columns over the same rows."""
        return self._of(self._rows, columns)

    def _over(self, base: Dataset) -> Self:
        """The same columns over `base`, which has the columns of this frame's base."""
        frame = self._of(self._rows.over(base))
        object.__setattr__(frame, "_labels", self._labels)
        object.__setattr__(frame, "_whole", self._whole)
        return frame

    def _dataset(self) -> Dataset:
        """A dataset of the columns alone, without the index columns of a groupby."""
        if self._labels is None or self._labels is self._whole:
            return self._rows.base
        return Rows(self._rows.base).select(self._columns)[0]

    def _full(self) -> Dataset:
        """A dataset of the index columns, then the columns."""
        return self._rows.select(self._columns)[0] if self._rows.index else self._dataset()

    def _key(self, label: object) -> Expr:
        """The expression of a column, or of an index column, by its label."""
        columns = self._columns
        if isinstance(label, (str, tuple)) and label in columns:
            return columns[label]
        for name, expr in self._rows.index:
            if name is not None and name == label:
                return expr
        raise no_column(label, columns)

    def _operand(self, value: object) -> Expr:
        """`value` (a column of this frame, a lazy value or a constant) as an expression."""
        if isinstance(value, Series):
            if not self._rows.same(value._rows):
                other_rows(value, self)
            return value._expr
        if isinstance(value, Scalar):
            return value.expr
        if isinstance(value, (list, tuple, set, dict)) or _is_array(value):
            raise TypeError(
                f"a `{type(value).__name__}` has no rows that line up with a windrow frame\n"
                "hint: compute the column from others, or `merge` it in by a key"
            )
        return literal(value)

    def _series(self, label: Label) -> Series:
        return Series(self._rows, _series_name(label), self._columns[label])


def _series_name(label: Label) -> str:
    return label if isinstance(label, str) else "_".join(part for part in label if part)


def _is_array(value: Any) -> bool:
    return bool(getattr(value, "ndim", 0)) and hasattr(value, "__len__")
