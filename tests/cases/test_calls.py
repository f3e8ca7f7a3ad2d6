"""MapReduce and calls of pools give the same on a client as on this machine's workers."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import windrow as wr
from windrow.mapreduce.keys import stable_hash

WORDS = "the quick brown fox jumps over the lazy dog".split()


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("texts")
    for number in range(5):
        lines = [f"{WORDS[(row * number) % 9]} {WORDS[row % 9]}" for row in range(200)]
        (folder / f"{number}.txt").write_text("\n".join(lines))
    return folder


def count(line: str) -> Iterator[tuple[str, int]]:
    for word in line.split():
        yield word, 1


def of_file(name: str) -> Iterator[tuple[Any, Any]]:
    """Keys of many types, equal ones of different types among them."""
    text = Path(name).read_text()
    number = int(Path(name).stem)
    yield None, len(text)
    yield number % 2, name
    yield float(number % 2), number
    yield ("file", number % 3, None), text[:5]
    yield frozenset({"a", number % 2}), number
    yield dt.datetime(2020, 1, 1 + number % 2, tzinfo=dt.UTC), number


def total(_: Any, values: list[int]) -> int:
    return sum(values)


def listed(_: Any, values: list[Any]) -> list[Any]:
    return values


def pairs(item: int) -> list[tuple[Any, Any]]:
    return [(item % 7, item), (str(item % 3), -item)]


def spread(key: Any, values: list[int]) -> Iterator[int]:
    """Several values of a key."""
    yield from sorted(values)[:3]


PROGRAMS: dict[str, Callable[[Path], wr.MapReduceResult]] = {
    "lines": lambda texts: wr.mapreduce(texts, count, total, total, by="line"),
    "files": lambda texts: wr.mapreduce(texts, of_file, listed),
    "items": lambda _: wr.mapreduce(range(100), pairs, listed, by="item", partitions=3),
    "several values": lambda _: wr.mapreduce(range(50), pairs, spread, by="item"),
    "one partition": lambda texts: wr.mapreduce(texts, count, total, by="line", partitions=1),
    "no inputs": lambda _: wr.mapreduce([], pairs, total, by="item"),
    "no pairs": lambda _: wr.mapreduce([1, 2], lambda _: None, total, by="item"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_mapreduce(name: str, texts: Path, known: Any, staged: Any) -> None:
    def program() -> list[str]:
        result = PROGRAMS[name](texts)
        return sorted(f"{key!r}: {value!r}" for key, value in result.items())

    assert staged(program) == known(f"mapreduce of {name}", program)


def test_mapreduce_is_told_as_stages(told: list[dict[str, Any]], staged: Any) -> None:
    staged(lambda: wr.mapreduce(range(10), pairs, total, by="item"))
    kinds = [event["event"] for event in told]
    assert kinds.count("stage_started") >= 2, "map and reduce"


def test_an_exception_of_the_mapper_says_where(staged: Any) -> None:
    def fails(item: int) -> Any:
        raise LookupError(f"no {item}")

    with pytest.raises(LookupError, match="no 5") as caught:
        staged(lambda: wr.mapreduce([5], fails, total, by="item"))
    assert "while mapping item 0: 5" in caught.value.__notes__


def test_calls(staged: Any) -> None:
    def program() -> list[Any]:
        with wr.Pool() as pool, wr.Executor() as executor:
            return [
                pool.map(lambda item: item * item, range(20)),
                pool.starmap(divmod, [(7, 2), (9, 4)]),
                pool.apply(sorted, ([3, 1, 2],), {"reverse": True}),
                list(pool.imap(abs, range(-5, 5))),
                sorted(pool.imap_unordered(abs, range(-5, 5), chunksize=3)),
                executor.submit(pow, 2, 10).result(),
                list(executor.map(pow, [2, 3], [3, 2])),
                pool.map(abs, []),
            ]

    assert staged(program) == program()


def test_a_call_that_raises(staged: Any) -> None:
    def program() -> list[str]:
        with wr.Pool() as pool:
            found = pool.map(lambda item: 6 // item, [1, 0, 2], on_error="collect")
            failed = [(failure.index, failure.item) for failure in pool.failures]
            with pytest.raises(ZeroDivisionError) as caught:
                pool.map(lambda item: 6 // item, [1, 0, 2], chunksize=3)
            with pytest.raises(ZeroDivisionError):
                pool.apply(lambda: 1 // 0)
            notes = getattr(caught.value, "__notes__", [])
            return [repr(found), repr(failed), repr(notes), type(caught.value.__cause__).__name__]

    assert staged(program) == program()


# ---- keys --------------------------------------------------------------------------------------

_plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=st.timezones()),
    st.timedeltas(),
    st.uuids(),
)
_keys = st.recursive(
    _plain, lambda inner: st.tuples(inner, inner) | st.frozensets(inner), max_leaves=6
)


@settings(deadline=None)
@given(_keys, _keys)
def test_equal_keys_have_equal_hashes(one: Any, other: Any) -> None:
    if one == other:
        assert stable_hash(one) == stable_hash(other)


@pytest.mark.parametrize(
    "same",
    [
        [1, 1.0, True, 1 + 0j],
        [dt.datetime(2020, 1, 1, 12, tzinfo=dt.UTC),
         dt.datetime(2020, 1, 1, 13, tzinfo=dt.timezone(dt.timedelta(hours=1)))],
        [(1, "a"), (1.0, "a")],
    ],
)  # fmt: skip
def test_keys_that_are_equal_across_types(same: list[Any]) -> None:
    assert len({stable_hash(key) for key in same}) == 1


def test_numpy_and_pandas_keys_are_those_of_plain_values() -> None:
    import numpy as np
    import pandas as pd

    moment = dt.datetime(2020, 1, 2, 3, 4, 5, 6)
    for one, other in [
        (np.int64(7), 7),
        (np.float32(0.5), 0.5),
        (np.str_("a"), "a"),
        (pd.Timestamp(moment), moment),
        (pd.Timedelta(days=1), dt.timedelta(days=1)),
    ]:
        assert one == other
        assert stable_hash(one) == stable_hash(other)


def test_hashes_are_the_same_in_all_processes() -> None:
    program = (
        "import datetime as dt, uuid\nfrom windrow.mapreduce.keys import stable_hash\n"
        "print([stable_hash(key) for key in ('a', b'a', ('a', None, 1.5), frozenset('abc'),"
        " dt.date(2020, 1, 1), dt.datetime(2020, 1, 1), uuid.UUID(int=7))])"
    )

    def run(seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", program]
        return subprocess.check_output(command, env=environment, text=True)

    assert run("1") == run("2")
