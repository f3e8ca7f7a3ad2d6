"""An interpreter without a peer: what every process pays, and loops over columns by hand."""

from benches.harness.adapter import Adapter

adapter = Adapter("python")


@adapter.runs("start")
def start(_session, _inputs, case):
    if case != "import":
        return None
    return 0


def _lists(paths, columns):
    """The columns of the files as lists of plain values."""
    import pyarrow.parquet as pq

    for path in paths:
        table = pq.read_table(path, columns=columns)
        yield [column.to_pylist() for column in table.columns]


@adapter.runs("listings", "zip")
def listings(_session, inputs, case):
    from benches.listings import CASES

    function, columns = CASES[case]
    total = 0.0
    for lists in _lists(inputs["files"], columns):
        total += sum([function(*values) for values in zip(*lists, strict=True)])
    return total


@adapter.runs("native", "zip", apart_from=["compiling"])
def native(_session, inputs, case):
    import time

    from benches.functions import home_advantage
    from benches.listings import CASES

    if case == "home":
        function, columns = home_advantage, ["home_score", "away_score", "neutral"]
        paths = inputs["matches"]
    else:
        function, columns = CASES[case]
        paths = inputs["files"]
    seconds, rows = 0.0, 0
    for lists in _lists(paths, columns):
        started = time.perf_counter()
        answers = [function(*values) for values in zip(*lists, strict=True)]
        seconds += time.perf_counter() - started
        rows += len(answers)
    return {"figure": seconds / rows * 1e9, "remark": ""}


@adapter.runs("worker_rows", "zip over lists")
def worker_rows(_session, inputs, _case):
    import itertools
    import statistics
    import time

    from benches.functions import home_advantage

    every = _lists(inputs["files"], ["home_score", "away_score", "neutral"])
    columns = [list(itertools.chain(*parts)) for parts in zip(*every, strict=True)]
    times = []
    for _ in range(5):
        started = time.perf_counter()
        answers = [home_advantage(*values) for values in zip(*columns, strict=True)]
        times.append(time.perf_counter() - started)
    return {"figure": statistics.median(times) / len(answers) * 1e9, "remark": ""}
