"""What `agg` may be given, as a list of outputs: pure, so that it can be tested without data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from windrow.frame.missing import nearest, no_column, not_yet
from windrow.frame.rows import Label

NAMES: tuple[str, ...] = ("sum", "mean", "min", "max", "count", "size", "std", "var")
NAMES = (*NAMES, "nunique", "first", "last", "median", "any")
_BUILTINS: Mapping[Callable[..., Any], str] = {sum: "sum", min: "min", max: "max", len: "size"}
_NUMPY = {"amin": "min", "amax": "max", **{name: name for name in NAMES}}


@dataclass(frozen=True)
class Output:
    """One column of the result: `aggregate` of `source`, under `label`."""

    label: Label
    source: Label
    aggregate: str


def of_frame(func: object, named: Mapping[str, object], columns: Sequence[Label]) -> list[Output]:
    """The outputs of `groupby(...).agg(func, **named)` for the frame's `columns`."""
    if func is None:
        return [_named(label, pair, columns) for label, pair in _required(named).items()]
    if named:
        raise TypeError("`agg` takes either one argument or named outputs, not both")
    if isinstance(func, Mapping):
        return _of_mapping(func, columns)
    if _is_list(func):
        names = _names(func)
        return [Output(_pair(c, name), c, name) for c in columns for name in names]
    name = aggregate_name(func)
    return [Output(column, column, name) for column in columns]


def of_series(func: object, named: Mapping[str, object], source: Label) -> list[Output] | Output:
    """The outputs for one column: a list for a frame, a single one for a series."""
    if func is None:
        wanted = _required(named)
        return [Output(label, source, aggregate_name(f)) for label, f in wanted.items()]
    if _is_list(func):
        return [Output(name, source, name) for name in _names(func)]
    if isinstance(func, Mapping):
        raise TypeError(
            "a column's `agg` takes no dict\n"
            'hint: name the outputs: `agg(total="sum", best="max")`'
        )
    return Output(source, source, aggregate_name(func))


def aggregate_name(func: object) -> str:
    """The aggregate that a name or a known function stands for.

    Raises
    ------
    ValueError
        For an unknown name, with the nearest.
    NotInWindrowYet
        For the user's own functions.
    """
    if isinstance(func, str):
        if func in NAMES:
            return func
        likely = nearest(func, NAMES)
        hint = f"did you mean `{likely}`?" if likely else f"there are {', '.join(NAMES)}"
        raise ValueError(f"there is no aggregate `{func}` in windrow yet\nhint: {hint}")
    if callable(func):
        known = _known_function(func)
        if known is not None:
            return known
        name = getattr(func, "__name__", type(func).__name__)
        raise not_yet(
            f"an own function (`{name}`) in `agg`", f"one of the names {', '.join(NAMES)}"
        )
    raise TypeError(f"`agg` takes names such as `sum`, not a `{type(func).__name__}`")


def _known_function(func: Callable[..., Any]) -> str | None:
    try:
        if func in _BUILTINS:
            return _BUILTINS[func]
    except TypeError:  # not hashable
        return None
    module = getattr(func, "__module__", None) or ""
    name = getattr(func, "__name__", "")
    if module.partition(".")[0] == "numpy":
        return _NUMPY.get(name)
    if getattr(func, "__qualname__", "").partition(".")[0] in ("Series", "NDFrame"):
        return name if name in NAMES else None
    return None


def _of_mapping(func: Mapping[Any, object], columns: Sequence[Label]) -> list[Output]:
    lists = any(_is_list(wanted) for wanted in func.values())
    outputs = []
    for source, wanted in func.items():
        if source not in columns:
            raise no_column(source, columns)
        names = _names(wanted) if _is_list(wanted) else [aggregate_name(wanted)]
        outputs += [
            Output(_pair(source, name) if lists else source, source, name) for name in names
        ]
    return outputs


def _named(label: str, pair: object, columns: Sequence[Label]) -> Output:
    if hasattr(pair, "aggfunc") and hasattr(pair, "column"):  # pandas.NamedAgg
        pair = (pair.column, pair.aggfunc)
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise TypeError(
            f"the output `{label}` of `agg` must be a pair of column and aggregate\n"
            f'hint: `agg({label}=("column", "sum"))`'
        )
    source, func = pair
    if source not in columns:
        raise no_column(source, columns)
    return Output(label, source, aggregate_name(func))


def _required(named: Mapping[str, object]) -> Mapping[str, object]:
    if not named:
        raise TypeError(
            "`agg` needs to know what to compute\n"
            'hint: a name, a list of names, `{"column": "sum"}` or `total=("column", "sum")`'
        )
    return named


def _is_list(func: object) -> bool:
    return isinstance(func, Sequence) and not isinstance(func, (str, bytes))


def _names(func: Any) -> list[str]:
    return list(dict.fromkeys(aggregate_name(item) for item in func))


def _pair(source: Label, name: str) -> Label:
    return (*((source,) if isinstance(source, str) else source), name)
