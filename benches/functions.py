"""The user's functions that are measured: every peer runs these, none has its own."""


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
