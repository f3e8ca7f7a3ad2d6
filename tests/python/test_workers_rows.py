"""The row-value contract: what functions get and what may come back, in both hosts."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from windrow import errors
from worker_check import pool_of, rows

OSLO = ZoneInfo("Europe/Oslo")


@pytest.fixture(scope="module")
def workers() -> Iterator[Any]:
    with pool_of(1) as pool:
        yield pool


@pytest.fixture(params=["in process", "in workers"])
def host(request: pytest.FixtureRequest) -> Any:
    return None if request.param == "in process" else request.getfixturevalue("workers")


def seen(host: Any, values: pa.Array, nulls: str = "nan") -> list[str]:
    """The type and repr of what a function gets for each value of a column."""
    return rows(
        lambda value: f"{type(value).__name__} {value!r}",
        {"a": values},
        nulls=nulls,
        result=pa.string(),
        pool=host,
    ).to_pylist()


@pytest.mark.parametrize(
    "data_type",
    [
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64()),
        *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
    ],
)
def test_integers_of_any_width_are_ints(host: Any, data_type: pa.DataType) -> None:
    assert seen(host, pa.array([0, 7, 100], data_type)) == ["int 0", "int 7", "int 100"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([True, False]), ["bool True", "bool False"]),
        (pa.array([1.5, -0.0]), ["float 1.5", "float -0.0"]),
        (pa.array([1.5], pa.float32()), ["float 1.5"]),
        (pa.array([1.5], pa.float16()), ["float 1.5"]),
        (pa.array(["a", "é日"]), ["str 'a'", "str 'é日'"]),
        (pa.array(["a"], pa.large_string()), ["str 'a'"]),
        (pa.array(["a", "a long string that is not inlined"], pa.string_view()),
         ["str 'a'", "str 'a long string that is not inlined'"]),
        (pa.array([b"\x00a"]), ["bytes b'\\x00a'"]),
        (pa.array([b"a"], pa.large_binary()), ["bytes b'a'"]),
        (pa.array([b"ab"], pa.binary(2)), ["bytes b'ab'"]),
        (pa.array([dt.date(1969, 12, 31), dt.date(2024, 2, 29)]),
         ["date datetime.date(1969, 12, 31)", "date datetime.date(2024, 2, 29)"]),
        (pa.array([dt.date(2024, 2, 29)], pa.date64()), ["date datetime.date(2024, 2, 29)"]),
        (pa.array([dt.time(1, 2, 3)], pa.time32("s")), ["time datetime.time(1, 2, 3)"]),
        (pa.array([dt.datetime(1969, 12, 31, 23, 59, 59, 5)]),
         ["datetime datetime.datetime(1969, 12, 31, 23, 59, 59, 5)"]),
        (pa.array([dt.datetime(2024, 1, 2)], pa.timestamp("s")),
         ["datetime datetime.datetime(2024, 1, 2, 0, 0)"]),
        (pa.array([dt.datetime(2024, 1, 2)], pa.timestamp("ns")),
         ["datetime datetime.datetime(2024, 1, 2, 0, 0)"]),
        (pa.array([dt.timedelta(days=-1, seconds=1)]),
         ["timedelta datetime.timedelta(days=-1, seconds=1)"]),
        (pa.array([Decimal("-1.50")]), ["Decimal Decimal('-1.50')"]),
        (pa.array(["x", "y", "x"]).dictionary_encode(), ["str 'x'", "str 'y'", "str 'x'"]),
        (pa.array([[1, 2], []]), ["list [1, 2]", "list []"]),
        (pa.array([{"a": 1}]), ["dict {'a': 1}"]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)  # fmt: skip
def test_values_are_plain_python_scalars(host: Any, values: pa.Array, expected: list[str]) -> None:
    assert seen(host, values) == expected


def test_times_with_a_zone_have_that_zone(host: Any) -> None:
    moment = dt.datetime(2024, 7, 1, 12, tzinfo=OSLO)
    column = pa.array([moment], pa.timestamp("us", "Europe/Oslo"))
    data = {"a": column}
    got = rows(lambda t: f"{t.isoformat()} {t.tzinfo}", data, result=pa.string(), pool=host)
    assert got.to_pylist() == ["2024-07-01T12:00:00+02:00 Europe/Oslo"]


def test_nanoseconds_are_not_lost(host: Any) -> None:
    column = pa.array([1], pa.timestamp("ns"))
    got = rows(lambda t: t.nanosecond, {"a": column}, result=pa.int64(), pool=host)
    assert got.to_pylist() == [1]


@pytest.mark.parametrize(
    "values",
    [pa.array([None], kind) for kind in
     (pa.int64(), pa.string(), pa.bool_(), pa.float64(), pa.date32(), pa.null())]
    + [pa.array([None], pa.list_(pa.int8()))]
    + [pa.array([None], pa.string()).dictionary_encode()],
    ids=lambda values: str(values.type),
)  # fmt: skip
def test_missing_is_nan_or_none(host: Any, values: pa.Array) -> None:
    assert seen(host, values) == ["float nan"]
    assert seen(host, values, nulls="none") == ["NoneType None"]


def test_slices_and_several_batches(host: Any) -> None:
    data = pa.table({"a": list(range(5000)), "b": [str(i) for i in range(5000)]}).slice(17)
    got = rows(lambda a, b: a + len(b), data, result=pa.int64(), pool=host, batch_size=700)
    assert got.to_pylist() == [i + len(str(i)) for i in range(17, 5000)]


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([True, None], pa.array([True, None])),
        ([1, 2**62], pa.array([1, 2**62])),
        ([1, 2.5], pa.array([1.0, 2.5])),
        ([1, math.nan], pa.array([1.0, math.nan])),
        (["a", None], pa.array(["a", None])),
        (["a", math.nan], pa.array(["a", None])),
        ([b"a"], pa.array([b"a"])),
        ([dt.date(2024, 2, 29), None], pa.array([dt.date(2024, 2, 29), None])),
        ([dt.datetime(2024, 2, 29, 1)], pa.array([dt.datetime(2024, 2, 29, 1)])),
        ([dt.timedelta(seconds=-1)], pa.array([dt.timedelta(seconds=-1)])),
        ([[1, 2], None], pa.array([[1, 2], None])),
        ([(1, 2), []], pa.array([[1, 2], []])),
        ([{"a": 1}, {"a": None}], pa.array([{"a": 1}, {"a": None}])),
        ([Decimal("1.5")], pa.array([Decimal("1.5")])),
        ([None, None], pa.nulls(2)),
        ([None, math.nan], pa.array([None, math.nan])),
        ([np.int32(4), 5], pa.array([4, 5])),
        ([np.float32(0.5), 1], pa.array([0.5, 1.0])),
        ([np.bool_(True)], pa.array([True])),
        ([np.str_("x")], pa.array(["x"])),
        ([pd.Timestamp("2024-01-02"), pd.NaT], pa.array([dt.datetime(2024, 1, 2), None])),
        ([1, pd.NA], pa.array([1, None])),
    ],
    ids=repr,
)
def test_types_of_results_are_inferred(host: Any, results: list[Any], expected: pa.Array) -> None:
    got = rows(lambda i: results[i], {"i": range(len(results))}, pool=host)
    assert got.type == expected.type
    assert repr(got.to_pylist()) == repr(expected.to_pylist())


@pytest.mark.parametrize(
    ("first", "second"),
    [(True, 1), ("a", 1), (1, "a"), (b"a", "a"), ([1], 1), (1.5, True), (dt.date(2024, 1, 1), "x")],
    ids=repr,
)
def test_mixtures_name_both_rows(host: Any, first: Any, second: Any) -> None:
    with pytest.raises(errors.ResultTypeError) as caught:
        rows(lambda i: (first, second)[i], {"i": [0, 1]}, pool=host)
    text = str(caught.value)
    assert f"`{second!r}`" in text
    assert f"`{first!r}` that it returned for row 0" in text
    assert "row 1: i=1" in text
    assert "result_type=" in text


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, pa.int64()),
        (1, pa.bool_()),
        (1.0, pa.int64()),
        ("1", pa.int64()),
        (1, pa.string()),
        (300, pa.int8()),
        (-1, pa.uint8()),
        (2**63, pa.int64()),
        (2**64, pa.uint64()),
        (2**53 + 1, pa.float64()),
        (True, pa.float64()),
        (1e300, pa.float32()),
        ("x", pa.binary()),
        (dt.datetime(2024, 1, 1), pa.date32()),
        (dt.date(2024, 1, 1), pa.timestamp("us")),
        (dt.datetime(2024, 1, 1, tzinfo=dt.UTC), pa.timestamp("us")),
        (dt.datetime(2024, 1, 1), pa.timestamp("us", "UTC")),
        (dt.datetime(2024, 1, 1, 0, 0, 0, 1), pa.timestamp("ms")),
        (Decimal("1.234"), pa.decimal128(5, 2)),
        ("lone \ud800 surrogate", pa.string()),
        (object, pa.int64()),
    ],
    ids=repr,
)
def test_nothing_is_cast_silently(host: Any, value: Any, kind: pa.DataType) -> None:
    with pytest.raises(errors.ResultTypeError) as caught:
        rows(lambda i: value if i == 3 else None, {"i": range(5)}, result=kind, pool=host)
    text = str(caught.value)
    assert "row 3: i=3" in text
    assert type(value).__name__ in text
    assert "hint: " in text


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (5, pa.float64()),
        (2**53, pa.float64()),
        (0.1, pa.float32()),
        (255, pa.uint8()),
        (2**64 - 1, pa.uint64()),
        ("x", pa.large_string()),
        ("x", pa.string_view()),
        (bytearray(b"x"), pa.binary()),
        (np.int64(5), pa.int16()),
        (dt.date(1, 1, 1), pa.date32()),
        (dt.date(9999, 12, 31), pa.date32()),
        (dt.datetime(2024, 1, 1, 5, tzinfo=OSLO), pa.timestamp("us", "Europe/Oslo")),
        (pd.Timestamp(1), pa.timestamp("ns")),
        (np.datetime64("2024-01-01"), pa.timestamp("us")),
        (dt.time(1, 2), pa.time64("us")),
        (Decimal("-1.2"), pa.decimal128(5, 2)),
        ([1, None], pa.list_(pa.int32())),
    ],
    ids=repr,
)  # fmt: skip
def test_what_fits_is_taken(host: Any, value: Any, kind: pa.DataType) -> None:
    got = rows(lambda _: value, {"i": [1]}, result=kind, pool=host)
    assert got.type == kind
    plain = bytes(value) if isinstance(value, bytearray) else value
    plain = pd.Timestamp(value) if isinstance(value, np.datetime64) else plain
    assert got.equals(pa.array([plain], kind))


def test_nan_is_missing_only_where_the_frame_says_so(host: Any) -> None:
    data = {"i": [1]}
    got = rows(lambda _: math.nan, data, result=pa.string(), pool=host)
    assert got.to_pylist() == [None]
    with pytest.raises(errors.ResultTypeError):
        rows(lambda _: math.nan, data, result=pa.string(), nulls="none", pool=host)


def test_no_rows_at_all(host: Any) -> None:
    empty = pa.table({"a": pa.array([], pa.int64())})
    got = rows(lambda a: a, empty, result=pa.int64(), pool=host)
    assert len(got) == 0
    assert got.type == pa.int64()


class Adder:
    """A bound method and a callable object to send."""

    def __init__(self, more: int) -> None:
        self.more = more

    def add(self, value: int) -> int:
        return value + self.more

    __call__ = add


def test_any_callable_can_be_called(host: Any) -> None:
    import functools
    import operator

    data = {"a": [1, 2]}
    for function in (
        Adder(1).add,
        Adder(1),
        functools.partial(operator.add, 1),
        (1).__add__,
        lambda a, more=1: a + more,
    ):
        assert rows(function, data, pool=host).to_pylist() == [2, 3]


def test_frames_in_and_out(host: Any) -> None:
    def double(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(b=frame["a"] * 2)

    got = rows(double, {"a": [1, 2]}, call="batch", pool=host)
    assert got.to_pydict() == {"a": [1, 2], "b": [2, 4]}
    assert rows(lambda f: f["a"] + 1, {"a": [1]}, call="batch", pool=host).to_pydict() == {"a": [2]}
    got = rows(lambda f: f["a"].to_numpy(), {"a": [1]}, call="batch", pool=host)
    assert got.to_pydict() == {"value": [1]}


def test_a_batch_function_must_return_a_frame(host: Any) -> None:
    with pytest.raises(errors.ResultTypeError, match="DataFrame, Series or array"):
        rows(lambda frame: 5, {"a": [1]}, call="batch", pool=host)


def test_a_frame_must_fit_its_schema(host: Any) -> None:
    schema = pa.struct([("a", pa.int64()), ("b", pa.string())])
    with pytest.raises(errors.ResultTypeError, match=r"a \(int64\), b \(string\)"):
        rows(lambda frame: frame, {"a": [1]}, call="batch", result=schema, pool=host)
