"""joblib on windrow's workers, and with it everything that takes `n_jobs`, such as scikit-learn.

>>> import joblib, windrow.joblib
>>> with joblib.parallel_config(backend="windrow"):
...     search.fit(X, y)
"""

from __future__ import annotations

import functools
import io
import os
import pickle
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import cloudpickle
import joblib
from joblib._memmapping_reducer import (
    TemporaryResourcesManager,
    get_memmapping_reducers,
    reduce_array_memmap_backward,
)
from joblib._parallel_backends import (
    AutoBatchingMixin,
    FallbackToBackend,
    ParallelBackendBase,
    SequentialBackend,
)

from windrow.errors import FunctionNotPicklable

if TYPE_CHECKING:
    from windrow.pool import Pool

__all__ = ["WindrowBackend"]

#: Workers that no call uses end after this many seconds.
IDLE_TIMEOUT = 300.0

#: A reducer for each type that is not pickled in its own way.
Reducers = Mapping[type, Callable[[Any], Any]]


class WindrowBackend(AutoBatchingMixin, ParallelBackendBase):  # type: ignore[misc]
    """What `joblib.Parallel` runs its batches on: a `windrow.Pool`.

    Workers are kept for the next call with the same settings. Large arrays are shared through
    joblib's own memory maps, so `max_nbytes`, `mmap_mode` and `temp_folder` mean what they always
    do. Parallel calls inside of a worker use threads there, as joblib's own processes do; a call
    that asks for this backend by name gets workers of its own.
    """

    supports_retrieve_callback = True
    supports_inner_max_num_threads = True
    supports_sharedmem = False
    uses_threads = False

    _pool: Pool | None = None
    _key: _Key | None = None
    _shared: TemporaryResourcesManager | None = None
    _reducers: Reducers | None = None
    _idle_timeout = IDLE_TIMEOUT

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """How many workers `n_jobs` is; negative numbers count from the processors down."""
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        if n_jobs is None:
            return 1
        return max(joblib.cpu_count() + 1 + n_jobs, 1) if n_jobs < 0 else n_jobs

    def configure(self, n_jobs: int = 1, parallel: Any = None, **options: Any) -> int:
        """Take workers for a call, or several calls of a managed `Parallel`."""
        n_jobs = self.effective_n_jobs(n_jobs)
        if n_jobs == 1:
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        options = {**self.backend_kwargs, **options}
        self._idle_timeout = options.pop("idle_worker_timeout", None) or IDLE_TIMEOUT
        key = _Key(
            n_jobs,
            self._prepare_worker_env(n_jobs=n_jobs),
            options.pop("initializer", None),
            tuple(options.pop("initargs", ())),
        )
        self._shared = TemporaryResourcesManager(options.pop("temp_folder", None))
        self._reducers, _ = get_memmapping_reducers(
            temp_folder_resolver=self._shared.resolve_temp_folder_name,
            unlink_on_gc_collect=False,
            **{name: options[name] for name in _MEMORY if name in options},
        )
        unknown = options.keys() - _MEMORY - _HARMLESS
        if unknown:
            raise TypeError(
                f"the backend `windrow` has no option `{min(unknown)}`\n"
                f"hint: it has {', '.join(f'`{name}`' for name in sorted(_MEMORY | _OWN))}"
            )
        self._key, self._pool = key, _idle.take(key) or key.pool()
        self.parallel = parallel
        return n_jobs

    def submit(
        self, func: Callable[[], Any], callback: Callable[[_Outcome], None] | None = None
    ) -> Any:
        """Start a batch; `callback` gets its outcome."""
        assert self._pool is not None
        done = callback or _ignore
        try:
            data, buffers = _dumps(func, self._reducers)
        except Exception as error:  # noqa: BLE001 - told where joblib looks for errors
            failure = FunctionNotPicklable(
                f"cannot pickle the task to send to the workers: {error}"
            )
            failure.__cause__ = error
            # This may be the thread that gives results out, inside of joblib's own lock.
            threading.Thread(target=done, args=(_Outcome(error=failure),)).start()
            return failure
        return self._pool.apply_async(
            _run_batch,
            (data, buffers),
            callback=lambda result: done(_Outcome(result)),
            error_callback=lambda error: done(_Outcome(error=error)),
        )

    def retrieve_result_callback(self, out: _Outcome) -> Any:
        """The results of a batch, or what it raised."""
        return out.get()

    def terminate(self) -> None:
        """Leave the workers to the next call."""
        pool, self._pool = self._pool, None
        if pool is not None and self._key is not None:
            _idle.put(self._key, pool, self._idle_timeout)
        self._clean(force=False)
        self.reset_batch_stats()

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """End the workers with all that they do."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.terminate()
            pool.join()
        self._clean(force=True)
        if ensure_ready:
            self.configure(
                n_jobs=self.parallel.n_jobs,
                parallel=self.parallel,
                **self.parallel._backend_kwargs,
            )

    def _clean(self, force: bool) -> None:
        shared, self._shared = self._shared, None
        if shared is not None:
            shared._clean_temporary_resources(force=force, allow_non_empty=True)


_MEMORY = {"max_nbytes", "mmap_mode", "prewarm", "verbose"}
_OWN = {"idle_worker_timeout", "inner_max_num_threads", "initializer", "initargs", "temp_folder"}
# joblib passes these to every backend.
_HARMLESS = {"prefer", "require", "context", "inner_max_num_threads"}


class _Key:
    """What workers are like: those of one call do for another that asks for the same."""

    def __init__(
        self,
        n_jobs: int,
        environment: dict[str, str],
        initializer: Callable[..., object] | None,
        initargs: tuple[Any, ...],
    ) -> None:
        self.parts = (os.getpid(), n_jobs, environment, initializer, initargs)

    def pool(self) -> Pool:
        """New workers."""
        from windrow.client import say_it_stays
        from windrow.pool import Pool

        class Near(Pool):
            # Large arrays are in files of this machine.
            _stays_here = True

        say_it_stays("a loop of joblib")
        _, n_jobs, environment, initializer, initargs = self.parts
        return Near(n_jobs, _start_worker, (environment, initializer, initargs))


class _Idle:
    """The workers that no call uses: of the last call that ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: tuple[_Key, Pool, threading.Timer] | None = None

    def take(self, key: _Key) -> Pool | None:
        """Workers that are like `key`, if there are; others end."""
        with self._lock:
            kept, self._kept = self._kept, None
        if kept is None:
            return None
        known, pool, timer = kept
        timer.cancel()
        if known.parts == key.parts:
            return pool
        if known.parts[0] == key.parts[0]:  # a fork of this process leaves them alone
            _end(pool)
        return None

    def put(self, key: _Key, pool: Pool, seconds: float) -> None:
        """Keep workers for `seconds`."""
        timer = threading.Timer(seconds, self._expire, (pool,))
        timer.daemon = True
        with self._lock:
            before, self._kept = self._kept, (key, pool, timer)
        timer.start()
        if before is not None:
            before[2].cancel()
            _end(before[1])

    def _expire(self, pool: Pool) -> None:
        with self._lock:
            if self._kept is None or self._kept[1] is not pool:
                return
            self._kept = None
        _end(pool)


_idle = _Idle()


def _end(pool: Pool) -> None:
    pool.terminate()
    pool.join()


class _Outcome:
    """What a batch gave or raised."""

    def __init__(self, result: Any = None, error: BaseException | None = None) -> None:
        self._result, self._error = result, error

    def get(self) -> Any:
        if self._error is not None:
            raise self._error
        data, buffers = self._result
        return pickle.loads(data, buffers=buffers)


def _ignore(_outcome: _Outcome) -> None:
    """Nobody wants to know."""


# ---- in workers


def _start_worker(
    environment: dict[str, str],
    initializer: Callable[..., object] | None,
    initargs: tuple[Any, ...],
) -> None:
    os.environ.update(environment)
    _limit_threads(environment)
    if initializer is not None:
        initializer(*initargs)


def _limit_threads(environment: Mapping[str, str]) -> None:
    """Tell the libraries that are loaded already; others read the environment."""
    try:
        import threadpoolctl
    except ImportError:
        return
    number = environment.get("OMP_NUM_THREADS", "")
    if number.isdigit():
        threadpoolctl.threadpool_limits(int(number))


def _run_batch(data: Any, buffers: list[Any]) -> tuple[bytes, list[Any]]:
    return _dumps(pickle.loads(data, buffers=buffers)(), _results_reducers())


@functools.cache
def _results_reducers() -> Reducers:
    """Arrays in joblib's memory maps travel back as plain arrays: the maps go with the call."""
    import numpy as np

    return {np.memmap: reduce_array_memmap_backward}


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles by reducers for some types; large buffers stay apart, for shared memory."""

    def __init__(self, file: io.BytesIO, reducers: Reducers) -> None:
        self.buffers: list[pickle.PickleBuffer] = []
        self._reducers = reducers
        super().__init__(file, protocol=5, buffer_callback=self.buffers.append)

    def reducer_override(self, obj: Any) -> Any:
        reducer = self._reducers.get(type(obj))
        return super().reducer_override(obj) if reducer is None else reducer(obj)


def _dumps(value: Any, reducers: Reducers | None) -> tuple[bytes, list[pickle.PickleBuffer]]:
    file = io.BytesIO()
    pickler = _Pickler(file, reducers or {})
    pickler.dump(value)
    return file.getvalue(), pickler.buffers


joblib.register_parallel_backend("windrow", WindrowBackend)
