"""SQL over a data frame that is in scope, mixed with a Python row function."""

import match_data
import windrow as wr

matches = wr.read_csv(match_data.match_csv(), parse_dates=["date"])


def surprise(row):
    """Goals of difference by which the guests won; 0 if they did not."""
    return max(0, row["away_score"] - row["home_score"])


matches["surprise"] = matches.apply(surprise, axis=1)

# `matches` in the query is the frame above: nothing to register.
answer = wr.sql("""
    select home_team, count(*) as home_games, sum(surprise) as goals_conceded_by
    from matches
    where not neutral
    group by home_team
    order by goals_conceded_by desc, home_team
    limit 5
""")
print(answer.compute())
