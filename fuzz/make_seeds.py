"""Write the specifications of the functions in the test suite as seeds for fuzzing."""

from __future__ import annotations

import hashlib
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "tests" / "python")]


def main() -> None:
    """Write one file for each function that has a specification."""
    import test_functions_everyday
    from windrow.functions import describe

    folder = ROOT / "fuzz" / "corpus" / "specification"
    folder.mkdir(parents=True, exist_ok=True)
    for function, batch in test_functions_everyday.CASES:
        spec = describe(function, columns=batch.schema.names, form="row").spec
        if spec is not None:
            name = hashlib.sha1(spec.encode(), usedforsecurity=False).hexdigest()
            (folder / name).write_text(spec)


if __name__ == "__main__":
    main()
