"""Grouped rows: `df.groupby(...)`, with its aggregates by name and by `agg`, and functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

from windrow.frame import aggregations
from windrow.frame.aggregations import Output
from windrow.frame.convert import known_types
from windrow.frame.core import Core
from windrow.frame.frame import DataFrame
from windrow.frame.missing import GROUPBY_NEAREST, no_attribute, no_column, not_yet, refuse
from windrow.frame.reductions import NUMERIC_ONLY
from windrow.frame.rows import Label, Rows, column, flat, free_name, literal
from windrow.frame.series import Series

if TYPE_CHECKING:
    from windrow._native import Dataset, Expr

_HARMLESS: Mapping[str, object] = {"min_count": 0, "ddof": 1, "skipna": True}


@dataclass(frozen=True, eq=False)
class Groups:
    """Rows, the keys they are grouped by, the columns to aggregate, and pandas' options."""

    rows: Rows
    keys: tuple[tuple[str | None, Expr], ...]
    columns: Mapping[Label, Expr]
    excluded: frozenset[Label] = frozenset()  # keys that are columns: aggregated only by name
    sort: bool = True
    as_index: bool = True
    dropna: bool = True
    group_keys: bool = True

    @property
    def values(self) -> dict[Label, Expr]:
        """The columns that aggregates of all columns take."""
        return {label: e for label, e in self.columns.items() if label not in self.excluded}

    def aggregate(self, outputs: Sequence[Output]) -> DataFrame:
        """One row per group with `outputs`; the keys as index, or as first columns."""
        labels = [output.label for output in outputs]
        keys = self.key_names(labels)
        base = self._source().aggregate(
            [(name, expr) for name, (_, expr) in zip(keys, self.keys, strict=True)],
            [(flat(output.label), self._expr(output)) for output in outputs],
        )
        if self.sort:
            base = base.sort([(column(name), False, True) for name in keys])
        values: dict[Label, Expr] = {label: column(flat(label)) for label in labels}
        if self.as_index:
            shown = [label for label, _ in self.keys]
            index = tuple(zip(shown, map(column, keys), strict=True))
            return DataFrame._of(Rows(base, index), values)
        own: dict[Label, Expr] = {name: column(name) for name in keys}
        return DataFrame._of(Rows(base), {**own, **values})

    def _source(self) -> Dataset:
        if not self.dropna:
            return self.rows.base
        present = self.keys[0][1].unary("notna")
        for _, key in self.keys[1:]:
            present = present.binary("&", key.unary("notna"))
        return self.rows.base.filter(present)

    def key_names(self, labels: Sequence[Label]) -> list[str]:
        """Names for the keys beside columns with `labels`."""
        taken = {flat(label) for label in labels}
        names: list[str] = []
        for position, (label, _) in enumerate(self.keys):
            wanted = label or f"key_{position}"
            name = free_name(wanted, taken)
            if name != wanted and not self.as_index:
                raise ValueError(
                    f"the result would have two columns `{wanted}`: a key and an aggregate\n"
                    "hint: name the output: `agg(total=(column, aggregate))`"
                )
            taken.add(name)
            names.append(name)
        return names

    def _expr(self, output: Output) -> Expr:
        if output.aggregate == "size":
            return literal(1).aggregate("size")
        return self.columns[output.source].aggregate(output.aggregate)

    def numeric(self, aggregate: str, numeric_only: bool) -> list[Label]:
        """The columns that `aggregate` can work on, as far as types are known.

        Raises
        ------
        TypeError
            For a column that it cannot work on, unless `numeric_only`.
        """
        if aggregate not in NUMERIC_ONLY and not numeric_only:
            return list(self.columns)
        from pyarrow import types

        kinds = known_types(Rows(self.rows.base).select(self.columns)[0])
        kinds = kinds or [None] * len(self.columns)
        unfit = {
            label: kind
            for label, kind in zip(self.columns, kinds, strict=True)
            if kind is not None
            and not (types.is_primitive(kind) and not types.is_temporal(kind))
            and not types.is_decimal(kind)
        }
        if unfit and not numeric_only:
            label, kind = next(iter(unfit.items()))
            raise TypeError(
                f"`{aggregate}` needs numbers, column `{flat(label)}` is {kind}\n"
                f"hint: choose the columns, `groupby(...)[[...]].{aggregate}()`, "
                "or pass `numeric_only=True`"
            )
        return [label for label in self.columns if label not in unfit]


class _Grouped:
    """The aggregates by name, in terms of `_by_name`."""

    __slots__ = ("_groups",)

    def __init__(self, groups: Groups) -> None:
        self._groups = groups

    def _by_name(self, name: str, options: Mapping[str, object]) -> Any:
        raise NotImplementedError

    def sum(self, **options: object) -> Any:
        """The sum of each group."""
        return self._by_name("sum", options)

    def mean(self, **options: object) -> Any:
        """The mean of each group."""
        return self._by_name("mean", options)

    def min(self, **options: object) -> Any:
        """The smallest value of each group."""
        return self._by_name("min", options)

    def max(self, **options: object) -> Any:
        """The largest value of each group."""
        return self._by_name("max", options)

    def count(self, **options: object) -> Any:
        """How many values of each group are not missing."""
        return self._by_name("count", options)

    def std(self, **options: object) -> Any:
        """The sample standard deviation of each group (`ddof=1`)."""
        return self._by_name("std", options)

    def var(self, **options: object) -> Any:
        """The sample variance of each group (`ddof=1`)."""
        return self._by_name("var", options)

    def median(self, **options: object) -> Any:
        """The middle value of each group."""
        return self._by_name("median", options)

    def nunique(self, **options: object) -> Any:
        """How many different values each group has."""
        return self._by_name("nunique", options)

    def first(self, **options: object) -> Any:
        """The first value of each group that is not missing."""
        return self._by_name("first", options)

    def last(self, **options: object) -> Any:
        """The last value of each group that is not missing."""
        return self._by_name("last", options)

    def any(self, **options: object) -> Any:
        """Whether any value of each group is true."""
        return self._by_name("any", options)

    def apply(
        self,
        func: Callable[..., Any],
        *args: Any,
        include_groups: bool = False,
        result_type: object = None,
        **kwargs: Any,
    ) -> Any:
        """`func(group, *args, **kwargs)` for each group, on every core.

        A group is a DataFrame without the keys (of one column's groups, a Series) whose `name` is
        its key. Its rows are in the order of the frame and labelled in that order; the labels are
        otherwise not promised.

        Parameters
        ----------
        func
            Gives one value, a Series or a DataFrame, of the same kind and types for every group;
            the answer is put together as pandas does it.
        include_groups
            False, as in pandas 3.
        result_type
            What `func` gives: a type for one value, column to type for a Series with these labels,
            an empty pandas Series or DataFrame for several rows. None: `func` is tried, at once, on
            a sample of the rows. There it gets a few rows of some groups.
        """
        from windrow.frame.groupapply import GroupFunction, checked

        func = checked(func, include_groups)
        name = self._one_column()
        groups = replace(self._groups, columns=self._groups.values)
        return GroupFunction(func, args, kwargs, result_type).over(groups, name)

    def _one_column(self) -> str | None:
        """The column that a function gets as a Series; None: it gets a DataFrame."""
        return None

    def __iter__(self) -> NoReturn:
        raise not_yet("looping over groups", "`agg(...)`, or `df[df[key] == value]` for one group")

    def __len__(self) -> int:
        return replace(self._groups, sort=False).aggregate([])._rows.base.count()

    @property
    def ngroups(self) -> int:
        """The number of groups; computes it."""
        return len(self)


class DataFrameGroupBy(_Grouped):
    """Grouped rows of a frame; `groups["a"]` and `groups[["a", "b"]]` choose columns."""

    __slots__ = ()

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *map(flat, self._groups.columns)})

    def __getitem__(self, key: str | list[str]) -> SeriesGroupBy | DataFrameGroupBy:
        wanted = key if isinstance(key, list) else [key]
        for label in wanted:
            if label not in self._groups.columns:
                raise no_column(label, self._groups.columns)
        chosen = replace(
            self._groups,
            columns={label: self._groups.columns[label] for label in wanted},
            excluded=frozenset(),
        )
        return DataFrameGroupBy(chosen) if isinstance(key, list) else SeriesGroupBy(chosen)

    def __getattr__(self, name: str) -> SeriesGroupBy | DataFrameGroupBy:
        if not name.startswith("_") and name in self._groups.columns:
            return self[name]
        known = () if name.startswith("_") else dir(self)
        raise no_attribute("DataFrameGroupBy", name, GROUPBY_NEAREST, known)

    def agg(self, func: object = None, **named: object) -> DataFrame | Series:
        """One row per group.

        Parameters
        ----------
        func
            A name for all columns (`"sum"`), a list of names, or a dict of column to a name or a
            list of names. Lists give two levels of column names, as in pandas.
        named
            `total=("column", "sum")`: the output's name, its column and its aggregate.
        """
        if isinstance(func, str) and aggregations.aggregate_name(func) == "size":
            return self.size()
        if isinstance(func, str) or callable(func):
            return self._by_name(aggregations.aggregate_name(func), {})
        named_columns = isinstance(func, Mapping) or func is None
        columns = self._groups.columns if named_columns else self._groups.values
        return self._groups.aggregate(aggregations.of_frame(func, named, list(columns)))

    aggregate = agg

    def size(self) -> Series | DataFrame:
        """How many rows each group has."""
        frame = self._groups.aggregate([Output("size", "size", "size")])
        return frame["size"].rename(None) if self._groups.as_index else frame

    def _by_name(self, name: str, options: Mapping[str, object]) -> DataFrame:
        rest = {key: value for key, value in options.items() if key != "numeric_only"}
        refuse(f"groupby(...).{name}", rest, _HARMLESS)
        values = replace(self._groups, columns=self._groups.values)
        labels = values.numeric(name, bool(options.get("numeric_only", False)))
        return values.aggregate([Output(label, label, name) for label in labels])


class SeriesGroupBy(_Grouped):
    """One column of grouped rows."""

    __slots__ = ()

    def __getattr__(self, name: str) -> NoReturn:
        raise no_attribute("SeriesGroupBy", name, GROUPBY_NEAREST, dir(type(self)))

    def agg(self, func: object = None, **named: object) -> Series | DataFrame:
        """One value per group for a name, one row per group for a list or named outputs."""
        outputs = aggregations.of_series(func, named, self._label)
        if isinstance(outputs, list):
            return self._groups.aggregate(outputs)
        return self._one(outputs)

    aggregate = agg

    def size(self) -> Series | DataFrame:
        """How many rows each group has."""
        return self._one(Output(self._label, self._label, "size"))

    def _one_column(self) -> str:
        return flat(self._label)

    @property
    def _label(self) -> Label:
        return next(iter(self._groups.columns))

    def _by_name(self, name: str, options: Mapping[str, object]) -> Series | DataFrame:
        refuse(f"groupby(...)[...].{name}", options, {**_HARMLESS, "numeric_only": False})
        self._groups.numeric(name, numeric_only=False)
        return self._one(Output(self._label, self._label, name))

    def _one(self, output: Output) -> Series | DataFrame:
        frame = self._groups.aggregate([output])
        return frame[output.label] if self._groups.as_index else frame


def groups_of(frame: Core, by: object, **options: Any) -> Groups:
    """The groups of `frame` by names, columns, or a list of them."""
    listed: list[Any] = list(by) if isinstance(by, (list, tuple)) else [by]
    if not listed:
        raise ValueError('`groupby` needs at least one key\nhint: `df.groupby("a")`')
    keys: list[tuple[str | None, Expr]] = []
    excluded: set[Label] = set()
    for key in listed:
        if isinstance(key, Series):
            keys.append((key.name, frame._operand(key)))
            # A column taken from the frame is that column; one computed from it is not.
            if key.name is not None and frame._columns.get(key.name) is key._expr:
                excluded.add(key.name)
        elif callable(key) or isinstance(key, Mapping):
            raise not_yet(
                f"`groupby` with a {type(key).__name__}", "a column: `df.groupby(df.a.map(f))`"
            )
        else:
            keys.append((flat(key), frame._key(key)))
            excluded.add(key)
    return Groups(frame._rows, tuple(keys), frame._columns, frozenset(excluded), **options)
