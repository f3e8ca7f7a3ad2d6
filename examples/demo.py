"""What ``make demo`` runs: a row function and a word count, checked against plain Python."""

import csv
import time
from collections import Counter
from pathlib import Path

import match_data
import windrow as wr


def home_advantage(home_score, away_score, neutral):
    """1 for a home win, -1 for a home defeat, 0 for a draw or on neutral ground."""
    if neutral:
        return 0
    if home_score > away_score:
        return 1
    if home_score < away_score:
        return -1
    return 0


def words_of(filename):
    """Map one file to ``(word, 1)`` pairs."""
    with open(filename) as text:
        for line in text:
            for word in line.split():
                yield word, 1


def total(_word, counts):
    """Reduce the counts of one word to their sum."""
    return sum(counts)


def plain_home_advantage(path):
    """The first answer, by plain Python."""
    with open(path, newline="") as file:
        return sum(
            home_advantage(int(row["home_score"]), int(row["away_score"]), row["neutral"] == "True")
            for row in csv.DictReader(file)
        )


def report(name, answer, expected, seconds):
    """Print one answer; stop the demo if it is not what plain Python gives."""
    if answer != expected:
        raise SystemExit(f"{name}: windrow gives {answer}, plain Python {expected}")
    print(f"{name:<30} {answer:>10,}   {seconds:5.2f} s   plain Python agrees")


def main():
    """Make the data, run both jobs, print both answers, and keep the plan."""
    path = match_data.match_csv()
    texts = [str(text) for text in match_data.text_files()]
    print(f"data: {path} ({path.stat().st_size / 1e6:.0f} MB) and {len(texts)} text files")

    started = time.perf_counter()
    matches = wr.read_csv(path)
    matches["advantage"] = matches.apply(
        lambda row: home_advantage(row["home_score"], row["away_score"], row["neutral"]), axis=1
    )
    advantage = int(matches["advantage"].sum())
    seconds = time.perf_counter() - started
    report("home wins less home defeats", advantage, plain_home_advantage(path), seconds)

    started = time.perf_counter()
    counts = dict(wr.mapreduce(texts, words_of, total, combiner=total).items())
    seconds = time.perf_counter() - started
    expected = Counter(word for text in texts for word in Path(text).read_text().split())
    if counts != expected:
        raise SystemExit("word count: windrow and plain Python differ")
    report("distinct words", len(counts), len(expected), seconds)
    word, count = expected.most_common(1)[0]
    report(f"times the word `{word}`", counts[word], count, seconds)

    plan = match_data.FOLDER / "plan.txt"
    plan.write_text(matches.explain())
    print(f"the explained plan: {plan}")


if __name__ == "__main__":
    main()
