"""What runs on Dask workers in place of windrow: a module of the user's own, which has to travel.

A spec's `run` says what to do, so that nothing but the spec travels.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path


def execute(spec: bytes) -> bytes:
    """Do what `do` of the spec says; the outcome tells who did it."""
    described = json.loads(spec)
    do = described.get("do", {})
    if mark := do.get("mark"):
        Path(mark).open("a").close()
    if gate := do.get("wait_for"):
        deadline = time.monotonic() + 60
        while not Path(gate).exists() and time.monotonic() < deadline:
            time.sleep(0.02)
    if do.get("raise"):
        raise ValueError(do["raise"])
    if do.get("die"):
        os._exit(9)
    return json.dumps(
        {"outcome": "done", "pid": os.getpid(), "attempt": described["attempt"]}
    ).encode()
