"""Input files are made once: a folder per kind and size, complete or absent."""

import shutil
from collections.abc import Callable
from pathlib import Path

PARTS = 8  # files of one input, so that every peer can share out the work


def folder(data: Path, name: str, fill: Callable[[Path], None]) -> Path:
    """Give the folder ``name``; if it is not there, ``fill`` a fresh one first."""
    target = data / name
    if not target.exists():
        unfinished = data / f"{name}.part"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        fill(unfinished)
        unfinished.rename(target)
    return target


def shares(rows: int) -> list[tuple[int, int]]:
    """Cut ``rows`` into ``PARTS`` ranges ``(start, stop)``."""
    return [(rows * part // PARTS, rows * (part + 1) // PARTS) for part in range(PARTS)]
