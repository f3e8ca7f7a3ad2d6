"""Clean a messy CSV with plain Python functions and write it as Parquet."""

import match_data
import windrow as wr

MESSY = """\
name;joined;height
  Ada Lovelace ;1833-06-05;165 cm
GRACE HOPPER;1943-12-01;1.68 m
;1950-01-01;171cm
alan turing;n/a;
"""


def tidy_name(name):
    """One space between words, capital letters first."""
    return " ".join(name.split()).title()


def centimeters(text):
    """A height in centimeters, from ``165 cm`` or ``1.68 m``; None if there is none."""
    if not isinstance(text, str):
        return None
    if text.endswith("cm"):
        return float(text[:-2])
    return round(float(text.removesuffix("m")) * 100, 1)


match_data.FOLDER.mkdir(exist_ok=True)
source = match_data.FOLDER / "messy.csv"
source.write_text(MESSY)

people = wr.read_csv(source, sep=";", parse_dates=["joined"], na_values=["n/a"])
people = people[people["name"].notna()]
people["name"] = people["name"].map(tidy_name)
people["height"] = people["height"].map(centimeters)
print(people.compute())

target = match_data.FOLDER / "people.parquet"
people.to_parquet(target)
print("read back:", len(wr.read_parquet(target)), "rows")
