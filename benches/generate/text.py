"""Text whose words follow Zipf's law: a few are everywhere, most are rare."""

from pathlib import Path

import numpy as np

from benches.generate import cache

VOCABULARY = 50_000
EXPONENT = 1.1
WORDS_A_LINE = 12
SYLLABLES = np.array(["an", "be", "cor", "du", "el", "fi", "gra", "ho", "is", "la", "mo", "ner"])


def zipf(data: Path, words: int) -> list[str]:
    """Give the paths of text files of ``words`` words in all."""

    def fill(folder: Path) -> None:
        vocabulary = _vocabulary()
        chances = 1 / np.arange(1, VOCABULARY + 1) ** EXPONENT
        chances /= chances.sum()
        for part, (start, stop) in enumerate(cache.shares(words)):
            rng = np.random.default_rng([1859, part])
            drawn = vocabulary[rng.choice(VOCABULARY, stop - start, p=chances)].tolist()
            with (folder / f"part_{part}.txt").open("w") as file:
                for begin in range(0, len(drawn), WORDS_A_LINE):
                    file.write(" ".join(drawn[begin : begin + WORDS_A_LINE]) + "\n")

    return [str(path) for path in sorted(cache.folder(data, f"zipf_{words}", fill).iterdir())]


def _vocabulary() -> np.ndarray:
    """Give distinct words: numbers in base 12, spelled in syllables, the frequent ones short."""
    return np.array([_spell(number) for number in range(VOCABULARY)])


def _spell(number: int) -> str:
    number, digit = divmod(number, len(SYLLABLES))
    return (_spell(number - 1) if number else "") + str(SYLLABLES[digit])
