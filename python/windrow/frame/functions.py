"""User functions on rows, values and partitions: from a callable to an expression."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from windrow.errors import OptionNotInWindrowYet
from windrow.frame.convert import arrow_type
from windrow.frame.lookup import Lookup, SkipMissing
from windrow.frame.rows import Label, flat

if TYPE_CHECKING:
    from windrow._native import Dataset, Expr, Function

_LAYOUTS = {"expand", "reduce", "broadcast"}


@dataclass(frozen=True)
class Call:
    """A callable, what it gets beside the row, value or frame, and what it gives.

    Parameters
    ----------
    f
        Any callable: function, lambda, closure, `functools.partial`, bound method.
    args, kwargs
        Further arguments of every call.
    nulls
        What a missing value is to `f`: `"nan"` (float NaN, whatever the column's type) or `"none"`.
    result_type
        The type of the results; None: found by trying `f` on a sample of the rows.
    """

    f: Callable[..., Any]
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    nulls: str = "nan"
    result_type: object = None

    def on_rows(self, columns: Mapping[Label, Expr]) -> Expr:
        """`f(row)` for each row of `columns`."""
        named = {flat(label): expr for label, expr in columns.items()}
        function, used = self._described("row", list(named))
        return self._apply(function, {name: named[name] for name in used})

    def on_values(self, name: str, expr: Expr) -> Expr:
        """`f(value)` for each value of a column."""
        function, _ = self._described("value", [name])
        return self._apply(function, {name: expr})

    def on_partitions(self, dataset: Dataset) -> Dataset:
        """`f(frame)` for each partition, a pandas DataFrame."""
        function, _ = self._described("batch", dataset.columns)
        return dataset.map_partitions(function, _result_schema(self.result_type))

    def _described(
        self, form: Literal["row", "value", "batch"], columns: list[str]
    ) -> tuple[Function, list[str]]:
        from windrow._native import Function
        from windrow.functions import describe

        if self.nulls not in ("nan", "none"):
            raise ValueError(f'`nulls` is `{self.nulls!r}`\nhint: it can be "nan" or "none"')
        description = describe(
            self.f,
            columns=columns,
            form=form,
            nulls="none" if self.nulls == "none" else "nan",
            args=self.args,
            kwargs=self.kwargs,
        )
        used = columns if description.columns is None else description.columns
        return Function(description.to_json(), description.pickled), used

    def _apply(self, function: Function, columns: Mapping[str, Expr]) -> Expr:
        from windrow._native import Expr

        if isinstance(self.result_type, str) and self.result_type in _LAYOUTS:
            raise OptionNotInWindrowYet(
                f"`apply` has no `result_type={self.result_type!r}` in windrow yet\n"
                "hint: `result_type` is the type of the results, such as `float`; "
                "for several columns, return a DataFrame from `map_partitions`"
            )
        wanted = None if self.result_type is None else arrow_type(self.result_type)
        return Expr.apply(function, list(columns.values()), list(columns), wanted)


def mapping_call(f: object, na_action: str | None, nulls: str, result_type: object) -> Call:
    """The call behind `Series.map`, which takes a function, a mapping or a pandas Series."""
    if na_action not in (None, "ignore"):
        raise ValueError(f'`na_action` is `{na_action!r}`\nhint: it can be None or "ignore"')
    if callable(f):
        return Call(SkipMissing(f) if na_action else f, nulls=nulls, result_type=result_type)
    mapping = f if isinstance(f, Mapping) else _mapping_of(f)
    if result_type is None:
        result_type = _type_of_values(mapping)
    return Call(Lookup(mapping), nulls="none", result_type=result_type)


def _mapping_of(f: object) -> Mapping[Any, Any]:
    import pandas as pd

    if isinstance(f, pd.Series):
        return dict(f.items())
    raise TypeError(
        f"`map` takes a function, a dict or a pandas Series, not a `{type(f).__name__}`\n"
        "hint: to look values up in a windrow frame, use `merge`"
    )


def _type_of_values(mapping: Mapping[Any, Any]) -> object:
    """The Arrow type of a mapping's values; None where they have no common one."""
    import pyarrow as pa

    if hasattr(type(mapping), "__missing__"):
        return None
    try:
        found = pa.array(list(mapping.values()), from_pandas=True).type
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return None
    return None if pa.types.is_null(found) else found


def _result_schema(result: object) -> object:
    """The columns that `map_partitions` gives: a schema, an example frame or name -> type."""
    import pyarrow as pa

    if result is None or isinstance(result, pa.Schema):
        return result
    if isinstance(result, Mapping):
        return pa.schema([(str(name), arrow_type(kind)) for name, kind in result.items()])
    columns = getattr(result, "dtypes", None)
    if columns is not None and hasattr(columns, "items"):
        return pa.schema([(str(name), arrow_type(kind)) for name, kind in columns.items()])
    raise TypeError(
        f"`result_type` of `map_partitions` cannot be a `{type(result).__name__}`\n"
        'hint: pass a mapping such as `{"a": int, "b": str}`, a pyarrow schema, '
        "or an empty pandas DataFrame"
    )
