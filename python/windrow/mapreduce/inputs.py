"""What is mapped: names of files, lines of files or items, cut into units of work.

A unit is what one map task gets: a list of pieces, each a file, a range of bytes of a text file, or
an item.
"""

from __future__ import annotations

import difflib
import gzip
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

By = Literal["file", "line", "item"]

# Below this a task costs more than its work; above, a dying worker costs too much to repeat.
_RANGE_BYTES = 16 << 20
_UNITS_PER_WORKER = 4


@dataclass(frozen=True)
class FilePiece:
    """A file whose name is given to the mapper."""

    name: str

    def arguments(self) -> Iterator[tuple[str, str]]:
        """The mapper's argument, and how an error names it."""
        yield self.name, f"file `{self.name}`"


@dataclass(frozen=True)
class LinesPiece:
    """The lines that begin at bytes `start <= offset < end` of a text file.

    Parameters
    ----------
    name
        The file; `.gz` is unpacked.
    start, end
        Bytes of the file; `end` is None for all that follows.
    """

    name: str
    start: int = 0
    end: int | None = None

    def arguments(self) -> Iterator[tuple[str, str]]:
        """Each line without its line break, and how an error names it."""
        with _open(self.name) as file:
            offset = self.start
            if offset > 0:
                # The line that the byte before belongs to is the range's before us.
                file.seek(offset - 1)
                offset += len(file.readline()) - 1
            for number, raw in enumerate(file, start=1):
                if self.end is not None and offset >= self.end:
                    return
                offset += len(raw)
                yield self._text(raw, number), self._place(number)

    def _text(self, raw: bytes, number: int) -> str:
        try:
            return raw.decode("utf-8").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            error.add_note(f"{self._place(number)} is not UTF-8")
            error.add_note('hint: convert the file, or use `by="file"` and open it yourself')
            raise

    def _place(self, number: int) -> str:
        counted = f"line {number}"
        if self.start > 0:
            counted += f" after byte {self.start}"
        return f"{counted} of file `{self.name}`"


@dataclass(frozen=True)
class ItemPiece:
    """A Python object that is given to the mapper."""

    item: Any
    place: int

    def arguments(self) -> Iterator[tuple[Any, str]]:
        """The item, and how an error names it."""
        yield self.item, f"item {self.place}: {self.item!r:.200}"


Piece = FilePiece | LinesPiece | ItemPiece


def _open(name: str) -> IO[bytes]:
    return gzip.open(name) if name.endswith(".gz") else open(name, "rb")  # type: ignore[return-value]


def units(inputs: Any, by: By, workers: int) -> list[list[Piece]]:
    """Cut `inputs` into units of work for `workers` workers.

    Raises
    ------
    FileNotFoundError
        A file or folder that is not there, or one without files.
    """
    pieces: list[Piece]
    if by == "item":
        pieces = [ItemPiece(item, place) for place, item in enumerate(inputs)]
        return _grouped(pieces, [1] * len(pieces), workers)
    names = list(_names(inputs))
    if by == "file":
        return _grouped(
            [FilePiece(name) for name in names], [_size(name) for name in names], workers
        )
    pieces, sizes = [], []
    for name in names:
        if "://" in name:
            raise NotImplementedError(
                f'`by="line"` reads local files; `{name}` is elsewhere\n'
                'hint: use `by="file"` and open it in the mapper'
            )
        for piece, size in _ranges(name):
            pieces.append(piece)
            sizes.append(size)
    return _grouped(pieces, sizes, workers)


def _names(inputs: Any) -> Iterator[str]:
    if isinstance(inputs, (str, os.PathLike)):
        yield from _expanded(os.fspath(inputs))
    elif isinstance(inputs, Iterable):
        for one in inputs:
            if not isinstance(one, (str, os.PathLike)):
                raise TypeError(
                    f"`inputs` has `{one!r:.80}`, which is no path\n"
                    'hint: use `by="item"` to map over Python objects'
                )
            yield from _expanded(os.fspath(one))
    else:
        raise TypeError(f"`inputs` must be a path or a list of paths, not `{inputs!r:.80}`")


def _expanded(name: str) -> Iterator[str]:
    if "://" in name:
        yield name
        return
    path = Path(name)
    if path.is_file():
        yield name
    elif path.is_dir():
        found = sorted(str(inner) for inner in path.rglob("*") if _is_data(inner, path))
        if not found:
            raise FileNotFoundError(f"folder `{name}` has no files")
        yield from found
    elif any(letter in name for letter in "*?["):
        import glob

        found = sorted(file for file in glob.glob(name, recursive=True) if os.path.isfile(file))
        if not found:
            raise FileNotFoundError(f"no file matches `{name}`")
        yield from found
    else:
        raise FileNotFoundError(f"there is no file `{name}`{_nearest(path)}")


def _is_data(path: Path, root: Path) -> bool:
    inside = path.relative_to(root).parts
    return path.is_file() and not any(part.startswith((".", "_")) for part in inside)


def _nearest(path: Path) -> str:
    if not path.parent.is_dir():
        return f"\nhint: there is no folder `{path.parent}` either"
    names = [other.name for other in path.parent.iterdir()]
    close = difflib.get_close_matches(path.name, names, n=1)
    return f"\nhint: did you mean `{path.parent / close[0]}`?" if close else ""


def _size(name: str) -> int:
    return 1 if "://" in name else max(os.path.getsize(name), 1)


def _ranges(name: str) -> Iterator[tuple[Piece, int]]:
    size = os.path.getsize(name)
    if size <= _RANGE_BYTES or name.endswith(".gz"):
        yield LinesPiece(name), max(size, 1)
        return
    for start in range(0, size, _RANGE_BYTES):
        end = min(start + _RANGE_BYTES, size)
        yield LinesPiece(name, start, None if end == size else end), end - start


def _grouped(pieces: Sequence[Piece], sizes: Sequence[int], workers: int) -> list[list[Piece]]:
    """Neighbors together, so that there are a few units for each worker and none is too large."""
    target = max(sum(sizes) / (workers * _UNITS_PER_WORKER), 1)
    groups: list[list[Piece]] = []
    filled = target
    for piece, size in zip(pieces, sizes, strict=True):
        if filled >= min(target, _RANGE_BYTES):
            groups.append([])
            filled = 0
        groups[-1].append(piece)
        filled += size
    return groups
