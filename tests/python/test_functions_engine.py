"""Native functions in frames: where they run, what leaves, what is said about it."""

from __future__ import annotations

import json
import math

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import windrow as wr
import windrow.session
from engine_places import PLACES, check, run, running

# The odd forms are what is tested.
# ruff: noqa: PLW0108, SIM210

MATCHES = {
    "home_score": [1, 2, 3, None, 5, 0],
    "away_score": [2, 2, 2, 2, None, 0],
    "neutral": [False, True, False, False, None, None],
}
SCHEMA = {"a": int, "b": float, "s": str}


def home_advantage(row):
    if row["neutral"]:
        return 0
    if row["home_score"] > row["away_score"]:
        return 1
    elif row["home_score"] < row["away_score"]:
        return -1
    return 0


def partly(row):
    if row["a"] > 2:
        return len(bytes(row["a"]))
    return row["a"] * 2


def first_line(f, schema=SCHEMA, **options):
    return wr.explain_function(f, schema, **options).splitlines()[0]


# ---- explaining


@pytest.mark.parametrize("schema", [SCHEMA, pa.schema([("a", pa.int8()), ("b", pa.float64())])])
def test_the_first_line_is_the_verdict(schema):
    assert first_line(lambda row: row["a"] + 1, schema) == "native"
    assert first_line(partly, schema) == "partly native"
    assert first_line(lambda row: print(row["a"]), schema) == "python"
    assert first_line(lambda row: row.index, schema) == "python"


def test_the_home_advantage_is_native():
    schema = {"home_score": int, "away_score": int, "neutral": bool, "city": str}
    text = str(wr.explain_function(lambda row: home_advantage(row), schema))
    assert text.startswith("native\n  `<lambda>` ("), text


def test_what_is_not_native_is_shown_with_its_place():
    text = str(wr.explain_function(partly, {"a": int}))
    line = partly.__code__.co_firstlineno + 2
    assert f"in the interpreter: {line}:" in text, text
    assert "`bytes(" in text
    text = str(wr.explain_function(lambda row: row["a"] // row["b"], {"a": int, "b": int}))
    assert "a row goes to the interpreter at\n    " in text
    assert '`row["a"] // row["b"]`' in text


def test_values_and_bound_arguments_are_explained():
    assert first_line(lambda x, k: x * k, {"x": float}, form="value", args=(3,)) == "native"
    with pytest.raises(ValueError, match="one column"):
        wr.explain_function(abs, SCHEMA, form="value")
    with pytest.raises(TypeError, match="schema"):
        wr.explain_function(partly, 7)


def test_a_column_type_can_be_the_reason():
    text = str(wr.explain_function(lambda row: row["a"], pa.schema([("a", pa.list_(pa.int64()))])))
    assert text.splitlines()[0] == "python"
    assert "List(Int64)" in text


def test_few_texts_in_many_rows_are_answered_by_their_values(tmp_path):
    def stars(row):
        return len(row["grade"].strip().split("/")[1])

    texts = [" a/*", "b/**", None, "c", "Ünïcode and more than twelve bytes/***"]
    frame = pd.DataFrame({"grade": [texts[n * 7 // 3 % 5] for n in range(20_000)]})
    pq.write_table(pa.Table.from_pandas(frame), tmp_path / "grades.parquet")
    read = wr.read_parquet(tmp_path / "grades.parquet")
    good = frame[[text in (texts[0], texts[1], texts[4]) for text in frame["grade"]]]
    expected = good.apply(stars, axis=1)
    native = read[read["grade"].isin([texts[0], texts[1], texts[4]])].apply(stars, axis=1)
    assert native.compute().tolist() == expected.tolist()
    held = wr.from_pandas(good.astype("category")).apply(stars, axis=1)
    assert held.compute().tolist() == expected.tolist()
    assert "ns a row over" in str(held.explain())
    # Row 1, the first that raises, has no text.
    with pytest.raises(AttributeError, match="strip"):
        read.apply(stars, axis=1).compute()


def test_explain_of_a_frame_says_the_same_and_how_fast_it_was():
    def doubled(row):
        return row["a"] * 2

    frame = wr.from_pandas(pd.DataFrame({"a": range(1000)}))
    column = frame.apply(doubled, axis=1)
    text = str(column.explain())
    assert "\nnative\n  `doubled`" in text
    assert "(native)" in text
    column.compute()
    assert "ns a row over 1," in str(column.explain())
    assert "ns a row over 1," in str(wr.explain_function(doubled, {"a": int}))


def test_a_setting_keeps_functions_in_python():
    with running("workers"):
        text = str(wr.from_pandas(pd.DataFrame({"a": [1]})).apply(partly, axis=1).explain())
    assert "\npython\n" in text
    assert "the setting `native`" in text


# ---- running


@pytest.mark.parametrize("nulls", ["nan", "none"])
def test_home_advantage_everywhere(nulls):
    check(home_advantage, MATCHES, nulls=nulls, verdict="native")


def test_rows_that_leave_come_back_in_their_places():
    table = {"a": [1, 5, 2, 9, 3, 0] * 500}
    check(partly, table, verdict="partly native")


def grows(row):
    return row["a"] * 2 if row["a"] % 3 else str(row["a"])


@pytest.mark.parametrize("place", PLACES)
def test_the_first_failing_row_is_raised_with_its_row(place):
    def divides(row):
        return 100 // row["a"] + row["b"]

    table = pa.record_batch({"a": [1, 2, 0, 3, 0], "b": [1, 2, 3, 4, 5]})
    error = run(divides, table, place=place, result_type=int).error
    assert type(error) is ZeroDivisionError
    notes = "\n".join(error.__notes__)
    assert "row 2" in notes
    assert "a=0" in notes
    assert "b=3" in notes
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    assert (__file__, divides.__code__.co_firstlineno + 1) in frames


@pytest.mark.parametrize("place", PLACES)
def test_a_result_beyond_the_type_names_its_row(place):
    table = pa.record_batch({"a": [1, 2**62, 2**40]})
    error = run(lambda row: row["a"] * 4, table, place=place, result_type=int).error
    assert "18446744073709551616" in str(error)
    error = run(grows, table, place=place, result_type=int).error
    assert "does not fit" in str(error)


def test_large_jobs_answer_leaving_rows_in_workers():
    rows = 300_000
    table = pa.record_batch({"a": list(range(rows))})
    assert rows * 0.2 > 20_000

    def some_leave(row):
        return (row["a"] * 2**61 >> 61) if row["a"] % 5 == 4 else row["a"]

    outcome = run(some_leave, table, npartitions=2)
    assert outcome.error is None, outcome.error
    assert outcome.values == list(range(rows))


def test_when_too_many_rows_leave_the_rest_runs_in_python():
    rows = 200_000
    table = pa.record_batch({"a": list(range(1, rows + 1))})

    def most_leave(row):
        return (row["a"] * 2**62 >> 62) + 1

    notes = []
    with running("native"):
        windrow.session._current.on_event(lambda text: notes.append(json.loads(text)))
    try:
        outcome = run(most_leave, table)
    finally:
        with running("native"):
            windrow.session._current.on_event(None)
    assert outcome.values == list(range(2, rows + 2))
    said = [note for note in notes if "left native code" in json.dumps(note)]
    assert len(said) == 1, said
    text = str(wr.explain_function(most_leave, table.schema))
    assert "the rest of a run went to the interpreter" in text


@pytest.mark.parametrize(
    "array",
    [
        pa.array(["x", None, "yy", "x"]).dictionary_encode(),
        pa.array(["x", None, "yy", "x"], pa.large_string()),
        pa.array(["x", None, "yy", "x"], pa.string_view()),
        pa.array(["-", "x", None, "yy", "x", "-"])[1:-1],
    ],
    ids=lambda array: str(array.type),
)
def test_text_in_all_its_encodings(array):
    for nulls in ("nan", "none"):
        check(
            lambda row: row["s"].upper() if isinstance(row["s"], str) else "?",
            pa.record_batch({"s": array}),
            nulls=nulls,
            verdict="native",
        )


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("f", "result_type"),
    [
        (lambda row: row["a"], pa.int8()),
        (lambda row: row["a"], pa.float64()),
        (lambda row: row["a"], pa.float32()),
        (lambda row: str(row["a"]), pa.large_string()),
        (lambda row: str(row["a"]), pa.string_view()),
        (lambda row: row["a"] if row["a"] > 1 else math.nan, pa.int64()),
        (lambda row: row["a"] > 1, pa.bool_()),
        (lambda row: row["a"] > 1, pa.int64()),
        (lambda row: None, pa.date32()),
    ],
)
def test_declared_types(place, f, result_type):
    table = pa.record_batch({"a": [1, 2, 3]})
    there = run(f, table, place=place, result_type=result_type)
    assert there.told() == run(f, table, place="in process", result_type=result_type).told()


def test_several_functions_of_one_frame():
    frame = wr.from_pandas(pd.DataFrame({"a": range(10_000)}), npartitions=3)
    frame["native"] = frame.apply(lambda row: row["a"] + 1, axis=1)
    frame["python"] = frame.apply(lambda row: len({row["a"], 0}), axis=1)
    frame["above"] = frame.native.map(lambda value: value * 2)
    found = frame.compute()
    assert found["above"].tolist() == [2 * (a + 1) for a in range(10_000)]
    assert found["python"].tolist() == [1] + [2] * 9_999


# ---- verifying


@pytest.mark.parametrize("share", [0.01, 1.0])
def test_answers_can_be_verified(share):
    before = windrow.session._given, windrow.session._current
    wr.configure(verify=share, progress=False)
    try:
        frame = wr.from_pandas(pd.DataFrame({"a": range(20_000)}))
        found = frame.apply(lambda row: row["a"] // 7 * 0.1 if row["a"] % 3 else 0.0, axis=1)
        assert found.sum().compute() == pytest.approx(
            sum(a // 7 * 0.1 for a in range(20_000) if a % 3)
        )
        with pytest.raises(ZeroDivisionError):
            frame.apply(lambda row: 1 // (row["a"] - 777), axis=1).compute()
    finally:
        windrow.session._given, windrow.session._current = before


def test_a_difference_is_an_error_that_shows_both_answers(monkeypatch):
    before = windrow.session._given, windrow.session._current
    wr.configure(verify=1.0, progress=False)
    try:
        frame = wr.from_pandas(pd.DataFrame({"a": [0.5, 7.5, 41.5]}))
        column = frame.a.map(lambda a: math.floor(a))
        # What the function was compiled for is no longer what the interpreter finds.
        monkeypatch.setattr(math, "floor", lambda _: 41)
        with pytest.raises(RuntimeError) as raised:
            column.compute()
    finally:
        windrow.session._given, windrow.session._current = before
    told = str(raised.value)
    assert "native code gives `0` for row 0 of `<lambda>`, the interpreter gives `41`" in told
    assert "hint: this is a bug in windrow, please report it" in told


def test_the_verified_share_is_a_share():
    with pytest.raises(ValueError, match="`verify` is 2"):
        wr.configure(verify=2)


# ---- filters


@pytest.fixture
def numbers(tmp_path):
    """Four row groups of 1,000 rows each, in order."""
    table = pa.table({"x": range(4000), "y": [n % 7 for n in range(4000)]})
    table = table.append_column("s", pa.array([f"k{n // 1000}" for n in range(4000)]))
    pq.write_table(table, tmp_path / "numbers.parquet", row_group_size=1000)
    return tmp_path / "numbers.parquet", table.to_pandas()


FILTERS = [
    (lambda r: r["x"] > 3500 and r["y"] * 2 == 4, "x@0 > 3500"),
    (lambda r: 3000 <= r["x"] < 3100, "x@0 >= 3000"),
    (lambda r: r["s"] == "k3" and 1 / (r["x"] - 5) < 1, "s@2 = k3"),
    (lambda r: r["s"] in ("k1", "k2"), "s@2 = k1 OR s@2 = k2"),
    (lambda r: not r["x"] <= 3900, "x@0 > 3900"),
    (lambda r: True if r["x"] == 17 else False, "x@0 = 17"),
]


def early(r):
    limit = 3990
    if r["x"] < limit:
        return False
    return r["y"] > 1


def through_a_helper(r):
    return above(r["x"], 3990)


def above(value, least):
    return value > least and value % 2 == 0


FILTERS += [(early, "x@0 >= 3990"), (through_a_helper, "x@0 > 3990")]


@pytest.mark.parametrize("index", range(len(FILTERS)))
def test_a_filter_asks_the_source_first(numbers, index):
    f, asked = FILTERS[index]
    path, frame = numbers
    lazy = wr.read_parquet(path)
    kept = lazy[lazy.apply(f, axis=1)]
    physical = str(kept.explain()).partition("== Physical plan ==")[2]
    assert asked in physical.partition("== Functions ==")[0].partition("predicate=")[2], physical
    expected = frame[frame.apply(f, axis=1)]
    assert kept.compute()["x"].tolist() == expected["x"].tolist()


def faulty_first(r):
    return 10 // r["y"] > 2 and r["x"] > 100


def test_a_guard_is_not_moved_past_what_it_guards(numbers):
    path, _ = numbers
    lazy = wr.read_parquet(path)
    kept = lazy[lazy.apply(faulty_first, axis=1)]
    assert "predicate=" not in str(kept.explain())
    with pytest.raises(ZeroDivisionError):
        kept.compute()
    guarded = lazy[lazy.y != 0]
    kept = guarded[guarded.apply(lambda r: 10 // r["y"] > 2, axis=1)]
    assert sorted(set(kept.compute()["y"])) == [1, 2, 3]


@pytest.mark.parametrize("nulls", ["nan", "none"])
@pytest.mark.parametrize(
    "f",
    [
        lambda r: r["x"] > 1 and r["x"] < 5,
        lambda r: r["x"] != 3,
        lambda r: r["x"] == 3 or r["x"] == 4,
        lambda r: not (r["x"] <= 2),
        lambda r: r["x"] not in (1, 3),
        lambda r: r["f"] > 0.0 and r["x"] < 9,
        lambda r: r["f"] >= 0 and r["x"] < 9,
        lambda r: r["f"] == 0.0,
        lambda r: r["f"] != 1.5,
        lambda r: not r["f"] > 1,
        lambda r: r["t"] and r["x"] < 4,
        lambda r: not r["t"] and r["x"] < 9,
        lambda r: r["s"] != "a" and r["x"] < 9,
        lambda r: r["s"] == "a" and r["x"] < 9,
        lambda r: r["x"] == 3.0 and r["x"] < 9,
    ],
)
def test_filters_with_missing_values_nan_and_signed_zeros(f, nulls):
    table = pa.table(
        {
            "x": [1, 2, 3, None, 4, 5, 0, 9],
            "f": [0.0, -0.0, math.nan, None, 1.5, -2.0, math.inf, 1.0],
            "t": [True, False, None, True, False, None, True, False],
            "s": ["a", "b", None, "", "a", "b", "c", "a"],
        }
    )
    kept = {}
    for place in PLACES:
        with running(place):
            frame = wr.from_arrow(table)
            for way in ("asked first", "plain"):
                mask = frame.apply(f, axis=1, nulls=nulls)
                # Beside another condition, nothing is asked first.
                mask = mask if way == "asked first" else mask & (frame.x != 1000)
                try:
                    kept[place, way] = frame[mask].to_arrow().to_pylist()
                except TypeError as error:
                    kept[place, way] = str(error)
    first = next(iter(kept.values()))
    assert all(repr(found) == repr(first) for found in kept.values()), kept


def test_an_error_behind_a_condition_says_what_rows_are_counted(numbers):
    path, _ = numbers
    lazy = wr.read_parquet(path)
    kept = lazy[lazy.apply(lambda r: r["x"] >= 3990 and 1 // (r["x"] - 3995) > 5, axis=1)]
    with pytest.raises(ZeroDivisionError) as caught:
        kept.compute()
    notes = "\n".join(caught.value.__notes__)
    assert "x=3995" in notes
    assert "rows are counted among those that meet `x >= 3990`" in notes
