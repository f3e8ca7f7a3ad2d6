"""Row functions as people write them: dates and regular expressions; with the verdict of each."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from datetime import date, datetime, timedelta

HOLIDAYS = {date(2024, 1, 1), date(2024, 5, 1), date(2024, 12, 25)}
LAUNCH = datetime(2024, 3, 1, 9, 30)
BEDS = re.compile(r"(\d+)\s*(?:bd|bed)s?", re.IGNORECASE)
PLATE = re.compile(r"^([A-Z]{1,3})-([A-Z]{1,2}) (\d{1,4})$")


def quarter(row):
    return f"{row['day'].year}Q{(row['day'].month - 1) // 3 + 1}"


def is_weekend(row):
    return row["day"].weekday() >= 5


def days_open(row):
    return (row["closed"] - row["opened"]).days


def hours_open(row):
    return round((row["closed"] - row["opened"]).total_seconds() / 3600, 2)


def due(row):
    return row["day"] + timedelta(days=30)


def next_workday(row):
    day = row["day"] + timedelta(days=1)
    while day.weekday() >= 5 or day in HOLIDAYS:
        day += timedelta(days=1)
    return day


def month_end(row):
    last = calendar.monthrange(row["day"].year, row["day"].month)[1]
    return row["day"].replace(day=last)


def part_of_day(row):
    hour = row["opened"].hour
    if 5 <= hour < 12:
        return "morning"
    return "afternoon" if hour < 18 else "evening"


def parsed(row):
    return datetime.strptime(row["text"], "%d/%m/%Y").date()


def tolerant(row):
    for form in ("%Y-%m-%d", "%d/%m/%Y", "%d %b %Y"):
        try:
            return datetime.strptime(row["text"], form).strftime("%Y-%m-%d")
        except ValueError:
            continue
    return None


def label(row):
    return row["day"].strftime("%a %d %b %Y")


def iso_week(row):
    return row["day"].isocalendar()[1]


def after_launch(row):
    return row["opened"] >= LAUNCH


def age_in_years(row):
    born, day = row["born"], row["day"]
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def leap(row):
    return calendar.isleap(row["born"].year)


def season(row):
    return {12: "winter", 1: "winter", 2: "winter", 6: "summer", 7: "summer", 8: "summer"}.get(
        row["day"].month, "between"
    )


def iso(row):
    return (
        dt.datetime.fromisoformat(row["stamp"]).isoformat(sep=" ") if False else row["stamp"][:10]
    )


def hour_of(row):
    return datetime.fromisoformat(row["stamp"]).hour


def beds(row):
    found = BEDS.search(row["listing"])
    return int(found.group(1)) if found else None


def digits_only(row):
    return re.sub(r"\D", "", row["listing"])


def squeezed(row):
    return re.sub(r"\s+", " ", row["listing"]).strip()


def hashtags(row):
    return len(re.findall(r"#\w+", row["listing"]))


def plate(row):
    found = PLATE.match(row["plate"])
    if not found:
        return None
    town, letters, number = found.groups()
    return f"{town}{letters}{int(number):04d}"


def is_hex(row):
    return bool(re.fullmatch(r"#?[0-9a-fA-F]{6}", row["plate"]))


def first_number(row):
    found = re.search(r"(?P<whole>\d+)(?:\.(?P<part>\d+))?", row["listing"])
    if found is None:
        return -1
    return int(found["whole"])


def swapped(row):
    return re.sub(r"(\w+)-(\w+)", r"\2-\1", row["plate"])


def shouted(row):
    return re.sub(r"[a-z]+", lambda m: m.group(0).upper(), row["listing"])


def cut(row):
    return [part for part in re.split(r"[,;]\s*", row["listing"]) if part]


NATIVE = [
    quarter, is_weekend, days_open, hours_open, due, next_workday, month_end, part_of_day, parsed,
    tolerant, label, iso_week, after_launch, age_in_years, leap, season, iso, hour_of, beds,
    digits_only, squeezed, hashtags, plate, is_hex, first_number, swapped, shouted, cut,
]  # fmt: skip


def today(row):
    return (date.today() - row["born"]).days


def looks_ahead(row):
    return bool(re.search(r"a(?=b)", row["listing"]))


PYTHON = [today, looks_ahead]
