"""A row function over a CSV: how much is it worth to play at home?"""

import match_data
import windrow as wr


def home_advantage(row):
    """1 for a home win, -1 for a home defeat, 0 for a draw or on neutral ground."""
    if row["neutral"]:
        return 0
    if row["home_score"] > row["away_score"]:
        return 1
    if row["home_score"] < row["away_score"]:
        return -1
    return 0


matches = wr.read_csv(match_data.match_csv())
print("columns:", ", ".join(matches.columns))

# Nothing has run yet: this only adds a step to the plan.
matches["advantage"] = matches.apply(home_advantage, axis=1)

by_tournament = matches.groupby("tournament").agg({"advantage": "mean", "home_score": "mean"})
print(by_tournament.compute())
print(matches.explain())
