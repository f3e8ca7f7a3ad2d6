"""Runs others' own tests with our classes in place of theirs, and counts.

`python tests/compat/run.py`; each skipped test has its reason in the table of its module.
"""

from __future__ import annotations

import importlib
import sys
import time
import unittest
from pathlib import Path
from typing import Any

MODULES = ["cpython_pool"]


class Result(unittest.TextTestResult):
    """Skips what the table says, before it starts."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.passed = 0

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802  unittest's name
        super().addSuccess(test)
        self.passed += 1


def cases_of(module: Any) -> unittest.TestSuite:
    """All tests of a module, those of the table replaced by their skip."""
    suite = unittest.TestSuite()
    known = set()
    for case in module.CASES:
        for name in unittest.defaultTestLoader.getTestCaseNames(case):
            full = f"{case.__name__}.{name}"
            known.add(full)
            reason = module.SKIPPED.get(full)
            if reason is not None:
                setattr(case, name, unittest.skip(reason)(getattr(case, name)))
            suite.addTest(case(name))
    missing = set(module.SKIPPED) - known
    if missing:
        raise SystemExit(f"the table of skips names tests that do not exist: {missing}")
    return suite


def main() -> int:
    """Run all modules; 1 when any test failed."""
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    version = ".".join(map(str, sys.version_info[:3]))
    failed_in_all = 0
    for name in MODULES:
        module = importlib.import_module(name)
        started = time.monotonic()
        runner = unittest.TextTestRunner(resultclass=Result, stream=sys.stderr, verbosity=1)
        result: Any = runner.run(cases_of(module))
        failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
        failed_in_all += failed
        seconds = time.monotonic() - started
        print(
            f"{name} on Python {version}: {result.passed} passed, {failed} failed, "
            f"{len(result.skipped)} skipped in {seconds:.0f} s"
        )
        for test, reason in result.skipped:
            print(f"  skipped {test.id().partition('.')[2]}: {reason}")
    return 1 if failed_in_all else 0


if __name__ == "__main__":
    sys.exit(main())
