"""What makes frames of frames: rows chosen, sorted, merged; columns added, changed, dropped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, Literal, Self

from windrow.frame.convert import known_types
from windrow.frame.core import Core
from windrow.frame.functions import Call
from windrow.frame.missing import no_column, not_yet, refuse
from windrow.frame.rows import Label, Rows, column, flat
from windrow.frame.series import Series

if TYPE_CHECKING:
    from windrow._native import Expr
    from windrow.frame.groupby import DataFrameGroupBy

_JOINS = ("inner", "left", "right", "outer", "cross", "left_anti", "left_semi")
_ENGINE_JOINS = {"left_anti": "anti", "left_semi": "semi"}


class Relations(Core):
    """Methods that give another lazy frame."""

    __slots__ = ()

    # ---- columns

    def assign(self, **columns: object) -> Self:
        """A copy with columns added or replaced; a function is called with the frame so far."""
        frame = self._with(self._columns)
        for name, value in columns.items():
            given = value(frame) if callable(value) and not isinstance(value, Series) else value
            frame = frame._with({**frame._columns, name: frame._operand(given)})
        return frame

    def drop(
        self,
        labels: Label | Sequence[Label] | None = None,
        *,
        axis: int | str = 0,
        columns: Label | Sequence[Label] | None = None,
        errors: Literal["raise", "ignore"] = "raise",
        **options: object,
    ) -> Self:
        """A copy without some columns."""
        refuse("DataFrame.drop", options, {"index": None, "inplace": False})
        if columns is None and axis in (1, "columns"):
            columns = labels
        if columns is None:
            raise not_yet("`drop` of rows", "`df[~mask]`, or `drop(columns=...)` for columns")
        dropped = set(_listed(columns))
        for label in dropped:
            if label not in self._columns and errors != "ignore":
                raise no_column(label, self._columns)
        return self._with({k: e for k, e in self._columns.items() if k not in dropped})

    def rename(
        self,
        *,
        columns: Mapping[Any, str] | Callable[[Any], str],
        errors: Literal["raise", "ignore"] = "ignore",
        **options: object,
    ) -> Self:
        """A copy with columns renamed."""
        refuse("DataFrame.rename", options, {"inplace": False, "copy": ..., "index": None})
        if not callable(columns) and errors == "raise":
            for label in columns:
                if label not in self._columns:
                    raise no_column(label, self._columns)
        new = columns if callable(columns) else lambda label: columns.get(label, label)
        return self._with(_distinct([(new(label), e) for label, e in self._columns.items()]))

    def astype(self, dtype: object, **options: object) -> Self:
        """A copy with columns in other types; `dtype` is one type, or column to type."""
        refuse("DataFrame.astype", options, {"copy": ..., "errors": "raise"})
        wanted = dtype if isinstance(dtype, Mapping) else dict.fromkeys(self._columns, dtype)
        changed = {label: self._one(label).astype(kind)._expr for label, kind in wanted.items()}
        return self._with({**self._columns, **changed})

    def fillna(self, value: object, **options: object) -> Self:
        """A copy with missing values replaced; `value` is one value, or column to value."""
        refuse("DataFrame.fillna", options, {"inplace": False, "axis": None})
        given = value if isinstance(value, Mapping) else dict.fromkeys(self._columns, value)
        changed = {
            label: self._one(label).fillna(filler)._expr
            for label, filler in given.items()
            if label in self._columns
        }
        return self._with({**self._columns, **changed})

    def isin(self, values: Any) -> Self:
        """Whether each value is one of `values` (a list, or column to list)."""
        if not isinstance(values, Mapping):
            return self._each(lambda series: series.isin(values))
        return self._with(
            {label: self._one(label).isin(values.get(label, []))._expr for label in self._columns}
        )

    def round(self, decimals: int | Mapping[str, int] = 0) -> Self:
        """A copy with floats rounded half to even; `decimals` is one number, or column to it."""
        places = decimals if isinstance(decimals, Mapping) else self._numbers(decimals)
        changed: dict[Label, Expr] = {
            label: self._one(label).round(n)._expr for label, n in places.items()
        }
        return self._with({**self._columns, **changed})

    def apply(
        self,
        func: Callable[..., Any],
        axis: int | str = 0,
        *,
        args: Sequence[Any] = (),
        result_type: object = None,
        nulls: str = "nan",
        **kwargs: Any,
    ) -> Series:
        """`func(row, *args, **kwargs)` for each row (`axis=1`), on every core, in order.

        Parameters
        ----------
        func
            Any callable. `row["a"]` and `row.a` are plain Python values of the column's type.
        axis
            1 or `"columns"`.
        result_type
            Type of the results (`float`, `"int64"`, a pyarrow type...); None: found by trying
            `func` on a sample of the rows. A result that does not fit is an error that names the
            row; nothing is cast.
        nulls
            What a missing value is to `func`: `"nan"` (float NaN) or `"none"`.
        """
        if axis not in (1, "columns"):
            raise not_yet(
                "`DataFrame.apply` on whole columns (`axis=0`)",
                "`apply(f, axis=1)` for rows, `df[column].map(f)` for values, "
                "or a reduction such as `df.sum()`",
            )
        call = Call(func, args, kwargs, nulls, result_type)
        return Series(self._rows, None, call.on_rows(self._columns))

    def map_partitions(
        self, func: Callable[..., Any], *args: Any, result_type: object = None, **kwargs: Any
    ) -> Self:
        """`func(frame, *args, **kwargs)` for each partition, as a pandas DataFrame, in order.

        Parameters
        ----------
        func
            Gives a DataFrame, a Series or an array.
        result_type
            The result's columns: column to type, a pyarrow schema or an empty pandas DataFrame;
            None: found by trying `func` on a sample of the rows.
        """
        if result_type is None:
            result_type = kwargs.pop("meta", None)  # Dask's name for it
        call = Call(func, args, kwargs, result_type=result_type)
        return self._of(Rows(call.on_partitions(self._full())))

    # ---- rows

    def _filter(self, mask: Series) -> Self:
        """The rows for which `mask` is true: `df[mask]`."""
        return self._over(self._rows.base.filter(self._operand(mask)))

    def sort_values(
        self,
        by: Label | Sequence[Label],
        *,
        ascending: bool | Sequence[bool] = True,
        na_position: Literal["first", "last"] = "last",
        **options: object,
    ) -> Self:
        """The rows in the order of one or more columns; missing values last, or first."""
        harmless: dict[str, object] = {"kind": ..., "ignore_index": ..., "axis": 0}
        refuse("DataFrame.sort_values", options, {**harmless, "inplace": False})
        labels = _listed(by)
        up = [ascending] * len(labels) if isinstance(ascending, bool) else list(ascending)
        if len(up) != len(labels):
            raise ValueError(f"`ascending` has {len(up)} entries, `by` has {len(labels)}")
        if na_position not in ("first", "last"):
            raise ValueError(f"`na_position` is `{na_position!r}`; it can be first or last")
        last = na_position == "last"
        keys = [(self._key(k), not rising, last) for k, rising in zip(labels, up, strict=True)]
        return self._over(self._rows.base.sort(keys))

    def nlargest(self, n: int, columns: Label | Sequence[Label]) -> Self:
        """The `n` rows with the largest values of `columns`, largest first."""
        return self._first_sorted(n, columns, ascending=False)

    def nsmallest(self, n: int, columns: Label | Sequence[Label]) -> Self:
        """The `n` rows with the smallest values of `columns`, smallest first."""
        return self._first_sorted(n, columns, ascending=True)

    def _first_sorted(self, n: int, columns: Label | Sequence[Label], ascending: bool) -> Self:
        frame = self.sort_values(columns, ascending=ascending)
        return frame._over(frame._rows.base.limit(max(n, 0)))

    def dropna(
        self,
        *,
        how: Literal["any", "all"] = "any",
        subset: Label | Sequence[Label] | None = None,
        **options: object,
    ) -> Self:
        """The rows without missing values (`how="all"`: without rows that have nothing else)."""
        refuse("DataFrame.dropna", options, {"axis": 0, "ignore_index": ..., "inplace": False})
        if how not in ("any", "all"):
            raise ValueError(f"`how` is `{how}`; it can be any or all")
        labels = list(self._columns) if subset is None else _listed(subset)
        present = [self._key(label).unary("notna") for label in labels]
        if not present:
            return self._with(self._columns)
        op = "&" if how == "any" else "|"
        kept = reduce(lambda left, right: left.binary(op, right), present)
        return self._over(self._rows.base.filter(kept))

    def drop_duplicates(self, subset: object = None, **options: object) -> Self:
        """Each different row once; their order is not promised."""
        refuse("DataFrame.drop_duplicates", options, {"keep": "first", "ignore_index": ...})
        if subset is not None and set(_listed(subset)) != set(self._columns):
            raise not_yet(
                "`drop_duplicates` with a `subset`",
                "`df[[...]].drop_duplicates()`, or `groupby(...).first()`",
            )
        return self._with_labels_of(Rows(self._dataset().distinct()))

    def reset_index(self, *, drop: bool = False, **options: object) -> Self:
        """With the index columns of a groupby as plain columns, or dropped."""
        refuse("DataFrame.reset_index", options, {"inplace": False, "names": None})
        if not self._rows.index and not drop:
            raise not_yet(
                "a row number as a column",
                '`reset_index(drop=True)`, or `wr.sql("select row_number() over () ...")`',
            )
        index = self._rows.index
        unnamed = "level_{}" if len(index) > 1 else "index"
        own = [(name or unnamed.format(at), expr) for at, (name, expr) in enumerate(index)]
        own = [] if drop else own
        columns = _distinct([*own, *self._columns.items()])
        return self._of(Rows(self._rows.base), columns)

    def merge(
        self,
        right: Any,
        how: str = "inner",
        on: Label | Sequence[Label] | None = None,
        left_on: Label | Sequence[Label] | None = None,
        right_on: Label | Sequence[Label] | None = None,
        *,
        suffixes: tuple[str | None, str | None] = ("_x", "_y"),
        indicator: bool | str = False,
        **options: object,
    ) -> Self:
        """Rows of two frames brought together by equal keys; missing keys match each other.

        Parameters are those of pandas; `how` can also be `left_semi`. The order of the rows is
        not promised.
        """
        refuse("DataFrame.merge", options, {"copy": ..., "sort": False, "validate": None})
        if how not in _JOINS:
            raise ValueError(f"`how` is `{how}`\nhint: it can be {', '.join(_JOINS)}")
        other = self._frame_of(right)
        left_keys, right_keys = _merge_keys(self, other, how, on, (left_on, right_on))
        joined = self._keyed(left_keys).join(
            other._keyed(right_keys),
            _ENGINE_JOINS.get(how, how),
            [flat(key) for key in left_keys],
            [flat(key) for key in right_keys],
            (suffixes[0] or "", suffixes[1] or ""),
            ("_merge" if indicator is True else indicator) or None,
        )
        return self._of(Rows(joined))

    def groupby(
        self,
        by: object,
        *,
        sort: bool = True,
        as_index: bool = True,
        dropna: bool = True,
        group_keys: bool = True,
        **options: object,
    ) -> DataFrameGroupBy:
        """Rows grouped by columns (names, or columns of this frame).

        Parameters
        ----------
        sort
            Order the groups by their keys; otherwise their order is not promised.
        as_index
            Make the keys the index of what `compute()` gives.
        dropna
            Leave out rows whose key is missing.
        group_keys
            Of `apply` with a function that gives several rows: make the keys part of the index.
        """
        from windrow.frame.groupby import DataFrameGroupBy, groups_of

        refuse("DataFrame.groupby", options, {"observed": ..., "axis": 0})
        how = {"sort": sort, "as_index": as_index, "dropna": dropna, "group_keys": group_keys}
        return DataFrameGroupBy(groups_of(self, by, **how))

    # ---- inside

    def _one(self, label: object) -> Series:
        return Series(self._rows, flat(label) if isinstance(label, str) else None, self._key(label))

    def _each(self, change: Callable[[Series], Series]) -> Self:
        return self._with({label: change(self._one(label))._expr for label in self._columns})

    def _with_labels_of(self, rows: Rows) -> Self:
        """These labels over the columns of a dataset that has them by their flat names."""
        if any(isinstance(label, tuple) for label in self._columns):
            return self._of(rows, {label: column(flat(label)) for label in self._columns})
        return self._of(rows)

    def _numbers(self, decimals: int) -> dict[str, int]:
        from pyarrow import types

        kinds = known_types(self._dataset()) or [None] * len(self._columns)
        pairs = zip(self._columns, kinds, strict=True)
        number = [k for k, kind in pairs if kind is not None and types.is_floating(kind)]
        return {label: decimals for label in number if isinstance(label, str)}

    def _keyed(self, keys: Sequence[Label]) -> Any:
        """A dataset of the columns, and of the index columns that are keys."""
        extra = {key: self._key(key) for key in keys if key not in self._columns}
        if not extra:
            return self._dataset()
        return Rows(self._rows.base).select({**extra, **self._columns})[0]

    def _frame_of(self, other: object) -> Self:
        if isinstance(other, Relations):
            return other  # type: ignore[return-value]
        if isinstance(other, Series):
            return other.to_frame()  # type: ignore[return-value]
        import pandas as pd

        if isinstance(other, (pd.DataFrame, pd.Series)):
            from windrow.sources import from_pandas

            return from_pandas(other)  # type: ignore[return-value]
        raise TypeError(f"`merge` takes a frame, not a `{type(other).__name__}`")


def _listed(labels: Any) -> list[Any]:
    return [labels] if isinstance(labels, (str, tuple)) else list(labels)


def _distinct(columns: Sequence[tuple[Label, Expr]]) -> dict[Label, Expr]:
    found = dict(columns)
    if len(found) < len(columns):
        seen: set[Label] = set()
        twice = next(label for label, _ in columns if label in seen or seen.add(label))  # type: ignore[func-returns-value]
        raise ValueError(
            f"there would be two columns `{flat(twice)}`\nhint: names must be different"
        )
    return found


def _merge_keys(
    left: Relations,
    right: Relations,
    how: str,
    on: Any,
    sides: tuple[Any, Any],
) -> tuple[list[Label], list[Label]]:
    given = any(side is not None for side in sides)
    if how == "cross":
        if on is not None or given:
            raise ValueError("a cross merge has no keys\nhint: leave `on` out")
        return [], []
    if on is not None and given:
        raise ValueError("`merge` takes either `on`, or `left_on` and `right_on`")
    if given:
        if sides[0] is None or sides[1] is None:
            raise ValueError("`left_on` and `right_on` go together")
        left_keys, right_keys = _listed(sides[0]), _listed(sides[1])
    elif on is not None:
        left_keys = right_keys = _listed(on)
    else:
        left_keys = right_keys = [label for label in left._columns if label in right._columns]
        if not left_keys:
            raise ValueError("the frames have no column in common\nhint: pass `on`")
    for frame, keys in ((left, left_keys), (right, right_keys)):
        for key in keys:
            frame._key(key)
    return left_keys, right_keys
