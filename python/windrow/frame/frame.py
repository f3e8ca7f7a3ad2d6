"""A lazy frame: columns over the rows of a dataset, with pandas' methods."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self

from windrow.frame.convert import (
    collect,
    column_index,
    frame_of,
    known_types,
    pandas_dtypes,
    schema_of,
    type_names,
)
from windrow.frame.display import Explanation, Structure
from windrow.frame.missing import FRAME_NEAREST, no_attribute, no_column, not_yet, other_rows
from windrow.frame.operators import NamedOperators
from windrow.frame.output import Output
from windrow.frame.reductions import NUMERIC_ONLY, Reductions, ScalarRow, checked
from windrow.frame.relations import Relations
from windrow.frame.rows import Label, flat
from windrow.frame.scalar import Scalar
from windrow.frame.series import Series

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class DataFrame(Relations, Output, NamedOperators, Reductions):
    """A lazy frame; `compute()` gives a pandas DataFrame.

    Building one reads no rows and runs no functions. There is no index: rows keep their order
    through selections, filters and row functions, and columns are combined within one frame.

    Parameters
    ----------
    data
        A pandas DataFrame, Arrow data, or column to values, as `pandas.DataFrame` takes it.
        Frames of files come from `wr.read_csv` and its like.
    """

    __slots__ = ()
    __hash__: ClassVar[None]  # type: ignore[assignment]  # `==` gives a frame

    def __init__(self, data: Any) -> None:
        frame = _frame_of_data(data)
        for slot in ("_rows", "_labels", "_whole"):
            object.__setattr__(self, slot, getattr(frame, slot))

    # ---- what it is

    @property
    def columns(self) -> pd.Index[Any]:
        """The columns' labels."""
        return column_index(list(self._columns))

    @columns.setter
    def columns(self, labels: Collection[Label]) -> None:
        new = [label if isinstance(label, tuple) else str(label) for label in labels]
        if len(new) != len(self._columns):
            raise ValueError(f"{len(new)} names for {len(self._columns)} columns")
        if len(set(new)) != len(new):
            raise ValueError("two columns would have one name\nhint: names must be different")
        self._set(dict(zip(new, self._columns.values(), strict=True)))

    @property
    def dtypes(self) -> pd.Series[Any]:
        """The pandas types of the columns where no value is missing.

        May try functions on a sample of the rows. Integers with missing values are float64 in
        what `compute()` gives, as in pandas.
        """
        import pandas as pd

        kinds = pandas_dtypes(schema_of(self._dataset()))
        return pd.Series(kinds, index=self.columns, dtype=object)

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns; computes the first."""
        return (len(self), len(self._columns))

    @property
    def ndim(self) -> int:
        """2, as in pandas."""
        return 2

    @property
    def empty(self) -> bool:
        """Whether there are no rows or no columns; computes it."""
        return len(self._columns) == 0 or self._rows.base.limit(1).count() == 0

    @property
    def npartitions(self) -> int:
        """The number of partitions."""
        return self._rows.base.npartitions

    @property
    def divisions(self) -> tuple[int | None, ...]:
        """Row labels at the partitions' borders; all None where they are not known."""
        return self._rows.base.divisions

    def __len__(self) -> int:
        return self._rows.base.count()

    def __iter__(self) -> Iterator[Label]:
        return iter(self._columns)

    def keys(self) -> pd.Index[Any]:
        """The columns' labels."""
        return self.columns

    def __contains__(self, label: object) -> bool:
        return label in self._columns

    def __bool__(self) -> NoReturn:
        raise ValueError(
            "the truth value of a DataFrame is ambiguous\n"
            "hint: `df.empty` says whether there are rows"
        )

    def __dir__(self) -> list[str]:
        names = [label for label in self._columns if isinstance(label, str)]
        return sorted({*super().__dir__(), *(name for name in names if name.isidentifier())})

    def __repr__(self) -> str:
        return self._structure("DataFrame").text()

    def _repr_html_(self) -> str:
        return self._structure("DataFrame").html()

    def _structure(self, kind: str) -> Structure:
        full = self._full()
        base = self._rows.base
        types = known_types(full)
        index = [name or "index" for name, _ in self._rows.index]
        # Columns that follow from a function's results are not asked for: that would run it.
        hidden = types is None and self._labels is None
        names = ["?"] if hidden else [*index, *map(flat, self._columns)]
        return Structure(
            kind=kind,
            columns=names,
            dtypes=type_names(types or [None] * len(names)),
            npartitions=base.npartitions,
            divisions=base.divisions,
            steps=full.steps,
        )

    # ---- columns and rows

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, Series):
            if not self._rows.same(key._rows):
                other_rows(key, self)
            return self._filter(key)
        if isinstance(key, (str, tuple)):
            return self._column(key)
        if isinstance(key, slice):
            return self._slice(key)
        if isinstance(key, DataFrame):
            raise not_yet(
                "a frame as a mask", '`df[column].where(mask[column])`, or `df[mask["a"]]`'
            )
        if callable(key):
            return self[key(self)]
        if isinstance(key, Collection):
            return self._chosen(list(key))
        raise no_column(key, self._columns)

    def _column(self, label: Label) -> Series | Self:
        columns = self._columns
        if label in columns:
            return self._series(label)
        below: dict[Label, Any] = {
            _below(known): expr
            for known, expr in columns.items()
            if isinstance(known, tuple) and known[0] == label
        }
        if below:
            return self._with(below)
        return Series(self._rows, flat(label), self._key(label))

    def _chosen(self, labels: list[Any]) -> Self:
        if labels and all(isinstance(label, bool) for label in labels):
            raise TypeError(
                "a list of truth values has no rows that line up with a windrow frame\n"
                'hint: use a condition on columns: `df[df["a"] > 1]`'
            )
        twice = [label for at, label in enumerate(labels) if label in labels[:at]]
        if twice:
            raise ValueError(f"column `{twice[0]}` is chosen twice\nhint: names must be different")
        return self._with({label: self._key(label) for label in labels})

    def _slice(self, key: slice) -> Self:
        start, stop, step = key.start or 0, key.stop, key.step
        whole = all(value is None or isinstance(value, int) for value in (start, stop, step))
        if not whole or start < 0 or (stop is not None and stop < 0) or step not in (None, 1):
            raise not_yet(f"the slice `{start}:{stop}:{step}`", "`df[start:stop]` or `df.tail(n)`")
        base = self._rows.base
        # There is no "all that follow": as many rows as can be.
        count = max(stop - start, 0) if stop is not None else 2**62
        return self._over(base.limit(count, start))

    def __setitem__(self, key: Any, value: object) -> None:
        if isinstance(key, list):
            if not isinstance(value, DataFrame) or len(value._columns) != len(key):
                raise not_yet("setting several columns from this", "`df.assign(a=..., b=...)`")
            for label, source in zip(key, value._columns, strict=True):
                self[label] = value._series(source)
            return
        if not isinstance(key, (str, tuple)):
            raise not_yet(
                f"setting by a {type(key).__name__}",
                '`df["a"] = df["a"].where(~mask, value)`; column names are text',
            )
        self._set({**self._columns, key: self._operand(value)})

    def __delitem__(self, label: Label) -> None:
        self._set(self.drop(columns=label)._columns)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in self._columns:
            return self._series(name)
        known = () if name.startswith("_") else dir(self)
        raise no_attribute("DataFrame", name, FRAME_NEAREST, known)

    def __setattr__(self, name: str, value: object) -> None:
        if name in type(self).__dict__:
            object.__setattr__(self, name, value)
        elif name in self._columns:
            self[name] = value
        else:
            raise AttributeError(
                f'a frame has no attribute `{name}`\nhint: `df["{name}"] = ...` adds a column'
            )

    def _set(self, columns: Mapping[Label, Any]) -> None:
        object.__setattr__(self, "_labels", dict(columns))

    def copy(self, deep: bool = True) -> Self:  # noqa: ARG002 - rows are never changed
        """The same columns; columns added to one are not added to the other."""
        return self._with(self._columns)

    # ---- results

    def compute(self) -> pd.DataFrame:
        """Run the plan; gives a pandas DataFrame."""
        return frame_of(self._rows, self._full(), list(self._columns))

    def to_pandas(self) -> pd.DataFrame:
        """The same as `compute()`."""
        return self.compute()

    def to_arrow(self) -> pa.Table:
        """Run the plan; gives a pyarrow Table."""
        return collect(self._full())

    def head(self, n: int = 5) -> pd.DataFrame:
        """The first `n` rows in order, as a pandas DataFrame; computes only what they need."""
        return self._over(self._rows.base.limit(max(n, 0))).compute()

    def tail(self, n: int = 5) -> pd.DataFrame:
        """The last `n` rows in order, as a pandas DataFrame; counts all rows first."""
        base = self._rows.base
        return self._over(base.limit(max(n, 0), max(base.count() - n, 0))).compute()

    def explain(self) -> Explanation:
        """The plan before and after optimization, and each function's verdict and reasons."""
        return Explanation(self._full().explain())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        import numpy as np

        return np.asarray(self.compute().to_numpy(), dtype=dtype)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def __dataframe__(self, nan_as_null: bool = False, allow_copy: bool = True) -> Any:
        return self.to_arrow().__dataframe__(nan_as_null, allow_copy)

    # ---- reductions

    def _reduce(self, name: str, options: Mapping[str, object]) -> ScalarRow:
        numeric = checked("DataFrame", name, options)
        only = name in NUMERIC_ONLY if numeric is None else numeric
        return ScalarRow(self._rows, self._columns, name, only)

    def nunique(self) -> ScalarRow:
        """How many different values each column has."""
        return ScalarRow(self._rows, self._columns, "nunique", False)

    # ---- inside

    def _binary(self, op: str, other: object, reflected: bool = False) -> Any:
        operands = self._operands(other)
        if operands is None:
            return NotImplemented
        return self._with(
            {
                label: operands[label].binary(op, expr)
                if reflected
                else expr.binary(op, operands[label])
                for label, expr in self._columns.items()
            }
        )

    def _operands(self, other: object) -> Mapping[Label, Any] | None:
        """What `other` puts beside each column."""
        if isinstance(other, DataFrame):
            if not self._rows.same(other._rows):
                other_rows(self, other)
            if set(self._columns) != set(other._columns):
                raise ValueError(
                    "the frames have different columns\nhint: choose the same ones: `df[[...]]`"
                )
            return other._columns
        if isinstance(other, ScalarRow):
            return {label: other[label].expr for label in self._columns}
        if isinstance(other, Series):
            raise not_yet("a frame combined with a column", "the columns one by one: `df.a - df.b`")
        if isinstance(other, Scalar) or not hasattr(other, "__len__") or isinstance(other, str):
            return dict.fromkeys(self._columns, self._operand(other))
        return None

    def _unary(self, op: str) -> Self:
        return self._with({label: expr.unary(op) for label, expr in self._columns.items()})


def _below(label: tuple[str, ...]) -> Label:
    rest = label[1:]
    return rest[0] if len(rest) == 1 else rest


def _frame_of_data(data: Any) -> DataFrame:
    import pandas as pd

    from windrow import sources

    if isinstance(data, DataFrame):
        return data
    if not isinstance(data, (pd.DataFrame, pd.Series)) and hasattr(data, "__arrow_c_stream__"):
        return sources.from_arrow(data)
    if isinstance(data, (pd.DataFrame, pd.Series)):
        return sources.from_pandas(data)
    if isinstance(data, (Mapping, Sequence)):
        return sources.from_pandas(pd.DataFrame(data))
    raise TypeError(
        f"a `{type(data).__name__}` cannot become a frame\n"
        "hint: pass a pandas DataFrame, Arrow data or column to values; "
        "`wr.read_csv` and its like open files"
    )
