"""What the engine knows about a user's function: how to call it, with what, and where it runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Literal

from windrow.functions.arguments import BOUND_ROW
from windrow.functions.calls import bind_tail
from windrow.functions.capture import Unwrapped, unwrap
from windrow.functions.lift import lift
from windrow.functions.refusal import Reason, Refusal
from windrow.functions.snapshot import pickle_callable

Form = Literal["row", "value", "batch"]
CallForm = Literal["positional", "row", "batch"]
Nulls = Literal["nan", "none"]
Verdict = Literal["native", "partly_native", "python"]

_NOT_COMPILED = Reason("row functions are not compiled to native code in this version")


@dataclass(frozen=True)
class Description:
    """A function in a plan; the mirror of `windrow_functions::Function`.

    Parameters
    ----------
    id
        Hash of the pickled function, its call form, its columns and its missing values.
    name
        The user's name for it: `home_advantage`, `<lambda>`.
    file, line
        Where it is defined; None for compiled callables.
    call
        `positional`: one argument per entry of `columns`. `row`: one row object. `batch`: a
        pandas DataFrame.
    columns
        For `positional` the columns in the order of the arguments; None: all columns of the input.
    nulls
        What a missing value is to the function: float NaN or None.
    pickled
        What a worker unpickles and calls.
    verdict, reasons
        Where it runs, and why.
    """

    id: str
    name: str
    file: str | None
    line: int | None
    call: CallForm
    columns: list[str] | None
    nulls: Nulls
    pickled: bytes
    verdict: Verdict
    reasons: tuple[Reason, ...]

    def to_dict(self) -> dict[str, object]:
        """Everything but `pickled`, as plain values."""
        return {
            "id": self.id,
            "name": self.name,
            "file": self.file,
            "line": self.line,
            "call": self.call,
            "columns": self.columns,
            "nulls": self.nulls,
            "verdict": self.verdict,
            "reasons": [reason.to_dict() for reason in self.reasons],
        }

    def to_json(self) -> str:
        """`to_dict` as JSON, for the native side; `pickled` travels beside it as bytes."""
        return json.dumps(self.to_dict(), ensure_ascii=False)


def describe(
    f: Callable[..., Any],
    *,
    columns: Sequence[str] | None,
    form: Form,
    nulls: Nulls = "nan",
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> Description:
    """Capture, lift and pickle a user's function as it is now.

    Parameters
    ----------
    f
        Any callable: function, lambda, closure, `functools.partial`, bound method.
    columns
        `row`: the columns of the frame, or None when they are not known. `value`: the one column.
        `batch`: ignored.
    form
        How the user means it to be called: with a row, a value or a pandas frame.
    nulls
        `"nan"` for the pandas-like face, `"none"` elsewhere.
    args, kwargs
        Further arguments of every call, after the row, value or frame.

    Raises
    ------
    UnpicklableFunctionError
        If the function, or something it holds on to, cannot be sent to a worker.
    TypeError
        If `f` is not callable.
    """
    if not callable(f):
        raise TypeError(
            f'`{f!r}` is not callable\nhint: pass a function, such as `lambda row: row["a"]`'
        )
    tail, named = tuple(args), dict(kwargs or {})
    reasons: list[Reason] = []
    inner: Unwrapped | None = None
    try:
        inner = unwrap(f)
    except Refusal as refusal:
        reasons.append(refusal.reason)
    call, names = _FORMS[form], list(columns) if form == "value" and columns else None
    target: Callable[..., Any] | None = None
    if form == "row" and inner is not None and columns is not None:
        full = Unwrapped(inner.function, (*inner.args, BOUND_ROW, *tail), {**inner.kwargs, **named})
        try:
            lifted = lift(full, list(columns))
            target, names, call = lifted.function, lifted.columns, "positional"
        except Refusal as refusal:
            reasons.append(refusal.reason)
    if target is None:
        target = bind_tail(f, tail, named)
    if not reasons:
        reasons.append(_NOT_COMPILED)
    function = inner.function if inner else None
    pickled = pickle_callable(target, function)
    return Description(
        id=_content_id(pickled, call, names, nulls),
        name=_name(f, function),
        file=function.__code__.co_filename if function else None,
        line=function.__code__.co_firstlineno if function else None,
        call=call,
        columns=names,
        nulls=nulls,
        pickled=pickled,
        verdict="python",
        reasons=tuple(reasons),
    )


_FORMS: dict[Form, CallForm] = {"row": "row", "value": "positional", "batch": "batch"}


def _name(f: Callable[..., Any], function: FunctionType | None) -> str:
    return function.__name__ if function else getattr(f, "__name__", type(f).__name__)


def _content_id(pickled: bytes, call: CallForm, columns: list[str] | None, nulls: Nulls) -> str:
    digest = hashlib.blake2b(pickled, digest_size=16)
    digest.update(json.dumps([call, columns, nulls]).encode())
    return digest.hexdigest()
