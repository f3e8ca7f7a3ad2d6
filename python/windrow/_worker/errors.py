"""Exceptions on their way from a worker to the user: described there, rebuilt here."""

from __future__ import annotations

import ast
import json
import os
import pickle
import traceback
from collections.abc import Sequence
from types import CodeType, FrameType, TracebackType
from typing import Any

from windrow import errors

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_DEEPEST = 8
_FRAMES = 100


def describe(exception: BaseException) -> tuple[str, bytes | None]:
    """Describe an exception in a worker.

    Returns
    -------
    text : str
        JSON of the fields of `RaisedException`, without `pickled`.
    pickled : bytes or None
        The pickled exception; None when it cannot be pickled.
    """
    description = _describe(exception, _DEEPEST)
    pickled = _pickle(exception)
    if pickled is None:
        description["notes"].append(
            f"the {description['type_name']} itself cannot be pickled: "
            "its type, message and traceback were carried over"
        )
    return json.dumps(description), pickled


def _describe(exception: BaseException, depth: int) -> dict[str, Any]:
    kind = type(exception)
    module = "" if kind.__module__ in ("builtins", "__main__") else kind.__module__ + "."
    start = _first_of_users(exception.__traceback__)
    description: dict[str, Any] = {
        "type_name": module + kind.__qualname__,
        "message": _text(exception),
        "traceback": "".join(traceback.format_exception(kind, exception, start)),
        "frames": _frames(start),
        "pickled": None,
        "row": None,
        "values": [],
        "notes": [],
        "cause": None,
        "context": None,
        "suppress_context": exception.__suppress_context__,
    }
    if depth > 0:
        for name in ("cause", "context"):
            other = getattr(exception, f"__{name}__")
            if other is not None:
                part = _describe(other, depth - 1)
                pickled = _pickle(other)
                part["pickled"] = pickled.hex() if pickled is not None else None
                description[name] = part
    return description


def _text(exception: BaseException) -> str:
    try:
        return str(exception)
    except Exception:  # noqa: BLE001  a user's __str__ may fail
        return "<its message cannot be printed>"


def _first_of_users(trace: TracebackType | None) -> TracebackType | None:
    """Skip the frames of ours that called the user's code."""
    start = trace
    while start is not None and start.tb_frame.f_code.co_filename.startswith(_OURS):
        start = start.tb_next
    return start


def _frames(trace: TracebackType | None) -> list[dict[str, Any]]:
    frames: list[dict[str, Any]] = []
    while trace is not None and len(frames) < _FRAMES:
        code = trace.tb_frame.f_code
        positions = _position(code, trace.tb_lasti)
        frames.append(
            {
                "file": code.co_filename,
                "function": code.co_qualname,
                "line": trace.tb_lineno or code.co_firstlineno,
                "end_line": positions[1],
                "column": positions[2],
                "end_column": positions[3],
            }
        )
        trace = trace.tb_next
    return frames


def _position(code: CodeType, instruction: int) -> tuple[int | None, ...]:
    for number, position in enumerate(code.co_positions()):
        if number == instruction // 2:
            return position
    return (None, None, None, None)


def _pickle(exception: BaseException) -> bytes | None:
    """Pickle an exception so that it can be loaded again, whatever its `__init__` demands."""
    from windrow._worker import pickling

    try:
        data = pickling.dumps(exception)
        pickle.loads(data)
    except Exception:  # noqa: BLE001  anything may go wrong in a user's class
        pass
    else:
        return data
    try:
        parts = _Parts(type(exception), exception.args, exception.__dict__)
        data = pickling.dumps(parts)
        pickle.loads(data)
    except Exception:  # noqa: BLE001
        return None
    return data


class _Parts:
    """An exception whose class cannot be called with its `args`: loaded without `__init__`."""

    def __init__(
        self, kind: type[BaseException], args: tuple[Any, ...], state: dict[str, Any]
    ) -> None:
        self.parts = (kind, args, state)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_assemble, self.parts)


def _assemble(
    kind: type[BaseException], args: tuple[Any, ...], state: dict[str, Any]
) -> BaseException:
    exception = kind.__new__(kind, *args)
    exception.args = args
    exception.__dict__.update(state)
    return exception


def rebuild(raised: str | dict[str, Any], pickled: bytes | None = None) -> BaseException:
    """Rebuild an exception in the driver, with its own traceback and notes about the row.

    Parameters
    ----------
    raised : str or dict
        The fields of `RaisedException`, as JSON or parsed.
    pickled : bytes, optional
        The pickled exception, if not in `raised` (there as hexadecimal text).

    Returns
    -------
    BaseException
        The user's exception as itself; a `windrow.errors.FunctionError` when it could not be
        carried over.
    """
    fields: dict[str, Any] = json.loads(raised) if isinstance(raised, str) else raised
    exception = _rebuild(fields, pickled)
    for note in _notes(fields):
        exception.add_note(note)
    return exception


def _rebuild(fields: dict[str, Any], pickled: bytes | None) -> BaseException:
    exception = load(fields, pickled)
    trace = _traceback(fields.get("frames", ()))
    exception = exception.with_traceback(trace)
    cause, context = fields.get("cause"), fields.get("context")
    if context is not None:
        exception.__context__ = _rebuild(context, None)
    if cause is not None:
        exception.__cause__ = _rebuild(cause, None)
    exception.__suppress_context__ = bool(fields.get("suppress_context"))
    return exception


def load(fields: dict[str, Any], pickled: bytes | None = None) -> BaseException:
    """Give the exception itself, or a `windrow.errors.FunctionError` when it cannot be loaded."""
    if pickled is None and fields.get("pickled"):
        pickled = bytes.fromhex(fields["pickled"])
    if pickled is not None:
        try:
            exception = pickle.loads(pickled)
        except Exception:  # noqa: BLE001  its class may not exist here
            pass
        else:
            if isinstance(exception, BaseException):
                return exception
    name, message = fields["type_name"], fields["message"]
    return errors.FunctionError(f"{name}: {message}" if message else name)


def _notes(fields: dict[str, Any]) -> list[str]:
    notes = []
    row, values = fields.get("row"), fields.get("values") or []
    shown = ", ".join(f"{name}={value}" for name, value in values)
    if row is not None:
        notes.append(f"row {row}: {shown}" if shown else f"row {row}")
    elif shown:
        notes.append(shown)
    return notes + list(fields.get("notes") or ())


def _traceback(frames: Sequence[dict[str, Any]]) -> TracebackType | None:
    """Make a traceback that prints the user's source lines, from the frames of another process."""
    trace: TracebackType | None = None
    for fields in reversed(frames):
        frame = _frame(fields)
        if frame is not None:
            trace = TracebackType(trace, frame, frame.f_lasti, fields["line"])
    return trace


def _frame(fields: dict[str, Any]) -> FrameType | None:
    """Give a frame at the place where the original one was, by raising there."""
    line, column = fields["line"], fields.get("column")
    end_line, end_column = fields.get("end_line"), fields.get("end_column")
    is_known = None not in (column, end_line, end_column)
    place: dict[str, Any] = {
        "lineno": line,
        "col_offset": column if is_known else 0,
        "end_lineno": end_line if is_known else line,
        "end_col_offset": end_column if is_known else 0,
    }
    name = ast.Name("__exception__", ast.Load(), **place)
    module = ast.Module([ast.Raise(name, None, **place)], [])
    code = compile(module, fields["file"], "exec")
    function = fields["function"]
    code = code.replace(co_name=function.rpartition(".")[2], co_qualname=function)
    if not is_known:
        # A span of no width would draw a mark under the line.
        code = code.replace(co_firstlineno=line, co_linetable=_lines_only(code))
    try:
        exec(code, {"__exception__": Exception, "__name__": "__windrow__"})  # noqa: S102
    except Exception as error:  # noqa: BLE001  raised by ourselves
        trace = error.__traceback__
        return trace.tb_next.tb_frame if trace is not None and trace.tb_next else None
    return None


def _lines_only(code: CodeType) -> bytes:
    """Give a location table that has the first line for every instruction, and no columns."""
    count = len(code.co_code) // 2
    entries = []
    while count > 0:
        length = min(count, 8)
        # Code 13: no columns; a line delta of 0 follows.
        entries += [0x80 | (13 << 3) | (length - 1), 0]
        count -= length
    return bytes(entries)


def from_failure(failure: str | dict[str, Any]) -> BaseException:
    """Give the exception to raise for a failure of a call.

    Parameters
    ----------
    failure : str or dict
        A `Failure` as JSON, with its text under the key `text`.
    """
    fields: dict[str, Any] = json.loads(failure) if isinstance(failure, str) else failure
    text = fields.get("text", "")
    kind = fields["failure"]
    if kind == "Cancelled":
        return errors.Cancelled("cancelled")
    ((name, detail),) = kind.items()
    if name == "Raised":
        return rebuild(detail)
    if name == "Misfit":
        return errors.ResultTypeError(text)
    if name == "TimedOut":
        return errors.ItemTimeout(text)
    if name == "Died":
        died = errors.ItemKilled(text) if detail["attempts"] > 1 else errors.WorkerDied(text)
        died.__dict__.update(detail)
        return died
    return errors.WorkerError(text)
