"""Semantics traps: expressions that engines get wrong. Each row is compared with this CPython."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from native_functions import check

# The odd forms are what is tested.
# ruff: noqa: A001, E712, RUF001, RUF060

BIG = 2**53 + 1
INF, NAN = math.inf, math.nan
D_NUM = {1: "a"}
D_BOOL = {True: "a"}


def ab(*pairs):
    return {"a": [pair[0] for pair in pairs], "b": [pair[1] for pair in pairs]}


TEXT = {
    "a": [
        "",
        "a",
        "abc",
        "False",
        "é日本",
        "👨‍👩‍👧",
        "e\u0301",
        "\u00a0x\u2003",
        "\x1cx",
        "\u200bx",
        "a b  c",
        "a,b,",
        "it's",
        "²",
        "½",
        "-1",
        "10",
        "\uffff",
        "\U00010000",
        "x\x00y",
    ]
}
WHOLE = {"a": [0, 1, -1, 2, 7, -7, BIG, 2**62, 2**63 - 1, -(2**63), 65, 400]}
REAL = {
    "a": [
        0.0,
        -0.0,
        0.5,
        1.5,
        2.5,
        -0.5,
        2.675,
        1.005,
        -2.9,
        INF,
        -INF,
        NAN,
        1e300,
        1e16,
        1e15,
        1e-5,
        0.0001,
        1.0,
        9007199254740992.0,
        0.1,
    ]
}

TRAPS = [
    (1, lambda r: r["a"] // r["b"], ab((-7, 2), (7, -2), (-8, 2))),
    (1, lambda r: r["a"] // r["b"], ab((-7.5, 2.0), (7.5, -2.0))),
    (2, lambda r: r["a"] % r["b"], ab((-7, 3), (7, -3), (-(2**63), -1))),
    (2, lambda r: r["a"] % r["b"], ab((2.5, -2.0), (-2.5, 2.0), (4.0, -2.0))),
    (
        3,
        lambda r: (r["a"] % r["b"]) + (r["a"] // r["b"]),
        ab((-1.0, INF), (INF, 1.0), (-5.0, 1e308), (1.0, NAN)),
    ),
    (4, lambda r: r["a"] // r["b"], ab((5.0, 0.3), (1.0, 0.1), (0.7, 0.1))),
    (5, lambda r: r["a"] * 4, WHOLE),
    (6, lambda r: r["a"] + r["a"], WHOLE),
    (7, lambda r: -r["a"], WHOLE),
    (7, lambda r: abs(r["a"]), WHOLE),
    (7, lambda r: r["a"] // -1, WHOLE),
    (
        8,
        lambda r: r["a"] ** r["b"],
        ab((2, -1), (0, 0), (0, -1), (2, 62), (2, 63), (-2, 63), (3, 3)),
    ),
    (8, lambda r: r["a"] ** (1 / 3), {"a": [-8.0, 8.0, 0.0]}),
    (9, lambda r: r["a"] << r["b"], ab((1, 70), (1, -1), (1, 62), (1, 63), (-1, 63), (0, 99))),
    (9, lambda r: r["a"] >> r["b"], ab((-1, 70), (5, 1), (5, -1))),
    (10, lambda r: (r["a"] + 1, 0)[0] if False else r["a"] + 1, {"a": [True, False]}),
    (10, lambda r: -r["a"] + ~r["a"] * 10 + (3 - r["a"]), {"a": [True, False]}),
    (10, lambda r: r["a"] / 2, {"a": [True, False]}),
    (11, lambda r: r["a"] == 1, {"a": [True, False]}),
    (11, lambda r: D_NUM.get(r["a"], "?"), {"a": [1.0, 2.0, NAN]}),
    (11, lambda r: D_BOOL[r["a"]], {"a": [1, 2]}),
    (12, lambda r: str(r["a"]), {"a": [True, False]}),
    (13, lambda r: bool(r["a"]), TEXT),
    (13, lambda r: bool(r["a"]), REAL),
    (13, lambda r: not r["a"], TEXT),
    (14, lambda r: r["a"] and 5, WHOLE),
    (14, lambda r: r["a"] or "x", TEXT),
    (14, lambda r: r["a"] and 1 / 0, {"a": [0, 1]}),
    (15, lambda r: r["a"] == r["b"], ab((1, 1.0), (BIG, float(BIG)), (2**62, 2.0**62))),
    (16, lambda r: r["a"] > 9007199254740992.0, WHOLE),
    (17, lambda r: r["a"] / 3, WHOLE),
    (
        19,
        lambda r: (r["a"] == r["a"]) + (r["a"] < 1) * 2 + (r["a"] > 1) * 4 + (r["a"] != r["a"]) * 8,
        REAL,
    ),
    (20, lambda r: r["a"] in (1.0, 2.5), REAL),
    (21, lambda r: max(r["a"], 1), REAL),
    (21, lambda r: max(1, r["a"]), REAL),
    (22, lambda r: min(r["a"], -0.0), REAL),
    (22, lambda r: str(r["a"]), REAL),
    (23, lambda r: (r["a"] == 0) + (r["a"] is None) * 2, {"a": [0, 1, None]}),
    (23, lambda r: r["a"] < 1, {"a": [0, 1, None]}),
    (24, lambda r: r["a"] == 1, TEXT),
    (24, lambda r: r["a"] < 1, TEXT),
    (24, lambda r: 1 in r["a"], TEXT),
    (25, lambda r: r["a"] in (1, 2, 3), {"a": [3.0, 2.5, NAN]}),
    (25, lambda r: r["a"] in (), WHOLE),
    (26, lambda r: 1 < r["a"] < 3, WHOLE),
    (26, lambda r: 3 > r["a"] > 2, WHOLE),
    (26, lambda r: 1 < r["a"] == True, WHOLE),
    (27, lambda r: 0 < r["a"] < 1 / r["a"], {"a": [0.0, 0.5, 2.0, -1.0]}),
    (28, lambda r: r["a"] + 0.2, REAL),
    (29, lambda r: round(r["a"]), REAL),
    (30, lambda r: round(r["a"], 2), REAL),
    (32, lambda r: int(r["a"]), REAL),
    (
        33,
        lambda r: int(r["a"]),
        {
            "a": [
                "١٢",
                " 2 ",
                "1_000",
                "+5",
                "९",
                "",
                "2.0",
                "0x10",
                "1__0",
                "²",
                "_1",
                "1_",
                "\x1c5",
                "- 5",
            ]
        },
    ),
    (
        35,
        lambda r: float(r["a"]),
        {
            "a": [
                "1_0.5",
                " inf ",
                "١.٥",
                "1e400",
                "0x1p3",
                "1,5",
                "-nan",
                "nan",
                "1_e5",
                "1e-5",
                "5.",
                ".5",
                ".",
                "infinity",
                "\x1f1",
            ]
        },
    ),
    (36, lambda r: str(r["a"]) + f"{r['a']}", REAL),
    (37, lambda r: f"{r['a']:.2f} {r['a']:.0f}", REAL),
    (38, lambda r: f"{r['a']:,.2f} {r['a']:.1%}", REAL),
    (38, lambda r: f"{r['a']:05d} {r['a']:,}", WHOLE),
    (39, lambda r: f"{r['a']} {None} {True}", REAL),
    (41, lambda r: r["a"].upper() + r["a"].lower(), {"a": ["ß", "ﬁ", "İ", "ΑΣ", "Abc", "É"]}),
    (
        42,
        lambda r: r["a"].title() + r["a"].capitalize(),
        {"a": ["it's", "ŉ", "ABC def-ghi", "a1b"]},
    ),
    (43, lambda r: len(r["a"]), TEXT),
    (44, lambda r: r["a"][1], TEXT),
    (44, lambda r: r["a"][-1], TEXT),
    (44, lambda r: r["a"][5:] + r["a"][-10:2] + r["a"][::-1], TEXT),
    (45, lambda r: r["a"].strip() + r["a"].strip("ab"), TEXT),
    (46, lambda r: len(r["a"].split()) * 10 + len(r["a"].split(" ")), TEXT),
    (46, lambda r: r["a"].split(",")[-1], TEXT),
    (47, lambda r: r["a"].replace("", "-"), TEXT),
    (48, lambda r: r["a"].find("") + r["a"].find("本") * 10, TEXT),
    (49, lambda r: r["a"].startswith(("x", "a")), TEXT),
    (49, lambda r: r["a"].isdigit() or r["a"].isnumeric(), TEXT),
    (50, lambda r: r["a"] * -1 + r["a"].zfill(4), TEXT),
    (50, lambda r: r["a"] + 1, TEXT),
    (51, lambda r: r["a"] < "9", TEXT),
    (51, lambda r: r["a"] < "\U00010000", TEXT),
    (52, lambda r: r["a"] / r["b"], ab((1, 0), (1, 2))),
    (52, lambda r: r["a"] % r["b"], ab((5.0, 0.0), (1.0, 0.5))),
    (53, lambda r: math.log(r["a"]), REAL),
    (53, lambda r: math.exp(r["a"]), {"a": [1000.0, 1.0, -1000.0, INF, -INF, NAN]}),
    (53, lambda r: math.sqrt(r["a"]), REAL),
    (54, lambda r: isinstance(r["a"], int), {"a": [True, False]}),
    (68, lambda r: pd.isna(r["a"]), TEXT),
    (68, lambda r: pd.isna(r["a"]), REAL),
    (72, lambda r: r["a"] * 100, WHOLE),
    (74, lambda r: f"{r['a']}", {"a": [True, None]}),
    (75, lambda r: r["a"].upper() + "!", {"a": ["x\x00y", "\x00"]}),
]


@pytest.mark.parametrize("nulls", ["nan", "none"])
@pytest.mark.parametrize("index", range(len(TRAPS)), ids=lambda i: f"trap {TRAPS[i][0]}, {i}")
def test_trap(index, nulls):
    _, f, table = TRAPS[index]
    check(f, table, nulls=nulls)


def without_a_name(row):
    def len(text):
        return -1

    return len(row["a"])


def test_shadowed_builtins_are_not_the_builtins():
    # A local function is not compiled: it must not be taken for the builtin.
    check(without_a_name, TEXT, native=None)


def mutable_default(row, seen=[]):  # noqa: B006
    seen.append(row["a"])
    return len(seen)


def test_state_across_rows_is_never_native():
    check(mutable_default, WHOLE, native=False)
