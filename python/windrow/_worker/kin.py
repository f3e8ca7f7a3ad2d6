"""What a worker of a `Pool` takes over from the process that it works for."""

from __future__ import annotations

import multiprocessing.process

from windrow._worker import pickling


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
    multiprocessing.process.current_process().authkey = secret
    if initializer is not None:
        function, arguments = pickling.loads(initializer)
        function(*arguments)
