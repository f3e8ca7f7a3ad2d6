"""What failed in a worker, as the exception that `multiprocessing` would raise."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from windrow import errors


@dataclass(frozen=True, slots=True)
class Failure:
    """An item of a collecting call that has no result.

    Parameters
    ----------
    index
        Its place in the input.
    item
        The item itself: `pool.map(f, [failure.item for failure in pool.failures])` tries again.
    error
        Why.
    """

    index: int
    item: Any
    error: BaseException


def too_late() -> Exception:
    """Give the exception for a result that is not there in time."""
    import multiprocessing

    return multiprocessing.TimeoutError()


def exception(failure: str) -> BaseException:
    """Give the exception to raise for a failure of a job.

    An exception of the user's function comes as itself, its cause being the text of the traceback
    in the worker, as `multiprocessing.pool.RemoteTraceback`.

    Parameters
    ----------
    failure : str
        A `Failure` as JSON, with its text under the key `text`.
    """
    from windrow._worker.errors import from_failure

    fields = json.loads(failure)
    kind = fields["failure"]
    if isinstance(kind, dict) and "Raised" in kind:
        return _raised(kind["Raised"])
    return from_failure(fields)


def _raised(fields: dict[str, Any]) -> BaseException:
    # Their types are not among the public ones, but programs catch them.
    from multiprocessing.pool import (  # type: ignore[attr-defined]
        MaybeEncodingError,
        RemoteTraceback,
    )

    from windrow._worker.errors import load

    raised = load(fields)
    if isinstance(raised, errors.ResultNotPicklable):
        # The whole story, in the words of the exception that programs expect.
        note = str(raised)
        raised = MaybeEncodingError(_Said(raised.reason), _Said(raised.value))
        raised.add_note(note)
    elif fields.get("pickled") is None:
        name, message = fields["type_name"], fields["message"]
        reason = "PicklingError('the exception cannot be pickled')"
        raised = MaybeEncodingError(_Said(reason), _Said(f"{name}({message!r})"))
    raised.__cause__ = RemoteTraceback(f'\n"""\n{fields["traceback"]}"""')
    row, values = fields.get("row"), fields.get("values") or []
    if row is not None and values:
        raised.add_note(f"item {row}: {values[0][1]}")
    if not isinstance(raised, MaybeEncodingError):
        for note in fields.get("notes") or ():
            raised.add_note(note)
    return raised


class _Said:
    """Shows as the text that the worker gave for an object."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def unsendable(error: BaseException) -> BaseException:
    """Give the exception for a function or arguments that cannot be pickled.

    It is an exception of the type that `multiprocessing` raises, and names the culprit.
    """
    if isinstance(error, errors.FunctionNotPicklable):
        cause = error.__cause__
        if cause is not None and not isinstance(error, type(cause)):
            cause.add_note(str(error))
            return cause
    return error
