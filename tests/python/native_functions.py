"""Running a function natively and in CPython on the same rows, and comparing every answer."""

from __future__ import annotations

import atexit
import functools
import json
import math
import os
import pickle
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from windrow.functions import describe

_ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def runner():
    """Start the program that runs specifications, if it has been built."""
    given = os.environ.get("WINDROW_RUN_SPEC")
    target = Path(os.environ.get("CARGO_TARGET_DIR", _ROOT / "target"))
    built = [target / profile / "examples" / "run_spec" for profile in ("release", "debug")]
    places = [Path(given)] if given else [place for place in built if place.exists()]
    if places:
        newest = max(places, key=lambda place: place.stat().st_mtime)
        process = subprocess.Popen([newest], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        atexit.register(process.kill)
        return process
    pytest.skip("`cargo build -p windrow-functions --example run_spec` has not been run")


def _send(process, *frames):
    for frame in frames:
        process.stdin.write(struct.pack("<I", len(frame)) + frame)
    process.stdin.flush()


_unread: list[None] = []
"""As long as there are answers that nobody has taken."""


def forget_answers():
    """Read what a check that failed has left, so that it is not taken for the next one's."""
    while _unread:
        native_answer()


def _receive(process):
    head = process.stdout.read(4)
    assert len(head) == 4, "the native runner died"
    return process.stdout.read(struct.unpack("<I", head)[0])


@dataclass
class Native:
    refused: str | None
    info: dict[str, Any]
    values: pa.Array | None = None
    exits: list[int] | None = None

    @property
    def left(self):
        """The share of rows that went to the interpreter."""
        return sum(map(bool, self.exits)) / max(1, len(self.exits))


def run_native(spec, batch, nulls):
    ask_native(spec, batch, nulls)
    return native_answer()


def ask_native(spec, batch, nulls, *, brief=False):
    """Send a request; its answer comes after those of the requests before."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    header = json.dumps({"spec": spec, "nulls": nulls, "brief": brief}).encode()
    _send(runner(), header, sink.getvalue().to_pybytes())
    _unread.append(None)


def native_answer():
    process = runner()
    _unread.pop()
    info = json.loads(_receive(process))
    if "refused" in info:
        return Native(info["refused"], info)
    answer = pa.ipc.open_stream(_receive(process)).read_next_batch()
    return Native(None, info, answer.column(0), answer.column(1).to_pylist())


def rows_of(batch, nulls):
    """Each row as the values a function sees."""
    missing = float("nan") if nulls == "nan" else None
    columns = [
        [missing if value is None else value for value in column.to_pylist()]
        for column in batch.columns
    ]
    return list(zip(*columns, strict=True))


def same(answer, value, nulls):
    """Whether a value read back from Arrow is what Python's `value` has to become."""
    nan = isinstance(value, float) and math.isnan(value)
    if value is None or (nan and nulls == "nan" and not isinstance(answer, float)):
        return answer is None
    if type(value) is int and type(answer) is float:
        return abs(value) <= 2**53 and answer == value
    if isinstance(value, tuple | list) and isinstance(answer, list):
        pairs = zip(answer, value, strict=False)
        return len(answer) == len(value) and all(same(a, v, "none") for a, v in pairs)
    if type(value) is not type(answer):
        return False
    if isinstance(value, float):
        return (nan and math.isnan(answer)) or struct.pack("d", value) == struct.pack("d", answer)
    return value == answer


class PlainRow:
    """A row as a function sees it, made without anything of ours."""

    def __init__(self, names, values):
        self.__dict__.update(zip(names, values, strict=True))

    def __getitem__(self, name):
        return self.__dict__[name]


def outcome(function, *arguments):
    """Give the value of a call, or the type and the message of what it raises."""
    try:
        return function(*arguments), None
    except Exception as error:
        return None, (type(error), str(error))


def identical(one, other):
    """Whether two values are the same to type and bit."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return struct.pack("d", one) == struct.pack("d", other) or one != one != other
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(identical, one, other))
    return one == other


@dataclass
class Check:
    """A function that has been sent to native code, and what is needed to judge the answers."""

    f: Any
    batch: pa.RecordBatch
    nulls: str
    native: bool | None
    left: float | None
    description: Any
    lifted: pa.RecordBatch

    def finish(self, *, original=False):
        """Compare; with `original`, what leaves is also compared with `f` called with a row."""
        result = native_answer()
        if result.refused:
            assert not self.native, result.refused
            return None
        if self.native is not None:
            assert self.native, "it was expected to be refused"
        function = pickle.loads(self.description.pickled)
        rows = rows_of(self.lifted, self.nulls)
        for row, *answer in zip(
            rows, result.values.to_pylist(), result.exits, result.info["reasons"], strict=True
        ):
            self._compare(row, outcome(function, *row), *answer)
        if original:
            self._compare_with_original(function, rows)
        if self.left is not None:
            assert result.left <= self.left, (
                f"{result.left:.0%} of the rows left: {set(map(str, result.info['reasons']))}"
            )
        return result

    def _compare(self, row, expected, answer, left_by, reason):
        raises, why = reason or (None, "the answer does not fit")
        value, error = expected
        if error:
            assert left_by, f"{row} gave {answer!r} and not {error!r}"
            assert raises in (None, error[0].__name__), f"{row}: {why}, and not {error!r}"
        elif left_by:
            assert raises is None, f"{row}: left with {raises} ({why}) but gives {value!r}"
        else:
            assert same(answer, value, self.nulls), f"{row}: {answer!r} and not {value!r}"

    def _compare_with_original(self, function, rows):
        """Lifting changes no value, no exception and no message."""
        whole = rows_of(self.batch, self.nulls)
        for row, lifted in zip(whole, rows, strict=True):
            value, error = outcome(self.f, PlainRow(self.batch.schema.names, row))
            got, raised = outcome(function, *lifted)
            assert error == raised, f"{row}: lifted raises {raised!r} and not {error!r}"
            assert identical(value, got), f"{row}: lifted gives {got!r} and not {value!r}"


def begin_check(f, table, *, nulls="nan", form="row", native=True, left=None):
    """Send a function to native code; nothing when it is not described as one that may run there.

    `native`: whether it must compile, None: it may. `left`: the share of rows that may leave.
    """
    batch = pa.RecordBatch.from_pydict(table) if isinstance(table, dict) else table
    description = describe(f, columns=batch.schema.names, form=form, nulls=nulls)
    if description.spec is None:
        assert not native, description.reasons
        return None
    lifted = batch.select(description.columns)
    ask_native(description.spec, lifted, nulls)
    return Check(f, batch, nulls, native, left, description, lifted)


def check(f, table, **options):
    """Compare native answers with CPython's; for the options see `begin_check`."""
    begun = begin_check(f, table, **options)
    return begun and begun.finish()


def asserting(row):
    """Stands here because pytest compiles the assertions of a test file in its own way."""
    if row["a"] < 0:
        raise ValueError("negative")
    assert row["b"] != 3
    return row["a"]
