"""A user's exception reaches the user as itself; what cannot be sent is named."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from windrow import errors
from windrow._worker import pickling
from worker_check import apply, pool_of, rows


@pytest.fixture(scope="module")
def workers() -> Iterator[Any]:
    with pool_of(1) as pool:
        yield pool


class DemandingError(Exception):
    """Its `__init__` cannot be called with its `args`."""

    def __init__(self, code: int, *, reason: str) -> None:
        super().__init__(f"{reason} ({code})")
        self.code = code


class UnpicklableError(Exception):
    """Holds what no other process can have."""

    def __init__(self) -> None:
        super().__init__("holds a lock")
        self.lock = threading.Lock()


def inner(value: int) -> int:
    return 10 // (value - 3)


def outer(value: int) -> int:
    return inner(value) + 1


@pytest.mark.parametrize("in_workers", [False, True])
def test_an_exception_is_raised_as_itself_with_its_row(workers: Any, in_workers: bool) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        rows(outer, {"value": range(6)}, pool=workers if in_workers else None)
    assert caught.value.__notes__ == ["row 3: value=3"]
    lines = traceback.format_exception(caught.value)
    text = "".join(lines)
    assert "in outer" in text
    assert "return inner(value) + 1" in text
    assert "return 10 // (value - 3)" in text
    assert "windrow/_worker" not in text


def test_attributes_of_exceptions_survive(workers: Any) -> None:
    def fail() -> None:
        raise DemandingError(7, reason="no way")

    with pytest.raises(DemandingError) as caught:
        apply(workers, fail)
    assert caught.value.code == 7
    assert str(caught.value) == "no way (7)"


def test_an_exception_that_cannot_be_pickled_keeps_type_and_text(workers: Any) -> None:
    def fail() -> None:
        raise UnpicklableError

    with pytest.raises(errors.FunctionError, match="UnpicklableError: holds a lock") as caught:
        apply(workers, fail)
    assert any("cannot be pickled" in note for note in caught.value.__notes__)


def test_causes_and_contexts_survive(workers: Any) -> None:
    def fail() -> None:
        try:
            {}["missing"]
        except KeyError as error:
            raise ValueError("could not") from error

    with pytest.raises(ValueError, match="could not") as caught:
        apply(workers, fail)
    assert isinstance(caught.value.__cause__, KeyError)
    assert '{}["missing"]' in "".join(traceback.format_exception(caught.value))


def test_system_exit_is_an_exception_like_others(workers: Any) -> None:
    with pytest.raises(SystemExit) as caught:
        apply(workers, lambda: (_ for _ in ()).throw(SystemExit(3)))
    assert caught.value.code == 3
    assert apply(workers, lambda: 1) == 1


def test_a_result_that_cannot_be_pickled_is_the_outcome(workers: Any) -> None:
    with pytest.raises(errors.FunctionNotPicklable, match=r"_thread\.lock"):
        apply(workers, threading.Lock)
    assert apply(workers, lambda: 1) == 1


def test_a_missing_module_says_where_it_is_missing(workers: Any) -> None:
    data = b"\x80\x04cno_such_module\nfunction\n."
    known = workers.function("function", data)
    arguments, buffers = pickling.dumps_with_buffers(((), {}))
    ticket = workers.submit(known, "apply", arguments, buffers, 1)
    assert ticket.wait(30)
    failure = ticket.take()[0][4]
    assert isinstance(failure, ModuleNotFoundError)
    assert any("worker process" in note for note in failure.__notes__)


LOCK = threading.Lock()


def uses_a_global() -> bool:
    return LOCK.locked()


uses_a_global.__module__ = "__main__"


class Holder:
    """Has an attribute that cannot be sent."""

    def __init__(self) -> None:
        self.guard = threading.Lock()

    def method(self) -> None: ...


def closure() -> Any:
    lock = threading.Lock()
    return lambda: lock


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (closure(), "its closure variable `lock` is a `_thread.lock`"),
        (uses_a_global, "the global variable `LOCK` that it uses is a `_thread.lock`"),
        (lambda lock=LOCK: lock, "its default 0 is a `_thread.lock`"),
        (Holder().method, "its object, its attribute `guard` is a `_thread.lock`"),
        ({"x": [1, LOCK]}, "the item `'x'`, the item 1 is a `_thread.lock`"),
    ],
    ids=["closure", "global", "default", "method", "container"],
)
def test_what_cannot_be_sent_is_named(function: Any, says: str) -> None:
    with pytest.raises(errors.FunctionNotPicklable) as caught:
        pickling.dumps(function)
    assert says in str(caught.value)
    assert "hint: " in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.ResultTypeError, TypeError),
        (errors.DataError, ValueError),
        (errors.ResourceError, MemoryError),
        (errors.ItemTimeout, TimeoutError),
        (errors.FunctionNotPicklable, TypeError),
        (errors.WorkerDied, RuntimeError),
    ],
)
def test_errors_are_also_the_builtin_that_fits(kind: type, builtin: type) -> None:
    assert issubclass(kind, builtin)
    assert issubclass(kind, errors.WindrowError)
