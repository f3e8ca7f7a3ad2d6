"""What a worker of a `Pool` takes over from the process that it works for."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

_PROCESS = "multiprocessing.process"


def start(secret: bytes, initializer: bytes | None) -> None:
    """Prepare this worker; run before its first task.

    Parameters
    ----------
    secret
        The `authkey` of the driver, by which managers of `multiprocessing` and their proxies know
        the processes that belong together.
    initializer
        The pickled `(function, arguments)` that the user wants called. It stays pickled until the
        secret is set: a proxy among its arguments connects as it is loaded.
    """
    process = sys.modules.get(_PROCESS)
    if process is not None:
        process.current_process().authkey = secret
    else:
        sys.meta_path.insert(0, _Handover(secret))
    if initializer is not None:
        import pickle

        function, arguments = pickle.loads(initializer)
        function(*arguments)


class _Handover:
    """Sets the secret when `multiprocessing` is loaded: a worker does not wait for that."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._loader: Any = None

    def find_spec(
        self, name: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Take part in the loading of that one module, once."""
        if name != _PROCESS:
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(name, path)
            if spec is not None:
                self._loader, spec.loader = spec.loader, self  # type: ignore[assignment]
                return spec
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the module's own loader."""
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Load the module with its own loader, and set the secret."""
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        module.current_process().authkey = self._secret
