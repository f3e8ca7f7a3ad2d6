"""Rows for functions of numbers and of texts: invented listings, as a web site shows them."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from benches.generate import cache

ROW_GROUP = 125_000
FIRST = ["Anna", "Bernard", "Cecilia", "Dominik", "Eleanor", "Frederic", "Georgia", "Humphrey"]
LAST = ["Abernathy", "Bellweather", "Carmichael", "Drinkwater", "Ellsworth", "Fairbanks"]
KINDS = ["House for sale", "Condo for sale", "New construction", "Apartment for rent"]


def parquet(data: Path, rows: int) -> list[str]:
    """Give the paths of the Parquet files that hold ``rows`` listings."""

    def fill(folder: Path) -> None:
        for part, (start, stop) in enumerate(cache.shares(rows)):
            pa.parquet.write_table(
                table(start, stop), folder / f"part_{part}.parquet", row_group_size=ROW_GROUP
            )

    return [str(path) for path in sorted(cache.folder(data, f"listings_2_{rows}", fill).iterdir())]


def table(start: int, stop: int) -> pa.Table:
    """Give listings ``start`` to ``stop``."""
    rng = np.random.default_rng([2026, start])
    count = stop - start
    owners = np.array([f" {first} {last} " for first in FIRST for last in LAST])
    owner = owners[rng.integers(0, len(owners), count)]
    # One in twenty has an accent, which some functions leave to the interpreter.
    accented = np.char.replace(owner, "a", "ä")
    facts = np.array(
        [f" {beds} Bds , {baths} ba " for beds in range(1, 10) for baths in range(1, 5)]
    )
    fact = facts[rng.integers(0, len(facts), count)]
    # Texts of which no two are the same.
    number = np.arange(start, stop).astype(str)
    return pa.table(
        {
            "nights": pa.array(rng.integers(-50, 1000, count)),
            "guests": pa.array(rng.integers(1, 12, count)),
            "rate": pa.array(rng.random(count) * 300),
            "facts": pa.array(fact),
            "details": pa.array(np.char.add(np.char.add(fact, ", no. "), number)),
            "guest": pa.array(np.char.add(owner, number)),
            "kind": pa.array(np.array(KINDS)[rng.integers(0, len(KINDS), count)]),
            "owner": pa.array(owner),
            "accented": pa.array(np.where(rng.random(count) < 0.05, accented, owner)),
        }
    )
