"""Row functions as people write them: cleaning, bucketing, scoring; with the verdict of each."""

# As people write them, not as a linter likes them.
# ruff: noqa: B905, SIM110

from __future__ import annotations

import math
import string

import numpy as np
import pandas as pd

EXCHANGE = {"EUR": 1.0, "USD": 1.08, "GBP": 0.86, "JPY": 168.2}
REGIONS = {"north": ["Oslo", "Umea"], "south": ["Rome", "Bari", "Nice"]}
BRACKETS = [(0, 11_000, 0.0), (11_000, 28_800, 0.11), (28_800, 82_300, 0.30), (82_300, None, 0.41)]
STOP_WORDS = {"the", "a", "an", "of", "and"}
GRADES = [(90, "A"), (80, "B"), (70, "C"), (60, "D")]
WEEKEND = ("sat", "sun")
VAT = 0.19
SHIPPING = {("DE", "standard"): 4.9, ("DE", "express"): 9.9, ("FR", "standard"): 6.5}
PUNCTUATION = str.maketrans("", "", string.punctuation)


class Limits:
    low = 10
    high = 1000


def age_group(row):
    age = row["age"]
    if pd.isna(age):
        return "unknown"
    if age < 13:
        return "child"
    elif age < 20:
        return "teen"
    elif age < 65:
        return "adult"
    return "senior"


def full_name(row):
    first = row["first"].strip().title()
    last = row["last"].strip().title()
    return f"{last}, {first}"


def initials(row):
    return "".join(part[0].upper() for part in (row["first"] + " " + row["last"]).split())


def clean_price(row):
    text = row["price"].replace("$", "").replace(",", "").strip()
    try:
        return float(text)
    except ValueError:
        return None


def price_with_tax(row):
    price = float(row["price"].strip("$").replace(",", ""))
    return round(price * (1 + VAT), 2)


def to_euro(row):
    rate = EXCHANGE.get(row["currency"])
    if rate is None:
        return None
    return round(row["amount"] / rate, 2)


def letter_grade(row):
    for limit, letter in GRADES:
        if row["score"] >= limit:
            return letter
    return "F"


def income_tax(row):
    tax = 0.0
    for low, high, rate in BRACKETS:
        if row["income"] > low:
            top = row["income"] if high is None else min(row["income"], high)
            tax += (top - low) * rate
    return round(tax, 2)


def region_of(row):
    for region, cities in REGIONS.items():
        if row["city"] in cities:
            return region
    return "other"


def slug(row):
    text = row["title"].lower().translate(PUNCTUATION)
    return "-".join(text.split())


def word_count(row):
    return len(row["title"].split())


def content_words(row):
    return len([w for w in row["title"].lower().split() if w not in STOP_WORDS])


def vowels(row):
    count = 0
    for ch in row["title"]:
        if ch in "aeiouAEIOU":
            count += 1
    return count


def is_palindrome(row):
    text = "".join(c.lower() for c in row["title"] if c.isalnum())
    return text == text[::-1]


def bmi(row):
    height = row["height"] / 100
    return round(row["weight"] / height**2, 1)


def bmi_class(row):
    value = row["weight"] / (row["height"] / 100) ** 2
    return (
        "under" if value < 18.5 else "normal" if value < 25 else "over" if value < 30 else "obese"
    )


def duration_seconds(row):
    h, m, s = map(int, row["clock"].split(":"))
    return h * 3600 + m * 60 + s


def minutes(row):
    parts = row["clock"].split(":")
    if len(parts) == 3:
        return int(parts[0]) * 60 + int(parts[1])
    return None


def home_result(row):
    if row["home"] > row["away"]:
        return "win"
    if row["home"] < row["away"]:
        return "loss"
    return "draw"


def points(row):
    result = home_result(row)
    return {"win": 3, "draw": 1, "loss": 0}[result]


def haversine(row):
    lat1, lon1, lat2, lon2 = map(math.radians, [row["lat1"], row["lon1"], row["lat2"], row["lon2"]])
    dlat, dlon = lat2 - lat1, lon2 - lon1
    a = math.sin(dlat / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin(dlon / 2) ** 2
    return 6371 * 2 * math.asin(math.sqrt(a))


def shipping(row):
    key = (row["country"], row["speed"])
    if key not in SHIPPING:
        return 12.5
    return SHIPPING[key] + max(0, row["items"] - 3) * 0.75


def clamp(row):
    return max(Limits.low, min(Limits.high, row["amount"]))


def sign(row):
    return (row["amount"] > 0) - (row["amount"] < 0)


def ratio(row):
    return 0 if row["away"] == 0 else row["home"] / row["away"]


def safe_ratio(row):
    try:
        return row["home"] / row["away"]
    except ZeroDivisionError:
        return float("nan")


def mask_card(row):
    digits = row["card"].replace(" ", "")
    return "*" * (len(digits) - 4) + digits[-4:]


def luhn(row):
    digits = [int(c) for c in row["card"] if c.isdigit()]
    total = sum(digits[-1::-2])
    for digit in digits[-2::-2]:
        total += sum(divmod(digit * 2, 10))
    return total % 10 == 0


def email_domain(row):
    if "@" not in row["email"]:
        return None
    return row["email"].split("@")[-1].lower()


def valid_email(row):
    name, at, domain = row["email"].partition("@")
    return bool(name) and at == "@" and "." in domain and not domain.startswith(".")


def phone(row):
    digits = "".join(filter(str.isdigit, row["phone"]))
    if len(digits) != 10:
        return None
    return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}"


def flag(row):
    return 1 if row["status"].lower() in ("yes", "y", "true", "1") else 0


def priority(row):
    score = 0
    if row["status"] == "open":
        score += 2
    if row["amount"] > 500 or row["items"] > 10:
        score += 3
    if not row["vip"]:
        score -= 1
    return score


def discount(row):
    if row["vip"] and row["amount"] >= 100:
        return row["amount"] * 0.85
    return row["amount"]


def coalesce(row):
    return row["nick"] if isinstance(row["nick"], str) and row["nick"] else row["first"]


def log_amount(row):
    return math.log10(row["amount"]) if row["amount"] > 0 else np.nan


def bucket(row):
    return f"{row['age'] // 10 * 10}s"


def decade(row):
    return int(row["age"] / 10) * 10


def checksum(row):
    h = 7
    for ch in row["title"]:
        h = (h * 31 + ord(ch)) % 1_000_003
    return h


def collatz(row):
    n, steps = row["items"], 0
    while n > 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


def most_common_letter(row):
    counts = {}
    for ch in row["title"].lower():
        if ch.isalpha():
            counts[ch] = counts.get(ch, 0) + 1
    if not counts:
        return ""
    return max(counts, key=lambda ch: (counts[ch], ch))


def acronym(row):
    words = [w for w in row["title"].split() if w[0].isupper()]
    return "".join([w[0] for w in words])


def longest_word(row):
    return max(row["title"].split(), key=len, default="")


def sorted_tags(row):
    tags = sorted({t.strip().lower() for t in row["tags"].split(",") if t.strip()})
    return ";".join(tags)


def tag_count(row):
    return len(set(row["tags"].split(",")))


def parse_range(row):
    if "-" in row["range"]:
        low, high = row["range"].split("-", 1)
        return (float(low) + float(high)) / 2
    return float(row["range"])


def caesar(row):
    out = []
    for ch in row["title"]:
        if ch.islower():
            out.append(chr((ord(ch) - 97 + 3) % 26 + 97))
        else:
            out.append(ch)
    return "".join(out)


def fizz(row):
    n = row["items"]
    if n % 15 == 0:
        return "fizzbuzz"
    return "fizz" if n % 3 == 0 else "buzz" if n % 5 == 0 else str(n)


def is_prime(row):
    n = row["items"]
    if n < 2:
        return False
    for d in range(2, int(n**0.5) + 1):
        if n % d == 0:
            return False
    return True


def pair(row):
    return row["home"] - row["away"], row["home"] + row["away"]


def weekend(row):
    match row["day"]:
        case "sat" | "sun":
            return True
        case "fri":
            return row["items"] > 3
    return False


def percent(row):
    return "%.1f%%" % (100 * row["home"] / max(1, row["home"] + row["away"]))


def report(row):
    return "{:>8} {:05d} {:+.2f}".format(row["day"], row["items"], row["amount"])


def validated(row):
    if row["age"] < 0:
        raise ValueError(f"negative age: {row['age']}")
    assert row["age"] < 150, "too old"
    return row["age"]


def all_positive(row):
    return all(x > 0 for x in (row["home"], row["away"], row["items"]))


def any_match(row):
    return any(word in row["title"].lower() for word in ("cat", "dog", "bird"))


def zipped(row):
    return sum(a == b for a, b in zip(row["first"], row["last"]))


def numbered(row):
    return " ".join(f"{i}:{w}" for i, w in enumerate(row["title"].split(), start=1))


def with_defaults(row):
    bonus = row.get("bonus", 0)
    return row["amount"] + bonus


def nested_helper(row):
    def tidy(text, length):
        if not text:
            return "-"
        return text.strip()[:length]

    return tidy(row["first"], 3) + "/" + tidy(row["last"], 5)


def accented(row):
    return (row["first"] + " Müller-Œuvre").title() + "é".upper()


def whole_amount(row):
    return row["amount"].is_integer()


PARTS = ["home", "away"]


def best_of(row):
    return max(row[part] for part in PARTS)


def first_given(row):
    for name in ("nick", "first", "last"):
        if pd.notna(row[name]) and row[name]:
            return row[name].strip()
    return "?"


def price_or_nan(row):
    try:
        return float(row["price"].replace("$", ""))
    except ValueError:
        return np.nan


def scaled(row):
    share = lambda value, most: value / most if most else 0.0  # noqa: E731
    return share(row["score"], 100) + share(row["amount"], 2000)


def unpunctuated(row):
    return row["title"].translate(str.maketrans("", "", string.punctuation))


def grade_point(row):
    return {"A": 4.0, "B": 3.0}.get(row["first"].strip()[:1].upper(), 0.0)


def nested_with_locals(row):
    total = 1

    def add(value):
        return value + total

    total = 3
    return add(row["items"])


def hashed(row):
    return hash(row["title"])


def printing(row):
    print(row["title"])
    return len(row["title"])


def whole_row(row):
    return row.sum()


def pandas_api(row):
    return pd.Series([row["home"], row["away"]]).max()


NATIVE = [
    age_group, full_name, initials, clean_price, price_with_tax, to_euro, letter_grade, income_tax,
    region_of, slug, word_count, content_words, vowels, is_palindrome, bmi, bmi_class,
    duration_seconds, minutes, home_result, points, haversine, shipping, clamp, sign, ratio,
    safe_ratio, mask_card, luhn, email_domain, valid_email, phone, flag, priority, discount,
    coalesce, log_amount, bucket, decade, checksum, collatz, most_common_letter, acronym,
    longest_word, sorted_tags, tag_count, parse_range, caesar, fizz, is_prime, pair, weekend,
    percent, report, validated, all_positive, any_match, zipped, numbered, with_defaults,
    nested_helper, accented, whole_amount, grade_point, best_of, first_given, price_or_nan, scaled,
    unpunctuated,
]  # fmt: skip
PYTHON = [nested_with_locals, hashed, printing, whole_row, pandas_api]
