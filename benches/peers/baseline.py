"""An interpreter that does nothing: what every process pays."""

from benches.harness.adapter import Adapter

adapter = Adapter("python")


@adapter.runs("start")
def start(_session, _inputs, case):
    if case != "import":
        return None
    return 0
