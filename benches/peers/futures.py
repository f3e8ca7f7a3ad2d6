"""``concurrent.futures.ProcessPoolExecutor``, forking."""

from benches.harness.adapter import Adapter

adapter = Adapter("concurrent.futures")


@adapter.runs("pool")
def pool(_session, _inputs, case):
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    from benches.harness.pools import ExecutorLike, measure

    context = multiprocessing.get_context("fork")
    return measure(
        case,
        lambda workers: ExecutorLike(ProcessPoolExecutor(workers, mp_context=context), workers),
    )
