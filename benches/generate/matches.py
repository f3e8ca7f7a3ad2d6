"""Football matches: the columns of the well-known table of results, invented rows."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from benches.generate import cache

TEAMS = [
    f"{first}{last}"
    for first in "ABCDEFGHKLMNPRST"
    for last in ("ander", "elmark", "olstad", "urwick")
]
TOURNAMENTS = ["Friendly", "Harbor Cup", "League of Isles", "Continental Cup", "Qualification"]
ROW_GROUP = 125_000


def parquet(data: Path, rows: int) -> list[str]:
    """Give the paths of the Parquet files that hold ``rows`` matches."""

    def fill(folder: Path) -> None:
        for part, (start, stop) in enumerate(cache.shares(rows)):
            pa.parquet.write_table(
                table(start, stop, rows), folder / f"part_{part}.parquet", row_group_size=ROW_GROUP
            )

    return [str(path) for path in sorted(cache.folder(data, f"matches_{rows}", fill).iterdir())]


def csv(data: Path, rows: int) -> str:
    """Give the path of one CSV file, as pandas writes one: an unnamed index, True and False."""

    def fill(folder: Path) -> None:
        matches = table(0, rows, rows)
        neutral = pa.array(np.where(matches["neutral"].to_numpy(), "True", "False"))
        matches = matches.set_column(matches.schema.get_field_index("neutral"), "neutral", neutral)
        names = ["" if name == "Unnamed: 0" else name for name in matches.column_names]
        with (folder / "matches.csv").open("wb") as file:
            file.write((",".join(names) + "\n").encode())
            options = pa.csv.WriteOptions(include_header=False, quoting_style="none")
            pa.csv.write_csv(matches, file, options)

    return str(cache.folder(data, f"matches_csv_{rows}", fill) / "matches.csv")


def table(start: int, stop: int, rows: int) -> pa.Table:
    """Give matches ``start`` to ``stop`` of ``rows``, in order of date."""
    rng = np.random.default_rng([2022, start])
    count = stop - start
    days = np.arange(start, stop) * 55_000 // rows
    home = rng.integers(0, len(TEAMS), count)
    away = (home + rng.integers(1, len(TEAMS), count)) % len(TEAMS)
    place = rng.integers(0, len(TEAMS), count)
    neutral = rng.random(count) < 0.25
    place = np.where(neutral, place, home)
    names = pa.array(TEAMS)
    dates = (np.datetime64("1872-11-30") + days).astype("datetime64[D]")
    return pa.table(
        {
            "Unnamed: 0": pa.array(np.arange(start, stop)),
            "date": pa.array(dates).cast(pa.string()),
            "home_team": names.take(pa.array(home)),
            "away_team": names.take(pa.array(away)),
            "home_score": pa.array(rng.poisson(1.74, count)),
            "away_score": pa.array(rng.poisson(1.18, count)),
            "tournament": pa.array(TOURNAMENTS).take(
                pa.array(rng.integers(0, len(TOURNAMENTS), count))
            ),
            "city": pa.array([f"Port {team}" for team in TEAMS]).take(pa.array(place)),
            "country": names.take(pa.array(place)),
            "neutral": pa.array(neutral),
        }
    )
