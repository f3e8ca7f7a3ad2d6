"""What a job is: its inputs, its cases and how answers are compared."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Size:
    """How large a run is."""

    rows: int
    words: int
    runs: int


FULL = Size(rows=5_000_000, words=10_000_000, runs=5)
QUICK = Size(rows=50_000, words=100_000, runs=2)


@dataclass(frozen=True)
class Job:
    """One thing to measure, in one or more cases.

    Attributes
    ----------
    how : ``timed`` (the harness times a cold and several warm runs in one process), ``process``
        (the harness times a whole process, from start to exit), or ``own`` (the job's code gives
        its own figure, once a process).
    units : the unit of each case's figure; ``MB/s`` is better when higher, all else when lower.
    inputs : makes the input files and gives what the adapters need to know about them.
    digest : turns a result (for frames: a pyarrow Table) into numbers that can be compared.
    by_default : whether it runs when no jobs are named.
    reference : the right answer by plain means, for jobs where peers may run on a share of rows.
    """

    name: str
    title: str
    cases: Mapping[str, str]
    inputs: Callable[[Path, Size], dict[str, Any]]
    how: str = "timed"
    units: Mapping[str, str] = field(default_factory=dict)
    digest: Callable[[Any, str], Any] = lambda result, _case: result
    reference: Callable[[dict[str, Any]], Any] | None = None
    notes: str = ""
    by_default: bool = True

    def unit(self, case: str) -> str:
        """Give the unit of a case's figure."""
        return self.units.get(case, "s")


def agree(left: Any, right: Any) -> bool:
    """Tell whether two answers are equal, floats to one part in a million."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(agree(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(agree, left, right))
    if isinstance(left, float) or isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-6)
    return bool(left == right)
