"""loky, joblib's executor of processes."""

from benches.harness.adapter import Adapter

adapter = Adapter("loky", ["loky"])


@adapter.runs("pool")
def pool(_session, _inputs, case):
    from loky import ProcessPoolExecutor

    from benches.harness.pools import ExecutorLike, measure

    return measure(case, lambda workers: ExecutorLike(ProcessPoolExecutor(workers), workers))
