"""Puts windrow's backend in the place of joblib's process backend, wherever it is imported.

The suite, its worker processes and the programs that it starts all import it.
"""

from __future__ import annotations

import os
import sys

import joblib
import joblib._parallel_backends
import joblib.parallel

from windrow.joblib import WindrowBackend


def install() -> None:
    """Make `loky`, joblib's default, another name of `windrow`."""
    joblib._parallel_backends.LokyBackend = WindrowBackend
    joblib.parallel.BACKENDS["loky"] = WindrowBackend


def install_in_children(folder: str) -> None:
    """Let every Python that is started from here install it as it starts."""
    with open(os.path.join(folder, "sitecustomize.py"), "w") as file:
        file.write("import joblib_backend\njoblib_backend.install()\n")
    here = os.path.dirname(os.path.abspath(__file__))
    known = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([folder, here, *filter(None, [known])])
    sys.path[:0] = [folder, here]
