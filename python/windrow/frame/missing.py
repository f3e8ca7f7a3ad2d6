"""What pandas has and Windrow has not yet: errors that name it and the nearest thing."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import NoReturn

from windrow.errors import ColumnNotFoundError, NotInWindrowYet, OptionNotInWindrowYet

_FUNCTION = "a plain function that calls pandas, through `map_partitions`"

# pandas' name -> the nearest thing in Windrow. What is not named here gets the general hint.
FRAME_NEAREST: Mapping[str, str] = {
    "agg": "the reductions by name (`df.sum()`, `df.mean()`), or `groupby(...).agg(...)`",
    "aggregate": "the reductions by name (`df.sum()`, `df.mean()`), or `groupby(...).agg(...)`",
    "append": "`wr.sql` with `union all`",
    "applymap": "`df[column].map(f)` for each column",
    "at": "`df[mask]`, then `compute()`",
    "corr": "`df[[...]].compute().corr()`",
    "describe": "`df.count()`, `df.mean()`, `df.std()`, `df.min()`, `df.max()`",
    "eval": "`df.assign(new=df.a + df.b)`",
    "explode": _FUNCTION,
    "filter": "`df[[...]]` for columns, `df[mask]` for rows",
    "iat": "`df.head(n)`, then pandas",
    "iloc": "`df.head(n)`, `df.tail(n)` or `df[start:stop]`",
    "index": "a column: windrow frames have no index",
    "info": "`df.dtypes` and `df.explain()`",
    "insert": '`df["new"] = ...`',
    "items": "`for name in df: df[name]`",
    "iterrows": "`df.apply(f, axis=1)`, which runs `f` for each row on every core",
    "itertuples": "`df.apply(f, axis=1)`, which runs `f` for each row on every core",
    "join": "`df.merge(other, on=...)`",
    "loc": "`df[mask]` for rows and `df[[...]]` for columns",
    "map": "`df[column].map(f)` for each column",
    "median": "`df[column].median()`",
    "melt": "`wr.sql` with `union all`",
    "pipe": "`f(df)`",
    "pivot": "`compute()` for a pandas DataFrame, or `groupby(...).agg(...)`",
    "pivot_table": "`compute()` for a pandas DataFrame, or `groupby(...).agg(...)`",
    "plot": "`compute()`, then `.plot`",
    "pop": "`df[column]`, then `df.drop(columns=column)`",
    "quantile": "`wr.sql` with `approx_percentile_cont`, or `df[column].median()`",
    "query": '`df[df["a"] > 1]`, or `wr.sql("select * from df where a > 1")`',
    "replace": "`df[column].map({...})`, or `df[column].str.replace(...)`",
    "resample": "`groupby(df.date.dt.year)` and the like",
    "rolling": "`wr.sql` with a window: `avg(x) over (order by t rows 6 preceding)`",
    "sample": '`wr.sql("select * from df where random() < 0.1")`',
    "set_index": "a column: windrow frames have no index",
    "shift": "`wr.sql` with `lag(x) over (order by t)`",
    "sort_index": "`sort_values(by=...)`",
    "stack": "`compute()`, then pandas",
    "T": "`compute().T`",
    "to_dict": "`compute().to_dict()`",
    "to_excel": "`to_csv`, or `compute().to_excel(...)`",
    "to_sql": "`to_parquet`, or `compute().to_sql(...)`",
    "transform": '`df["new"] = df[column].map(f)`',
    "transpose": "`compute().T`",
    "unstack": "`compute()`, then pandas",
    "values": '`df["a"].values` for one column, or `compute().values`',
    "where": "`df[column].where(...)`",
    "cumsum": "`wr.sql` with `sum(x) over (order by t)`",
    "rank": "`wr.sql` with `rank() over (order by x)`",
    "diff": "`wr.sql` with `x - lag(x) over (order by t)`",
    "mode": "`df[column].value_counts()`",
    "duplicated": "`drop_duplicates()`",
    "equals": "`compute()` on both sides, then `equals`",
}

SERIES_NEAREST: Mapping[str, str] = {
    "agg": "the reductions by name: `s.sum()`, `s.mean()`",
    "aggregate": "the reductions by name: `s.sum()`, `s.mean()`",
    "argmax": '`wr.sql("select ... order by x desc limit 1")`',
    "cat": "`value_counts()` and `isin(...)` on the values themselves",
    "combine_first": "`s.fillna(other)`",
    "cumsum": "`wr.sql` with `sum(x) over (order by t)`",
    "describe": "`count()`, `mean()`, `std()`, `min()`, `max()`",
    "diff": "`wr.sql` with `x - lag(x) over (order by t)`",
    "duplicated": "`drop_duplicates()`",
    "explode": _FUNCTION,
    "groupby": '`df.groupby("key")["value"]`',
    "idxmax": '`wr.sql("select ... order by x desc limit 1")`',
    "idxmin": '`wr.sql("select ... order by x limit 1")`',
    "iloc": "`s.head(n)`",
    "index": "a column: windrow frames have no index",
    "items": "`s.map(f)`, or `compute().items()`",
    "loc": "`s[mask]`",
    "mode": "`s.value_counts()`",
    "plot": "`compute()`, then `.plot`",
    "quantile": "`s.median()`, or `wr.sql` with `approx_percentile_cont`",
    "rank": "`wr.sql` with `rank() over (order by x)`",
    "replace": "`s.map({...})`, or `s.str.replace(...)`",
    "rolling": "`wr.sql` with a window: `avg(x) over (order by t rows 6 preceding)`",
    "sample": '`wr.sql("select x from df where random() < 0.1")`',
    "shift": "`wr.sql` with `lag(x) over (order by t)`",
    "sort_index": "`sort_values()`",
    "to_dict": "`compute().to_dict()`",
    "transform": "`s.map(f)`",
}

GROUPBY_NEAREST: Mapping[str, str] = {
    "cumcount": "`wr.sql` with `row_number() over (partition by k order by t)`",
    "cumsum": "`wr.sql` with `sum(x) over (partition by k order by t)`",
    "describe": '`agg(["count", "mean", "std", "min", "max"])`',
    "filter": "`apply(f)` with an empty frame for what is left out",
    "get_group": "`df[df[key] == value]`",
    "head": "`apply(lambda group: group.head(n))`",
    "ngroup": "`wr.sql` with `dense_rank() over (order by k)`",
    "nth": "`wr.sql` with `row_number() over (partition by k order by t)`",
    "pipe": "`f(groups)`",
    "quantile": "`median()`, or `wr.sql` with `approx_percentile_cont`",
    "rank": "`wr.sql` with `rank() over (partition by k order by x)`",
    "shift": "`wr.sql` with `lag(x) over (partition by k order by t)`",
    "transform": "`apply(f)` with `groupby(..., group_keys=False)`, or `agg(...)`, then `merge`",
    "value_counts": "`groupby([key, column]).size()`",
}

_OPTION_NEAREST: Mapping[str, str] = {
    "axis": "windrow works on columns; `apply` takes `axis=1` for rows",
    "inplace": "assign the result: `df = df.method(...)`",
    "key": "add a column and sort by it",
    "left_index": "windrow frames have no index: call `reset_index()` and use `on`",
    "level": "windrow frames have no index: use the key columns",
    "numeric_only": "select the columns first: `df[[...]]`",
    "observed": "group by the values themselves",
    "right_index": "windrow frames have no index: call `reset_index()` and use `on`",
    "skipna": "missing values are always skipped; `dropna` and `isna` count them",
    "validate": "check with `drop_duplicates` before the merge",
}


def nearest(name: str, names: Iterable[object]) -> str | None:
    """The one of `names` that `name` is most likely a slip of, or None."""
    by_fold = {str(known).casefold(): str(known) for known in names}
    found = difflib.get_close_matches(name.casefold(), by_fold, n=1, cutoff=0.6)
    return by_fold[found[0]] if found else None


def no_column(name: object, columns: Collection[object]) -> KeyError:
    """The error for a column that is not there."""
    if not isinstance(name, str) and str(name) in columns:
        return ColumnNotFoundError(
            f"there is no column `{name!r}`\n"
            f'hint: column names are text in windrow: use `df["{name}"]`'
        )
    likely = nearest(str(name), columns)
    shown = ", ".join(f"`{column}`" for column in list(columns)[:20])
    more = f" and {len(columns) - 20} more" if len(columns) > 20 else ""
    hint = f"did you mean `{likely}`?" if likely else f"the columns are {shown}{more}"
    return ColumnNotFoundError(f"there is no column `{name}`\nhint: {hint}")


def no_attribute(
    owner: str,
    name: str,
    suggestions: Mapping[str, str],
    names: Iterable[object] = (),
) -> AttributeError:
    """The error for `owner().name`, where `owner` is also a name of pandas (`DataFrame`).

    `names` are the columns and methods there are.
    """
    if name.startswith("_"):
        return AttributeError(f"`{owner}` has no attribute `{name}`")
    if name in suggestions:
        return NotInWindrowYet(
            f"`{owner}.{name}` is not in windrow yet\nhint: use {suggestions[name]}"
        )
    if _pandas_has(owner, name):
        kind = "DataFrame" if owner == "DataFrame" else "Series"
        return NotInWindrowYet(
            f"`{owner}.{name}` is not in windrow yet\n"
            f"hint: `compute()` gives a pandas {kind}, which has it"
        )
    likely = nearest(name, names)
    hint = f"\nhint: did you mean `{likely}`?" if likely else ""
    return AttributeError(f"`{owner}` has no attribute `{name}`{hint}")


def _pandas_has(owner: str, name: str) -> bool:
    import pandas as pd

    kind = {"DataFrame": pd.DataFrame, "Series": pd.Series}.get(owner)
    return kind is not None and hasattr(kind, name)


def refuse(
    function: str,
    options: Mapping[str, object],
    harmless: Mapping[str, object] | None = None,
    suggestions: Mapping[str, str] = _OPTION_NEAREST,
) -> None:
    """Raise for the first of `options` that Windrow does not have.

    `harmless` maps pandas' options that Windrow can ignore to the only value it ignores, or to
    `...` for any.
    """
    for name, value in options.items():
        allowed = (harmless or {}).get(name, refuse)
        if allowed is ... or (allowed is not refuse and _same(value, allowed)):
            continue
        hint = suggestions.get(name, "leave it out, or `compute()` first and use pandas")
        raise OptionNotInWindrowYet(
            f"`{function}` has no `{name}` in windrow yet (given: `{value!r}`)\nhint: {hint}"
        )


def _same(value: object, allowed: object) -> bool:
    return value is allowed or (type(value) is type(allowed) and value == allowed)


def not_yet(what: str, hint: str) -> NotInWindrowYet:
    """The error for `what`, for a caller to raise."""
    return NotInWindrowYet(f"{what} is not in windrow yet\nhint: use {hint}")


def other_rows(left: object, right: object) -> NoReturn:
    """Raise for an operation on columns whose rows may not line up."""
    raise ValueError(
        f"the rows of {_named(left)} and {_named(right)} may not line up: "
        "they come from different frames (or from before and after a filter, sort or merge)\n"
        "hint: take both columns from the same frame, or bring them together with `merge`"
    )


def _named(thing: object) -> str:
    name = getattr(thing, "name", None)
    return f"`{name}`" if isinstance(name, str) else f"the {type(thing).__name__}"
