"""Row functions on every core, on ordinary pandas objects.

>>> import windrow.pandas
>>> df.wr.apply(f, axis=1)
>>> series.wr.map(f)
>>> df.groupby("key").wr.apply(f)

The results are those of pandas' own `apply` and `map`: values, types, names and row labels.
"""

from __future__ import annotations

import pandas as pd
from pandas.api.extensions import register_dataframe_accessor, register_series_accessor

from windrow.pandas.groups import Groups
from windrow.pandas.rows import Rows
from windrow.pandas.values import Values

__all__ = ["Groups", "Rows", "Values"]

register_dataframe_accessor("wr")(Rows)
register_series_accessor("wr")(Values)
# pandas has no way to register an accessor of grouped rows.
for _grouped in (pd.api.typing.DataFrameGroupBy, pd.api.typing.SeriesGroupBy):
    setattr(_grouped, "wr", property(Groups))  # noqa: B010 - it is not in the types of pandas
