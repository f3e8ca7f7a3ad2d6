"""The result of a MapReduce: like a dict, and a dataset of pairs when it is large."""

from __future__ import annotations

import pickle
import shutil
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from windrow.mapreduce.tasks import ReduceOutput

if TYPE_CHECKING:
    from windrow.frame.frame import DataFrame


class MapReduceResult:
    """The pairs `(key, value)` that the reducer gave.

    Small results are in memory. Large ones are in files that are read as they are looked at, and
    that go when the result goes. A reducer that yields several values gives a key several pairs.
    """

    def __init__(self, outputs: Sequence[ReduceOutput], folder: str | None) -> None:
        self._outputs = list(outputs)
        self._lookup: dict[Any, list[Any]] | None = None
        if folder is None:
            return
        if any(output.path for output in self._outputs):
            # Without a cycle through self, or the files would stay as long as the process.
            self._finalizer = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)

    def items(self) -> Iterator[tuple[Any, Any]]:
        """Pairs, one part of the result in memory at a time."""
        for output in self._outputs:
            yield from _load(output)

    def keys(self) -> Iterator[Any]:
        """Keys, each once."""
        return iter(self._by_key())

    def values(self) -> Iterator[Any]:
        """Values, in the order of `items`."""
        return (value for _, value in self.items())

    def __iter__(self) -> Iterator[Any]:
        return self.keys()

    def __len__(self) -> int:
        return sum(output.count for output in self._outputs)

    def __contains__(self, key: object) -> bool:
        return key in self._by_key()

    def __getitem__(self, key: Any) -> Any:
        """The value of `key`; the list of its values if the reducer gave it several."""
        values = self._by_key()[key]
        return values[0] if len(values) == 1 else values

    def get(self, key: Any, default: Any = None) -> Any:
        """The value of `key`, or `default`."""
        return self[key] if key in self else default  # noqa: SIM401 - this is `get`

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (dict, MapReduceResult)):
            return dict(self.items()) == dict(other.items())
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown: list[str] = []
        for pair in self.items():
            if len(shown) == 5:
                break
            shown.append(f"{pair[0]!r}: {pair[1]!r:.60}")
        more = len(self) - len(shown)
        dots = f", … {more:,} more" if more else ""
        return f"MapReduceResult({{{', '.join(shown)}{dots}}})"

    def to_frame(self, columns: tuple[str, str] = ("key", "value")) -> DataFrame:
        """Make a frame of two columns of it.

        Raises
        ------
        windrow.errors.DataError
            Keys or values that have no common Arrow type.
        """
        from windrow.sources import from_arrow

        return from_arrow(self._table(columns))

    def _table(self, columns: tuple[str, str]) -> Any:
        import pyarrow as pa

        parts = []
        for output in self._outputs:
            pairs = _load(output)
            if pairs:
                keys, values = zip(*pairs, strict=True)
                try:
                    arrays = [pa.array(keys), pa.array(values)]
                except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
                    from windrow.errors import DataError

                    raise DataError(
                        f"keys or values do not fit one column type: {error}\n"
                        "hint: use `items()`, or give keys and values of one type each"
                    ) from None
                parts.append(pa.table(arrays, names=list(columns)))
        if not parts:
            return pa.table({name: pa.array([], pa.null()) for name in columns})
        return pa.concat_tables(parts, promote_options="permissive")

    def _by_key(self) -> dict[Any, list[Any]]:
        if self._lookup is None:
            lookup: dict[Any, list[Any]] = {}
            for key, value in self.items():
                lookup.setdefault(key, []).append(value)
            self._lookup = lookup
        return self._lookup


def _load(output: ReduceOutput) -> list[tuple[Any, Any]]:
    data = output.inline if output.path is None else Path(output.path).read_bytes()
    pairs: list[tuple[Any, Any]] = pickle.loads(data or b"")
    return pairs
