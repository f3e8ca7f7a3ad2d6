"""Where rows come from: pandas, Arrow, items, files; and how bad input is told."""

from __future__ import annotations

import datetime as dt
import decimal
import gzip
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import windrow as wr
from frame_check import PEOPLE, same, shared
from windrow.frame import memory

# ---- memory


def test_divisions_of_the_matches():
    frame = wr.from_pandas(pd.DataFrame({"n": range(44060)}), npartitions=10)
    assert frame.divisions == (
        *(0, 4406, 8812, 13218, 17624, 22030, 26436, 30842, 35248, 39654),
        44059,
    )
    assert frame.npartitions == 10
    assert frame.n.divisions == frame.divisions


@given(rows=st.integers(1, 500), npartitions=st.integers(1, 40))
def test_divisions_cover_all_rows(rows, npartitions):
    found = memory.divisions(rows, npartitions)
    assert found[0] == 0
    assert found[-1] == rows - 1
    assert len(found) - 1 <= npartitions
    sizes = np.diff([*found[:-1], rows])
    assert sizes.sum() == rows
    assert len(set(sizes[:-1])) <= 1
    assert (sizes > 0).all()


@pytest.mark.parametrize("npartitions", [1, 2, 3, 8, 20])
def test_rows_keep_their_order_and_types(npartitions):
    same(wr.from_pandas(PEOPLE, npartitions=npartitions), PEOPLE)


def test_an_index_becomes_columns():
    same(wr.from_pandas(PEOPLE.set_index("id")), PEOPLE)
    same(wr.from_pandas(PEOPLE[2:5]), PEOPLE[2:5].reset_index())
    keys = PEOPLE.set_index(["id", "member"])
    same(wr.from_pandas(keys), keys.reset_index())


def test_a_series_becomes_a_column():
    same(wr.from_pandas(PEOPLE.age), PEOPLE[["age"]])
    assert list(wr.from_pandas(pd.Series([1, 2]))) == ["value"]


@pytest.mark.parametrize(
    "values",
    [
        ["a", None],
        [b"a", None],
        [True, None],
        [1, None],
        [decimal.Decimal("1.5"), None],
        [dt.date(2020, 1, 1), None],
        [[1, 2], None],
        [{"a": 1}, None],
    ],
)
def test_object_columns_of_one_type(values):
    frame = wr.from_pandas(pd.DataFrame({"v": pd.Series(values, dtype=object)}))
    assert frame.to_arrow().column("v").to_pylist() == values


@pytest.mark.parametrize("dtype", ["Int64", "boolean", "string", "Float64", "int8", "float32"])
def test_other_pandas_types(dtype):
    values = ["a", None] if dtype == "string" else [1, None if dtype[0].isupper() else 0]
    values = [True, None] if dtype == "boolean" else values
    column = pd.Series(values, dtype=dtype)
    found = wr.from_pandas(column.to_frame("v")).to_arrow().column("v").to_pylist()
    assert found == [None if pd.isna(value) else value for value in values]


def test_categories_become_their_values():
    column = pd.Series(["x", "y", None], dtype="category")
    same(wr.from_pandas(column.to_frame("v")), pd.DataFrame({"v": ["x", "y", None]}))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, "a"], r"column `v` holds values of several types: `1` \(int, row 0\) and `'a'`"),
        ([True, 2], "several types"),
        ([1, 2.5], "several types"),
        (["a", None, 3.0], "several types"),
        ([2**70, 1], "column `v`"),
        ([object(), None], "column `v`"),
    ],
)
def test_mixed_columns_are_refused(values, message):
    with pytest.raises(TypeError, match=message):
        wr.from_pandas(pd.DataFrame({"v": pd.Series(values, dtype=object)}))


def test_names_that_cannot_be_columns():
    with pytest.raises(ValueError, match="two columns are named `a`"):
        wr.from_pandas(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(ValueError, match="index cannot become a column"):
        wr.from_pandas(PEOPLE.set_index(PEOPLE.id))
    with pytest.raises(ValueError, match="no columns"):
        wr.from_pandas(pd.DataFrame())
    with pytest.raises(ValueError, match="at least one"):
        wr.from_pandas(PEOPLE, npartitions=0)


def test_no_rows():
    empty = wr.from_pandas(PEOPLE[:0], npartitions=4)
    assert len(empty) == 0
    same(empty, PEOPLE[:0])


def test_arrow_data():
    table = pa.table({"a": [1, None, 3], "s": ["x", "y", None]})
    assert wr.from_arrow(table).to_arrow().to_pydict() == table.to_pydict()
    assert len(wr.from_arrow(table.to_batches()[0])) == 3
    reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches())
    assert len(wr.from_arrow(reader, npartitions=2)) == 3
    same(wr.from_arrow(wr.from_pandas(PEOPLE)), PEOPLE)
    with pytest.raises(TypeError, match="no Arrow data"):
        wr.from_arrow([1, 2])


def test_items():
    assert wr.from_items([3, 1, None]).to_arrow().to_pydict() == {"item": [3, 1, None]}
    rows = [{"a": 1, "b": "x"}, {"a": 2}]
    assert wr.from_items(rows).to_arrow().to_pylist() == [{"a": 1, "b": "x"}, {"a": 2, "b": None}]
    assert len(wr.from_items(range(10), npartitions=3)) == 10
    with pytest.raises(TypeError, match="`1` and `'a'`"):
        wr.from_items([1, "a"])
    with pytest.raises(TypeError, match="`True` and `2`"):
        wr.from_items([True, 2])


# ---- files


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.csv").write_text("id,city\n1,Oslo\n2,\n")
    (tmp_path / "b.csv").write_text("id,city\n3,Rome\n")
    return tmp_path


ALL = pd.DataFrame({"id": [1, 2, 3], "city": ["Oslo", None, "Rome"]})


def test_a_file_a_list_a_pattern_and_a_folder(folder):
    same(wr.read_csv(folder / "b.csv"), ALL[2:])
    same(wr.read_csv([folder / "a.csv", str(folder / "b.csv")]), ALL)
    same(wr.read_csv(f"{folder}/*.csv"), ALL)
    same(wr.read_csv(folder), ALL)


def test_compressed_files(folder):
    (folder / "c.csv.gz").write_bytes(gzip.compress((folder / "a.csv").read_bytes()))
    same(wr.read_csv(folder / "c.csv.gz"), ALL[:2])


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("id;v\n1;2.5\n", {"sep": ";"}),
        ("id;v\n1;2.5\n", {"delimiter": ";"}),
        ("1,2\n3,4\n", {"names": ["a", "b"]}),
        ("x,y\n1,2\n", {"names": ["a", "b"], "header": 0}),
        ("a,b\n1,2\n", {"dtype": {"a": str, "b": "float64"}}),
        ("a,b,c\n1,2,3\n", {"usecols": ["a", "c"]}),
        ("d,n\n2020-01-02,1\n", {"parse_dates": ["d"]}),
        ("a,b\nno,1\nyes,2\n", {"na_values": ["no"]}),
        ("a,b\nNA,1\nyes,2\n", {"keep_default_na": False}),
        ("a\n1\n2\n3\n", {"nrows": 2}),
        ("# hello\na\n1\n", {"skiprows": 1}),
        ("a,b\n'x,y',1\n", {"quotechar": "'"}),
        ("a\n1 # one\n2\n", {"comment": "#"}),
        ("a,b\n1,x\n", {"engine": "c", "low_memory": False}),
    ],
)
def test_csv_options_as_pandas(tmp_path, text, options):
    path = tmp_path / "data.csv"
    path.write_text(text)
    same(wr.read_csv(path, **options), pd.read_csv(path, **options))


def test_a_file_without_a_header(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("1,x\n2,y\n")
    assert wr.read_csv(path, header=None).compute().to_numpy().tolist() == [[1, "x"], [2, "y"]]


def test_text_lines(tmp_path):
    (tmp_path / "a.txt").write_text("it was the best\nof times\n")
    lines = wr.read_text(tmp_path / "a.txt")
    assert len(lines) == 2
    assert lines.compute().iloc[:, 0].to_list() == ["it was the best", "of times"]


def test_json_lines(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text('{"a": 1, "b": "x"}\n{"a": 2, "b": null}\n')
    same(wr.read_json(path), pd.DataFrame({"a": [1, 2], "b": ["x", None]}))


def test_the_matches():
    path = shared("match_results.csv")
    matches = wr.read_csv(path)
    expected = pd.read_csv(path)
    assert list(matches) == list(expected)
    assert len(matches) == 44060
    same(
        matches.head(3)[["home_team", "home_score"]], expected.head(3)[["home_team", "home_score"]]
    )
    same(
        matches.groupby("tournament")["home_score"].mean(),
        expected.groupby("tournament")["home_score"].mean(),
    )


# ---- bad input


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.csv"):
        wr.read_csv(tmp_path / "nothing.csv")


def test_a_folder_without_files(tmp_path):
    with pytest.raises((FileNotFoundError, ValueError), match=str(tmp_path)):
        wr.read_csv(tmp_path)


def test_a_truncated_archive(tmp_path):
    rows = "id,v\n" + "".join(f"{n},{n * 7919 % 1000}\n" for n in range(20000))
    whole = gzip.compress(rows.encode())
    path = tmp_path / "data.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Exception, match=r"data\.csv\.gz"):
        wr.read_csv(path).compute()


def test_a_ragged_row_is_named(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a,b\n1,2\n3,4,5\n6,7\n")
    with pytest.raises(Exception, match=r"(row|line) [23]"):
        wr.read_csv(path).compute()


def test_a_value_of_another_type_is_named(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a\n1\nx\n")
    with pytest.raises(Exception, match="`x`"):
        wr.read_csv(path, dtype={"a": int}).compute()


def test_text_that_is_not_utf8(tmp_path):
    path = tmp_path / "data.csv"
    path.write_bytes("a\nZürich\n".encode("latin-1"))
    with pytest.raises(Exception, match=r"(?i)utf-?8"):
        wr.read_csv(path).compute()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"sepp": ";"}, TypeError, "did you mean `sep`"),
        ({"index_col": 0}, NotImplementedError, "no `index_col` in windrow yet(.|\n)*no index"),
        ({"chunksize": 100}, NotImplementedError, "never holds the whole file"),
        ({"converters": {}}, TypeError, "`converters`"),
        ({"usecols": len}, NotImplementedError, "list of names"),
        ({"skiprows": [1, 2]}, NotImplementedError, "skiprows"),
        ({"parse_dates": True}, TypeError, "list of columns"),
        ({"on_bad_lines": "warn"}, NotImplementedError, "skip"),
        ({"dtype": "category"}, TypeError, "category"),
    ],
)
def test_options_that_are_not_there(options, error, message):
    with pytest.raises(error, match=message):
        wr.read_csv("data.csv", **options)


def test_what_is_no_path():
    with pytest.raises(ValueError, match="no path"):
        wr.read_csv([])
    with pytest.raises(TypeError, match="from_pandas"):
        wr.read_csv([PEOPLE])


# ---- the package


def test_importing_is_quick_and_loads_nothing_heavy():
    program = (
        "import sys, windrow as wr\n"
        "heavy = {'pandas', 'numpy', 'pyarrow'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert 'read_csv' in dir(wr)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_unknown_names_of_the_package():
    with pytest.raises(AttributeError, match="did you mean `read_csv`"):
        wr.read_cvs  # noqa: B018


def test_settings():
    before = wr.settings()
    try:
        wr.configure(memory="1GB", workers=1)
        assert wr.settings()["workers"] == 1
        assert len(wr.from_pandas(PEOPLE)) == 8
        with pytest.raises(ValueError, match="memori"):
            wr.configure(memori="1GB")
        assert wr.settings()["workers"] == 1
    finally:
        wr.configure(memory=before["memory"], workers=before["workers"])
    assert wr.settings() == before
