"""Polars: lazy frames on its streaming engine and on its in-memory engine."""

from benches.functions import home_advantage, row_advantage
from benches.harness.adapter import Adapter
from benches.questions import ORDERS, QUESTIONS

adapter = Adapter("polars", ["polars"])
ROW_COLUMNS = ["home_score", "away_score", "neutral"]


@adapter.opens
def open_session(_cores, _scratch):
    import polars as pl

    return pl


@adapter.shows
def to_arrow(result):
    return result.to_arrow()


def _sum_of(lazy, expression):
    return int(lazy.select(expression.sum()).collect().item())


@adapter.runs("row_function", "struct.map_elements")
def row_function(pl, inputs, _case):
    row = pl.struct(ROW_COLUMNS).map_elements(row_advantage, return_dtype=pl.Int64)
    return _sum_of(pl.scan_parquet(inputs["files"]), row)


@adapter.runs("row_function", "map_batches, by hand over columns")
def row_function_by_hand(pl, inputs, _case):
    def advantage(columns):
        return pl.Series(list(map(home_advantage, *(column.to_list() for column in columns))))

    expression = pl.map_batches(ROW_COLUMNS, advantage, return_dtype=pl.Int64)
    return _sum_of(pl.scan_parquet(inputs["files"]), expression)


@adapter.runs("row_function", "a native expression, by hand")
def row_function_native(pl, inputs, _case):
    home, away = pl.col("home_score"), pl.col("away_score")
    advantage = (
        pl.when(pl.col("neutral"))
        .then(0)
        .when(home > away)
        .then(1)
        .when(home < away)
        .then(-1)
        .otherwise(0)
    )
    return _sum_of(pl.scan_parquet(inputs["files"]), advantage)


def _expression(pl, case):
    if case == "charge":
        weeks, rest = pl.col("nights") // 7, pl.col("nights") % 7
        price = (weeks * 6.5 + rest) * pl.col("rate") / pl.col("guests")
        return pl.when((price > 0.0) & (price <= 20000.0)).then(price).otherwise(0.0)
    if case == "bedrooms":
        facts = pl.col("facts").str.strip_chars().str.to_lowercase()
        return facts.str.split(" , ").list.get(0).str.replace_all(" bds", "").cast(pl.Int64)
    if case == "vowels":
        return pl.col("kind").str.count_matches("[aeiouAEIOU]")
    column = "owner" if case == "tidy" else "accented"
    lowered = pl.col(column).str.strip_chars().str.to_lowercase()
    return lowered.str.count_matches("e", literal=True)


# Its integers of 64 bits wrap around.
@adapter.runs("listings", "a native expression, by hand", apart_from=["leaving", "mostly_leaving"])
def listings(pl, inputs, case):
    expression = _expression(pl, case).cast(pl.Float64).sum()
    return float(pl.scan_parquet(inputs["files"]).select(expression).collect().item())


def _grouped(pl, inputs, case):
    keys, aggregates = QUESTIONS[case]
    columns = [
        getattr(pl.col(column), how)().alias(name) for name, (column, how) in aggregates.items()
    ]
    return pl.scan_parquet(inputs["files"]).group_by(keys).agg(columns)


@adapter.runs("group_by", "streaming")
def group_by(pl, inputs, case):
    return _grouped(pl, inputs, case).collect(engine="streaming")


@adapter.runs("group_by", "in memory")
def group_by_in_memory(pl, inputs, case):
    return _grouped(pl, inputs, case).collect(engine="in-memory")


def _joined(pl, inputs, case):
    table = pl.scan_parquet(inputs["files"])
    if case == "small":
        small = pl.scan_parquet(inputs["small"])
        joined = table.join(small, on="id1").filter(pl.col("region") == "r3")
        return joined.select(pl.col("v1").sum())
    if case == "large":
        joined = table.join(pl.scan_parquet(inputs["large"]), on="id6")
        return joined.select((pl.col("v3") * pl.col("weight")).sum())
    means = table.group_by("id3").agg(pl.col("v3").mean().alias("mean"))
    return table.join(means, on="id3").filter(pl.col("v3") > pl.col("mean")).select(pl.len())


@adapter.runs("join", "streaming")
def join(pl, inputs, case):
    return _joined(pl, inputs, case).collect(engine="streaming").item()


@adapter.runs("join", "in memory")
def join_in_memory(pl, inputs, case):
    return _joined(pl, inputs, case).collect(engine="in-memory").item()


def _ordered(pl, inputs, case):
    columns, count = ORDERS[case]
    lazy = pl.scan_parquet(inputs["files"])
    ordered = lazy.sort(list(columns), descending=[not up for up in columns.values()])
    return ordered if count is None else ordered.head(count)


@adapter.runs("sort", "streaming")
def sort(pl, inputs, case):
    return _ordered(pl, inputs, case).collect(engine="streaming")


@adapter.runs("sort", "in memory")
def sort_in_memory(pl, inputs, case):
    return _ordered(pl, inputs, case).collect(engine="in-memory")


@adapter.runs("start")
def start(_session, inputs, case):
    import polars as pl

    if case == "import":
        return 0
    if case == "mean":
        return pl.scan_csv(inputs["csv"]).select(pl.col("home_score").mean()).collect().item()
    row = pl.struct(ROW_COLUMNS).map_elements(row_advantage, return_dtype=pl.Int64)
    return _sum_of(pl.scan_csv(inputs["csv"]), row)
