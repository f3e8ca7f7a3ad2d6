"""MapReduce gives what plain Python gives, for any picklable keys and values."""

from __future__ import annotations

import gzip
from collections import Counter

import pytest

import windrow as wr
from frame_check import shared


def words(filename):
    with open(filename) as file:
        for line in file:
            for word in line.split():
                yield word, 1


def words_of_line(line):
    return [(word, 1) for word in line.split()]


def total(_key, values):
    return sum(values)


@pytest.fixture
def folder(tmp_path):
    for number in range(7):
        lines = [f"the {number} word{place % 5} und\xfcber" for place in range(number * 50)]
        (tmp_path / f"text_{number}.txt").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def counted(folder):
    return Counter(
        word for path in folder.glob("*.txt") for word in path.read_text("utf-8").split()
    )


@pytest.mark.parametrize("combiner", [None, total], ids=["plain", "combined"])
@pytest.mark.parametrize(("by", "mapper"), [("file", words), ("line", words_of_line)])
def test_words_are_counted(folder, by, mapper, combiner):
    result = wr.mapreduce(folder, mapper, total, combiner=combiner, by=by)
    assert dict(result.items()) == counted(folder)
    assert len(result) == len(counted(folder))


def test_the_known_words():
    paths = [str(path) for path in sorted(shared("text").iterdir())]
    counts = dict(wr.mapreduce(paths, words, total).items())
    known = {"it": 10, "of": 10, "the": 11, "was": 10, "we": 4, "times": 2, "direct": 2}
    assert {word: counts[word] for word in known} == known
    assert len(counts) == 34


def test_inputs_as_pattern_list_and_archive(folder):
    packed = folder / "more.txt.gz"
    packed.write_bytes(gzip.compress(b"the end\nthe end"))
    by_pattern = wr.mapreduce(str(folder / "text_*.txt"), words, total)
    assert dict(by_pattern.items()) == counted(folder)
    by_line = wr.mapreduce([packed], words_of_line, total, by="line")
    assert dict(by_line.items()) == {"the": 2, "end": 2}


def test_any_keys_and_values():
    items = [(None, 1), ((1, None), 2), (1.0, 3), (1, 4), ("a", 5), (frozenset({1}), 6), (True, 7)]
    result = wr.mapreduce(
        items * 20, lambda item: [item], lambda _key, values: values, by="item", partitions=5
    )
    expected: dict = {}
    for key, value in items * 20:
        expected.setdefault(key, []).append(value)
    assert dict(result.items()) == expected


def test_a_reducer_may_yield_several_values():
    result = wr.mapreduce(
        range(6), lambda item: [(item % 2, item)], lambda _key, values: iter(values), by="item"
    )
    assert sorted(result.items()) == [(0, 0), (0, 2), (0, 4), (1, 1), (1, 3), (1, 5)]


def test_a_large_result_is_a_dataset():
    result = wr.mapreduce(
        range(40_000), lambda item: [(f"key {item}", "x" * 50)], lambda _key, v: v[0], by="item"
    )
    assert len(result) == 40_000
    frame = result.to_frame(columns=("name", "text"))
    assert len(frame) == 40_000
    assert frame.columns.tolist() == ["name", "text"]
    assert result["key 17"] == "x" * 50
    assert "key 40000" not in result


def test_nothing_in_nothing_out():
    assert dict(wr.mapreduce([], words, total, by="item").items()) == {}


def test_exceptions_are_the_users_and_name_the_input(folder):
    def bad(filename):
        raise LookupError(f"no {filename}")
        yield

    with pytest.raises(LookupError) as caught:
        wr.mapreduce(folder, bad, total)
    assert "while mapping file" in "\n".join(caught.value.__notes__)
    with pytest.raises(ZeroDivisionError) as caught:
        wr.mapreduce([1], lambda item: [("k", item)], lambda _key, _values: 1 / 0, by="item")
    assert "key `'k'`" in "\n".join(caught.value.__notes__)


@pytest.mark.parametrize(
    ("mapper", "message"),
    [
        (lambda _item: 5, "a mapper yields pairs"),
        (lambda _item: ["word"], "is no pair"),
        (lambda _item: [([], 1)], "cannot be hashed"),
    ],
)
def test_what_a_mapper_must_give(mapper, message):
    with pytest.raises(TypeError) as caught:
        wr.mapreduce([1], mapper, total, by="item")
    assert message in "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])


def test_missing_inputs(folder):
    with pytest.raises(FileNotFoundError, match="did you mean"):
        wr.mapreduce(folder / "text_1.tx", words, total)
    with pytest.raises(FileNotFoundError, match="no file matches"):
        wr.mapreduce(str(folder / "*.csv"), words, total)
    with pytest.raises(ValueError, match="`by`"):
        wr.mapreduce(folder, words, total, by="word")


def test_text_that_is_not_utf8(folder):
    (folder / "latin.txt").write_bytes(b"fine\nna\xefve\n")
    with pytest.raises(UnicodeDecodeError) as caught:
        wr.mapreduce(folder / "latin.txt", words_of_line, total, by="line")
    assert "line 2" in "\n".join(caught.value.__notes__)
