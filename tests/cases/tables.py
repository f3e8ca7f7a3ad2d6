"""Small tables for the cases: awkward on purpose, and the same each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 6_000
FILES = 4


def make(folder: Path) -> None:
    """Write `groups` (4 files), `cities`, `nested` and `empty` as Parquet, `groups.csv` as CSV."""
    draw = np.random.default_rng(11)
    groups = _groups(draw)
    (folder / "groups").mkdir()
    size = ROWS // FILES
    for part in range(FILES):
        pq.write_table(groups.slice(part * size, size), folder / "groups" / f"{part}.parquet")
    _csv(groups, folder / "groups.csv")
    pq.write_table(_cities(), folder / "cities.parquet")
    pq.write_table(_nested(draw), folder / "nested.parquet", row_group_size=200)
    pq.write_table(groups.slice(0, 0), folder / "empty.parquet")


def _groups(draw: np.random.Generator) -> pa.Table:
    missing = draw.random(ROWS) < 0.05
    return pa.table(
        {
            "id": pa.array(np.arange(ROWS)),
            "key": pa.array(draw.integers(0, 300, ROWS)),
            "few": pa.array(draw.integers(0, 7, ROWS), pa.int32()),
            "name": pa.array([f"n{value:03d}" for value in draw.integers(0, 90, ROWS)]),
            "amount": pa.array(draw.integers(-500, 500, ROWS) / 4, mask=missing),
            "day": pa.array(draw.integers(0, 400, ROWS).astype("datetime64[D]")),
            "flag": pa.array(draw.random(ROWS) < 0.3),
            "noise": noise(draw, ROWS, 1_000),
        }
    )


def noise(draw: np.random.Generator, rows: int, size: int) -> pa.Array:
    """Text that no compression makes small: files below 1 MB are not cut into partitions."""
    return pa.array([draw.bytes(size // 2).hex() for _ in range(rows)])


def _csv(table: pa.Table, path: Path) -> None:
    import pyarrow.csv as pc

    pc.write_csv(table, path)


def _cities() -> pa.Table:
    few = [0, 1, 2, 3, 3, 9, None]
    names = ["Oslo", "Rome", "Bern", "Lima", "Kyiv", "Nowhere", "Unknown"]
    return pa.table({"few": pa.array(few, pa.int32()), "city": names, "size": range(7)})


def _nested(draw: np.random.Generator) -> pa.Table:
    rows = 1_000
    lists = [list(range(count)) or None for count in draw.integers(0, 4, rows)]
    structs = [{"a": int(value), "b": f"s{value}"} for value in draw.integers(0, 50, rows)]
    words = pa.array([f"w{value}" for value in draw.integers(0, 20, rows)])
    wide = {f"c{place}": pa.array(draw.integers(0, 9, rows), pa.int8()) for place in range(120)}
    return pa.table(
        {
            "id": range(rows),
            "list": lists,
            "struct": structs,
            "word": words.dictionary_encode(),
            "long": [f"{'x' * 200}{value}" for value in draw.integers(0, 300, rows)],
            "noise": noise(draw, rows, 6_000),
            **wide,
        }
    )
