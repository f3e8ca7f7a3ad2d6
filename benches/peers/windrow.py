"""Windrow, as its documentation says to use it: no settings."""

from benches.functions import add_counts, home_advantage, words_of
from benches.harness.adapter import Adapter

adapter = Adapter("windrow", ["windrow"])


@adapter.opens
def open_session(_cores, _scratch):
    import windrow

    return windrow


@adapter.shows
def to_arrow(result):
    if hasattr(result, "iloc"):  # pandas, from `head`
        import pyarrow as pa

        return pa.Table.from_pandas(result, preserve_index=False)
    return result


def advantage(frame):
    """The row function as people write it."""
    return frame.apply(
        lambda row: home_advantage(row["home_score"], row["away_score"], row["neutral"]), axis=1
    )


@adapter.runs("row_function", "df.apply(lambda row: ..., axis=1)")
def row_function(wr, inputs, _case):
    return int(advantage(wr.read_parquet(inputs["files"])).sum())


@adapter.runs("on_pandas", ".wr")
def on_pandas(_wr, inputs, case):
    import windrow.pandas  # noqa: F401 - registers `.wr`
    from benches.on_pandas import ask

    return ask(
        inputs["files"],
        case,
        rows=lambda table, f: table.wr.apply(f, axis=1),
        values=lambda series, f: series.wr.map(f),
        groups=lambda groups, f: groups.wr.apply(f),
    )


@adapter.runs("listings", "df.apply(lambda row: ..., axis=1)")
def listings(wr, inputs, case):
    from benches.listings import of_row

    return float(wr.read_parquet(inputs["files"]).apply(of_row(case), axis=1).sum())


@adapter.runs(
    "listings",
    "the same, native=False",
    apart_from=["charge", "bedrooms", "vowels", "tidy", "tidy_accented"],
)
def listings_in_workers(wr, inputs, case):
    wr.configure(native=False)
    return listings(wr, inputs, case)


def compiling(wr):
    """Describe and compile a function that this process has not seen, the modules being there."""
    import time

    from benches.listings import of_row

    wr.explain_function(of_row("charge"), {"nights": int, "guests": int, "rate": float})
    started = time.perf_counter()
    text = str(
        wr.explain_function(
            lambda row: home_advantage(row["home_score"], row["away_score"], row["neutral"]),
            {"home_score": int, "away_score": int, "neutral": bool},
        )
    )
    seconds = time.perf_counter() - started
    return {"figure": seconds * 1e3, "remark": text.partition("\n")[0]}


@adapter.runs("native", "df.apply(lambda row: ..., axis=1)")
def native(wr, inputs, case):
    import re

    from benches.listings import of_row

    wr.configure(partitions=1, workers=1, progress=False)
    if case == "compiling":
        return compiling(wr)
    if case == "home":
        frame = wr.read_parquet(inputs["matches"])
        column = advantage(frame)
    else:
        frame = wr.read_parquet(inputs["files"])
        column = frame.apply(of_row(case), axis=1)
    column.sum().compute()
    text = str(column.explain())
    rows = re.search(
        r"ran natively: ([\d.]+) ns a row over ([\d,]+) rows"
        r"(?:; ([\d,]+) of them .* and took (\d+) ns each)?",
        text,
    )
    if rows is None:
        raise AssertionError(f"it did not run natively:\n{text}")
    nanos, count, left, each = rows.groups()
    nanos = float(nanos)
    if left is None:
        return {"figure": nanos, "remark": ""}
    share = int(left.replace(",", "")) / int(count.replace(",", ""))
    remark = f"{share:.1%} of the rows left, {each} ns each in the interpreter"
    return {"figure": nanos + share * int(each), "remark": remark}


@adapter.runs("worker_rows", "df.apply(f, axis=1), in a worker")
def worker_rows(wr, inputs, case):
    import statistics
    import time

    import pyarrow as pa
    import pyarrow.parquet as pq

    from benches.functions import advantage_of_any, advantage_of_columns

    wr.configure(functions="workers", native=False, workers=1, partitions=1, progress=False)
    columns = ["home_score", "away_score", "neutral"]
    table = pa.concat_tables([pq.read_table(path, columns=columns) for path in inputs["files"]])
    frame = wr.from_arrow(table)
    function = advantage_of_columns if case == "columns" else advantage_of_any
    column = frame.apply(function, axis=1, result_type=int)
    called = "a row object" if case == "row" else "the values of"
    if f"called with {called}" not in str(column.explain()):
        raise AssertionError(f"it is called otherwise:\n{column.explain()}")
    times = []
    for _ in range(7):
        started = time.perf_counter()
        column.sum().compute()
        times.append(time.perf_counter() - started)
    return {"figure": statistics.median(times[2:]) / len(table) * 1e9, "remark": ""}


@adapter.runs("word_count", "mapreduce")
def word_count(wr, inputs, _case):
    return dict(wr.mapreduce(inputs["files"], words_of, add_counts, combiner=add_counts).items())


@adapter.runs("group_by")
def group_by(wr, inputs, case):
    from benches.questions import QUESTIONS

    keys, aggregates = QUESTIONS[case]
    return (
        wr.read_parquet(inputs["files"])
        .groupby(keys, as_index=False, sort=False)
        .agg(**aggregates)
        .to_arrow()
    )


@adapter.runs("join")
def join(wr, inputs, case):
    table = wr.read_parquet(inputs["files"])
    if case == "small":
        joined = table.merge(wr.read_parquet(inputs["small"]), on="id1")
        return int(joined[joined["region"] == "r3"]["v1"].sum())
    if case == "large":
        joined = table.merge(wr.read_parquet(inputs["large"]), on="id6")
        return float((joined["v3"] * joined["weight"]).sum())
    means = table.groupby("id3", as_index=False, sort=False).agg(mean=("v3", "mean"))
    joined = table.merge(means, on="id3")
    return len(joined[joined["v3"] > joined["mean"]])


@adapter.runs("sort")
def sort(wr, inputs, case):
    from benches.questions import ORDERS

    columns, count = ORDERS[case]
    frame = wr.read_parquet(inputs["files"])
    ordered = frame.sort_values(list(columns), ascending=list(columns.values()))
    # `head` gives pandas, as in Dask; `nlargest` is not there yet.
    return ordered.to_arrow() if count is None else to_arrow(ordered.head(count))


@adapter.runs("start")
def start(_session, inputs, case):
    import windrow as wr

    if case == "import":
        return 0
    frame = wr.read_csv(inputs["csv"])
    return float(frame["home_score"].mean()) if case == "mean" else int(advantage(frame).sum())


@adapter.runs("pool", "Pool")
def pool(wr, _inputs, case):
    from benches.harness.pools import PoolLike, measure

    return measure(case, lambda workers: PoolLike(wr.Pool(workers)))
