"""What a function gave for groups: which kind it is, and its values as Arrow columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import pyarrow as pa

from windrow._worker.culprit import shown
from windrow.errors import ResultTypeError

if TYPE_CHECKING:
    import pandas as pd

    from windrow._worker.groups import Group, Kind, Label, Outcome

_UNFIT = (
    pa.ArrowInvalid,
    pa.ArrowTypeError,
    pa.ArrowNotImplementedError,
    OverflowError,
    TypeError,
    ValueError,
)
_EXAMPLE = "or pass `result_type=` with what fits all groups"
_WORDS = {"value": "a value", "row": "a row", "series": "a Series", "frame": "a DataFrame"}

# Rows of each group, and the index levels and columns of all of them.
Columns = tuple[list[int], list[pa.Array]]


def judged(groups: Sequence[Group], given: Sequence[Any], column: str | None) -> Outcome:
    """What kind of results `given` are; `column` as in `GroupCall`."""
    from windrow._worker.groups import Outcome

    some = [(group, one) for group, one in zip(groups, given, strict=True) if one is not None]
    if not some:
        raise ResultTypeError(
            "the function gave None for all groups of a sample\n"
            f"hint: return a value, a Series or a DataFrame, {_EXAMPLE}"
        )
    kind = _kind(some[0][1])
    for group, one in some:
        if _kind(one) != kind:
            raise _misfit(group, one, f"{_WORDS[kind]}, as for the groups before")
    if kind == "value":
        _refuse_dict(some[0][1], column)
        return Outcome("value", name=column)
    like = all(one.index.equals(group.rows.index) for group, one in some)
    values = [one for _, one in some]
    if kind == "series" and column is None and not like and _same_labels(values):
        return Outcome("row", _labels(values[0].index))
    index = tuple(None if name is None else str(name) for name in values[0].index.names)
    if kind == "frame":
        return Outcome("frame", _all_labels(values), index, like=like)
    names = {one.name for one in values}
    name = column if column is not None else str(names.pop()) if len(names) == 1 else None
    return Outcome("series", (), index, None if name == "None" else name, like)


def columns(
    outcome: Outcome,
    groups: Sequence[Group],
    given: Sequence[Any],
    types: Sequence[pa.DataType] | None,
) -> Columns:
    """The results as columns of `types`; None: of the types that they have.

    Raises
    ------
    ResultTypeError
        For the first group whose result is of another kind or type.
    """
    for group, one in zip(groups, given, strict=True):
        _check(outcome, group, one)
    try:
        return _converted(outcome, given, types)
    except _UNFIT as error:
        _blame(outcome, groups, given, types, error)


def _converted(
    outcome: Outcome, given: Sequence[Any], types: Sequence[pa.DataType] | None
) -> Columns:
    if not outcome.is_long:
        return [1] * len(given), _cells(outcome, given, types)
    import pandas as pd

    some = [one for one in given if one is not None]
    lengths = [0 if one is None else len(one) for one in given]
    if not some:
        return lengths, [pa.array([], type=kind) for kind in types or ()][: _width(outcome)]
    joined = some[0] if len(some) == 1 else pd.concat(some)
    levels = [joined.index.get_level_values(at) for at in range(joined.index.nlevels)]
    if outcome.kind == "series":
        parts = [*levels, joined]
    else:
        at = {label: place for place, label in enumerate(_labels(joined.columns))}
        parts = [
            *levels,
            *(joined.iloc[:, at[one]] if one in at else None for one in outcome.labels),
        ]
    kinds = types[: len(parts)] if types is not None else [None] * len(parts)
    # A column that none of these has is missing in all of them, as in pandas.
    return lengths, [
        pa.nulls(len(joined), kind or pa.float64()) if part is None else _array(part, kind)
        for part, kind in zip(parts, kinds, strict=True)
    ]


def _width(outcome: Outcome) -> int:
    return len(outcome.index) + (len(outcome.labels) if outcome.kind == "frame" else 1)


def _cells(
    outcome: Outcome, given: Sequence[Any], types: Sequence[pa.DataType] | None
) -> list[pa.Array]:
    """One row for each group."""
    if outcome.kind == "value":
        listed = [[_plain(one) for one in given]]
    else:
        rows = [[None] * len(outcome.labels) if one is None else one.tolist() for one in given]
        listed = [[_plain(row[at]) for row in rows] for at in range(len(outcome.labels))]
    kinds = types if types is not None else [None] * len(listed)
    return [_array(values, kind) for values, kind in zip(listed, kinds, strict=True)]


def _plain(value: Any) -> Any:
    """A value as pyarrow takes it: no tuples, no numpy objects."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if type(value).__module__ == "numpy" and value.dtype.kind not in "mM":
        return value.tolist()
    return value


def _array(values: Any, kind: pa.DataType | None) -> pa.Array:
    """Values as an array of `kind`, or of the type that they have.

    They are not given `kind` at once: pyarrow would make 2 of 2.5.
    """
    import pandas as pd

    if isinstance(getattr(values, "dtype", None), pd.CategoricalDtype):
        values = values.astype(values.dtype.categories.dtype)
    found = pa.array(values, from_pandas=True)
    found = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    if isinstance(found.type, pa.BaseExtensionType):
        raise TypeError(f"{found.type} is no type that a windrow column can have")
    if pa.types.is_null(found.type):
        # Missing values alone are floats, as in pandas.
        return found.cast(kind or pa.float64())
    if kind is None or found.type == kind:
        return found
    if _family(found.type) != _family(kind):
        raise TypeError(f"{found.type} is not {kind}")
    return found.cast(kind)


def _family(kind: pa.DataType) -> object:
    """What types without a loss are converted to: numbers to numbers, text to text."""
    from pyarrow import types

    families = (
        lambda one: types.is_integer(one) or types.is_floating(one) or types.is_decimal(one),
        lambda one: types.is_string(one) or types.is_large_string(one),
        lambda one: types.is_binary(one) or types.is_large_binary(one),
        lambda one: types.is_list(one) or types.is_large_list(one),
        types.is_timestamp,
        types.is_duration,
        types.is_time,
        types.is_struct,
    )
    return next((at for at, is_of in enumerate(families) if is_of(kind)), kind)


# ---- what does not fit


def _check(outcome: Outcome, group: Group, one: Any) -> None:
    """That a result is of the kind of the others."""
    if one is None:
        if outcome.kind == "series" and outcome.name is None and group.rows.ndim > 1:
            raise _misfit(group, one, "a Series", "return an empty Series for such a group")
        return
    kind = _kind(one)
    if outcome.kind == "row":
        if kind != "series" or _labels(one.index) != outcome.labels:
            listed = ", ".join(f"`{label}`" for label in outcome.labels)
            raise _misfit(group, one, f"a Series with the labels {listed}")
        return
    if kind != outcome.kind:
        raise _misfit(group, one, f"{_WORDS[outcome.kind]}, as for a sample")
    if not outcome.is_long:
        return
    if one.index.nlevels != len(outcome.index):
        raise _misfit(group, one, f"an index of {len(outcome.index)} levels, as for a sample")
    if kind == "frame" and (extra := set(_labels(one.columns)) - set(outcome.labels)):
        listed = ", ".join(f"`{label}`" for label in outcome.labels)
        raise _misfit(group, one, f"the columns {listed}: it has `{extra.pop()}` too")
    if outcome.like and not one.index.equals(group.rows.index):
        raise _misfit(
            group,
            one,
            "the rows of its group, as for a sample, in whose order `group_keys=False` puts them",
            "leave `group_keys=False` out, and drop the keys with `reset_index(drop=True)`",
        )


def _blame(
    outcome: Outcome,
    groups: Sequence[Group],
    given: Sequence[Any],
    types: Sequence[pa.DataType] | None,
    error: Exception,
) -> NoReturn:
    """Raise for the first group whose result does not become columns of `types`."""
    width = _width(outcome) if outcome.is_long else len(outcome.labels) or 1
    wanted = "one type" if types is None else ", ".join(str(kind) for kind in types[:width])
    for group, one in zip(groups, given, strict=True):
        try:
            _converted(outcome, [one], types)
        except _UNFIT as own:
            raise _misfit(group, one, f"{wanted} ({own})") from None
    if types is None:
        # Each fits by itself: the first that does not fit together with those before it.
        for count in range(2, len(given) + 1):
            try:
                _converted(outcome, given[:count], None)
            except _UNFIT as own:
                raise _misfit(groups[count - 1], given[count - 1], f"{wanted} ({own})") from None
    raise ResultTypeError(f"the results of groups are not of {wanted}: {error}") from None


def _misfit(group: Group, one: Any, wanted: str, hint: str | None = None) -> ResultTypeError:
    hint = hint or f"return the same kind of thing for every group, {_EXAMPLE}"
    return ResultTypeError(
        f"the function returned `{shown(one)}` ({type(one).__name__}), "
        f"which does not fit {wanted}\n{group}\nhint: {hint}"
    )


def _refuse_dict(one: Any, column: str | None) -> None:
    if column is not None and isinstance(one, dict):
        raise ResultTypeError(
            "the function returned a dict for the groups of one column, which windrow does not "
            "spread over rows yet\nhint: return `pd.Series({...})`"
        )


# ---- labels


def _kind(one: Any) -> Kind:
    import pandas as pd

    if isinstance(one, pd.DataFrame):
        return "frame"
    return "series" if isinstance(one, pd.Series) else "value"


def _same_labels(values: Sequence[pd.Series[Any]]) -> bool:
    first = values[0].index
    return len(first) > 0 and all(one.index.equals(first) for one in values[1:])


def label_of(label: Any) -> Label:
    """A label as windrow names columns: text, or a tuple of texts."""
    return tuple(str(part) for part in label) if isinstance(label, tuple) else str(label)


def _labels(index: pd.Index[Any]) -> tuple[Label, ...]:
    """The labels of columns, which have to be different."""
    labels = tuple(map(label_of, index))
    if len(set(labels)) < len(labels):
        twice = next(label for at, label in enumerate(labels) if label in labels[:at])
        raise ResultTypeError(
            f"the function gave two columns `{twice}`\nhint: names must be different"
        )
    return labels


def _all_labels(frames: Sequence[pd.DataFrame]) -> tuple[Label, ...]:
    """The columns of all frames, in the order in which they turn up."""
    return tuple(dict.fromkeys(label for frame in frames for label in _labels(frame.columns)))
