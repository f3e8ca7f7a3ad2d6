"""Kernels beside the running CPython: all code points; numbers, read and written.

`WINDROW_KERNEL_ROWS=10000000` tries as many numbers, and puts every code point beside others too.
"""

from __future__ import annotations

import itertools
import os
import random
import struct

import pyarrow as pa
import pytest

import kernel_functions
from native_functions import ask_native, identical, native_answer, outcome
from windrow.functions import describe

ROWS = int(os.environ.get("WINDROW_KERNEL_ROWS", "20000"))
CHUNK = 100_000
CODE_POINTS = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
EDGES = [0.0, 1.0, 2.5, 0.5, 1e16, 1e15, 1e-5, 1e-4, 2.675, 1.005, 1e22, 1e23, 5e-324, 2.0**53]
# Half-way between two texts that both read back as the number: the even one is written.
EDGES += [167241692498904.125, 167241692498904.375, 2.0**-24, 2.0**70, 4503599627370497.5]


def compare(f, values, kind):
    """Compare what native code answers with CPython; gives the values that left."""
    description = describe(f, columns=["v"], form="value", nulls="none")
    assert description.spec, description.reasons
    left = []
    for start in range(0, len(values), CHUNK):
        part = values[start : start + CHUNK]
        batch = pa.RecordBatch.from_arrays([pa.array(part, kind)], ["v"])
        ask_native(description.spec, batch, "none", brief=True)
        answer = native_answer()
        assert not answer.refused, answer.refused
        for value, got, left_by in zip(part, answer.values.to_pylist(), answer.exits, strict=True):
            if left_by:
                left.append(value)
                continue
            expected, error = outcome(f, value)
            assert error is None, f"{value!r} gave {got!r} and not {error!r}"
            assert identical(expected, got), f"{value!r} gave {got!r} and not {expected!r}"
    return left


@pytest.mark.parametrize("name", [*kernel_functions.TEXTS, *kernel_functions.ROWS])
def test_all_code_points(name):
    f = {**kernel_functions.TEXTS, **kernel_functions.ROWS}[name]
    # What is left in the interpreter by all is seen among the first.
    points = (
        CODE_POINTS if ROWS > 20_000 or name in kernel_functions.TEXTS else CODE_POINTS[:0x3000]
    )
    points = points if ROWS > 20_000 else points[:0x3200] + points[0x3200::13]
    shapes = ["{}", "a{}", "{}b", "A{}1"] if ROWS > 20_000 else ["{}", "a{}B"]
    for shape in shapes:
        left = compare(f, [shape.format(point) for point in points], pa.string_view())
        answerable = [text for text in left if text.isascii() and outcome(f, text)[1] is None]
        assert not answerable, f"{name} leaves {answerable[:5]}"


def doubles(count):
    """Give numbers of all sizes: any bits, money, whole numbers, halves."""
    pick = random.Random(5)
    yield from EDGES
    for _ in range(count // 5):
        yield struct.unpack("d", struct.pack("Q", pick.getrandbits(64)))[0]
        yield round(pick.uniform(-1e6, 1e6), 2)
        yield float(pick.randrange(-(2**54), 2**54) >> pick.randrange(54))
        yield pick.randrange(-100_000, 100_000) / 2 ** pick.randrange(12)
        yield pick.randrange(2**52, 2**53) / 2.0 ** pick.randrange(1, 12)


def integers(count):
    pick = random.Random(6)
    yield from (0, 1, -1, 2**63 - 1, -(2**63), 2**32, 2**32 - 1, -(2**32), -(2**32) - 1)
    for _ in range(count):
        yield (pick.getrandbits(64) - 2**63) >> pick.randrange(64)


@pytest.mark.parametrize("name", kernel_functions.FLOATS)
def test_floats(name):
    f = kernel_functions.FLOATS[name]
    left = compare(f, list(doubles(ROWS)), pa.float64())
    answerable = [x for x in left if outcome(f, x)[1] is None and abs(outcome_int(f, x)) < 2**63]
    assert not answerable, f"{name} leaves {answerable[:5]}"


def outcome_int(f, value):
    """Give an answer that may be too large for a column; of others, 0."""
    answer = f(value)
    return answer if isinstance(answer, int) else 0


@pytest.mark.parametrize("name", kernel_functions.INTS)
def test_integers(name):
    f = kernel_functions.INTS[name]
    values = list(integers(ROWS))
    small = [value % 2001 - 1000 for value in values]  # for which division has a short way
    assert not compare(f, small, pa.int64())
    left = compare(f, values, pa.int64())
    limit = 2**53 if name == "/ 3" else 2**62
    assert not [
        value for value in left if abs(value) < limit and abs(outcome_int(f, value)) < 2**63
    ]


@pytest.mark.parametrize("name", kernel_functions.NUMBERS_AS_TEXT)
def test_numbers_are_read_from_text(name):
    f = kernel_functions.NUMBERS_AS_TEXT[name]
    pick = random.Random(7)
    texts = [repr(x) for x in doubles(ROWS // 2)] + [str(i) for i in integers(ROWS // 2)]
    spoiled = [spoil(pick, text) for text in pick.sample(texts, min(len(texts), 200_000))]
    compare(f, texts + spoiled, pa.string())


def spoil(pick, text):
    """Put something between the digits, or around them."""
    at = pick.randrange(len(text) + 1)
    return (
        text[:at]
        + pick.choice([" ", "_", "__", "+", "-", ".", "e", "0", "x", "\x1c", "٣"])
        + text[at:]
    )


def texts_of(letters, count):
    """Give all short texts of some letters, and longer ones of all lengths around eight bytes."""
    for length in range(7):
        yield from map("".join, itertools.product(letters, repeat=length))
    pick = random.Random(7)
    for _ in range(count):
        yield "".join(pick.choices(letters, k=pick.randrange(7, 40)))


@pytest.mark.parametrize("part", ["", "a", ",", "ab", ", a", "\0", "aé", "a,aba,", "a,aab,a,ab"])
def test_pieces_are_found_where_they_are(part):
    texts = list(texts_of("ab,", 3_000)) + list(texts_of("a, \0é", 1_000))
    functions = [lambda v: v.find(part), lambda v: v.replace(part, "-"), lambda v: part in v]
    if part:
        functions += [lambda v: v.split(part)[0], lambda v: v.split(part)[1]]
    for f in functions:
        left = compare(f, texts, pa.string_view())
        assert not [text for text in left if outcome(f, text)[1] is None]
