"""The notebook's bar, on a display that remembers what it was shown."""

import json
import sys
import types

import pytest

from windrow._progress import NotebookBar, attach, count, duration, in_notebook, size


class FakeDisplay:
    """Stands for IPython: one list of bundles for each thing displayed."""

    def __init__(self):
        self.shown = []

    def __call__(self, bundle):
        self.shown.append([bundle])
        return Handle(self.shown[-1])


class Handle:
    def __init__(self, bundles):
        self.bundles = bundles

    def update(self, bundle, *, raw):
        assert raw
        self.bundles.append(bundle)


def started(run="a", at=0):
    return {"event": "run_started", "run": run, "at": at, "name": "collect"}


def stage(name="apply f", **totals):
    return {"event": "stage_started", "run": "a", "at": 0, "stage": 0, "name": name, **totals}


def progress(at, rows, read=0, run="a"):
    return {"event": "progress", "run": run, "at": at, "stage": 0, "rows": rows, "bytes": read}


def finished(state="succeeded", run="a", **more):
    status = {"state": state, **more}
    return {"event": "run_finished", "run": run, "at": 9, "status": status, "seconds": 4, "rows": 7}


def shown(*events):
    """Everything displayed after `events`, as plain texts: a list for each display."""
    display = FakeDisplay()
    bar = NotebookBar(display)
    for event in events:
        bar.observe(event)
    return [[bundle["text/plain"] for bundle in bundles] for bundles in display.shown]


def test_a_short_run_shows_nothing():
    assert shown(started(), stage(), progress(900, 5), finished()) == []


def test_a_long_run_is_shown_in_one_place_and_ends_as_one_line():
    texts = shown(
        started(),
        stage(rows_total=1000),
        progress(500, 100),
        progress(1000, 200),
        progress(1100, 250),  # too soon after the last
        progress(2000, 500),
        finished(),
    )
    assert texts == [
        [
            "apply f  20%  200 of 1.00 k rows · 200 rows/s · 4.0 s left",
            "apply f  50%  500 of 1.00 k rows · 250 rows/s · 2.0 s left",
            "collect: done in 4.0 s, 7 rows",
        ]
    ]


def test_bytes_do_where_rows_are_not_known():
    [[text]] = shown(started(), stage(bytes_total=4096), progress(2000, 9, 1024))
    assert text == "apply f  25%  1.00 KiB of 4.00 KiB · 512 B/s · 6.0 s left"


def test_nothing_known_shows_no_percent():
    [[text]] = shown(started(), stage(), progress(2000, 500))
    assert text == "apply f  500 rows · 250 rows/s · 2.0 s"


def test_tasks_do_where_nothing_else_is_known():
    steps = [
        progress(2000, 0) | {"tasks_done": 0, "tasks_total": 8},
        progress(4000, 500) | {"tasks_done": 2, "tasks_total": 8},
    ]
    [texts] = shown(started(), stage(partitions=8), *steps)
    assert texts == [
        "apply f  0%  0 of 8 tasks · 2.0 s",
        "apply f  25%  2 of 8 tasks · 500 rows · 12 s left",
    ]


def test_rows_that_nobody_counted_are_not_told():
    ended = progress(2000, 0) | {"tasks_done": 8, "tasks_total": 8}
    [texts] = shown(started(), stage(partitions=8), ended, finished() | {"rows": 0})
    assert texts[-1] == "collect: done in 4.0 s"


def test_calls_are_of_items():
    texts = shown(
        started(), stage("fetch", unit="items", rows_total=40), progress(2000, 5), finished()
    )
    assert texts == [
        ["fetch  12%  5 of 40 items · 2.5 items/s · 14 s left", "collect: done in 4.0 s, 7 items"]
    ]


def test_a_wrong_estimate_is_never_done():
    [[text]] = shown(started(), stage(rows_total=10), progress(2000, 500))
    assert text.startswith("apply f  99%  500 rows")


@pytest.mark.parametrize(
    ("state", "text"),
    [("failed", "collect: failed after 4.0 s"), ("cancelled", "collect: cancelled after 4.0 s")],
)
def test_other_ends_are_told(state, text):
    [texts] = shown(started(), progress(2000, 1), finished(state, message="no"))
    assert texts[-1] == text


def test_each_run_has_its_own_place_and_runs_beside_it_are_left_out():
    texts = shown(
        started("a"),
        started("b"),
        progress(2000, 5, run="b"),
        finished(run="b"),
        progress(2000, 6),
        finished(),
        started("c", at=5000),
        progress(7000, 8, run="c"),
    )
    assert [len(place) for place in texts] == [2, 1]


def test_names_are_escaped():
    display = FakeDisplay()
    bar = NotebookBar(display)
    for event in (started(), stage("apply <lambda>"), progress(2000, 5)):
        bar.observe_json(json.dumps(event))
    html = display.shown[0][0]["text/html"]
    assert "&lt;lambda&gt;" in html
    assert "<lambda>" not in html
    assert html.count("<progress") == html.count("</progress>") == 1


def test_lines_of_workers_go_to_the_cell(capsys):
    line = {"event": "output", "at": 0, "worker": 1}
    assert shown({**line, "stream": "stdout", "line": "one"}) == []
    assert shown({**line, "stream": "stderr", "line": "two"}) == []
    assert capsys.readouterr() == ("one\n", "two\n")


def test_kinds_of_later_times_are_left_out():
    assert shown(started(), {"event": "moon_rose", "at": 1, "run": "a"}, progress(10, 1)) == []


class FakeSession:
    def __init__(self):
        self.observer = None

    def on_event(self, observer):
        self.observer = observer


def pretend(monkeypatch, shell):
    """An IPython whose shell is `shell`."""
    module = types.ModuleType("IPython")
    module.get_ipython = lambda: shell
    monkeypatch.setitem(sys.modules, "IPython", module)


def test_only_a_kernel_is_a_notebook(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not in_notebook()
    pretend(monkeypatch, None)
    assert not in_notebook()
    pretend(monkeypatch, types.SimpleNamespace())  # IPython on a terminal
    assert not in_notebook()
    pretend(monkeypatch, types.SimpleNamespace(kernel=object()))
    assert in_notebook()


def test_a_session_is_watched_in_a_notebook_only(monkeypatch):
    session = FakeSession()
    pretend(monkeypatch, None)
    attach(session)
    assert session.observer is None
    pretend(monkeypatch, types.SimpleNamespace(kernel=object()))
    attach(session, progress=False)
    assert session.observer is None
    attach(session)
    assert session.observer is not None


def test_the_real_ipython_takes_what_is_shown(monkeypatch):
    ipython = pytest.importorskip("IPython")
    published = []
    shell = ipython.core.interactiveshell.InteractiveShell.instance()
    monkeypatch.setattr(
        shell.display_pub,
        "publish",
        lambda data, *args, update=False, **more: published.append((update, data)),
    )
    bar = NotebookBar()
    for event in (started(), stage(), progress(2000, 5), progress(3000, 6), finished()):
        bar.observe(event)
    assert [update for update, _ in published] == [False, True, True]
    assert all("text/html" in data for _, data in published)


def test_numbers_read_as_in_the_terminals_bar():
    assert [count(n) for n in (0, 999, 12_345, 999_600, 5_000_000)] == [
        "0",
        "999",
        "12.3 k",
        "1.00 M",
        "5.00 M",
    ]
    assert [size(n) for n in (0, 1023, 1536, 2**30)] == ["0 B", "1023 B", "1.50 KiB", "1.00 GiB"]
    assert [duration(s) for s in (0.04, 42.4, 59.6, 187, 7380)] == [
        "0.0 s",
        "42 s",
        "1:00",
        "3:07",
        "2:03:00",
    ]
