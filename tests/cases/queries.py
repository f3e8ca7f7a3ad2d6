"""Queries over the tables of the cases: name, SQL, and whether the order of rows is part of it."""

from __future__ import annotations

# Of `groups` (g, 4 partitions), `cities` (c), `nested` (n) and `empty` (e).
UNORDERED = {
    "sum by key": "select key, sum(amount) s, count(*) n from g group by key",
    "two keys": "select few, name, min(id) lo, max(id) hi, avg(amount) m from g group by few, name",
    "no groups": "select count(*) n, sum(id) s, avg(amount) m from g",
    "self join": "select a.key, count(*) n from g a join g b on a.id = b.id group by a.key",
    "join of an aggregate": (
        "select g.key, count(*) n from g join (select key, avg(amount) m from g group by key) a"
        " on g.key = a.key and g.amount > a.m group by g.key"
    ),
    "broadcast join": "select c.city, count(*) n from g join c on g.few = c.few group by c.city",
    "left join": "select g.id, c.city from g left join c on g.few = c.few where g.id % 7 = 0",
    "right join": "select g.id, c.city from c right join g on g.few = c.few where g.id % 11 = 0",
    "small left join": "select c.few, c.city, g.id from c left join g on g.few = c.few and g.id < 40",
    "full join": (
        "select c.city, g.name, count(*) n from c full join (select * from g where few > 2) g"
        " on g.few = c.few group by c.city, g.name"
    ),
    "semi join": "select city from c where few in (select few from g where amount > 0)",
    "big semi join": "select id from g where few in (select few from c where size > 2)",
    "anti join": "select city from c where not exists (select 1 from g where g.few = c.few)",
    "not in": (
        "select few, city from c where few not in"
        " (select few from g where few is not null and few < 3)"
    ),
    "not in with missing": "select distinct few from g where few not in (select few from c)",
    "nested loop left join": (
        "select c.city, g.id from c left join g on g.id < c.size and g.few > c.few"
    ),
    "nested loop inner join": "select c.city, count(*) n from g join c on g.id < c.size group by c.city",
    "cross join": "select c.city, t.few from c cross join (select distinct few from g) t",
    "scalar subquery": "select id, amount from g where amount > (select avg(amount) + 100 from g)",
    "correlated subquery": (
        "select few, city, (select count(*) from g where g.few = c.few) n from c"
    ),
    "limit of groups": "select count(*) n from (select id from g limit 70)",
    "values join": "select v.label, g.key from g join (values (1, 'one'), (4, 'four')) v(few, label)"
    " on g.few = v.few where g.id < 300",
    "rollup": "select few, flag, count(*) n from g group by rollup (few, flag)",
    "grouping sets": "select few, flag, sum(id) s from g group by grouping sets ((few), (flag), ())",
    "count distinct": "select few, count(distinct name) n, count(distinct key) k from g group by few",
    "distinct": "select distinct few, flag from g",
    "union": "select few from g where few < 2 union all select few from c",
    "union distinct": "select few from g union select few from c",
    "except": "select few from g except select few from c",
    "intersect": "select few from c intersect select few from g",
    "median": "select few, median(id) m from g group by few",
    "spread": "select few, stddev(amount) s, corr(id, amount) c from g group by few",
    "first and last": "select few, first_value(id order by id) f, last_value(id order by id) l from g"
    " group by few",
    "text of a group": "select few, string_agg(name, ',' order by id) t from g where id < 200"
    " group by few",
    "list of a group": "select few, array_agg(id order by id) t from g where id < 200 group by few",
    "window": "select id, row_number() over (partition by key order by id) r,"
    " sum(amount) over (partition by key) s from g",
    "running window": "select id, sum(id) over (partition by few order by id rows between 3 preceding"
    " and current row) s from g",
    "window of all": "select id, id - avg(id) over () d from g where id < 900",
    "lag": "select id, lag(id, 2) over (partition by name order by id) l from g",
    "dictionary keys": "select word, count(*) n from n group by word",
    "dictionary join": "select a.word, count(*) n from n a join n b on a.word = b.word and"
    " b.id < 100 group by a.word",
    "structs": "select \"struct\"['a'] a, count(*) n from n group by \"struct\"['a']",
    "struct as key": 'select "struct", count(*) n from n group by "struct"',
    "list as key": "select list, count(*) n from n group by list",
    "unnest": "select id, unnest(list) x from n",
    "unnest and group": "select x, count(*) n from (select unnest(list) x from n) group by x",
    "wide and long": "select * from n where id % 3 = 0",
    "long text by key": "select long, count(*) n from n group by long",
    "empty": "select few, count(*) n from e group by few",
    "empty join": "select g.id from g join e on g.id = e.id",
    "empty left join": "select g.id, e.name from g left join e on g.id = e.id where g.id < 50",
    "nothing left": "select key, count(*) n from g where amount > 1e9 group by key",
    "series": "select count(*) n from generate_series(1, 1000) t",
    "repeated subplan": "with t as (select few, count(*) n from g group by few)"
    " select a.few, a.n + b.n s from t a join t b on a.few = b.few",
    "recursion": "with recursive t as (select 1 as x union all select x + 1 from t where x < 20)"
    " select t.x, count(*) n from t join g on g.few = t.x group by t.x",
    "csv": "select few, count(*) n, min(name) lo from t group by few",
    "dates": "select date_trunc('month', day) m, count(*) n from g group by m",
}

ORDERED = {
    "top": "select id, amount from g order by amount desc nulls last, id limit 25",
    "offset": "select id from g order by id desc limit 10 offset 30",
    "sort of groups": "select key, count(*) n from g group by key order by n desc, key",
    "global sort": "select id, key, name, amount from g order by amount, id",
    "global sort descending": "select * from g order by name desc, amount desc nulls last, id",
    "global sort by an expression": "select id, amount * 2 d from g order by id % 100, id",
    "sort of nested": 'select id, list, "struct", long from n order by long, id',
    "sort of dictionaries": "select word, id from n order by word desc, id",
    "sort of nothing": "select * from e order by id",
    "sort of one value": "select few, id from g where few = 3 order by few, id",
    "sorted window": "select id, rank() over (partition by few order by amount, id) r from g"
    " order by id",
}
