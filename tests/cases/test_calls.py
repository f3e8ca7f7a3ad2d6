"""MapReduce and calls of pools give the same on a client as on this machine's workers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import windrow as wr

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


def as_texts(result: wr.MapReduceResult) -> list[str]:
    """The pairs in one order, types of keys told apart (as `==` does not); a set shows its elements
    in the order it was filled in, which is another one in each process."""

    def text(key: Any) -> str:
        return f"frozenset({sorted(map(repr, key))})" if isinstance(key, frozenset) else repr(key)

    return sorted(f"{text(key)}: {value!r}" for key, value in result.items())


@pytest.mark.parametrize("name", PROGRAMS)
def test_mapreduce(name: str, texts: Path, known: Any, staged: Any) -> None:
    def program() -> list[str]:
        return as_texts(PROGRAMS[name](texts))

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
