"""What runs in workers for pandas objects: some rows, some values, some groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

#: A key of `groupby`, and the rows that have it.
Group = tuple[Any, "pd.DataFrame | pd.Series[Any]"]
_SHOWN = 8
_LONGEST = 60


class _Failed(Exception):  # noqa: N818 - never seen outside of this module
    """Leaves pandas' loop over rows; the user's exception is kept elsewhere."""


class Recorder:
    """A function for pandas to call that keeps what the user's function gives, as it is.

    Parameters
    ----------
    f
        The user's function.
    args, kwargs
        Further arguments of every call.
    """

    def __init__(
        self, f: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        self._f, self._args, self._kwargs = f, args, kwargs
        self.results: list[Any] = []
        self.failure: BaseException | None = None

    def __call__(self, row: Any) -> None:
        """Call the user's function."""
        try:
            result = self._f(row, *self._args, **self._kwargs)
        except Exception as error:  # noqa: BLE001 - raised again outside of pandas' loop
            self.failure = error
        else:
            # pandas puts the next row into the Series that it has passed, and this may be a view.
            is_pandas = hasattr(result, "iloc") and hasattr(result, "copy")
            self.results.append(result.copy(deep=False) if is_pandas else result)
            return
        raise _Failed


def rows(
    f: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    raw: bool,
    frame: Any,
) -> list[Any]:
    """`f` of each row of `frame`, as `apply(axis=1)` passes them."""
    recorder = Recorder(f, args, kwargs)
    with suppress(_Failed):
        frame.apply(recorder, axis=1, raw=raw)
    if recorder.failure is None:
        return recorder.results
    error = recorder.failure
    error.add_note(row_text(frame, len(recorder.results)))
    # Without the frames of pandas' loop: the traceback begins in the user's function.
    trace = error.__traceback__
    raise error.with_traceback(trace and trace.tb_next)


def values(
    f: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    labels: Any,
    items: Sequence[Any],
) -> list[Any]:
    """`f` of each of `items`; `labels` say which rows they are of, if each is of one."""
    results: list[Any] = []
    for item in items:
        try:
            results.append(f(item, *args, **kwargs))
        except Exception as error:
            label = "" if labels is None else f"row {labels[len(results)]!r}: "
            error.add_note(f"{label}{_short(item)}")
            raise
    return results


def groups(
    f: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], some: Sequence[Group]
) -> list[Any]:
    """`f` of each of some groups."""
    results: list[Any] = []
    for key, group in some:
        # As pandas does; a pickle does not keep it.
        object.__setattr__(group, "name", key)
        try:
            results.append(f(group, *args, **kwargs))
        except Exception as error:
            error.add_note(group_text(key, group))
            raise
    return results


def row_text(rows: Any, place: int) -> str:
    """`row 'x': a=1, b='y'`: the label of a row, and what its first columns hold."""
    label, row = rows.index[place], rows.iloc[place]
    if rows.ndim == 1:
        return f"row {label!r}: {_short(row)}"
    named = list(zip(rows.columns, row, strict=True))
    parts = [f"{name}={_short(value)}" for name, value in named[:_SHOWN]]
    return f"row {label!r}: {', '.join(parts + ['…'] * (len(named) > _SHOWN))}"


def group_text(key: Any, group: Any) -> str:
    """`group 'x' of 3 rows`."""
    return f"group {key!r} of {len(group)} row{'s' if len(group) != 1 else ''}"


def _short(value: Any) -> str:
    try:
        # Numbers as Python shows them.
        text = repr(value.item() if type(value).__module__ == "numpy" and not value.ndim else value)
    except Exception:  # noqa: BLE001 - a user's `__repr__` may fail
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
