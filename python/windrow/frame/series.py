"""A lazy column: an expression over the rows of a dataset, with pandas' methods."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn, TypeAlias

from windrow.frame.accessors import Dates, Text
from windrow.frame.convert import arrow_type, collect, pandas_dtypes, schema_of, series_of
from windrow.frame.functions import Call, mapping_call
from windrow.frame.lookup import is_missing
from windrow.frame.missing import SERIES_NEAREST, no_attribute, not_yet, other_rows, refuse
from windrow.frame.operators import NamedOperators
from windrow.frame.reductions import Reductions, checked, reduce_column
from windrow.frame.rows import Rows, column, flat, free_name, literal, plain
from windrow.frame.scalar import Scalar

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    from windrow._native import Expr
    from windrow.frame.display import Explanation
    from windrow.frame.frame import DataFrame

# `str` names the accessor inside the class.
str_: TypeAlias = str
_EXTREMES = ("both", "neither", "left", "right")


class Series(NamedOperators, Reductions):
    """A lazy column; `compute()` gives a pandas Series.

    Columns of the same frame can be combined; columns of different frames cannot, because their
    rows may not line up (windrow frames have no index to align on).
    """

    __slots__ = ("_expr", "_name", "_rows")
    __hash__: ClassVar[None]  # type: ignore[assignment]  # `==` gives a column

    def __init__(self, rows: Rows, name: str | None, expr: Expr) -> None:
        self._rows = rows
        self._name = name
        self._expr = expr

    # ---- what it is

    @property
    def name(self) -> str | None:
        """The column's name."""
        return self._name

    @property
    def dtype(self) -> Any:
        """The pandas type of the values when none is missing; may try a function on a sample."""
        return pandas_dtypes(schema_of(self._dataset()))[0]

    @property
    def npartitions(self) -> int:
        """The number of partitions."""
        return self._rows.base.npartitions

    @property
    def divisions(self) -> tuple[int | None, ...]:
        """Row labels at the partitions' borders; all None where they are not known."""
        return self._rows.base.divisions

    @property
    def str(self) -> Text:
        """Text functions."""
        return Text(self)

    @property
    def dt(self) -> Dates:
        """Parts of dates and times."""
        return Dates(self)

    @property
    def ndim(self) -> int:
        """1, as in pandas."""
        return 1

    @property
    def shape(self) -> tuple[int]:
        """The number of rows, as a tuple; computes it."""
        return (len(self),)

    def __len__(self) -> int:
        return self._rows.base.count()

    def __bool__(self) -> NoReturn:
        raise ValueError(
            "the truth value of a Series is ambiguous\n"
            "hint: use `&`, `|` and `~` between conditions, or `s.any()`, `s.all()`"
        )

    def __repr__(self) -> str_:
        return self.to_frame()._structure("Series").text()

    def _repr_html_(self) -> str_:
        return self.to_frame()._structure("Series").html()

    def __getattr__(self, name: str_) -> NoReturn:
        raise no_attribute("Series", name, SERIES_NEAREST, dir(type(self)))

    # ---- results

    def compute(self) -> pd.Series[Any]:
        """Run the plan; gives a pandas Series."""
        return series_of(self._rows, self._name, self._expr)

    def to_pandas(self) -> pd.Series[Any]:
        """The same as `compute()`."""
        return self.compute()

    def to_arrow(self) -> pa.ChunkedArray:
        """Run the plan; gives Arrow data."""
        return collect(self._dataset()).column(0)

    def to_numpy(self) -> np.ndarray[Any, Any]:
        """Run the plan; gives a numpy array."""
        return self.compute().to_numpy()

    @property
    def values(self) -> np.ndarray[Any, Any]:
        """The values as a numpy array; computes them."""
        return self.to_numpy()

    def to_list(self) -> list[Any]:
        """Run the plan; gives a list."""
        return self.compute().to_list()

    tolist = to_list

    def head(self, n: int = 5) -> pd.Series[Any]:
        """The first `n` rows in order, as a pandas Series; computes only what they need."""
        return self._over(self._rows.over(self._rows.base.limit(n))).compute()

    def tail(self, n: int = 5) -> pd.Series[Any]:
        """The last `n` rows in order, as a pandas Series; counts all rows first."""
        base = self._rows.base
        return self._over(self._rows.over(base.limit(n, max(base.count() - n, 0)))).compute()

    def explain(self) -> Explanation:
        """The plan before and after optimization, and each function's verdict and reasons."""
        return self.to_frame().explain()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.compute())

    def __contains__(self, key: object) -> NoReturn:
        raise not_yet("`in` on a column", f"`s.isin([{key!r}]).any()`")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        import numpy as np

        return np.asarray(self.to_numpy(), dtype=dtype)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    # ---- rows

    def __getitem__(self, key: object) -> Series:
        if isinstance(key, Series):
            if not self._rows.same(key._rows):
                other_rows(self, key)
            return self._over(self._rows.over(self._rows.base.filter(key._expr)))
        if isinstance(key, slice):
            return self._over(self.to_frame()[key]._rows)
        raise not_yet("a row label on a column", "`s[mask]`, `s.head(n)` or `s[start:stop]`")

    def dropna(self) -> Series:
        """The values that are not missing."""
        return self[self.notna()]

    def sort_values(
        self,
        *,
        ascending: bool = True,
        na_position: Literal["first", "last"] = "last",
        **options: object,
    ) -> Series:
        """The values in order; missing ones last, or first."""
        refuse("Series.sort_values", options, {"kind": ..., "ignore_index": ..., "axis": 0})
        if na_position not in ("first", "last"):
            raise ValueError(f"`na_position` is `{na_position!r}`; it can be first or last")
        keys = [(self._expr, not ascending, na_position == "last")]
        return self._over(self._rows.over(self._rows.base.sort(keys)))

    def nlargest(self, n: int = 5) -> Series:
        """The `n` largest values, largest first."""
        return self.dropna().sort_values(ascending=False)[:n]

    def nsmallest(self, n: int = 5) -> Series:
        """The `n` smallest values, smallest first."""
        return self.dropna().sort_values()[:n]

    def unique(self) -> Series:
        """Each value once, missing ones too, as a lazy column; their order is not promised."""
        name = flat(self._label())
        base = self._rows.base.select([(name, self._expr)]).distinct()
        return Series(Rows(base), self._name, column(name))

    drop_duplicates = unique

    def value_counts(
        self,
        normalize: bool = False,
        sort: bool = True,
        ascending: bool = False,
        dropna: bool = True,
        **options: object,
    ) -> Series:
        """How often each value occurs; `compute()` has the values as index.

        Equally frequent values come in their own order (pandas: in order of appearance).

        Parameters
        ----------
        normalize
            Give shares of the total instead of counts.
        sort, ascending
            Order by count, most frequent first unless `ascending`.
        dropna
            Leave missing values out, of the total too.
        """
        refuse("Series.value_counts", options)
        source = self.dropna() if dropna else self
        counted = "proportion" if normalize else "count"
        key = free_name(flat(self._label()), [counted])
        size = literal(1).aggregate("size")
        base = source._rows.base.aggregate([(key, self._expr)], [(counted, size)])
        if sort:
            base = base.sort([(column(counted), not ascending, True), (column(key), False, True)])
        if normalize:
            total = Scalar.aggregate(source._rows.base, size, "size")
            share = column(counted).binary("/", total.expr)
            base = base.select([(key, column(key)), (counted, share)])
        return Series(Rows(base, ((self._name, column(key)),)), counted, column(counted))

    # ---- values

    def apply(
        self,
        func: Callable[..., Any],
        args: Sequence[Any] = (),
        *,
        result_type: object = None,
        nulls: str_ = "nan",
        **kwargs: Any,
    ) -> Series:
        """`func(value, *args, **kwargs)` for each value, on every core.

        Parameters
        ----------
        result_type
            Type of the results (`float`, `"int64"`, a pyarrow type...); None: found by trying
            `func` on a sample. A result that does not fit is an error, never cast.
        nulls
            What a missing value is to `func`: `"nan"` (float NaN) or `"none"`.
        """
        call = Call(func, args, kwargs, nulls, result_type)
        return self._with(call.on_values(flat(self._label()), self._expr))

    def map(
        self,
        arg: Callable[[Any], Any] | Mapping[Any, Any] | pd.Series[Any],
        na_action: Literal["ignore"] | None = None,
        *,
        result_type: object = None,
        nulls: str_ = "nan",
    ) -> Series:
        """`arg(value)` or `arg[value]` for each value; what a mapping has not is missing."""
        call = mapping_call(arg, na_action, nulls, result_type)
        return self._with(call.on_values(flat(self._label()), self._expr))

    def astype(self, dtype: object, **options: object) -> Series:
        """The values in another type; an error when one does not fit."""
        refuse("Series.astype", options, {"copy": ..., "errors": "raise"})
        wanted = arrow_type(dtype)
        cast = self._expr.cast(wanted)
        if wanted == arrow_type(bool):
            cast = cast.call("fillna", [literal(True)])  # NaN is true, in pandas as in Python
        return self._with(cast)

    def fillna(self, value: object, **options: object) -> Series:
        """With missing values replaced: by a constant, a lazy value or a column's value."""
        refuse("Series.fillna", options)
        return self._with(self._expr.call("fillna", [self._operand(value)]))

    def isin(self, values: Collection[object]) -> Series:
        """Whether each value is one of `values`."""
        if isinstance(values, Series):
            raise not_yet("`isin` with a lazy column", '`merge(..., how="inner")`')
        if isinstance(values, (str_, bytes)) or not hasattr(values, "__iter__"):
            raise TypeError(f"`isin` takes a list or a set, not a `{type(values).__name__}`")
        # A missing value in the list, NaN too, stands for all missing values.
        items = dict.fromkeys(None if is_missing(v) else v for v in map(plain, values))
        return self._call("isin", *(literal(value) for value in items))

    def between(
        self,
        left: object,
        right: object,
        inclusive: Literal["both", "neither", "left", "right"] = "both",
    ) -> Series:
        """Whether each value lies between `left` and `right`."""
        if inclusive not in _EXTREMES:
            raise ValueError(f"`inclusive` is `{inclusive!r}`; it can be {', '.join(_EXTREMES)}")
        above = self >= left if inclusive in ("both", "left") else self > left
        below = self <= right if inclusive in ("both", "right") else self < right
        found: Series = above & below
        return found

    def clip(self, lower: object = None, upper: object = None, **options: object) -> Series:
        """With values below `lower` or above `upper` set to these."""
        refuse("Series.clip", options, {"axis": 0})
        bounds = (lower, upper)
        if all(isinstance(bound, (int, float)) for bound in bounds):
            lower, upper = sorted(bounds)  # type: ignore[type-var]
        # Where columns cross, the upper bound wins.
        raised = self._call("clip", self._operand(lower), literal(None))
        return raised._call("clip", literal(None), self._operand(upper))

    def round(self, decimals: int = 0) -> Series:
        """Rounded half to even, to `decimals` places."""
        return self._call("round", literal(decimals))

    def where(self, cond: Series, other: object = None) -> Series:
        """The value where `cond` is true, else `other`."""
        return self._call("where", self._operand(cond), self._operand(other))

    def mask(self, cond: Series, other: object = None) -> Series:
        """The value where `cond` is false, else `other`."""
        return self.where(~cond, other)

    # ---- reductions

    def _reduce(self, name: str_, options: Mapping[str_, object]) -> Scalar:
        checked("Series", name, options)
        return reduce_column(self._rows, flat(self._label()), self._expr, name)

    def nunique(self, dropna: bool = True) -> Scalar:
        """How many different values there are."""
        counted = self._expr.aggregate("nunique")
        if not dropna:
            missing = self._expr.unary("isna").aggregate("any").cast(arrow_type(int))
            counted = counted.binary("+", missing)
        return Scalar.aggregate(self._rows.base, counted, f"nunique of `{flat(self._label())}`")

    def any(self) -> Scalar:
        """Whether any value is true."""
        return reduce_column(self._rows, flat(self._label()), self._expr, "any")

    def all(self) -> Scalar:
        """Whether all values are true; missing ones are skipped."""
        false = self._with(self._expr.binary("==", literal(False)))
        return ~false.any()

    # ---- shape

    def to_frame(self, name: str_ | None = None) -> DataFrame:
        """A frame of this one column."""
        from windrow.frame.frame import DataFrame

        return DataFrame._of(self._rows, {name or self._label(): self._expr})

    def rename(self, name: str_ | None) -> Series:
        """The same column under another name."""
        return Series(self._rows, name, self._expr)

    def copy(self) -> Series:
        """The same lazy column."""
        return Series(self._rows, self._name, self._expr)

    def reset_index(self, *, drop: bool = False, name: str_ | None = None) -> Series | DataFrame:
        """With the index columns of a groupby as plain columns, or dropped."""
        if drop:
            return Series(Rows(self._rows.base), self._name, self._expr)
        return self.to_frame(name).reset_index()

    # ---- inside

    def _label(self) -> str_:
        return "value" if self._name is None else self._name

    def _dataset(self) -> Any:
        return self._rows.base.select([(flat(self._label()), self._expr)])

    def _with(self, expr: Expr) -> Series:
        return Series(self._rows, self._name, expr)

    def _over(self, rows: Rows) -> Series:
        return Series(rows, self._name, self._expr)

    def _call(self, name: str_, *args: Expr) -> Series:
        return self._with(self._expr.call(name, list(args)))

    def _operand(self, other: object) -> Expr:
        """`other` as an expression over the same rows."""
        if isinstance(other, Series):
            if not self._rows.same(other._rows):
                other_rows(self, other)
            return other._expr
        return other.expr if isinstance(other, Scalar) else literal(other)

    def _binary(self, op: str_, other: object, reflected: bool = False) -> Any:
        if isinstance(other, NamedOperators) and not isinstance(other, Series):
            return NotImplemented  # a frame: it takes over
        operand = self._operand(other)
        expr = operand.binary(op, self._expr) if reflected else self._expr.binary(op, operand)
        same = not isinstance(other, Series) or other._name == self._name
        return Series(self._rows, self._name if same else None, expr)

    def _unary(self, op: str_) -> Series:
        return self._with(self._expr.unary(op))
