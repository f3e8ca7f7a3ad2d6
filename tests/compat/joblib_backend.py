"""Puts windrow's backend in the place of joblib's process backend, wherever it is imported.

The suite, its worker processes and the programs that it starts all import it.
"""

from __future__ import annotations

import ast
import contextlib
import os
import sys
from typing import Any

import joblib
import joblib._parallel_backends
import joblib.parallel

from windrow.joblib import WindrowBackend


def install() -> None:
    """Make `loky`, joblib's default, another name of `windrow`."""
    _let_threads_parse()
    joblib._parallel_backends.LokyBackend = WindrowBackend
    joblib.parallel.BACKENDS["loky"] = WindrowBackend


def _let_threads_parse() -> None:
    """Let `ast.parse`, which joblib calls in nested loops, work in several threads at a time.

    Before 3.11.9 CPython counts the depth of syntax trees for all threads together (gh-106905), so
    that one of them gets a `SystemError`, with any backend: it parses again then.
    """
    parse = ast.parse

    def again(*args: Any, **options: Any) -> ast.AST:
        for _ in range(20):
            with contextlib.suppress(SystemError):
                return parse(*args, **options)
        return parse(*args, **options)

    if sys.version_info < (3, 11, 9):
        ast.parse = again


def install_in_children(folder: str) -> None:
    """Let every Python that is started from here install it as it starts."""
    with open(os.path.join(folder, "sitecustomize.py"), "w") as file:
        file.write("import joblib_backend\njoblib_backend.install()\n")
    here = os.path.dirname(os.path.abspath(__file__))
    known = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([folder, here, *filter(None, [known])])
    sys.path[:0] = [folder, here]
