"""A process that gives one answer and ends; the harness times it from start to exit.

It imports nothing but the peer's adapter: what it costs is what the peer costs.
"""

import sys
from importlib import import_module

if __name__ == "__main__":
    peer, job, variant, case, path = sys.argv[1:]
    run = import_module(f"benches.peers.{peer}").adapter.find(job, variant)
    answer = run.function(None, {"csv": path}, case)
    sys.stdout.write(f"RESULT {answer!r}\n")
