"""How frames and series show themselves: their structure, as Dask does; nothing is computed."""

from __future__ import annotations

import html
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

_MAX_DIVISIONS = 12
_GAP = "  "


class Explanation(str):
    """The text of a plan; prints as itself at the prompt too."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Structure:
    """What is shown: columns with their types, partitions, divisions, steps."""

    kind: str  # "DataFrame" or "Series"
    columns: Sequence[str]
    dtypes: Sequence[str]  # "?" where a function's results have no known type yet
    npartitions: int
    divisions: Sequence[int | None]
    steps: int

    def text(self) -> str:
        """The structure as text that fits the terminal."""
        head, *rest = self._labels()
        names, kinds, dots = self._cells()
        left = max(len(f"npartitions={self.npartitions}"), len(head), *map(len, rest), 0)
        lines = [
            _line("", names, left),
            f"npartitions={self.npartitions}",
            _line(head, kinds, left),
            *(_line(label, dots, left) for label in rest),
        ]
        lines = [line for line in lines if line.strip()]
        return "\n".join([f"windrow {self.kind} structure:", *lines, self._footer()])

    def html(self) -> str:
        """The structure as a table for notebooks."""
        head, *rest = self._labels()
        names = "".join(f"<th>{html.escape(name)}</th>" for name in self.columns)
        kinds = "".join(f"<td>{html.escape(kind)}</td>" for kind in self.dtypes)
        dots = "<td>...</td>" * len(self.columns)
        rows = f"<tr><th>{head}</th>{kinds}</tr>"
        rows += "".join(f"<tr><th>{label}</th>{dots}</tr>" for label in rest)
        return (
            f"<div><strong>windrow {self.kind} structure:</strong></div>"
            f'<table border="1" class="dataframe"><thead>'
            f"<tr><th></th>{names}</tr>"
            f"<tr><th>npartitions={self.npartitions}</th>{'<th></th>' * len(self.columns)}</tr>"
            f"</thead><tbody>{rows}</tbody></table><div>{html.escape(self._footer())}</div>"
        )

    def _footer(self) -> str:
        steps = "1 step" if self.steps == 1 else f"{self.steps} steps"
        unknown = "; types marked ? are found by trying the function" if "?" in self.dtypes else ""
        return f"{steps}, nothing computed yet{unknown}"

    def _labels(self) -> list[str]:
        labels = ["" if label is None else str(label) for label in self.divisions]
        if not any(labels):
            return ["", ""] if self.npartitions > 1 else [""]
        if len(labels) > _MAX_DIVISIONS:
            half = _MAX_DIVISIONS // 2
            labels = [*labels[:half], "...", *labels[-half:]]
        return labels

    def _cells(self) -> tuple[list[str], list[str], list[str]]:
        """Names, types and dots, each padded to its column's width; the middle left out if wide."""
        pairs = list(zip(self.columns, self.dtypes, strict=True))
        room = shutil.get_terminal_size((100, 24)).columns - 20
        widths = [max(len(name), len(kind), 3) + len(_GAP) for name, kind in pairs]
        if sum(widths) > room and len(pairs) > 2:
            kept = _kept(widths, room)
            hidden = len(pairs) - 2 * kept
            pairs = [*pairs[:kept], (f"... {hidden} more ...", "..."), *pairs[-kept:]]
        width = [max(len(name), len(kind), 3) for name, kind in pairs]
        names = [name.rjust(size) for (name, _), size in zip(pairs, width, strict=True)]
        kinds = [kind.rjust(size) for (_, kind), size in zip(pairs, width, strict=True)]
        return names, kinds, ["...".rjust(size) for size in width]


def _kept(widths: list[int], room: int) -> int:
    """How many columns to show at each end."""
    used, kept = 20, 0
    while kept < len(widths) // 2:
        used += widths[kept] + widths[-1 - kept]
        if used > room:
            break
        kept += 1
    return max(kept, 1)


def _line(label: str, cells: Sequence[str], left: int) -> str:
    return _GAP.join([label.ljust(left), *cells]).rstrip()
