"""The modules of the user's script, in a zip, for machines that do not have them.

What is installed (in `site-packages`, or with the interpreter) is expected to be there; what lies
beside the script is not.
"""

from __future__ import annotations

import hashlib
import io
import os
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from windrow import errors

# A zip of modules is small; more than this is data that lies among them.
LARGEST = 64 << 20


@dataclass(frozen=True)
class LocalModules:
    """A zip, and the names of the top-level modules in it."""

    name: str
    names: tuple[str, ...]
    content: bytes


def local_modules() -> LocalModules | None:
    """Pack the local modules that this program has imported; None when there are none.

    Raises
    ------
    windrow.errors.WindrowError
        When they are too large to be sent.
    """
    tops = sorted({name.partition(".")[0] for name in sys.modules})
    sources = {top: found for top in tops if (found := _source(sys.modules.get(top)))}
    if not sources:
        return None
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for source in sources.values():
            for path in _files(source):
                # A fixed date: the same files make the same zip.
                entry = zipfile.ZipInfo(str(path.relative_to(source.parent)))
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    content = packed.getvalue()
    if len(content) > LARGEST:
        message = (
            f"the local modules {', '.join(f'`{name}`' for name in sources)} have "
            f"{len(content) >> 20} MiB, which is too much to send along\n"
            "hint: keep data out of their folders, or install them on the workers"
        )
        raise errors.WindrowError(message)
    digest = hashlib.sha256(content).hexdigest()[:16]
    return LocalModules(f"windrow-modules-{digest}.zip", tuple(sources), content)


def _source(module: ModuleType | None) -> Path | None:
    """Give the file or folder of a module that is the user's own."""
    if module is None or module.__name__ in ("__main__", "__mp_main__", "windrow"):
        return None
    file = getattr(module, "__file__", None)
    if file is None:
        # A folder without `__init__.py` may be spread over several places: the first is taken.
        folders = list(getattr(module, "__path__", ()))
        path = Path(folders[0]) if folders else None
    else:
        path = Path(file)
        if path.name == "__init__.py":
            path = path.parent
        elif path.suffix != ".py":
            return None
    if path is None or not path.exists() or _is_installed(path.resolve()):
        return None
    return path.resolve() if _is_importable(path) else None


def _is_importable(path: Path) -> bool:
    """Tell whether the module was found by the search path, not given a name by hand."""
    roots = {os.path.realpath(entry or os.getcwd()) for entry in sys.path}
    return os.path.realpath(path.parent) in roots


def _is_installed(path: Path) -> bool:
    return any(path.is_relative_to(root) for root in _installed_roots())


def _installed_roots() -> set[Path]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    roots = {Path(sysconfig.get_paths()[name]).resolve() for name in names}
    roots |= {Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix)}
    roots |= {
        Path(entry).resolve()
        for entry in sys.path
        if Path(entry).name in ("site-packages", "dist-packages")
    }
    return roots


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    found = (path for path in source.rglob("*") if path.is_file())
    return sorted(path for path in found if not _is_left_out(path.relative_to(source)))


def _is_left_out(path: Path) -> bool:
    hidden = any(part.startswith(".") or part == "__pycache__" for part in path.parts)
    return hidden or path.suffix in (".pyc", ".so", ".pyd")
