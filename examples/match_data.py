"""Make the data of the examples: football matches as CSV, and text files.

Teams, places and results are invented, and always the same for the same number of rows:
nothing is downloaded. Run it to make the files and see where they are.
"""

import csv
import random
from datetime import date, timedelta
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / ".demo"

COLUMNS = [
    "",  # the row number, as pandas writes an index
    "date",
    "home_team",
    "away_team",
    "home_score",
    "away_score",
    "tournament",
    "city",
    "country",
    "neutral",
]
TEAMS = [
    f"{first}{last}"
    for first in ("Alder", "Brack", "Corn", "Dun", "East", "Fern", "Glen", "Hart", "Ing", "Kel")
    for last in ("moor", "water", "ridge", "holm", "mark", "vale", "stan", "land")
]
TOURNAMENTS = ["Friendly", "Harbor Cup", "League of Isles", "Continental Cup qualification"]
GOAL_WEIGHTS = {"home": [24, 32, 22, 12, 6, 2, 1, 1], "away": [36, 34, 17, 8, 3, 1, 1, 0]}
SYLLABLES = ["an", "be", "cor", "du", "el", "fi", "gra", "ho", "is", "la", "mo", "ner", "or", "ta"]


def match_csv(rows: int = 200_000, folder: Path = FOLDER) -> Path:
    """Give the path of a CSV of ``rows`` matches, in order of date; make it if it is not there."""
    path = folder / f"matches_{rows}.csv"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(2022)
    goals = range(len(GOAL_WEIGHTS["home"]))
    home_goals = rng.choices(goals, GOAL_WEIGHTS["home"], k=rows)
    away_goals = rng.choices(goals, GOAL_WEIGHTS["away"], k=rows)
    tournaments = rng.choices(TOURNAMENTS, [50, 10, 15, 25], k=rows)
    first_day = date(1900, 1, 1)
    unfinished = path.with_suffix(".part")
    with unfinished.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for number in range(rows):
            home, away = rng.sample(TEAMS, 2)
            neutral = tournaments[number] == "Continental Cup qualification" and rng.random() < 0.8
            country = rng.choice(TEAMS) if neutral else home
            writer.writerow(
                [
                    number,
                    first_day + timedelta(days=number * 44_000 // rows),
                    home,
                    away,
                    home_goals[number],
                    away_goals[number],
                    tournaments[number],
                    f"Port {country}",
                    country,
                    neutral,
                ]
            )
    return unfinished.rename(path)


def text_files(count: int = 6, words: int = 30_000, folder: Path = FOLDER) -> list[Path]:
    """Give ``count`` text files of ``words`` words each, a few frequent and many rare ones."""
    folder = folder / "text"
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(1859)
    vocabulary = sorted({"".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(4000)})
    rng.shuffle(vocabulary)
    weights = [1 / rank for rank in range(1, len(vocabulary) + 1)]
    paths = []
    for number in range(count):
        path = folder / f"text_{number}.txt"
        drawn = rng.choices(vocabulary, weights, k=words)
        if not path.exists():
            lines = (" ".join(drawn[start : start + 12]) for start in range(0, words, 12))
            path.write_text("\n".join(lines) + "\n")
        paths.append(path)
    return paths


if __name__ == "__main__":
    print(match_csv())
    for text in text_files():
        print(text)
