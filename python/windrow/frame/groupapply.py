"""`df.groupby(...).apply(f)`: a Python function of groups, as a step of a plan."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from windrow.errors import OptionNotInWindrowYet
from windrow.frame.convert import arrow_type, schema_of
from windrow.frame.frame import DataFrame
from windrow.frame.rows import Label, Rows, column, flat
from windrow.frame.series import Series

if TYPE_CHECKING:
    import pyarrow as pa

    from windrow._native import Dataset, Expr, Function
    from windrow._worker.groups import Outcome
    from windrow.frame.groupby import Groups

SortKey = tuple["Expr", bool, bool]


@dataclass(frozen=True)
class GroupFunction:
    """A function of groups, and what it gets beside the group.

    Parameters
    ----------
    f
        Any callable.
    args, kwargs
        Further arguments of every call.
    result_type
        What it gives; None: found by trying it on a sample of the rows.
    """

    f: Callable[..., Any]
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    result_type: object = None

    def over(self, groups: Groups, name: str | None) -> DataFrame | Series:
        """The results for `groups`, of which a function gets the column `name`; None: all."""
        keys = len(groups.keys)
        own = [(f"key_{at}", expr) for at, (_, expr) in enumerate(groups.keys)]
        values = [(f"value_{at}", expr) for at, expr in enumerate(groups.columns.values())]
        base = groups.rows.base.select([*own, *values])
        grouping = (keys, not groups.dropna)
        _check_keys(groups, schema_of(base).types)
        describe = functools.partial(self._described, list(groups.columns), keys, name)
        schema, outcome = self._outcome(base, describe, grouping, name)
        mapped = base.map_partitions(describe(outcome), schema, grouping)
        return _shown(groups, outcome, _sorted(groups, outcome, mapped))

    def _described(
        self, labels: list[Label], keys: int, name: str | None, outcome: Outcome | None
    ) -> Function:
        from windrow._native import Function
        from windrow._worker.groups import GroupCall
        from windrow.functions import describe

        description = describe(
            self.f,
            columns=None,
            form="batch",
            args=self.args,
            kwargs=self.kwargs,
            around=lambda function: GroupCall(
                function, labels=labels, keys=keys, column=name, outcome=outcome
            ),
        )
        return Function(description.to_json(), description.pickled)

    def _outcome(
        self,
        base: Dataset,
        describe: Callable[[Outcome | None], Function],
        grouping: tuple[int, bool],
        name: str | None,
    ) -> tuple[pa.Schema, Outcome]:
        """The columns of the results, and what they are."""
        import pyarrow as pa

        from windrow._worker.groups import Outcome, plain_type

        if self.result_type is None:
            tried = pa.schema(base.map_partitions(describe(None), None, grouping).schema())
            return pa.schema([one.remove_metadata() for one in tried]), Outcome.of(tried)
        keys = grouping[0]
        outcome, types = _given(self.result_type, name)
        kinds = [plain_type(kind) for kind in schema_of(base).types[:keys]]
        kinds += [*types, *([pa.int64()] if outcome.is_long else [])]
        return pa.schema(list(zip(outcome.names(keys), kinds, strict=True))), outcome


def _check_keys(groups: Groups, types: Sequence[pa.DataType]) -> None:
    from pyarrow import types as kinds

    for (label, _), kind in zip(groups.keys, types, strict=False):
        if kinds.is_nested(kind):
            raise TypeError(
                f"rows cannot be grouped by `{label}`, which is {kind}\n"
                "hint: group by a column of numbers, text, dates or truth values"
            )


def _given(result: Any, name: str | None) -> tuple[Outcome, list[pa.DataType]]:
    """What `result_type` says: what a function gives, and the types of its levels and values."""
    import pandas as pd
    import pyarrow as pa

    from windrow._worker.groups import Outcome
    from windrow._worker.results import label_of

    if isinstance(result, (pd.DataFrame, pd.Series)):
        levels = [result.index.get_level_values(at) for at in range(result.index.nlevels)]
        index = tuple(None if level.name is None else str(level.name) for level in levels)
        types = [arrow_type("str" if one.dtype == object else one.dtype) for one in levels]
        if isinstance(result, pd.Series):
            shown = name or (None if result.name is None else str(result.name))
            return Outcome("series", (), index, shown), [*types, arrow_type(result.dtype)]
        labels = tuple(map(label_of, result.columns))
        return Outcome("frame", labels, index), [*types, *map(arrow_type, result.dtypes)]
    if isinstance(result, pa.Schema):
        return Outcome("row", tuple(result.names)), list(result.types)
    if isinstance(result, Mapping):
        return Outcome("row", tuple(map(label_of, result))), [
            arrow_type(t) for t in result.values()
        ]
    return Outcome("value", name=name), [arrow_type(result)]


def _sorted(groups: Groups, outcome: Outcome, mapped: Dataset) -> Dataset:
    """The results in pandas' order; rows of one group stay together in any case."""

    def rising(*names: str) -> list[SortKey]:
        return [(column(name), False, True) for name in names]

    keyless = outcome.is_long and not (groups.group_keys and groups.as_index)
    if keyless and not groups.group_keys and outcome.like:
        return mapped.sort(rising("index_0"))
    if not groups.sort:
        return mapped
    keys = [f"key_{at}" for at in range(len(groups.keys))]
    return mapped.sort(rising(*keys, *(["order"] if outcome.is_long else [])))


def _shown(groups: Groups, outcome: Outcome, base: Dataset) -> DataFrame | Series:
    """The results as pandas shows them: which columns are its index, which its values."""
    keys = [(label, column(f"key_{at}")) for at, (label, _) in enumerate(groups.keys)]
    levels = [(name, column(f"index_{at}")) for at, name in enumerate(outcome.index)]
    if outcome.is_long:
        index = [*keys, *levels] if groups.group_keys and groups.as_index else levels
    else:
        index = keys if groups.as_index else []
    rows = Rows(base, tuple(index))
    is_series = outcome.kind in ("value", "series")
    if is_series and (outcome.is_long or groups.as_index):
        return Series(rows, outcome.name, column("value_0"))
    # A column without a name is `value` here, as everywhere in windrow.
    labels = [outcome.name or "value"] if is_series else list(outcome.labels)
    values: dict[Label, Expr] = {one: column(f"value_{at}") for at, one in enumerate(labels)}
    if outcome.is_long or groups.as_index:
        return DataFrame._of(rows, values)
    own = zip(groups.key_names([flat(label) for label in labels]), keys, strict=True)
    shown: dict[Label, Expr] = {name: expr for name, (_, expr) in own}
    return DataFrame._of(rows, {**shown, **values})


def checked(func: object, include_groups: bool) -> Callable[..., Any]:
    """`func`, if it can be applied to groups.

    Raises
    ------
    TypeError
        For a name, a list or anything else that is no function.
    windrow.errors.OptionNotInWindrowYet
        With the keys among the columns of a group.
    """
    if include_groups:
        raise OptionNotInWindrowYet(
            "`groupby(...).apply` has no `include_groups=True`: a group is without its keys, as in "
            'pandas 3\nhint: `group.name` is the key; `groupby("a")[["a", "b"]]` has `a` in it'
        )
    if not callable(func):
        raise TypeError(
            f"`groupby(...).apply` takes a function, not `{func!r}`\n"
            'hint: for aggregates by name, `groupby(...).agg("sum")`'
        )
    return func
