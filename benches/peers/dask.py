"""Dask: a local cluster of one process a core for Python functions, threads for the rest."""

from benches.functions import home_advantage, row_advantage, words_of
from benches.harness.adapter import Adapter
from benches.questions import ORDERS, QUESTIONS

adapter = Adapter("dask", ["dask", "distributed", "pandas"])
ROW_COLUMNS = ["home_score", "away_score", "neutral"]


@adapter.opens
def open_session(cores, scratch):
    import dask
    from dask.distributed import Client

    dask.config.set({"temporary-directory": scratch, "logging.distributed": "error"})
    return Client(n_workers=cores, threads_per_worker=1, processes=True, dashboard_address=None)


@adapter.closes
def close_session(client):
    client.shutdown()


@adapter.shows
def to_arrow(result):
    import pyarrow as pa

    return pa.Table.from_pandas(result.compute(), preserve_index=False)


def advantage_by_hand(frame):
    """Run the function over the columns of one partition."""
    import pandas as pd

    return pd.Series(list(map(home_advantage, *(frame[name].tolist() for name in ROW_COLUMNS))))


@adapter.runs("row_function", "df.apply(f, axis=1)", fraction=0.2)
def row_function(_client, inputs, _case):
    import dask.dataframe as dd

    frame = dd.read_parquet(inputs["files"], columns=ROW_COLUMNS)
    return int(frame.apply(row_advantage, axis=1, meta=(None, "int64")).sum().compute())


@adapter.runs("row_function", "map_partitions, by hand over columns")
def row_function_by_hand(_client, inputs, _case):
    import dask.dataframe as dd

    frame = dd.read_parquet(inputs["files"], columns=ROW_COLUMNS)
    return int(frame.map_partitions(advantage_by_hand, meta=(None, "int64")).sum().compute())


@adapter.runs("word_count", "bag")
def word_count(_client, inputs, _case):
    import dask.bag

    files = dask.bag.from_sequence(inputs["files"], partition_size=1)
    pairs = files.map(words_of).flatten()
    counts = pairs.foldby(
        lambda pair: pair[0], lambda n, pair: n + pair[1], 0, lambda a, b: a + b, 0
    )
    return dict(counts.compute())


@adapter.runs("word_count", "bag, text.split.flatten.frequencies")
def word_count_frequencies(_client, inputs, _case):
    import dask.bag

    return dict(dask.bag.read_text(inputs["files"]).str.split().flatten().frequencies().compute())


@adapter.runs("group_by")
def group_by(_client, inputs, case):
    import dask.dataframe as dd

    keys, aggregates = QUESTIONS[case]
    frame = dd.read_parquet(inputs["files"])
    # As a number: `False` would be no partition at all.
    grouped = frame.groupby(keys, sort=False).agg(
        **aggregates, split_out=True if len(keys) > 3 else 1
    )
    return _kept(grouped.reset_index())


@adapter.runs("join")
def join(_client, inputs, case):
    import dask.dataframe as dd

    table = dd.read_parquet(inputs["files"])
    if case == "small":
        small = dd.read_parquet(inputs["small"])
        return int(table.merge(small[small["region"] == "r3"], on="id1")["v1"].sum().compute())
    if case == "large":
        joined = table.merge(dd.read_parquet(inputs["large"]), on="id6")
        return float((joined["v3"] * joined["weight"]).sum().compute())
    means = table.groupby("id3", sort=False)["v3"].mean().rename("mean").reset_index()
    joined = table[["id3", "v3"]].merge(means, on="id3")
    return int((joined["v3"] > joined["mean"]).sum().compute())


@adapter.runs("sort")
def sort(_client, inputs, case):
    import dask.dataframe as dd

    columns, count = ORDERS[case]
    frame = dd.read_parquet(inputs["files"])
    if count is not None:
        return _kept(frame.nlargest(count, list(columns)))
    return _kept(frame.sort_values(list(columns), ascending=list(columns.values())))


def _kept(lazy):
    """Compute into the memory of the workers, where Dask keeps results best."""
    from dask.distributed import wait

    kept = lazy.persist()
    wait(kept)
    return kept


@adapter.runs("start")
def start(_session, inputs, case):
    import dask
    import dask.dataframe as dd

    dask.config.set(scheduler="threads")
    if case == "import":
        return 0
    frame = dd.read_csv(inputs["csv"])
    if case == "mean":
        return float(frame["home_score"].mean().compute())
    return int(frame.apply(row_advantage, axis=1, meta=(None, "int64")).sum().compute())
