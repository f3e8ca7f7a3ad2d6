"""swifter: pandas' apply in pieces by dask, when it expects to be faster that way."""

from benches.harness.adapter import Adapter
from benches.on_pandas import ask

adapter = Adapter("swifter", ["swifter", "pandas"])


@adapter.opens
def open_session(cores, _scratch):
    import swifter

    swifter.set_defaults(npartitions=cores, progress_bar=False, allow_dask_on_strings=True)
    return swifter


@adapter.runs("on_pandas")
def on_pandas(_swifter, inputs, case):
    return ask(
        inputs["files"],
        case,
        rows=lambda table, f: table.swifter.apply(f, axis=1),
        values=lambda series, f: series.swifter.apply(f),
        groups=lambda groups, f: groups.obj.swifter.groupby(groups.keys).apply(f),
    )
