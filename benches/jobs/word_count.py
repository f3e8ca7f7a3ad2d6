"""Count words of text whose words follow Zipf's law."""

from collections import Counter
from pathlib import Path
from typing import Any

from benches.generate import text
from benches.harness.job import Job, Size


def inputs(data: Path, size: Size) -> dict[str, Any]:
    """Make the text files."""
    return {"files": text.zipf(data, size.words)}


def digest(counts: dict[str, int], _case: str) -> list[Any]:
    """Distinct words, all words, and the most frequent ones."""
    frequent = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:5]
    return [len(counts), sum(counts.values()), [list(item) for item in frequent]]


def reference(made: dict[str, Any]) -> list[Any]:
    """The counts, by plain Python."""
    counts: Counter[str] = Counter()
    for path in made["files"]:
        counts.update(Path(path).read_text().split())
    return digest(counts, "count")


JOB = Job(
    name="word_count",
    title="Word count",
    cases={"count": "all words of 8 text files"},
    inputs=inputs,
    digest=digest,
    reference=reference,
    notes="The mapper yields a pair a word, as in the textbook; lines that say *by hand* count "
    "each file with `collections.Counter` first.",
)
