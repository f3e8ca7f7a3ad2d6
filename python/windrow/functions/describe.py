"""What the engine knows about a user's function: how to call it, with what, and where it runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, Literal

from windrow.functions.arguments import BOUND_ROW, bind
from windrow.functions.calls import bind_tail
from windrow.functions.capture import Unwrapped, unwrap
from windrow.functions.lift import Lifted, lift
from windrow.functions.refusal import Reason, Refusal
from windrow.functions.snapshot import pickle_callable
from windrow.functions.spec import emit, routine_of

try:  # what `hashlib` gives too, but after loading OpenSSL
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b

Form = Literal["row", "value", "batch"]
CallForm = Literal["positional", "row", "batch"]
Nulls = Literal["nan", "none"]
Verdict = Literal["native", "partly_native", "python"]

_FRAMES = Reason("a function of whole frames is not looked into")


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
        Where it runs as far as is known here, and why: what has a `spec` is judged by the native
        side, when the types of the columns are known.
    spec
        The function as data, from which the native side compiles it; None if it cannot be.
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
    spec: str | None = None

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
            "spec": self.spec,
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
    around: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None,
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
    around
        Makes what a worker calls of the function with its further arguments.

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
    plan = _Plan(f, tuple(args), dict(kwargs or {}))
    plan.unwrap()
    call, names = _FORMS[form], list(columns) if form == "value" and columns else None
    if form == "row" and columns is not None and plan.lift(list(columns)):
        assert plan.lifted is not None
        call, names = "positional", plan.lifted.columns
    elif form == "value":
        plan.specify_value()
    target = plan.target() if around is None else around(plan.target())
    function = plan.inner.function if plan.inner else None
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
        reasons=tuple(plan.reasons or ([_FRAMES] if form == "batch" else [])),
        spec=plan.spec,
    )


@dataclass(eq=False, repr=False)
class _Plan:
    """What is found out about a callable on the way to its description."""

    callable_: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inner: Unwrapped | None = None
    lifted: Lifted | None = None
    spec: str | None = None
    reasons: list[Reason] = field(default_factory=list)

    def unwrap(self) -> None:
        try:
            self.inner = unwrap(self.callable_)
        except Refusal as refusal:
            self.reasons.append(refusal.reason)

    def full_call(self) -> Unwrapped:
        """The plain function with all its arguments, the row or value being `BOUND_ROW`."""
        assert self.inner is not None
        inner = self.inner
        return Unwrapped(
            inner.function, (*inner.args, BOUND_ROW, *self.args), {**inner.kwargs, **self.kwargs}
        )

    def lift(self, columns: list[str]) -> bool:
        if self.inner is None:
            return False
        try:
            lifted = lift(self.full_call(), columns)
        except Refusal as refusal:
            self.reasons.append(refusal.reason)
            return False
        self.lifted = lifted
        try:
            routine = lifted.routines[id(lifted.function)]
            self.spec = emit(routine, lifted.parameters, lifted.routines)
        except Refusal as refusal:
            self.reasons.append(refusal.reason)
        return True

    def specify_value(self) -> None:
        """Write the specification of a function of one value."""
        if self.inner is None:
            return
        call = self.full_call()
        try:
            binding = bind(call.function, call.args, call.kwargs)
            row = binding.row_parameter()
            constants = {name: value for name, value in binding.values.items() if name != row}
            self.spec = emit(routine_of(call.function), [row], {}, constants)
        except Refusal as refusal:
            self.reasons.append(refusal.reason)

    def target(self) -> Callable[..., Any]:
        """What the worker calls."""
        if self.lifted is not None:
            return self.lifted.function
        return bind_tail(self.callable_, self.args, self.kwargs)


_FORMS: dict[Form, CallForm] = {"row": "row", "value": "positional", "batch": "batch"}


def _name(f: Callable[..., Any], function: FunctionType | None) -> str:
    return function.__name__ if function else getattr(f, "__name__", type(f).__name__)


def _content_id(pickled: bytes, call: CallForm, columns: list[str] | None, nulls: Nulls) -> str:
    digest = blake2b(pickled, digest_size=16)
    digest.update(json.dumps([call, columns, nulls]).encode())
    return digest.hexdigest()
