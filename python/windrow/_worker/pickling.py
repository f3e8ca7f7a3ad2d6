"""Pickling of functions, arguments and results.

Plain pickle first, because it is fast; cloudpickle for what belongs to `__main__` (a script or a
notebook, which workers cannot import) and for what plain pickle refuses.
"""

from __future__ import annotations

# `pickle` without what it loads for its part in Python: it takes ten times as long.
import _pickle as pickle
from _pickle import PickleBuffer
from collections.abc import Callable, Sequence

from windrow.errors import FunctionNotPicklable, ResultNotPicklable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MAIN = b"__main__"


def loads(data: Any, buffers: Sequence[Any] = ()) -> Any:
    """Load what came, with its large buffers; functions of notebooks included."""
    return pickle.loads(data, buffers=buffers) if buffers else pickle.loads(data)


def dumps(value: Any) -> bytes:
    """Pickle a function or arguments of it, without buffers apart.

    Raises
    ------
    FunctionNotPicklable
        Naming the object inside of `value` that cannot be pickled.
    """
    return _dumps(value, None)


def dumps_with_buffers(value: Any) -> tuple[bytes, list[PickleBuffer]]:
    """Pickle arguments; large contiguous buffers (arrays) stay apart and are not copied."""
    buffers: list[PickleBuffer] = []
    data = _dumps(value, buffers)
    return data, [buffer.raw() for buffer in buffers]  # type: ignore[misc]


def dumps_by_value(value: Any) -> tuple[bytes, list[PickleBuffer]]:
    """Pickle, with buffers apart, what plain pickle refuses or what belongs to `__main__`.

    Raises
    ------
    FunctionNotPicklable
        Naming the object inside of `value` that cannot be pickled.
    """
    buffers: list[PickleBuffer] = []
    data = _dumps_by_value(value, buffers.append)
    return data, [buffer.raw() for buffer in buffers]  # type: ignore[misc]


def dumps_result(value: Any) -> tuple[bytes, list[PickleBuffer]]:
    """Pickle a result, in a worker, that plain pickle has refused.

    Raises
    ------
    ResultNotPicklable
        Naming the object inside of `value` that cannot be pickled.
    """
    try:
        return dumps_by_value(value)
    except FunctionNotPicklable as error:
        from windrow._worker.culprit import explain, shown

        cause = error.__cause__ or error
        refused = ResultNotPicklable(explain(value, cause, "back from a worker"))
        refused.value, refused.reason = shown(value), repr(cause)
        raise refused from cause


def _dumps(value: Any, buffers: list[PickleBuffer] | None) -> bytes:
    callback: Callable[[PickleBuffer], Any] | None = None if buffers is None else buffers.append
    try:
        data = pickle.dumps(value, protocol=5, buffer_callback=callback)
        if _MAIN not in data:
            return data
    except Exception:  # noqa: BLE001  cloudpickle decides
        pass
    if buffers is not None:
        buffers.clear()
    return _dumps_by_value(value, callback)


def _dumps_by_value(value: Any, callback: Callable[[PickleBuffer], Any] | None) -> bytes:
    import cloudpickle

    try:
        return cloudpickle.dumps(value, protocol=5, buffer_callback=callback)  # type: ignore[no-any-return]
    except Exception as error:
        from windrow._worker.culprit import explain

        raise FunctionNotPicklable(explain(value, error)) from error
