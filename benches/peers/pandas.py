"""pandas: one core, everything in memory; only the columns a job needs are read."""

from benches.functions import row_advantage
from benches.harness.adapter import Adapter
from benches.on_pandas import ask
from benches.questions import ORDERS, QUESTIONS

adapter = Adapter("pandas", ["pandas", "pyarrow", "numpy"])
ROW_COLUMNS = ["home_score", "away_score", "neutral"]


@adapter.opens
def open_session(_cores, _scratch):
    import pandas as pd

    return pd


@adapter.shows
def to_arrow(result):
    import pyarrow as pa

    return pa.Table.from_pandas(result, preserve_index=False)


@adapter.runs("row_function", "df.apply(f, axis=1)", fraction=0.05)
def row_function(pd, inputs, _case):
    frame = pd.read_parquet(inputs["files"], columns=ROW_COLUMNS)
    return int(frame.apply(row_advantage, axis=1).sum())


@adapter.runs("on_pandas")
def on_pandas(_pd, inputs, case):
    return ask(
        inputs["files"],
        case,
        rows=lambda table, f: table.apply(f, axis=1),
        values=lambda series, f: series.map(f),
        groups=lambda groups, f: groups.apply(f),
    )


@adapter.runs("group_by")
def group_by(pd, inputs, case):
    keys, aggregates = QUESTIONS[case]
    columns = list(dict.fromkeys([*keys, *(column for column, _how in aggregates.values())]))
    frame = pd.read_parquet(inputs["files"], columns=columns)
    return frame.groupby(keys, as_index=False, sort=False, observed=True).agg(**aggregates)


@adapter.runs("join")
def join(pd, inputs, case):
    if case == "small":
        table = pd.read_parquet(inputs["files"], columns=["id1", "v1"])
        small = pd.read_parquet(inputs["small"])
        return int(table.merge(small[small["region"] == "r3"], on="id1")["v1"].sum())
    if case == "large":
        table = pd.read_parquet(inputs["files"], columns=["id6", "v3"])
        joined = table.merge(pd.read_parquet(inputs["large"]), on="id6")
        return float((joined["v3"] * joined["weight"]).sum())
    table = pd.read_parquet(inputs["files"], columns=["id3", "v3"])
    return int((table["v3"] > table.groupby("id3", sort=False)["v3"].transform("mean")).sum())


@adapter.runs("sort")
def sort(pd, inputs, case):
    columns, count = ORDERS[case]
    frame = pd.read_parquet(inputs["files"])
    if count is not None:
        return frame.nlargest(count, list(columns))
    return frame.sort_values(list(columns), ascending=list(columns.values()), ignore_index=True)


@adapter.runs("start")
def start(_session, inputs, case):
    import pandas as pd

    if case == "import":
        return 0
    frame = pd.read_csv(inputs["csv"])
    if case == "mean":
        return float(frame["home_score"].mean())
    return int(frame.apply(row_advantage, axis=1).sum())
