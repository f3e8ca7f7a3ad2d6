"""Windrow: the Python function you already have, on every core.

>>> import windrow as wr
>>> df = wr.read_csv("matches.csv")
>>> df["margin"] = df.apply(lambda row: row["home_score"] - row["away_score"], axis=1)
>>> df.groupby("tournament")["margin"].mean().compute()
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

# `typing` takes longer to load than all of this: every worker process would wait for it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from windrow._native import __version__ as __version__
    from windrow.client import Client as Client
    from windrow.client import connect as connect
    from windrow.explain import explain_function as explain_function
    from windrow.frame.frame import DataFrame as DataFrame
    from windrow.frame.scalar import Scalar as Scalar
    from windrow.frame.series import Series as Series
    from windrow.mapreduce.job import mapreduce as mapreduce
    from windrow.pool.executor import Executor as Executor
    from windrow.pool.pool import Pool as Pool
    from windrow.session import configure as configure
    from windrow.session import settings as settings
    from windrow.sources import from_arrow as from_arrow
    from windrow.sources import from_items as from_items
    from windrow.sources import from_pandas as from_pandas
    from windrow.sources import read_csv as read_csv
    from windrow.sources import read_json as read_json
    from windrow.sources import read_parquet as read_parquet
    from windrow.sources import read_text as read_text
    from windrow.sql import sql as sql

# Public name -> where it lives. Loaded when first used, so that `import windrow` is quick.
_HOMES = {
    "__version__": "_native",
    "Client": "client",
    "DataFrame": "frame.frame",
    "Executor": "pool.executor",
    "Pool": "pool.pool",
    "Scalar": "frame.scalar",
    "Series": "frame.series",
    "configure": "session",
    "connect": "client",
    "explain_function": "explain",
    "from_arrow": "sources",
    "from_items": "sources",
    "from_pandas": "sources",
    "mapreduce": "mapreduce.job",
    "read_csv": "sources",
    "read_json": "sources",
    "read_parquet": "sources",
    "read_text": "sources",
    "settings": "session",
    "sql": "sql",
}

__all__ = [
    "Client",
    "DataFrame",
    "Executor",
    "Pool",
    "Scalar",
    "Series",
    "__version__",
    "configure",
    "connect",
    "explain_function",
    "from_arrow",
    "from_items",
    "from_pandas",
    "mapreduce",
    "read_csv",
    "read_json",
    "read_parquet",
    "read_text",
    "settings",
    "sql",
]


class _Package(ModuleType):
    """Keeps `windrow.sql` the function when the module of that name is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        # Functions that use it by a global name are sent by value: as all modules, by its name.
        return import_module, (self.__name__,)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module("windrow.errors")
    if name not in _HOMES:
        raise AttributeError(f"`windrow` has no attribute `{name}`{_hint(name)}")
    value = getattr(import_module(f"windrow.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def _hint(name: str) -> str:
    import difflib

    if name.startswith("_"):
        return ""
    found = difflib.get_close_matches(name, __all__, n=1)
    return f"\nhint: did you mean `{found[0]}`?" if found else ""


def __dir__() -> list[str]:
    return sorted(__all__)
