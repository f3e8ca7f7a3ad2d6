"""DuckDB: SQL over the files; results as Arrow."""

from benches.functions import home_advantage
from benches.harness.adapter import Adapter
from benches.questions import ORDERS, QUESTIONS

adapter = Adapter("duckdb", ["duckdb"])
ROW_COLUMNS = ["home_score", "away_score", "neutral"]


@adapter.opens
def open_session(cores, scratch):
    import duckdb

    settings = {"threads": cores, "temp_directory": scratch, "preserve_insertion_order": False}
    return duckdb.connect(config=settings)


@adapter.closes
def close_session(connection):
    connection.close()


def _files(paths):
    return f"read_parquet({paths!r})"


def _advantage(connection, source, kind):
    """Sum the Python function over ``source``, called by ``kind`` (``native`` or ``arrow``)."""
    function = home_advantage
    if kind == "arrow":
        import pyarrow as pa

        def function(home, away, neutral):
            columns = (column.to_pylist() for column in (home, away, neutral))
            return pa.array(list(map(home_advantage, *columns)))

    types = ["BIGINT", "BIGINT", "BOOLEAN"]
    connection.create_function("advantage", function, types, "BIGINT", type=kind)
    query = f"select sum(advantage(home_score, away_score, neutral)) from {source}"
    answer = connection.execute(query).fetchall()[0][0]
    connection.remove_function("advantage")
    return int(answer)


@adapter.runs("row_function", "Python UDF")
def row_function(connection, inputs, _case):
    return _advantage(connection, _files(inputs["files"]), "native")


@adapter.runs("row_function", "Arrow UDF, by hand over columns")
def row_function_arrow(connection, inputs, _case):
    return _advantage(connection, _files(inputs["files"]), "arrow")


@adapter.runs("row_function", "a native expression, by hand")
def row_function_native(connection, inputs, _case):
    query = f"""
        select sum(case when neutral then 0 when home_score > away_score then 1
                        when home_score < away_score then -1 else 0 end)
        from {_files(inputs["files"])}"""
    return int(connection.execute(query).fetchall()[0][0])


_EXPRESSIONS = {
    "bedrooms": "replace(split_part(lower(trim(facts)), ' , ', 1), ' bds', '')::bigint",
    "vowels": "len(regexp_replace(kind, '[^aeiouAEIOU]', '', 'g'))",
    "tidy": "len(lower(trim(owner))) - len(replace(lower(trim(owner)), 'e', ''))",
    "tidy_accented": "len(lower(trim(accented))) - len(replace(lower(trim(accented)), 'e', ''))",
}


# Its integers of 64 bits are an error then.
@adapter.runs("listings", "a native expression, by hand", apart_from=["leaving", "mostly_leaving"])
def listings(connection, inputs, case):
    source = _files(inputs["files"])
    if case == "charge":
        # `//` and `%` of SQL round towards zero, Python's round down.
        query = f"""
            with prices as (
                select (floor(nights / 7.0) * 6.5 + ((nights % 7) + 7) % 7) * rate / guests as price
                from {source})
            select sum(case when price > 0.0 and price <= 20000.0 then price else 0.0 end)
            from prices"""
    else:
        query = f"select sum({_EXPRESSIONS[case]})::double from {source}"
    return float(connection.execute(query).fetchall()[0][0])


@adapter.runs("group_by")
def group_by(connection, inputs, case):
    keys, aggregates = QUESTIONS[case]
    keys_text = ", ".join(keys)
    how_in_sql = {"mean": "avg"}
    columns = ", ".join(
        f"{how_in_sql.get(how, how)}({column}) as {name}"
        for name, (column, how) in aggregates.items()
    )
    source = _files(inputs["files"])
    query = f"select {keys_text}, {columns} from {source} as t group by {keys_text}"
    return connection.sql(query).to_arrow_table()


@adapter.runs("join")
def join(connection, inputs, case):
    table = _files(inputs["files"])
    if case == "small":
        query = (
            f"select sum(v1) from {table} join {_files([inputs['small']])} using (id1) "
            "where region = 'r3'"
        )
    elif case == "large":
        query = f"select sum(v3 * weight) from {table} join {_files([inputs['large']])} using (id6)"
    else:
        query = (
            f"select count(*) from {table} join (select id3, avg(v3) as mean from {table} "
            "group by id3) using (id3) where v3 > mean"
        )
    answer = connection.execute(query).fetchall()[0][0]
    return float(answer) if case == "large" else int(answer)


@adapter.runs("sort")
def sort(connection, inputs, case):
    columns, count = ORDERS[case]
    order = ", ".join(name if up else f"{name} desc" for name, up in columns.items())
    limit = "" if count is None else f"limit {count}"
    query = f"select * from {_files(inputs['files'])} order by {order} {limit}"
    return connection.sql(query).to_arrow_table()


@adapter.runs("start")
def start(_session, inputs, case):
    import duckdb

    if case == "import":
        return 0
    source = f"read_csv({inputs['csv']!r})"
    if case == "mean":
        return duckdb.execute(f"select avg(home_score) from {source}").fetchall()[0][0]
    return _advantage(duckdb.connect(), source, "native")
