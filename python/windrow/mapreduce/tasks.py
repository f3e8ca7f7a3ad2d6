"""What runs in workers: a map task, a reduce task.

A map task sorts its pairs into buckets by key and writes them to one file: bucket after bucket,
each a run of pickles `[(key, [values…]), …]`. A reduce task reads its bucket from all of these
files, in the order of the map tasks, so that a key's values come in the order of the inputs.
"""

from __future__ import annotations

import os
import pickle
import uuid
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from windrow.mapreduce.inputs import Piece

Pair = tuple[Any, Any]
Mapper = Callable[[Any], Iterable[Pair] | None]
Reducer = Callable[[Any, list[Any]], Any]

# Values that a map task holds before it combines or writes them.
_HELD = 200_000
# A reduce task's result up to this many bytes travels to the driver, a larger one stays in a file.
_INLINE_BYTES = 256 << 10


@dataclass(frozen=True)
class MapOutput:
    """Where a map task's pairs are.

    Parameters
    ----------
    path
        The file.
    runs
        For each bucket the byte ranges `(offset, length)` of its runs.
    pairs
        How many pairs the mapper gave.
    """

    path: str
    runs: list[list[tuple[int, int]]]
    pairs: int


@dataclass(frozen=True)
class ReduceOutput:
    """A reduce task's pairs: in `inline` as a pickle, or in the file `path` as pickled chunks."""

    count: int
    inline: bytes | None
    path: str | None


def map_task(
    mapper: Mapper, combiner: Reducer | None, buckets: int, folder: str, unit: Sequence[Piece]
) -> MapOutput:
    """Map the pieces of a unit; write the pairs, sorted into `buckets`, to a file in `folder`."""
    path = Path(folder) / f"map-{uuid.uuid4().hex}"
    held = _Held(combiner, buckets)
    with path.open("wb") as file:
        runs: list[list[tuple[int, int]]] = [[] for _ in range(buckets)]
        for piece in unit:
            for argument, place in piece.arguments():
                try:
                    for pair in _pairs(mapper, argument):
                        held.add(pair)
                except Exception as error:
                    error.add_note(f"while mapping {place}")
                    raise
            if held.is_full():
                _write(file, held.take(), runs)
        _write(file, held.take(), runs)
    return MapOutput(str(path), runs, held.pairs)


def _pairs(mapper: Mapper, argument: Any) -> Iterator[Pair]:
    result: Any = mapper(argument)
    if result is None:
        return
    if not isinstance(result, Iterable):
        raise TypeError(
            f"the mapper returned `{result!r:.80}`\n"
            "hint: a mapper yields pairs `(key, value)`, or returns a list of them"
        )
    for pair in result:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError(
                f"the mapper yielded `{pair!r:.80}`, which is no pair\n"
                "hint: yield `(key, value)`; `yield word, 1`"
            )
        yield pair


class _Held:
    """The pairs that a map task has not written yet, by key."""

    def __init__(self, combiner: Reducer | None, buckets: int) -> None:
        self.pairs = 0
        self._combiner = combiner
        self._buckets = buckets
        self._groups: dict[Any, list[Any]] = {}
        self._values = 0

    def add(self, pair: Pair) -> None:
        key, value = pair
        try:
            values = self._groups.get(key)
        except TypeError as error:
            error.add_note(f"the key `{key!r:.80}` cannot be hashed; hint: use a tuple for a list")
            raise
        if values is None:
            self._groups[key] = [value]
        else:
            values.append(value)
        self.pairs += 1
        self._values += 1
        if self._values >= _HELD and self._combiner is not None:
            self._combine(self._combiner)

    def _combine(self, combiner: Reducer) -> None:
        for key, values in self._groups.items():
            if len(values) > 1:
                self._groups[key] = list(_reduced(combiner, key, values, "combining"))
        self._values = sum(map(len, self._groups.values()))

    def is_full(self) -> bool:
        return self._values >= _HELD // 2

    def take(self) -> list[list[tuple[Any, list[Any]]]]:
        """All groups, sorted into buckets; nothing is held after it."""
        if self._combiner is not None:
            self._combine(self._combiner)
        sorted_groups: list[list[tuple[Any, list[Any]]]] = [[] for _ in range(self._buckets)]
        for group in self._groups.items():
            sorted_groups[bucket_hash(group[0]) % self._buckets].append(group)
        self._groups = {}
        self._values = 0
        return sorted_groups


def _write(
    file: Any,
    groups: list[list[tuple[Any, list[Any]]]],
    runs: list[list[tuple[int, int]]],
) -> None:
    for bucket, pairs in enumerate(groups):
        if pairs:
            data = _dumps(pairs)
            runs[bucket].append((file.tell(), len(data)))
            file.write(data)


def bucket_hash(key: Hashable) -> int:
    """A hash that equal keys share in all workers, which have one `PYTHONHASHSEED`.

    `hash(None)` is an address before Python 3.12, and tuples take it in.
    """
    if key is None:
        return 0
    if isinstance(key, tuple):
        return hash(tuple(bucket_hash(part) for part in key))
    return hash(key)


def _reduced(reducer: Reducer, key: Any, values: list[Any], doing: str) -> Iterator[Any]:
    """The one value that a reducer returns, or the several that it yields."""
    try:
        result = reducer(key, values)
        if isinstance(result, Iterator):
            yield from result
        else:
            yield result
    except Exception as error:
        error.add_note(f"while {doing} the {len(values)} values of key `{key!r:.200}`")
        raise


def reduce_task(
    reducer: Reducer, folder: str, runs: Sequence[tuple[str, int, int]]
) -> ReduceOutput:
    """Reduce one bucket: `runs` are its `(path, offset, length)` in the order of the map tasks."""
    groups: dict[Any, list[Any]] = {}
    for path, offset, length in runs:
        with open(path, "rb") as file:
            file.seek(offset)
            for key, values in pickle.loads(file.read(length)):
                known = groups.get(key)
                if known is None:
                    groups[key] = values
                else:
                    known.extend(values)
    pairs = [
        (key, value)
        for key, values in groups.items()
        for value in _reduced(reducer, key, values, "reducing")
    ]
    data = _dumps(pairs)
    if len(data) <= _INLINE_BYTES:
        return ReduceOutput(len(pairs), data, None)
    path = os.path.join(folder, f"reduce-{uuid.uuid4().hex}")
    with open(path, "wb") as file:
        file.write(data)
    return ReduceOutput(len(pairs), None, path)


def _dumps(value: Any) -> bytes:
    try:
        return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception:  # noqa: BLE001 - classes of `__main__`, lambdas as values
        import cloudpickle

        data: bytes = cloudpickle.dumps(value)
        return data
