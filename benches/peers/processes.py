"""``multiprocessing``: a pool of forked (or spawned) processes, one per core."""

from benches.functions import home_advantage, row_advantage, words_of
from benches.harness.adapter import Adapter

adapter = Adapter("multiprocessing")
ROW_COLUMNS = ["home_score", "away_score", "neutral"]


@adapter.opens
def open_session(cores, _scratch):
    import multiprocessing

    return lambda: multiprocessing.get_context("fork").Pool(cores)


def row_groups(files):
    """List ``(file, row group)`` of all files: the pieces that are shared out."""
    import pyarrow.parquet as pq

    return [(path, group) for path in files for group in range(pq.ParquetFile(path).num_row_groups)]


def read(piece):
    """Read the columns the row function needs from one piece."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pa.set_cpu_count(1)  # the processes are the parallelism
    path, group = piece
    return pq.ParquetFile(path).read_row_group(group, columns=ROW_COLUMNS, use_threads=False)


def advantage_of_rows(piece):
    """Run the row function over dicts."""
    return sum(row_advantage(row) for row in read(piece).to_pylist())


def advantage_of_columns(piece):
    """Run the function over columns that were turned to lists."""
    columns = [column.to_pylist() for column in read(piece)]
    return sum(map(home_advantage, *columns))


@adapter.runs("row_function", "Pool over row groups, rows as dicts")
def row_function(make_pool, inputs, _case):
    with make_pool() as pool:
        return sum(pool.imap_unordered(advantage_of_rows, row_groups(inputs["files"])))


@adapter.runs("row_function", "Pool over row groups, by hand over columns")
def row_function_by_hand(make_pool, inputs, _case):
    with make_pool() as pool:
        return sum(pool.imap_unordered(advantage_of_columns, row_groups(inputs["files"])))


def combined(path):
    """Run the mapper over one file and add up the pairs of each word."""
    counts = {}
    for word, count in words_of(path):
        counts[word] = counts.get(word, 0) + count
    return counts


def counted(path):
    """Count the words of one file the fastest way."""
    from collections import Counter

    with open(path) as file:
        return Counter(file.read().split())


def merged(tables):
    """Add up tables of counts."""
    total = {}
    for table in tables:
        for word, count in table.items():
            total[word] = total.get(word, 0) + count
    return total


@adapter.runs("word_count", "Pool over files, pairs into a dict")
def word_count(make_pool, inputs, _case):
    with make_pool() as pool:
        return merged(pool.imap_unordered(combined, inputs["files"]))


@adapter.runs("word_count", "Pool over files, by hand with Counter")
def word_count_by_hand(make_pool, inputs, _case):
    with make_pool() as pool:
        return merged(pool.imap_unordered(counted, inputs["files"]))


def measure_pool(case, method):
    """Measure pools of that start method."""
    import multiprocessing

    from benches.harness.pools import PoolLike, measure

    context = multiprocessing.get_context(method)
    return measure(case, lambda workers: PoolLike(context.Pool(workers)))


@adapter.runs("pool", "fork")
def pool_fork(_session, _inputs, case):
    return measure_pool(case, "fork")


@adapter.runs("pool", "spawn")
def pool_spawn(_session, _inputs, case):
    return measure_pool(case, "spawn")
