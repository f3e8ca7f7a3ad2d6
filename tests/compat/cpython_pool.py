"""CPython's own tests of `multiprocessing.Pool`, with `windrow.Pool` in its place.

They are those of the interpreter that runs this; nothing of them is copied.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.pool
import unittest
from typing import Any
from unittest import mock

from test import _test_multiprocessing as theirs

import windrow

SKIPPED = {
    "TestPoolNotLeakOnFailure.test_release_unused_processes": (
        "gives the pool a `context.Process` whose start fails; our workers are not made by one "
        "(tests/chaos/test_pool_ends.py has pools that cannot start)"
    ),
    "WithProcessesTestPoolWorkerErrors.test_unpickleable_result": (
        "wants a lambda as a result to be refused; we send it "
        "(tests/python/test_pool.py has a result that cannot be sent)"
    ),
}


class OurPool(theirs.ProcessesMixin):
    """The flavor of processes, with our class wherever the tests look for theirs."""

    Pool = staticmethod(windrow.Pool)

    @classmethod
    def setUpClass(cls) -> None:
        replace_class(cls)
        super().setUpClass()


def replace_class(case: Any) -> None:
    """Put our class into the modules of `multiprocessing` while the tests of `case` run."""
    for module in (multiprocessing, multiprocessing.pool):
        patch = mock.patch.object(module, "Pool", windrow.Pool)
        patch.start()
        case.addClassCleanup(patch.stop)
    helper = theirs.test.support.script_helper
    original = helper.assert_python_ok

    def with_our_class(*arguments: str, **options: Any) -> Any:
        changed = [
            text.replace("from multiprocessing import Pool", "from windrow import Pool")
            for text in arguments
        ]
        assert changed != list(arguments), "the program does not import `Pool` as we know it"
        return original(*changed, **options)

    patch = mock.patch.object(helper, "assert_python_ok", with_our_class)
    patch.start()
    case.addClassCleanup(patch.stop)


class WithProcessesTestPool(theirs._TestPool, OurPool, unittest.TestCase):
    pass


class WithProcessesTestPoolWorkerErrors(theirs._TestPoolWorkerErrors, OurPool, unittest.TestCase):
    pass


class WithProcessesTestPoolWorkerLifetime(
    theirs._TestPoolWorkerLifetime, OurPool, unittest.TestCase
):
    pass


class TestPoolNotLeakOnFailure(theirs.TestPoolNotLeakOnFailure):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        replace_class(cls)


CASES = [
    WithProcessesTestPool,
    WithProcessesTestPoolWorkerErrors,
    WithProcessesTestPoolWorkerLifetime,
    TestPoolNotLeakOnFailure,
]
