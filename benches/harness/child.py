"""The measured process: opens one peer, runs one case of one job, prints figures as JSON."""

import json
import os
import sys
import time
from importlib import import_module
from importlib.metadata import version

MARK = "RESULT "
WARM_SECONDS = 40


def seconds_of(function, *arguments):
    """Run ``function`` and give its result and how long it took."""
    started = time.perf_counter()
    result = function(*arguments)
    return result, time.perf_counter() - started


def measure(order):
    """Carry out one order of the harness and give what is to be printed."""
    adapter = import_module(f"benches.peers.{order['peer']}").adapter
    run = adapter.find(order["job"], order["variant"])
    case, inputs = order["case"], order["inputs"]
    session, opened = seconds_of(adapter.open, order["cores"], order["scratch"])
    try:
        result, first = seconds_of(run.function, session, inputs, case)
        warm = []
        while len(warm) < order["warm_runs"] and (len(warm) < 2 or sum(warm) < WARM_SECONDS):
            result = None
            result, seconds = seconds_of(run.function, session, inputs, case)
            warm.append(seconds)
        figures = {"opened": opened, "first": first, "warm": warm}
        if order["how"] == "own":
            figures = {"figure": result}
        elif order["digest"]:
            digest = import_module(f"benches.jobs.{order['job']}").JOB.digest
            shown = result if isinstance(result, int | float | dict) else adapter.to_arrow(result)
            figures["answer"] = digest(shown, case)
        figures["versions"] = {package: version(package) for package in adapter.packages}
        return figures
    finally:
        adapter.close(session)


if __name__ == "__main__":
    print(MARK + json.dumps(measure(json.loads(sys.argv[1]))), flush=True)
    # What a killed worker leaves behind may hang an orderly exit; the harness ends the rest.
    os._exit(0)
