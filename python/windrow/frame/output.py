"""Frames into files: `to_parquet`, `to_csv`, `to_json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike, fspath
from typing import TYPE_CHECKING

from windrow.errors import OptionNotInWindrowYet
from windrow.frame.core import Core
from windrow.frame.missing import refuse

if TYPE_CHECKING:
    from windrow._native import Dataset

_CSV_IGNORED = {"encoding": "utf-8", "mode": "w", "chunksize": ..., "lineterminator": "\n"}


class Output(Core):
    """Writing a frame; each method runs the plan and gives the paths written."""

    __slots__ = ()

    def to_parquet(
        self,
        path: str | PathLike[str],
        *,
        compression: str | None = None,
        index: bool | None = None,
        overwrite: bool = False,
        **options: object,
    ) -> list[str]:
        """Write Parquet files.

        Parameters
        ----------
        path
            A file (`matches.parquet`), or a folder that gets a file per partition.
        compression
            `"zstd"`, `"snappy"`, `"gzip"`, `"lz4"`, `"none"`...; None: the default.
        index
            Whether to write the keys of a groupby; None: yes.
        overwrite
            Whether files in a folder that is there may be replaced; one file always is.
        """
        refuse("DataFrame.to_parquet", options, {"engine": ...})
        return self._write(
            "parquet", path, index, {"compression": compression, "overwrite": overwrite}
        )

    def to_csv(
        self,
        path_or_buf: str | PathLike[str],
        sep: str | None = None,
        *,
        na_rep: str | None = None,
        header: bool | None = None,
        index: bool | None = None,
        overwrite: bool = False,
        compression: str | None = None,
        **options: object,
    ) -> list[str]:
        """Write CSV files; `index` and `overwrite` as in `to_parquet`, the rest as in pandas."""
        refuse("DataFrame.to_csv", options, _CSV_IGNORED)
        given = {
            "sep": sep,
            "na_rep": na_rep,
            "header": header,
            "overwrite": overwrite,
            "compression": _inferred(compression),
        }
        return self._write("csv", path_or_buf, index, given)

    def to_json(
        self,
        path_or_buf: str | PathLike[str],
        *,
        orient: str = "records",
        lines: bool = True,
        index: bool | None = None,
        compression: str | None = None,
        overwrite: bool = False,
        **options: object,
    ) -> list[str]:
        """Write JSON, one object per row and line."""
        refuse("DataFrame.to_json", options, {"mode": "w"})
        if orient != "records" or not lines:
            raise OptionNotInWindrowYet(
                f"`DataFrame.to_json` has no `orient={orient!r}`, `lines={lines}` in windrow yet\n"
                'hint: it writes `orient="records", lines=True`; '
                "`compute().to_json(...)` writes the others"
            )
        given = {"compression": _inferred(compression), "overwrite": overwrite}
        return self._write("json", path_or_buf, index, given)

    def _write(
        self,
        kind: str,
        path: str | PathLike[str],
        index: bool | None,
        given: Mapping[str, object],
    ) -> list[str]:
        if index and not self._rows.index:
            raise ValueError(
                "`index=True`, but windrow frames have no index\nhint: leave `index` out"
            )
        dataset: Dataset = self._dataset() if index is False else self._full()
        options = {name: value for name, value in given.items() if value is not None}
        return dataset.write(kind, fspath(path), json.dumps(options))


def _inferred(compression: str | None) -> str | None:
    """None for pandas' `"infer"`: from the path's ending is the default."""
    return None if compression == "infer" else compression
