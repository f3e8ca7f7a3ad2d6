"""Running a function through the engine as native code, in workers and in this interpreter, and
comparing the answers with each other and with CPython's."""

from __future__ import annotations

import contextlib
import functools
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

import windrow as wr
import windrow.session
from native_functions import rows_of, same

PLACES = {
    "native": {"native": True},
    "workers": {"native": False, "functions": "workers"},
    "in process": {"native": False, "functions": "in-process"},
}


@functools.cache
def _session(place):
    before = windrow.session._given, windrow.session._current
    wr.configure(**PLACES[place], workers=2, partitions=2, progress=False)
    made = windrow.session._current
    windrow.session._given, windrow.session._current = before
    return made


@contextlib.contextmanager
def running(place):
    """Frames that are made inside run their functions there."""
    before = windrow.session._current
    windrow.session._current = _session(place)
    try:
        yield
    finally:
        windrow.session._current = before


@dataclass
class Outcome:
    """What came of a run: a column, or an exception."""

    type: str
    values: list[Any]
    error: BaseException | None = None

    def told(self):
        """The outcome in a form that can be compared: exceptions by type and text."""
        if self.error is None:
            return self.type, [repr(value) for value in self.values]
        notes = getattr(self.error, "__notes__", [])
        return type(self.error), str(self.error), notes


def run(f, table, *, place="native", nulls="nan", form="row", result_type=None, npartitions=1):
    """Run `f` over the rows of `table` there."""
    with running(place):
        frame = wr.from_arrow(pa.Table.from_batches([table]), npartitions=npartitions)
        try:
            if form == "row":
                column = frame.apply(f, axis=1, nulls=nulls, result_type=result_type)
            else:
                column = frame[table.schema.names[0]].map(f, nulls=nulls, result_type=result_type)
            found = column.to_arrow()
        except BaseException as error:
            return Outcome("", [], error)
    return Outcome(str(found.type), found.to_pylist())


def call(f, row, form):
    """What CPython gives for a row: `(value, None)` or `(None, exception)`."""
    try:
        return (f(row) if form == "row" else f(next(iter(row.values())))), None
    except Exception as error:
        return None, error


def check(f, table, *, nulls="nan", form="row", verdict=None):
    """Run `f` in every place; all give the same, and it is CPython's.

    Where rows raise, the run raises what the first of them raises; the rows that do not raise are
    then run again by themselves.
    """
    batch = pa.RecordBatch.from_pydict(table) if isinstance(table, dict) else table
    names = batch.schema.names
    rows = [dict(zip(names, row, strict=True)) for row in rows_of(batch, nulls)]
    calls = [call(f, row, form) for row in rows]
    if verdict is not None:
        text = str(wr.explain_function(f, batch.schema, nulls=nulls, form=form))
        assert text.splitlines()[0] == verdict, text
    raising = [error for _, error in calls if error is not None]
    outcomes = {place: run(f, batch, place=place, nulls=nulls, form=form) for place in PLACES}
    for place, outcome in outcomes.items():
        assert outcome.told() == outcomes["in process"].told(), place
        if "does not fit" in str(outcome.error):
            continue  # a value beyond the type, in a row before the first that raises
        if raising:
            assert type(outcome.error) is type(raising[0]), place
            assert str(outcome.error) == str(raising[0]), place
        else:
            assert outcome.error is None, place
            for row, (value, _), answer in zip(rows, calls, outcome.values, strict=True):
                assert same(answer, value, nulls), f"{place}: {row} gave {answer!r}, not {value!r}"
    if raising and len(raising) < len(rows):
        keep = pa.array([error is None for _, error in calls])
        check(f, batch.filter(keep), nulls=nulls, form=form)
