"""What stages cost: the same questions as one plan, as stages on threads and in processes.

    python -m benches.stages DATA_FOLDER [ROWS]

Peers that are clusters themselves are not in here yet.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import windrow as wr
from benches.generate import groups

QUESTIONS = {
    "group by few": "select id1, sum(v1) s from g group by id1",
    "group by many": "select id3, sum(v1) s, avg(v3) m from g group by id3",
    "self join": "select count(*) n from g a join (select id6, max(v3) m from g group by id6) b"
    " on a.id6 = b.id6 and a.v3 = b.m",
    "sort": "select id6, v3 from g order by v3, id6",
}
WAYS: dict[str, dict[str, object] | None] = {
    "one plan": None,
    "threads": {"target": "threads"},
    "processes": {"target": "local", "processes": 2},
}
REPEATS = 5


def seconds(work: Callable[[], object]) -> float:
    """Give the median of some runs after one that warms up."""
    work()
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def written(exchange: Path) -> int:
    """Give the bytes of all data files."""
    return sum(path.stat().st_size for path in exchange.glob("*/stages/*/*/*.arrow"))


def main(data: Path, rows: int) -> None:
    """Measure and print."""
    paths = groups.parquet(data, rows)
    exchange = data / "exchange"
    print(f"{rows} rows, medians of {REPEATS}, milliseconds; MB written by one run")
    for name, query in QUESTIONS.items():
        cells = []
        for way, options in WAYS.items():
            wr.configure(workers=2, partitions=4, progress=False)

            def work(query: str = query) -> object:
                return wr.sql(query, g=wr.read_parquet(paths))._full().collect()

            if options is None:
                base = seconds(work)
                cells.append(f"{way} {base * 1e3:.0f}")
                continue
            with wr.connect(**options):
                taken = seconds(work)
            cells.append(f"{way} {taken * 1e3:.0f} ({taken / base:.2f} times)")
        wr.configure(workers=2, partitions=4, progress=False)
        kept = exchange / name.replace(" ", "-")
        with wr.connect("threads", durable=kept):
            work()
        print(f"{name}: {', '.join(cells)}; {written(kept) / 1e6:.1f} MB")
    overhead(paths)


def overhead(paths: list[str]) -> None:
    """Measure what a task and a stage cost that do nothing."""
    wr.configure(workers=2, partitions=4, progress=False)
    frame = wr.read_parquet(paths[:1])[["id4"]]
    few = "select id4 from g where id4 < 0"
    more = "select id4, count(*) n from g where id4 < 0 group by id4"
    for way in ("threads", "local"):
        with wr.connect(way):
            one = seconds(lambda: wr.sql(few, g=frame)._full().collect())
            two = seconds(lambda: wr.sql(more, g=frame)._full().collect())
        print(f"{way}: a stage {one * 1e3:.1f} ms, one more of four tasks {(two - one) * 1e3:.1f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2_000_000)
