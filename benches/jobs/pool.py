"""Pools of worker processes: start, throughput, latency, arrays, death, memory."""

from benches.harness.job import Job

JOB = Job(
    name="pool",
    title="Pool",
    cases={
        "start_cold": "a process's first pool of 2: making it, to its first result",
        "start_warm": "its next pools: the same",
        "map_nothing": "map of 200,000 items that do nothing, per item",
        "chunksize_1": "the same with chunksize 1 and 20,000 items, per item",
        "apply": "one apply that does nothing, median of 2,000",
        "arrays_first": "eight arrays of 32 MB there and back, the first time",
        "arrays_again": "the same when the pool has done so before",
        "replace": "from the kill of the only worker to the next result, 95th percentile of 50",
        "idle_memory": "private memory of an idle worker, the driver having loaded pandas",
        "used_memory": "the same after it has worked on small frames",
    },
    inputs=lambda _data, _size: {},
    how="own",
    units={
        "start_cold": "ms",
        "start_warm": "ms",
        "map_nothing": "µs",
        "chunksize_1": "µs",
        "apply": "µs",
        "arrays_first": "MB/s",
        "arrays_again": "MB/s",
        "replace": "ms",
        "idle_memory": "MiB",
        "used_memory": "MiB",
    },
    by_default=False,
    notes=(
        "Each figure is the median of three processes. Wanted and not reached here: a map of "
        "nothing as fast as forked multiprocessing, and three times its throughput with "
        "chunksize 1. Both depend on how busy the two cores are: in runs that alternate the "
        "two in one process, the map is 1.1 to 1.2 times faster, and an earlier run of this "
        "job gave 3.25 with chunksize 1. Forked workers have the driver's modules for "
        "nothing, so they start sooner the first time. The machine did other work besides."
    ),
)
