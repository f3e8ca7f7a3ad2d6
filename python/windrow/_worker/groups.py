"""Functions of groups: `f` of each group of some sorted rows, and what it gives as one batch.

    rows      keys ── values ── place              sorted by keys, then place; groups are whole
    results   keys ── index levels ── values ── order       as many rows as `f` gave for each group

What `f` gives is found out once, on a sample (`Outcome`). Results of another kind are errors
from then on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from windrow._worker import results
from windrow._worker.batches import BatchFunction

if TYPE_CHECKING:
    import pandas as pd

Label = str | tuple[str, ...]
Kind = Literal["value", "row", "series", "frame"]

# Where the first field of a sample's schema keeps what was found out.
_OUTCOME = b"windrow.outcome"
# How long a sample may take, in seconds, once one group has given something.
_PATIENCE = 0.2


@dataclass(frozen=True)
class Outcome:
    """What a function gives for each group.

    Parameters
    ----------
    kind
        One `value`; one `row` (a Series with the same labels for every group); a `series` of
        several values; a `frame`.
    labels
        Names of the columns of rows and frames.
    index
        Names of the index levels of series and frames.
    name
        Name of the series, if all have the same.
    like
        Series and frames have the rows of their group.
    """

    kind: Kind
    labels: tuple[Label, ...] = ()
    index: tuple[str | None, ...] = ()
    name: str | None = None
    like: bool = False

    @property
    def is_long(self) -> bool:
        """Whether a group may have any number of rows."""
        return self.kind in ("series", "frame")

    def names(self, keys: int) -> list[str]:
        """The columns of a batch of results."""
        values = len(self.labels) if self.kind in ("row", "frame") else 1
        parts = (("key", keys), ("index", len(self.index)), ("value", values))
        order = ["order"] if self.is_long else []
        return [f"{part}_{at}" for part, count in parts for at in range(count)] + order

    @staticmethod
    def of(schema: pa.Schema) -> Outcome:
        """What a sample has found out."""
        fields = json.loads(schema.field(0).metadata[_OUTCOME])
        labels = tuple(tuple(one) if isinstance(one, list) else one for one in fields["labels"])
        return Outcome(**{**fields, "labels": labels, "index": tuple(fields["index"])})


@dataclass(frozen=True)
class Group:
    """The rows of one key."""

    key: Any
    rows: pd.DataFrame | pd.Series[Any]

    def __str__(self) -> str:
        count = len(self.rows)
        return f"group {self.key!r} of {count} row{'s' if count != 1 else ''}"


class GroupCall(BatchFunction):
    """A function of groups as a function of batches of whole groups.

    Parameters
    ----------
    function
        The user's function, with all arguments but the group.
    labels
        Names of the columns of a group.
    keys
        How many first columns of a batch are keys.
    column
        A group is this one column, as a Series; None: a DataFrame.
    outcome
        What `function` gives; None: a batch is a sample that is to show it.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        *,
        labels: Sequence[Label],
        keys: int,
        column: str | None,
        outcome: Outcome | None,
    ) -> None:
        self._function, self._labels, self._keys = function, tuple(labels), keys
        self._column, self._outcome = column, outcome

    def __call__(self, batch: pa.RecordBatch, schema: pa.Schema | None) -> pa.RecordBatch:
        """The results of all groups of `batch`."""
        batch = _plain(batch)
        groups, starts = self._groups(batch)
        if self._outcome is None:
            return self._tried(batch, groups, starts)
        given = [self._called(group) for group in groups]
        types = None if schema is None else schema.types[self._keys :]
        return self._batch(self._outcome, batch, (groups, starts, given), types)

    def _tried(
        self, batch: pa.RecordBatch, groups: list[Group], starts: list[int]
    ) -> pa.RecordBatch:
        """Results of a sample, and what kind of results they are."""
        if not groups:
            return self._of_nothing(batch)
        tried: list[tuple[Group, int, Any]] = []
        failure: Exception | None = None
        begin = time.monotonic()
        for group, start in zip(groups, starts, strict=True):
            try:
                tried.append((group, start, self._called(group)))
            except Exception as error:  # noqa: BLE001 - the run will raise it, if it does
                failure = failure or error
            if tried and time.monotonic() - begin > _PATIENCE:
                break
        if not tried and failure is not None:
            failure.add_note(
                "windrow tries the function on a few rows of some groups to see what it gives; "
                "`result_type=` says so instead"
            )
            raise failure
        some, places, given = (list(part) for part in zip(*tried, strict=True))
        outcome = results.judged(some, given, self._column)
        found = self._batch(outcome, batch, (some, places, given), None)
        return _noted(found, outcome)

    def _of_nothing(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """What pandas gives for no groups: no rows of the columns there are."""
        kind: Kind = "row" if self._column is None else "value"
        outcome = Outcome(kind, self._labels if kind == "row" else (), name=self._column)
        values = batch.select(range(batch.num_columns - 1))
        return _noted(values.rename_columns(outcome.names(self._keys)), outcome)

    def _called(self, group: Group) -> Any:
        try:
            return self._function(group.rows)
        except Exception as error:
            error.add_note(str(group))
            raise

    def _batch(
        self,
        outcome: Outcome,
        batch: pa.RecordBatch,
        called: tuple[list[Group], list[int], list[Any]],
        types: Sequence[pa.DataType] | None,
    ) -> pa.RecordBatch:
        groups, starts, given = called
        lengths, columns = results.columns(outcome, groups, given, types)
        rows = pa.array(np.repeat(np.asarray(starts, dtype="int64"), lengths))
        keys = [batch.column(at).take(rows) for at in range(self._keys)]
        if outcome.is_long:
            order = [np.arange(length, dtype="int64") for length in lengths]
            columns.append(pa.array(np.concatenate([*order, np.empty(0, dtype="int64")])))
        return pa.RecordBatch.from_arrays([*keys, *columns], outcome.names(self._keys))

    def _groups(self, batch: pa.RecordBatch) -> tuple[list[Group], list[int]]:
        """The groups of `batch`, and the row with which each begins."""
        if batch.num_rows == 0:
            return [], []
        changes = np.zeros(batch.num_rows, dtype=bool)
        changes[0] = True
        for at in range(self._keys):
            codes = batch.column(at).dictionary_encode(null_encoding="encode").indices.to_numpy()
            changes[1:] |= codes[1:] != codes[:-1]
        starts = [int(start) for start in np.flatnonzero(changes)]
        ends = [*starts[1:], batch.num_rows]
        keys = _keys([batch.column(at).take(pa.array(starts)) for at in range(self._keys)])
        cut = self._cutter(batch)
        parts = zip(keys, starts, ends, strict=True)
        return [self._group(key, cut(start, end)) for key, start, end in parts], starts

    def _group(self, key: Any, rows: pd.DataFrame) -> Group:
        group = rows if self._column is None else rows.iloc[:, 0]
        # As pandas does.
        object.__setattr__(group, "name", key)
        return Group(key, group)

    def _cutter(self, batch: pa.RecordBatch) -> Callable[[int, int], pd.DataFrame]:
        """Gives the rows of a group as a frame, labelled with their places.

        Whether whole numbers with missing values are floats follows from the group alone, not from
        what it happens to share its batch with.
        """
        columns = batch.columns[self._keys :]
        depends = any(
            column.null_count
            and (pa.types.is_integer(column.type) or pa.types.is_boolean(column.type))
            for column in columns
        )
        if depends:
            return lambda start, end: self._frame(batch.slice(start, end - start))
        whole = self._frame(batch)
        # A shallow copy: pandas would warn of changes to what it takes for a part of a frame.
        return lambda start, end: whole.iloc[start:end].copy(deep=False)

    def _frame(self, batch: pa.RecordBatch) -> pd.DataFrame:
        import pandas as pd

        from windrow.frame.convert import column_index, to_pandas

        table = pa.Table.from_batches([batch])
        frame = to_pandas(table.select(range(self._keys, batch.num_columns - 1)))
        frame.columns = column_index(self._labels)
        frame.index = pd.Index(batch.column(batch.num_columns - 1).to_numpy())
        return frame


def _keys(columns: Sequence[pa.Array]) -> list[Any]:
    """The keys as pandas names groups: scalars, or tuples of several."""
    import pandas as pd

    listed = [
        [np.nan if value is None else value for value in pd.Index(column.to_pandas())]
        for column in columns
    ]
    return listed[0] if len(listed) == 1 else list(zip(*listed, strict=True))


def plain_type(kind: pa.DataType) -> pa.DataType:
    """The type that columns of type `kind` have in results: no views, no dictionaries."""
    if pa.types.is_dictionary(kind):
        return plain_type(kind.value_type)
    if pa.types.is_string_view(kind):
        return pa.string()
    return pa.binary() if pa.types.is_binary_view(kind) else kind


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = [column.cast(plain_type(column.type)) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)


def _noted(batch: pa.RecordBatch, outcome: Outcome) -> pa.RecordBatch:
    schema = batch.schema
    first = schema.field(0).with_metadata({_OUTCOME: json.dumps(asdict(outcome))})
    return batch.cast(schema.set(0, first))
