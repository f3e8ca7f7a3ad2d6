"""The questions of the relational jobs, as plain data that each peer puts in its own words."""

# case: (keys, {result column: (column, aggregate)})
QUESTIONS: dict[str, tuple[list[str], dict[str, tuple[str, str]]]] = {
    "q1": (["id1"], {"v1": ("v1", "sum")}),
    "q2": (["id1", "id2"], {"v1": ("v1", "sum")}),
    "q3": (["id3"], {"v1": ("v1", "sum"), "v3": ("v3", "mean")}),
    "q4": (["id4"], {"v1": ("v1", "mean"), "v2": ("v2", "mean"), "v3": ("v3", "mean")}),
    "q5": (["id6"], {"v1": ("v1", "sum"), "v2": ("v2", "sum"), "v3": ("v3", "sum")}),
    "q7": (["id3"], {"highest": ("v1", "max"), "lowest": ("v2", "min")}),
    "q10": (
        ["id1", "id2", "id3", "id4", "id5", "id6"],
        {"v3": ("v3", "sum"), "count": ("v1", "count")},
    ),
}

# case: (columns and whether they ascend, number of rows wanted)
ORDERS: dict[str, tuple[dict[str, bool], int | None]] = {
    "full": ({"id3": True, "v3": False}, None),
    "top_100": ({"v3": False}, 100),
    "top_100k": ({"v3": False}, 100_000),
}
