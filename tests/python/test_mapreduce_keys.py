"""Keys find their reducer by a hash that equal keys share in all processes."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow.mapreduce.keys import stable_hash

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
