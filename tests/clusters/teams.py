"""Rows that programs on clusters work on: a folder of four files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

ROWS = 5_000


def files(folder: Path) -> str:
    """Write them; gives the folder's name."""
    folder.mkdir()
    for number in range(4):
        rows = range(number, ROWS, 4)
        frame = pd.DataFrame({"id": rows, "team": [f"t{row % 7}" for row in rows]})
        frame.to_parquet(folder / f"{number}.parquet")
    return str(folder)
