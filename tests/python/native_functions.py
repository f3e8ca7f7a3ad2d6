"""Running a function natively and in CPython on the same rows, and comparing every answer."""

# ruff: noqa: PT017

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
    process = runner()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    header = json.dumps({"spec": spec, "nulls": nulls}).encode()
    _send(process, header, sink.getvalue().to_pybytes())
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


def check(f, table, *, nulls="nan", form="row", native=True, left=None):
    """Compare native answers with CPython's.

    `native`: whether it must compile, None: it may. `left`: the share of rows that may leave.
    """
    batch = pa.RecordBatch.from_pydict(table) if isinstance(table, dict) else table
    description = describe(f, columns=batch.schema.names, form=form, nulls=nulls)
    if description.spec is None:
        assert not native, description.reasons
        return None
    batch = batch.select(description.columns)
    result = run_native(description.spec, batch, nulls)
    if result.refused:
        assert not native, result.refused
        return None
    if native is not None:
        assert native, "it was expected to be refused"
    function = pickle.loads(description.pickled)
    answers = result.values.to_pylist()
    rows = zip(rows_of(batch, nulls), answers, result.exits, result.info["reasons"], strict=True)
    for row, answer, left_by, reason in rows:
        raises, why = reason or (None, "the answer does not fit")
        try:
            value = function(*row)
        except Exception as error:
            assert left_by, f"{row} gave {answer!r} and not {error!r}"
            assert raises in (None, type(error).__name__), f"{row}: {why}, and not {error!r}"
        else:
            if left_by:
                assert raises is None, f"{row}: left with {raises} ({why}) but gives {value!r}"
            else:
                assert same(answer, value, nulls), f"{row}: {answer!r} and not {value!r}"
    if left is not None:
        assert result.left <= left, (
            f"{result.left:.0%} of the rows left: {set(map(str, result.info['reasons']))}"
        )
    return result


def asserting(row):
    """Stands here because pytest compiles the assertions of a test file in its own way."""
    if row["a"] < 0:
        raise ValueError("negative")
    assert row["b"] != 3
    return row["a"]
