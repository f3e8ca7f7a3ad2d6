"""Why a function (or one of its lines) stays with the Python interpreter."""

from __future__ import annotations

import ast
from dataclasses import dataclass

_SNIPPET_LENGTH = 60


@dataclass(frozen=True)
class Reason:
    """One reason, as `explain()` shows it.

    Parameters
    ----------
    text
        Lower case, without a final stop: `` `row.index` is not a column ``.
    line
        Line in the user's file, from 1; None when the reason is about the whole function.
    column
        Character in that line, from 1.
    snippet
        The source at that place, at most 60 characters of its first line.
    """

    text: str
    line: int | None = None
    column: int | None = None
    snippet: str = ""

    def to_dict(self) -> dict[str, object]:
        """Return the reason as plain values, in the form the native side reads."""
        return {
            "line": self.line,
            "column": self.column,
            "snippet": self.snippet,
            "text": self.text,
        }


class Refusal(Exception):  # noqa: N818 - an answer, not an error
    """Raised inside this package when a function cannot be captured, lifted or compiled.

    It never reaches the user as an exception: it becomes a `Reason` of the description.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.text)
        self.reason = reason

    @classmethod
    def whole(cls, text: str, line: int | None = None) -> Refusal:
        """Refuse the whole function, at `line` when it has one."""
        return cls(Reason(text, line))

    @classmethod
    def at(cls, node: ast.AST, lines: list[str], text: str) -> Refusal:
        """Refuse because of `node`, whose source is in `lines` (the whole file)."""
        line = getattr(node, "lineno", None)
        if line is None or not 1 <= line <= len(lines):
            return cls(Reason(text, line))
        raw = lines[line - 1].encode()
        start = getattr(node, "col_offset", 0)
        end = node.end_col_offset if getattr(node, "end_lineno", None) == line else None  # type: ignore[attr-defined]
        # The offsets of `ast` count UTF-8 bytes; people count characters.
        column = len(raw[:start].decode(errors="replace")) + 1
        snippet = raw[start:end].decode(errors="replace").rstrip()
        if len(snippet) > _SNIPPET_LENGTH:
            snippet = snippet[: _SNIPPET_LENGTH - 1] + "…"
        return cls(Reason(text, line, column, snippet))
