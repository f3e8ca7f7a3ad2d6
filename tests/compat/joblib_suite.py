"""joblib's own `test_parallel.py`, from its wheel, with windrow's backend in place of its default.

    python tests/compat/joblib_suite.py [pytest's options, such as -k name]

Prints passed, failed and skipped. What is skipped, and why, stands in `SKIPS` and nowhere else.
"""

from __future__ import annotations

import fnmatch
import os
import sys
import tempfile
from collections import Counter

import joblib_backend
import pytest

from windrow.joblib import WindrowBackend

MODULE = "joblib.test.test_parallel"

#: Pattern of a test's name -> why it says nothing about a backend that is not joblib's own.
SKIPS: dict[str, str] = {
    "test_nested_parallelism_limit[[]*-loky]": (
        "compares the name of the backend's class with `LokyBackend`; ours nests in the same way "
        "(tests/python/test_joblib.py)"
    ),
    "test_parallel_with_interactively_defined_bound_method_loky": (
        "looks for the name of loky's processes in its log"
    ),
    "test_multiple_generator_call_separated_gc[[]*-loky-True]": (
        "wants the second call to fail while the first goes on; ours has workers of its own"
    ),
    "test_nested_parallel_warnings[[]*loky*-True]": (
        "wants a warning that processes cannot be started from there; ours can"
    ),
}


class Suite:
    """Skips what is in the table, and counts."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.failed: list[str] = []
        self.ours: set[str] = set()
        self.unused = set(SKIPS)
        self._running = ""
        configure = WindrowBackend.configure

        def noted(backend, *args, **options):
            workers = configure(backend, *args, **options)
            self.ours.add(self._running)
            return workers

        WindrowBackend.configure = noted

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            for pattern, reason in SKIPS.items():
                if fnmatch.fnmatchcase(item.name, pattern):
                    self.unused.discard(pattern)
                    item.add_marker(pytest.mark.skip(reason=reason))

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self._running = item.nodeid

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and report.when != "call":
            self.counts["failed"] += 1
            self.failed.append(f"{report.nodeid} ({report.when})")
        elif report.when == "call" or report.skipped:
            # An expected failure counts as joblib's own suite counts it: not as a failure.
            self.counts[report.outcome] += 1
            if report.failed:
                self.failed.append(report.nodeid)
            if report.skipped:
                self.reasons[self._reason(report)] += 1

    @staticmethod
    def _reason(report: pytest.TestReport) -> str:
        if hasattr(report, "wasxfail"):
            return f"joblib expects it to fail: {report.wasxfail}"
        text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        return text.removeprefix("Skipped: ")

    def summary(self) -> str:
        """The counts, and a line for each reason to skip."""
        lines = [f"{count:5} skipped: {reason}" for reason, count in self.reasons.most_common()]
        lines += [f"      failed: {name}" for name in self.failed]
        counts = (f"{self.counts[kind]} {kind}" for kind in ("passed", "failed", "skipped"))
        ours = f"windrow's workers ran in {len(self.ours)} of them"
        return "\n".join([*lines, f"joblib's test_parallel.py: {', '.join(counts)}; {ours}"])


def main(options: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        joblib_backend.install_in_children(folder)
        joblib_backend.install()
        suite = Suite()
        # Not our own settings: they are for our own tests.
        config = os.path.join(folder, "pytest.ini")
        with open(config, "w") as file:
            file.write("[pytest]\naddopts = -p no:cacheprovider --timeout=120\n")
        quiet = [] if options else ["-rN", "--disable-warnings"]
        found = pytest.main(
            ["-c", config, "-q", "--no-header", *quiet, "--pyargs", MODULE, *options],
            plugins=[suite],
        )
    print(suite.summary())
    if suite.unused and not options:
        print("no such test any more:", ", ".join(sorted(suite.unused)))
        return 1
    return int(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
