"""The table of the public group-by benchmark (G1): three text and three number keys, three values.

Columns: ``id1``, ``id2`` (100 texts), ``id3`` (rows / 100 texts), ``id4``, ``id5`` (100 numbers),
``id6`` (rows / 100 numbers), ``v1`` (1 to 5), ``v2`` (1 to 15), ``v3`` (0 to 100, six decimals).
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from benches.generate import cache

SMALL_KEYS = 100
ROW_GROUP = 125_000


def parquet(data: Path, rows: int) -> list[str]:
    """Give the paths of the Parquet files that hold ``rows`` rows."""

    def fill(folder: Path) -> None:
        for part, (start, stop) in enumerate(cache.shares(rows)):
            pa.parquet.write_table(
                table(stop - start, large_keys(rows), seed=start),
                folder / f"part_{part}.parquet",
                row_group_size=ROW_GROUP,
            )

    return [str(path) for path in sorted(cache.folder(data, f"groups_{rows}", fill).iterdir())]


def large_keys(rows: int) -> int:
    """Give the number of distinct ``id3`` and ``id6``."""
    return max(rows // SMALL_KEYS, SMALL_KEYS)


def table(count: int, large: int, seed: int) -> pa.Table:
    """Give ``count`` rows."""
    rng = np.random.default_rng([1, seed])
    small = pa.array([f"id{number:03}" for number in range(1, SMALL_KEYS + 1)])
    many = pa.array([f"id{number:010}" for number in range(1, large + 1)])
    return pa.table(
        {
            "id1": small.take(pa.array(rng.integers(0, SMALL_KEYS, count))),
            "id2": small.take(pa.array(rng.integers(0, SMALL_KEYS, count))),
            "id3": many.take(pa.array(rng.integers(0, large, count))),
            "id4": pa.array(rng.integers(1, SMALL_KEYS + 1, count)),
            "id5": pa.array(rng.integers(1, SMALL_KEYS + 1, count)),
            "id6": pa.array(rng.integers(1, large + 1, count)),
            "v1": pa.array(rng.integers(1, 6, count)),
            "v2": pa.array(rng.integers(1, 16, count)),
            "v3": pa.array(np.round(rng.random(count) * 100, 6)),
        }
    )


def dimensions(data: Path, rows: int) -> dict[str, str]:
    """Give two Parquet files to join with: ``small`` on ``id1``, ``large`` on ``id6``."""
    large = large_keys(rows)

    def fill(folder: Path) -> None:
        rng = np.random.default_rng(3)
        names = [f"id{number:03}" for number in range(1, SMALL_KEYS + 1)]
        small = pa.table(
            {"id1": names, "region": [f"r{number % 7}" for number in range(SMALL_KEYS)]}
        )
        chosen = rng.permutation(np.arange(1, large + 1))[: large * 9 // 10]
        weights = pa.table({"id6": chosen, "weight": np.round(rng.random(len(chosen)), 6)})
        pa.parquet.write_table(small, folder / "small.parquet")
        pa.parquet.write_table(weights, folder / "large.parquet")

    folder = cache.folder(data, f"dimensions_{rows}", fill)
    return {"small": str(folder / "small.parquet"), "large": str(folder / "large.parquet")}
