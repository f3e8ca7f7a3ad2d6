"""What is asked of pandas objects in memory: the same functions for pandas, `.wr` and swifter."""

from functools import cache

from benches.functions import row_advantage


@cache
def frame(*files):
    """The matches in memory; read once in a process."""
    import pandas as pd

    return pd.read_parquet(list(files))


def form(row):
    """A row function of some tens of microseconds that no engine compiles."""
    points = [(index * row["home_score"] - row["away_score"]) % 7 for index in range(200)]
    return max(set(points), key=points.count)


def spread(group):
    """A group function of several pandas calls."""
    margin = group["home_score"] - group["away_score"]
    return margin.rolling(5, min_periods=1).mean().abs().max()


def city_key(name):
    """A function of one value that the engine does not compile."""
    return sum(ord(letter) * place for place, letter in enumerate(name.casefold(), 1)) % 97


def ask(files, case, rows, values, groups):
    """The sum of a case's answer, by a way to apply to `rows`, `values` and `groups`."""
    table = frame(*files)
    if case == "plain":
        return int(rows(table, row_advantage).sum())
    if case == "heavy":
        return int(rows(table.head(len(table) // 50), form).sum())
    if case == "values":
        return int(values(table["city"], city_key).sum())
    return float(groups(table.groupby(["tournament", "city"]), spread).sum())
