"""PySpark: one Java process, one Python worker a core, Arrow between them."""

from benches.functions import add_counts, home_advantage, words_of
from benches.harness.adapter import Adapter
from benches.questions import ORDERS, QUESTIONS

adapter = Adapter("pyspark", ["pyspark"])
ROW_COLUMNS = ["home_score", "away_score", "neutral"]


@adapter.opens
def open_session(cores, scratch):
    import os
    import sys

    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "8g",
        "spark.driver.maxResultSize": "0",
        "spark.local.dir": scratch,
        "spark.sql.warehouse.dir": scratch,
        "spark.sql.shuffle.partitions": str(2 * cores),
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.log.level": "OFF",
    }
    builder = SparkSession.builder.master(f"local[{cores}]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


@adapter.closes
def close_session(spark):
    if spark is not None:
        spark.stop()


@adapter.shows
def to_arrow(result):
    return result.toArrow()


def summed(frame, function):
    """Sum what ``function`` gives over the columns it needs."""
    advantage = function(*ROW_COLUMNS).alias("advantage")
    return int(frame.select(advantage).groupBy().sum("advantage").first()[0])


@adapter.runs("row_function", "udf(useArrow=True)")
def row_function_udf(spark, inputs, _case):
    from pyspark.sql.functions import udf

    return summed(spark.read.parquet(*inputs["files"]), udf(home_advantage, "long", useArrow=True))


@adapter.runs("row_function", "pandas_udf, by hand over columns")
def row_function_pandas(spark, inputs, _case):
    import pandas as pd
    from pyspark.sql.functions import pandas_udf

    # Annotations tell Spark which kind of function this is.
    def advantage(home: pd.Series, away: pd.Series, neutral: pd.Series) -> pd.Series:
        return pd.Series(list(map(home_advantage, home.tolist(), away.tolist(), neutral.tolist())))

    return summed(spark.read.parquet(*inputs["files"]), pandas_udf(advantage, "long"))


@adapter.runs("row_function", "udf(useArrow=False)")
def row_function_pickled(spark, inputs, _case):
    from pyspark.sql.functions import udf

    return summed(spark.read.parquet(*inputs["files"]), udf(home_advantage, "long", useArrow=False))


@adapter.runs("word_count", "RDD, mapper over files")
def word_count(spark, inputs, _case):
    files = spark.sparkContext.parallelize(inputs["files"], len(inputs["files"]))
    counts = files.flatMap(words_of).reduceByKey(
        lambda left, right: add_counts(None, (left, right))
    )
    return dict(counts.collect())


@adapter.runs("word_count", "RDD, textFile.flatMap.reduceByKey")
def word_count_lines(spark, inputs, _case):
    lines = spark.sparkContext.textFile(",".join(inputs["files"]))
    pairs = lines.flatMap(str.split).map(lambda word: (word, 1))
    return dict(pairs.reduceByKey(lambda left, right: left + right).collect())


@adapter.runs("group_by")
def group_by(spark, inputs, case):
    from pyspark.sql import functions as F

    keys, aggregates = QUESTIONS[case]
    columns = [getattr(F, how)(column).alias(name) for name, (column, how) in aggregates.items()]
    return _done(spark.read.parquet(*inputs["files"]).groupBy(*keys).agg(*columns))


@adapter.runs("join")
def join(spark, inputs, case):
    from pyspark.sql import functions as F

    table = spark.read.parquet(*inputs["files"])
    if case == "small":
        small = spark.read.parquet(inputs["small"]).where(F.col("region") == "r3")
        return int(table.join(small, "id1").agg(F.sum("v1")).first()[0])
    if case == "large":
        joined = table.join(spark.read.parquet(inputs["large"]), "id6")
        return float(joined.agg(F.sum(F.col("v3") * F.col("weight"))).first()[0])
    means = table.groupBy("id3").agg(F.mean("v3").alias("mean"))
    return table.join(means, "id3").where(F.col("v3") > F.col("mean")).count()


@adapter.runs("sort")
def sort(spark, inputs, case):
    from pyspark.sql import functions as F

    columns, count = ORDERS[case]
    order = [F.col(name).asc() if up else F.col(name).desc() for name, up in columns.items()]
    ordered = spark.read.parquet(*inputs["files"]).orderBy(*order)
    return _done(ordered if count is None else ordered.limit(count))


def _done(frame):
    """Compute every row and column without keeping them: the least Spark can do."""
    frame.write.format("noop").mode("overwrite").save()
    return frame


@adapter.runs("start")
def start(_session, inputs, case):
    import os
    import tempfile

    import pyspark.sql

    if case == "import":
        return 0
    spark = open_session(len(os.sched_getaffinity(0)), tempfile.gettempdir())
    frame = spark.read.csv(inputs["csv"], header=True, inferSchema=True)
    if case == "mean":
        answer = float(frame.agg(pyspark.sql.functions.mean("home_score")).first()[0])
    else:
        from pyspark.sql.functions import udf

        answer = summed(frame, udf(home_advantage, "long", useArrow=True))
    spark.stop()
    return answer
