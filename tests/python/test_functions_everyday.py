"""Functions as people write them: the verdict of each, and CPython's answer for every row."""

from __future__ import annotations

import datetime as dt
import random

import pyarrow as pa
import pytest

import everyday_dates
import everyday_functions
from native_functions import check

ROWS = 300


def texts(pick, *values):
    return [pick.choice(values) for _ in range(ROWS)]


def numbers(pick, low, high):
    return [pick.randint(low, high) for _ in range(ROWS)]


def floats(pick, low, high):
    return [round(pick.uniform(low, high), 2) for _ in range(ROWS)]


def table():
    pick = random.Random(5)
    day = dt.date(2024, 2, 26)
    moment = dt.datetime(2024, 2, 28, 4, 5, 6)
    days = [day + dt.timedelta(days=pick.randint(0, 400)) for _ in range(ROWS)]
    opened = [moment + dt.timedelta(seconds=pick.randint(0, 10**7)) for _ in range(ROWS)]
    columns = {
        "age": numbers(pick, 0, 99),
        "first": texts(pick, " anna", "BOB", "jean-luc ", "Mia", "O'neil"),
        "last": texts(pick, "smith", "de la Cruz", "MUELLER ", "Anna"),
        "nick": [pick.choice(["Al", "", None]) for _ in range(ROWS)],
        "price": texts(pick, "$1,234.50", " 99 ", "12", "$0.5", "n/a", "1_000", ""),
        "currency": texts(pick, "EUR", "USD", "CHF", "JPY"),
        "amount": floats(pick, -50, 2000),
        "score": floats(pick, 0, 100),
        "income": floats(pick, 0, 150_000),
        "city": texts(pick, "Oslo", "Rome", "Nice", "Paris"),
        "title": texts(
            pick,
            "The Cat sat on a Mat",
            "",
            "A man, a plan",
            "never odd or even",
            "x",
            "Dog  NASA!",
        ),
        "height": floats(pick, 150, 200),
        "weight": floats(pick, 45, 130),
        "clock": texts(pick, "01:02:03", "12:30", "10:00:00", "1:2:x"),
        "home": numbers(pick, 0, 5),
        "away": numbers(pick, 0, 5),
        "lat1": floats(pick, -80, 80),
        "lon1": floats(pick, -180, 180),
        "lat2": floats(pick, -80, 80),
        "lon2": floats(pick, -180, 180),
        "country": texts(pick, "DE", "FR", "IT"),
        "speed": texts(pick, "standard", "express"),
        "items": numbers(pick, 1, 40),
        "card": texts(pick, "4539 1488 0343 6467", "8273 1232 7352 0569", "1234"),
        "email": texts(pick, "a@b.org", "x.y@Mail.COM", "nobody", "@home", "me@.x"),
        "phone": texts(pick, "(212) 555-0199", "212.555.0199", "555", "+1 212 555 0199"),
        "status": texts(pick, "Yes", "no", "open", "TRUE", "y"),
        "vip": [pick.random() < 0.5 for _ in range(ROWS)],
        "tags": texts(pick, "red, Blue,red", "", "a,,b", "Green"),
        "range": texts(pick, "10-20", "15", "1.5-2.5", "x"),
        "day": texts(pick, "sat", "mon", "fri"),
    }
    dates = {
        "day": days,
        "opened": opened,
        "closed": [o + dt.timedelta(seconds=pick.randint(-999, 10**6)) for o in opened],
        "born": [dt.date(pick.randint(1930, 2020), pick.randint(1, 12), 28) for _ in range(ROWS)],
        "text": texts(
            pick, "2024-02-29", "29/02/2024", "1 Mar 2024", "31/02/2024", "", "1/1/2024x"
        ),
        "stamp": texts(pick, "2024-02-29T10:11:12", "2024-02-29 23:00", "2024-02-29"),
        "listing": texts(
            pick, "3 bds, 2 ba; 1,200 sqft", "Studio #new #sunny", "12 Beds\tlarge", "no", "a1-b2"
        ),
        "plate": texts(pick, "B-XY 123", "M-A 1", "#ff00AA", "HH-AB 1234x", "ab-cd"),
    }
    return pa.RecordBatch.from_pydict(columns), pa.RecordBatch.from_pydict(dates)


FUNCTIONS, DATES = table()
CASES = [(f, FUNCTIONS) for f in everyday_functions.NATIVE]
CASES += [(f, DATES) for f in everyday_dates.NATIVE]
OTHERS = [(f, FUNCTIONS) for f in everyday_functions.PYTHON]
OTHERS += [(f, DATES) for f in everyday_dates.PYTHON]


@pytest.mark.parametrize(("f", "batch"), CASES, ids=lambda case: getattr(case, "__name__", ""))
def test_native(f, batch):
    result = check(f, batch, nulls="none")
    assert result.info["verdict"] == "native", result.info["left_out"]
    certain = [reason for reason in result.info["reasons"] if reason and reason[0]]
    left = sum(map(bool, result.exits)) - len(certain)
    assert left == 0, {reason[1] for reason in result.info["reasons"] if reason and not reason[0]}


@pytest.mark.parametrize("f", everyday_functions.NATIVE, ids=lambda f: f.__name__)
def test_with_missing_values(f):
    pick = random.Random(7)
    batch = FUNCTIONS.slice(0, 60)
    columns = [
        pa.array([None if pick.random() < 0.2 else v for v in column.to_pylist()], column.type)
        for column in batch.columns
    ]
    for nulls in ("nan", "none"):
        check(f, pa.RecordBatch.from_arrays(columns, batch.schema.names), nulls=nulls)


@pytest.mark.parametrize(("f", "batch"), OTHERS, ids=lambda case: getattr(case, "__name__", ""))
def test_in_the_interpreter(f, batch):
    result = check(f, batch, nulls="none", native=None)
    assert result is None or result.info["verdict"] != "native"


def test_enough_of_them_are_native():
    total = len(CASES) + len(OTHERS)
    assert total >= 60
    assert len(CASES) / total >= 0.65
