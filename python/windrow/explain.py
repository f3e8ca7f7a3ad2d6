"""`explain_function`: what of a function runs as native code, and why the rest does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from windrow.frame.display import Explanation

if TYPE_CHECKING:
    import pyarrow as pa


def explain_function(
    f: Callable[..., Any],
    schema: pa.Schema | Mapping[str, object],
    *,
    form: Literal["row", "value"] = "row",
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    nulls: Literal["nan", "none"] = "nan",
) -> Explanation:
    """What of `f` runs as native code over columns of these types, and why the rest does not.

    The first line is `native`, `partly native` or `python`. Then come the lines of `f` that are
    left to Python, each with its line and column, its source and the reason; the places where a
    row goes to Python; and, once `f` has run natively in this process, how fast that was.

    Parameters
    ----------
    f
        Any callable, as for `DataFrame.apply(f, axis=1)` or `Series.map(f)`.
    schema
        The columns: a pyarrow schema, or a mapping of names to types such as `{"a": int}`.
    form
        Whether `f` takes a `"row"` or a `"value"` of the one column.
    args, kwargs
        Further arguments of every call.
    nulls
        What a missing value is to `f`: `"nan"` or `"none"`.
    """
    import pyarrow as pa

    from windrow._native import Function
    from windrow.frame.convert import arrow_type
    from windrow.functions import describe

    if isinstance(schema, Mapping):
        schema = pa.schema([(str(name), arrow_type(kind)) for name, kind in schema.items()])
    if not isinstance(schema, pa.Schema):
        raise TypeError(
            f"`schema` cannot be a `{type(schema).__name__}`\n"
            'hint: pass a pyarrow schema, or a mapping such as `{"a": int, "b": str}`'
        )
    if form not in ("row", "value"):
        raise ValueError(f'`form` is `{form!r}`\nhint: it can be "row" or "value"')
    if form == "value" and len(schema) != 1:
        raise ValueError(
            f"a function of a value has one column, this schema has {len(schema)}\n"
            'hint: leave `form="value"` out for a function of a row'
        )
    description = describe(
        f, columns=schema.names, form=form, nulls=nulls, args=args, kwargs=kwargs
    )
    return Explanation(Function(description.to_json(), description.pickled).explain(schema))
