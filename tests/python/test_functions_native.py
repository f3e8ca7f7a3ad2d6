"""Native functions give CPython's answers, or leave the row to it."""

# The odd forms are what is tested.
# ruff: noqa: E501, F601, PLW0108, RET503, RUF021

from __future__ import annotations

import math

import pyarrow as pa
import pytest

from native_functions import asserting, check

INTS = [0, 1, -1, 2, 3, -7, 7, 10, 2**53, 2**53 + 1, -(2**53) - 1, 2**62, 2**63 - 1, -(2**63)]
FLOATS = [
    0.0,
    -0.0,
    1.0,
    -1.5,
    2.5,
    0.1,
    0.3,
    1e16,
    1e-5,
    1e300,
    5e-324,
    2.0**53,
    math.inf,
    -math.inf,
]
FLOATS = [
    *FLOATS,
    math.nan,
    0.5,
    1.5,
    2.675,
    1.005,
    -0.5,
    1e22,
    123456.789,
    0.0001,
    9007199254740993.0,
]
TEXTS = [
    "", "a", "abc", "Home Win", " x ", "12", "-5", "+7", "1_000", "1__0", "0x10", "2.0", "1e5", "inf",
    "nan", "é日本", "it's A test", "\u00a0x\u2003", "\x1cx", "a,b,,c", "12:34:56", "3 bds , 2 ba",
    "ß", "İ", "١٢", "True", "None", "007", " 42\n", "$1,234.50", "99999999999999999999", ".5", "5.",
]  # fmt: skip


def pairs(values):
    return {"a": [x for x in values for _ in values], "b": [y for _ in values for y in values]}


def home_advantage(row):
    if row["neutral"]:
        return 0
    if row["home_score"] > row["away_score"]:
        return 1
    elif row["home_score"] < row["away_score"]:
        return -1
    return 0


@pytest.mark.parametrize("nulls", ["nan", "none"])
def test_home_advantage(nulls):
    table = {
        "date": ["x"] * 6,
        "home_score": [1, 2, 3, None, 5, 0],
        "away_score": [2, 2, 2, 2, None, 0],
        "neutral": [False, True, False, False, None, None],
    }
    result = check(lambda row: home_advantage(row), table, nulls=nulls)
    assert result.info["verdict"] == "native"
    if nulls == "nan":
        assert result.left == 0


INT_FUNCTIONS = [
    lambda row: row["a"] + row["b"],
    lambda row: row["a"] - row["b"],
    lambda row: row["a"] * row["b"],
    lambda row: row["a"] // row["b"],
    lambda row: row["a"] % row["b"],
    lambda row: row["a"] / row["b"],
    lambda row: row["a"] & row["b"] | row["a"] ^ 5,
    lambda row: row["a"] >> (row["b"] & 63),
    lambda row: row["a"] << (row["b"] & 15),
    lambda row: row["a"] ** (row["b"] & 7),
    lambda row: row["a"] ** -1,
    lambda row: (-row["a"], abs(row["b"]))[0] if False else -row["a"],
    lambda row: abs(row["a"]) + ~row["b"],
    lambda row: row["a"] < row["b"] <= 10,
    lambda row: row["a"] == row["b"] or row["a"] > 5 and row["b"],
    lambda row: 3 > row["a"] > row["b"],
    lambda row: row["a"] == True,  # noqa: E712
    lambda row: (row["a"] > 0) + (row["b"] > 0),
    lambda row: -(row["a"] > 0) - True,
    lambda row: row["a"] in (1, 2.0, "x", None, 7),
    lambda row: row["a"] not in {1, 2, 3},
    lambda row: {1: "one", 2.0: "two", True: "yes"}.get(row["a"]) if False else row["a"],
    lambda row: max(row["a"], row["b"], 3) - min(row["a"], 0) * 0,
    lambda row: row["a"] and row["b"],
    lambda row: not row["a"],
    lambda row: row["a"] if row["a"] > row["b"] else None,
    lambda row: 0 if row["b"] == 0 else row["a"] / row["b"],
    lambda row: row["a"] + 0.5,
    lambda row: row["a"] == float(row["a"]),
    lambda row: row["a"] > 9007199254740992.0,
    lambda row: str(row["a"]) + "!",
    lambda row: f"{row['a']:,} {row['b']:05d} {row['a']:>8} {row['b']:+d} {row['a']:^9}",
    lambda row: math.sqrt(row["a"]),
    lambda row: round(row["a"]) + int(row["b"]) + len(str(row["a"])),
    lambda row: isinstance(row["a"], int),
    lambda row: chr(row["a"]),
    lambda row: "x" * (row["b"] & 7),
]


@pytest.mark.parametrize("index", range(len(INT_FUNCTIONS)))
def test_integers(index):
    check(INT_FUNCTIONS[index], pairs(INTS))


FLOAT_FUNCTIONS = [
    lambda row: row["a"] + row["b"] * 2,
    lambda row: row["a"] / row["b"],
    lambda row: row["a"] // row["b"],
    lambda row: row["a"] % row["b"],
    lambda row: row["a"] ** row["b"],
    lambda row: row["a"] < row["b"],
    lambda row: row["a"] == row["b"],
    lambda row: row["a"] != row["a"],
    lambda row: min(row["a"], row["b"]),
    lambda row: max(row["a"], row["b"], 1),
    lambda row: str(row["a"]),
    lambda row: f"{row['a']:.2f}|{row['a']:10.1f}|{row['a']:,.3f}|{row['a']:.0f}|{row['a']:.1%}",
    lambda row: f"{row['a']}",
    lambda row: int(row["a"]),
    lambda row: round(row["a"]),
    lambda row: round(row["a"], 2),
    lambda row: round(row["a"], 1) + round(row["b"], 3),
    lambda row: math.floor(row["a"]) + math.ceil(row["a"]),
    lambda row: math.log(row["a"]),
    lambda row: math.exp(row["a"]) + math.sin(row["b"]),
    lambda row: math.log10(row["a"]) * math.log2(row["a"]),
    lambda row: -row["a"] + abs(row["b"]),
    lambda row: bool(row["a"]),
    lambda row: row["a"] in (1, 2.5, 0),
    lambda row: row["a"] > 3,
    lambda row: 1 if row["a"] > 0 else 0.5,
    lambda row: math.isnan(row["a"]) or math.isinf(row["b"]),
    lambda row: row["a"] if row["a"] == row["a"] else None,
]


@pytest.mark.parametrize("index", range(len(FLOAT_FUNCTIONS)))
def test_floats(index):
    check(FLOAT_FUNCTIONS[index], pairs(FLOATS))


RATES = {"a": 1, "abc": 2, "12": 30}
NAMES = ["zero", "one", "two"]

TEXT_FUNCTIONS = [
    lambda row: row["a"] + row["b"],
    lambda row: row["a"] == row["b"],
    lambda row: row["a"] < row["b"],
    lambda row: row["a"].lower() + row["b"].upper(),
    lambda row: row["a"].strip() + "|" + row["b"].lstrip() + "|" + row["b"].rstrip(),
    lambda row: row["a"].title() + row["b"].capitalize(),
    lambda row: len(row["a"]),
    lambda row: row["a"][0],
    lambda row: row["a"][-1],
    lambda row: row["a"][1:3] + row["a"][:-1] + row["a"][-2:] + row["a"][::-1],
    lambda row: int(row["a"]),
    lambda row: float(row["a"]),
    lambda row: row["a"].split(",")[0],
    lambda row: row["a"].split(",")[-1],
    lambda row: row["a"].split()[0],
    lambda row: row["a"].split(" ")[1],
    lambda row: len(row["a"].split()) + len(row["a"].split(":")),
    lambda row: row["a"].replace(row["b"], "-"),
    lambda row: row["a"].replace("$", "").replace(",", ""),
    lambda row: row["a"].find(row["b"]) * 100 + row["a"].rfind("a"),
    lambda row: row["a"].count(row["b"]),
    lambda row: row["a"].startswith("H") or row["a"].endswith(("c", "t", "")),
    lambda row: "a" in row["a"],
    lambda row: row["b"] in row["a"],
    lambda row: row["a"].isdigit(),
    lambda row: row["a"].isalpha() or row["a"].isupper() or row["a"].islower(),
    lambda row: row["a"].isalnum() and row["a"].isspace(),
    lambda row: row["a"].zfill(5),
    lambda row: row["a"].strip("a ") + row["a"].lstrip("1"),
    lambda row: f"{row['a']:>6}|{row['b']:*^7.2}|{row['a']!s}",
    lambda row: "{} {:<5}".format(row["a"], row["b"]),
    lambda row: row["a"] or "empty",
    lambda row: "yes" if row["a"] in ("a", "abc") else "no",
    lambda row: RATES.get(row["a"], 0),
    lambda row: RATES[row["a"]],
    lambda row: row["a"] in RATES,
    lambda row: NAMES[len(row["a"])],
    lambda row: ord(row["a"]),
    lambda row: row["a"] * 2,
    # Nothing, however often, is made at once.
    lambda row: row["a"][:0] * 9223372036854775807,
    lambda row: [len(row["a"]), row["a"][:0] * 9223372036854775807][1],
    lambda row: ("aaaa" + row["a"]).split("aa")[-1] + ("aaa" + row["a"]).rsplit("aa", 1)[0],
    lambda row: row["a"].split(",", 1)[-1] + row["a"].rsplit(",", 2)[0] + row["a"].rsplit(",")[0],
    lambda row: (
        row["a"].partition(",")[2] + row["a"].rpartition(":")[0] + row["a"].rpartition(" ")[1]
    ),
    lambda row: row["a"].removeprefix("a").removesuffix("c"),
    lambda row: row["a"][row["b"].find("a") : len(row["b"])],
    lambda row: row["a"] < 1,
    lambda row: row["a"] == 1,
    lambda row: row["a"] + 1,
]


@pytest.mark.parametrize("index", range(len(TEXT_FUNCTIONS)))
def test_text(index):
    check(TEXT_FUNCTIONS[index], pairs(TEXTS))


MISSING_FUNCTIONS = [
    lambda row: row["a"] + row["b"],
    lambda row: row["a"] * 2 if row["a"] == row["a"] else -1,
    lambda row: "adult" if row["a"] >= 18 else "child",
    lambda row: 0 if row["a"] is None else row["a"],
    lambda row: row["s"].upper() if row["s"] == row["s"] and row["s"] is not None else "?",
    lambda row: isinstance(row["s"], str),
    lambda row: str(row["s"]) + str(row["a"]) + str(row["t"]),
    lambda row: bool(row["t"]),
    lambda row: row["s"],
    lambda row: row["a"],
    lambda row: row["t"],
    lambda row: row["b"],
    lambda row: row["a"] == row["b"],
    lambda row: row["t"] and row["a"],
    lambda row: f"{row['b']:.1f}" if row["b"] else row["s"],
    lambda row: row["a"] in (None, 1),
    lambda row: {"x": 1}.get(row["s"], 2) if False else row["a"],
]


@pytest.mark.parametrize("nulls", ["nan", "none"])
@pytest.mark.parametrize("index", range(len(MISSING_FUNCTIONS)))
def test_missing_values(index, nulls):
    table = pa.RecordBatch.from_pydict(
        {
            "a": pa.array([1, None, 3, 20, None, 0], pa.int32()),
            "b": pa.array([1.0, 2.5, None, math.nan, None, 0.0]),
            "s": pa.array(["x", None, "", "y", None, "Zé"], pa.string_view()),
            "t": pa.array([True, None, False, True, None, True]),
        }
    )
    check(MISSING_FUNCTIONS[index], table, nulls=nulls)


def unbound(row):
    if row["a"] > 0:
        x = 1
    elif row["a"] < -5:
        x = "s"
        return x * 2
    return x


def bound_after_an_early_return(row):
    v = 0
    if row["a"] == 3:
        v = 1
    else:
        if row["b"] > 2:
            return -1
        else:
            v = row["a"] * 10
    return v


def falls_off(row):
    if row["a"] > 2:
        return 1.5


def nested(row):
    total = 0
    if row["a"] > 0:
        if row["b"] > 0:
            total = row["a"] + row["b"]
        else:
            return total - 1
        total += 1
    else:
        total = 5
        if row["b"] == 1:
            return 7
    total *= 2
    return total


def partly(row):
    if row["a"] > 2:
        return complex(row["a"]).real
    return row["a"] * 2


def tries(row):
    try:
        return 10 // row["a"]
    except ZeroDivisionError:
        return 0


def walrus(row):
    if (n := row["a"] + 1) > 2:
        return n
    return -n


def depth(x, k=2, *, m=1):
    if x > k:
        return m
    return x * k


def calls(row):
    return depth(row["a"]) + depth(row["b"], 3) * depth(row["a"], m=depth(row["b"]))


def repeated_in_a_loop(row):
    marks = []
    for count in range(row["b"]):
        marks.append(count * "-" + "." * count)
    return "".join(marks)


@pytest.mark.parametrize(
    "f",
    [
        unbound,
        bound_after_an_early_return,
        falls_off,
        nested,
        partly,
        tries,
        asserting,
        walrus,
        calls,
        repeated_in_a_loop,
    ],
    ids=lambda f: f.__name__,
)
def test_statements(f):
    check(f, pairs([-9, -1, 0, 1, 2, 3, 4]))


def times(row):
    h, m, s = row["a"].split(":")
    return int(h) * 3600 + int(m) * 60 + int(s)


def test_unpacking_a_split():
    check(times, {"a": ["1:2:3", "10:00:00", "1:2", "a:b:c", "", "1:2:3:4"]})


def ends(row):
    head, _, tail = row["a"].partition(":")
    return head + tail


def test_unpacking_a_partition():
    check(ends, {"a": ["1:2:3", "", ":", "abc"]}, left=0)


@pytest.mark.parametrize(
    "f",
    [
        lambda row: row["a"].split(",")[[1][row["b"]]],
        lambda row: row["a"].split(",", {"a": 1}[row["c"]]),
        lambda row: row["a"].find({"a": "b"}[row["c"]]),
        lambda row: ("a", row["a"]).upper(int(row["c"])),
        lambda row: list(row["c"]).strip(int(row["c"])),
        lambda row: row["c"].append(int(row["c"])),
        lambda row: {row["c"]: 1}.split(int(row["c"])),
        lambda row: len(row["a"].split([","][row["b"]])),
    ],
)
def test_a_method_is_looked_up_before_its_arguments(f):
    table = {"a": ["a,b", None, "", None], "b": [0, 0, 1, 1], "c": ["a", "x", "7", "b"]}
    check(f, table, nulls="none")


def test_series_functions_take_a_value():
    check(lambda x, k=3: x * k, {"x": [1, 2, None]}, form="value")


def test_more_rows_than_a_block():
    values = list(range(-2500, 2500))
    check(lambda row: 0 if row["a"] % 7 == 0 else 100 // (row["a"] % 5) + row["a"], {"a": values})
    check(lambda row: f"{row['a']:04d}".replace("-", "m")[1:], {"a": values}, left=0)


def doubled_text(row):
    text = "ab"
    for _ in range(row["n"]):
        text = text + text
    return len(text)


def doubled_list(row):
    items = [1, 2]
    for _ in range(row["n"]):
        items += items
    return len(items)


def grown_text(row):
    text = "ab"
    for _ in range(row["n"] // 2):
        parts = ["b", "b", text]
        text = text.replace("a", "aaa").replace("b", "-".join(parts))
    return len(text)


def formatted_text(row):
    text = "ab"
    for _ in range(row["n"]):
        text = f"{text}{text}"
    return len(text)


@pytest.mark.parametrize("f", [doubled_text, doubled_list, formatted_text, grown_text])
def test_what_grows_and_grows_is_left_to_the_interpreter(f):
    check(f, {"n": [0, 2, 4, 8] if f is grown_text else [0, 1, 3, 5, 22]})


def test_rows_do_not_keep_what_others_made():
    # Adding letters one by one makes megabytes for each row.
    def reversed_text(row):
        text = ""
        for letter in row["s"]:
            text = letter + text
        return len(text)

    check(reversed_text, {"s": ["long " * (400 + n) for n in range(600)]}, left=0)


def test_partly_native_says_where():
    result = check(partly, pairs([0, 1, 5]))
    assert result.info["verdict"] == "partly native"
    assert result.info["left_out"][0]["snippet"] == 'complex(row["a"]).real'


@pytest.mark.parametrize(
    "f",
    [
        lambda row: print(row["a"]),
        lambda row: RATES.pop(row["a"]),
        lambda row, acc=[]: acc.append(row["a"]) or len(acc),
    ],
)
def test_what_has_effects_is_refused(f):
    check(f, {"a": [1, 2]}, native=False)
