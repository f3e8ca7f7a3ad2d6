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
#: Keys and their values, by bucket.
Buckets = dict[int, list[tuple[Any, list[Any]]]]
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
    held = Held(combiner, lambda key: bucket_hash(key) % buckets)
    with path.open("wb") as file:
        runs: list[list[tuple[int, int]]] = [[] for _ in range(buckets)]
        for groups in mapped(mapper, held, unit):
            for bucket, pairs in groups.items():
                data = dumps(pairs)
                runs[bucket].append((file.tell(), len(data)))
                file.write(data)
    return MapOutput(str(path), runs, held.pairs)


def mapped(mapper: Mapper, held: Held, unit: Sequence[Piece]) -> Iterator[Buckets]:
    """Map the pieces of a unit; gives what is held whenever it is much, and at the end."""
    for piece in unit:
        for argument, place in piece.arguments():
            try:
                for pair in _pairs(mapper, argument):
                    held.add(pair)
            except Exception as error:
                error.add_note(f"while mapping {place}")
                raise
        if held.is_full():
            yield held.take()
    yield held.take()


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


class Held:
    """The pairs that a map task has not written yet, by key; `bucket_of` gives a key's bucket."""

    def __init__(self, combiner: Reducer | None, bucket_of: Callable[[Any], int]) -> None:
        self.pairs = 0
        self._combiner = combiner
        self._bucket_of = bucket_of
        self._groups: dict[Any, list[Any]] = {}
        self._values = 0

    def add(self, pair: Pair) -> None:
        """Hold a pair; values of a key are combined when there are many."""
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
        """Whether so much is held that it should be taken."""
        return self._values >= _HELD // 2

    def take(self) -> Buckets:
        """All groups, sorted into buckets; nothing is held after it."""
        if self._combiner is not None:
            self._combine(self._combiner)
        buckets: Buckets = {}
        for group in self._groups.items():
            buckets.setdefault(self._bucket_of(group[0]), []).append(group)
        self._groups = {}
        self._values = 0
        return buckets


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


def reduced(reducer: Reducer, runs: Iterable[bytes]) -> list[Pair]:
    """Reduce one bucket, whose runs come in the order of the inputs."""
    groups: dict[Any, list[Any]] = {}
    for run in runs:
        for key, values in pickle.loads(run):
            known = groups.get(key)
            if known is None:
                groups[key] = values
            else:
                known.extend(values)
    return [
        (key, value)
        for key, values in groups.items()
        for value in _reduced(reducer, key, values, "reducing")
    ]


def _run(path: str, offset: int, length: int) -> bytes:
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(length)


def reduce_task(
    reducer: Reducer, folder: str, runs: Sequence[tuple[str, int, int]]
) -> ReduceOutput:
    """Reduce one bucket: `runs` are its `(path, offset, length)` in the order of the map tasks."""
    pairs = reduced(reducer, (_run(*run) for run in runs))
    data = dumps(pairs)
    if len(data) <= _INLINE_BYTES:
        return ReduceOutput(len(pairs), data, None)
    path = os.path.join(folder, f"reduce-{uuid.uuid4().hex}")
    with open(path, "wb") as file:
        file.write(data)
    return ReduceOutput(len(pairs), None, path)


def dumps(value: Any) -> bytes:
    """Pickle pairs, also of what plain pickle refuses."""
    try:
        return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception:  # noqa: BLE001 - classes of `__main__`, lambdas as values
        import cloudpickle

        data: bytes = cloudpickle.dumps(value)
        return data
