"""The user's functions that are measured: every peer runs these, none has its own.

Workers load this module: it loads nothing itself that a worker does not have anyway.
"""

import os
import time


def home_advantage(home_score, away_score, neutral):
    """1 for a home win, -1 for a home defeat, 0 for a draw or on neutral ground."""
    if neutral:
        return 0
    if home_score > away_score:
        return 1
    if home_score < away_score:
        return -1
    return 0


def row_advantage(row):
    """The same, of a row."""
    return home_advantage(row["home_score"], row["away_score"], row["neutral"])


def advantage_of_columns(row):
    """The same in one function; which columns it reads can be told from its source."""
    if row["neutral"]:
        return 0
    if row["home_score"] > row["away_score"]:
        return 1
    if row["home_score"] < row["away_score"]:
        return -1
    return 0


def advantage_of_any(row):
    """The same; which columns it reads cannot be told from its source."""
    match = row
    if match["neutral"]:
        return 0
    if match["home_score"] > match["away_score"]:
        return 1
    if match["home_score"] < match["away_score"]:
        return -1
    return 0


def words_of(filename):
    """Map a file to ``(word, 1)`` pairs."""
    with open(filename) as file:
        for line in file:
            for word in line.split():
                yield word, 1


def add_counts(_word, counts):
    """Reduce the counts of a word to their sum."""
    return sum(counts)


def nothing(_item):
    """The least a task can do."""


def add_one(array):
    """Take an array and give one of the same size."""
    return array + 1


def process_id(_item):
    """Tell which process this is."""
    return os.getpid()


def slow_process_id(_item):
    """Tell which process this is, late enough for the next item to go to another one."""
    time.sleep(0.05)
    return os.getpid()


def sum_of_frame(frame):
    """Make some use of pandas."""
    return int(frame["a"].sum())
