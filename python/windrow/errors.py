"""The exceptions of windrow: each is a `WindrowError` and the built-in exception that fits."""

from __future__ import annotations

import sys
from _pickle import PicklingError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class WindrowError(Exception):
    """Anything that windrow itself raises; your functions' exceptions are raised as themselves."""


class DataError(WindrowError, ValueError):
    """The input is not what the program says: a ragged row, not UTF-8, a value of another type."""


class ColumnNotFoundError(WindrowError, KeyError):
    """A column that is not there; the message has the nearest name."""

    def __str__(self) -> str:
        # `KeyError` would show the `repr` of the message.
        return str(self.args[0]) if self.args else ""


class NotInWindrowYet(WindrowError, NotImplementedError, AttributeError):  # noqa: N818
    """A method of pandas that windrow does not have yet; `hasattr` is false for it."""


class OptionNotInWindrowYet(WindrowError, NotImplementedError, TypeError):  # noqa: N818
    """An argument of pandas that windrow does not have yet."""


class ResultTypeError(WindrowError, TypeError):
    """A function returned a value that does not fit the type of its results.

    The message names the row, its input and what to do.
    """


class FunctionNotPicklable(WindrowError, PicklingError, TypeError):  # noqa: N818
    """A function, or something that it uses, cannot be sent to worker processes."""


class ResultNotPicklable(FunctionNotPicklable):
    """What a function returned cannot be sent back from its worker process.

    Attributes
    ----------
    value : str
        Short repr of what it returned.
    reason : str
        Repr of the exception that pickling raised.
    """

    value: str = ""
    reason: str = ""


class DryRun(SystemExit):
    """It was asked what would be submitted, so nothing was run; the program ends here, well.

    Attributes
    ----------
    scripts : str
        What would have been submitted.
    """

    scripts: str = ""


def dry_run(scripts: str) -> DryRun:
    """Show what would be submitted; gives the exception that ends the program."""
    sys.stdout.write(scripts)
    sys.stdout.flush()
    end = DryRun(0)
    end.scripts = scripts
    return end


class FunctionError(WindrowError, RuntimeError):
    """A function raised an exception that could not be carried over from the worker.

    The message has the exception's type, text and traceback.
    """


class WorkerDied(WindrowError, RuntimeError):  # noqa: N818
    """A worker process ended while it ran a function.

    Attributes
    ----------
    pid : int
        The process.
    signal : int or None
        The signal that ended it.
    exit_code : int or None
        Its exit code, when no signal ended it.
    out_of_memory : bool
        Whether the use of memory is the most likely reason.
    peak_memory : int or None
        The most memory that it held, in bytes.
    attempts : int
        How many times the item was tried.
    item : str or None
        Short repr of what it worked on.
    """

    pid: int = 0
    signal: int | None = None
    exit_code: int | None = None
    out_of_memory: bool = False
    peak_memory: int | None = None
    attempts: int = 1
    item: str | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), self.args, self.__dict__)


class ItemKilled(WorkerDied):
    """An item killed its worker each time that it was tried; all other items have their results."""


class ItemTimeout(WindrowError, TimeoutError):  # noqa: N818
    """An item took longer than its limit; only that item was ended."""


class Cancelled(WindrowError):  # noqa: N818
    """The work was cancelled before it had a result."""


class ResourceError(WindrowError, MemoryError):
    """Not enough memory, temporary space or processes; the message says what asked for how much."""


class WorkerError(WindrowError, RuntimeError):
    """Worker processes could not be started, or broke their protocol."""
