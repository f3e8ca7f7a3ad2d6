"""One value that is not computed yet: what a reduction of a column gives."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from windrow.frame.convert import scalar_of
from windrow.frame.operators import Operators
from windrow.frame.rows import column, literal

if TYPE_CHECKING:
    from windrow._native import Dataset, Expr

_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Scalar(Operators):
    """One value that is not computed yet.

    Arithmetic with it stays lazy; `compute()`, `float()`, `int()`, comparisons, `print` and format
    strings compute it, once.

    Examples
    --------
    >>> mean = df["home_score"].mean()
    >>> df[df["home_score"] > mean]      # lazy: one plan
    >>> f"{mean:.3f}"                    # computes
    """

    __slots__ = ("_dataset", "_label", "_value")

    def __init__(self, dataset: Dataset, label: str) -> None:
        self._dataset = dataset
        self._label = label
        self._value: Any = _PENDING

    @classmethod
    def aggregate(cls, base: Dataset, expr: Expr, label: str) -> Scalar:
        """The value of `expr`, an aggregate over the rows of `base`."""
        return cls(base.aggregate([], [(_COLUMN, expr)]), label)

    @property
    def expr(self) -> Expr:
        """The value as part of an expression over other rows."""
        from windrow._native import Expr

        return Expr.subquery(self._dataset)

    def compute(self) -> Any:
        """Run the plan; gives the value as a plain Python object, NaN when it is missing."""
        if self._value is _PENDING:
            self._value = scalar_of(self._dataset)
        return self._value

    def item(self) -> Any:
        """The value as a plain Python object; computes."""
        value = self.compute()
        return value.item() if hasattr(value, "item") else value

    def explain(self) -> object:
        """How the value will be computed."""
        from windrow.frame.display import Explanation

        return Explanation(self._dataset.explain())

    def _binary(self, op: str, other: object, reflected: bool = False) -> Any:
        if op in _COMPARISONS:
            if isinstance(other, Operators) and not isinstance(other, Scalar):
                return NotImplemented
            right = other.compute() if isinstance(other, Scalar) else other
            return _COMPARISONS[op](self.compute(), right)
        if isinstance(other, Scalar):
            value, label = other.expr, other._label
        elif isinstance(other, Operators):
            return NotImplemented
        else:
            try:
                value, label = literal(other), repr(other)
            except TypeError:
                return NotImplemented
        return self._derive(op, value, label, reflected)

    def _derive(self, op: str, value: Expr, label: str, reflected: bool) -> Scalar:
        own = column(self._dataset.columns[0])
        expr = value.binary(op, own) if reflected else own.binary(op, value)
        names = (label, self._label) if reflected else (self._label, label)
        return Scalar(self._dataset.select([(_COLUMN, expr)]), f"({names[0]} {op} {names[1]})")

    def _unary(self, op: str) -> Scalar:
        expr = column(self._dataset.columns[0]).unary(op)
        return Scalar(self._dataset.select([(_COLUMN, expr)]), f"{op}({self._label})")

    def __hash__(self) -> int:
        raise TypeError("a lazy value cannot be a key\nhint: `compute()` it first")

    def __bool__(self) -> bool:
        return bool(self.compute())

    def __float__(self) -> float:
        return float(self.compute())

    def __int__(self) -> int:
        return int(self.compute())

    def __index__(self) -> int:
        return operator.index(self.compute())

    def __round__(self, ndigits: int | None = None) -> Any:
        return round(self.compute(), ndigits)

    def __format__(self, spec: str) -> str:
        return format(self.compute(), spec)

    def __str__(self) -> str:
        return str(self.compute())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        import numpy as np

        return np.asarray(self.compute(), dtype=dtype)

    def __repr__(self) -> str:
        if self._value is not _PENDING:
            return f"<windrow Scalar {self._label}: {self._value!r}>"
        return f"<windrow Scalar {self._label}: not computed yet>"

    def __reduce__(self) -> Any:
        # A function that holds on to a lazy value gets the value itself, as with pandas.
        return _itself, (self.compute(),)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"a lazy value has no attribute `{name}`\nhint: `compute()` gives the value itself"
        )


def _itself(value: Any) -> Any:
    return value


_PENDING = object()
_COLUMN = "value"
