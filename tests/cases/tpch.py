"""The shape of TPC-H at a tiny scale: a generator of our own, and the 22 questions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tables import noise

SUPPLIERS, PARTS, CUSTOMERS, ORDERS = 40, 400, 300, 3_000
NATIONS = (
    "ALGERIA ARGENTINA BRAZIL CANADA EGYPT ETHIOPIA FRANCE GERMANY INDIA INDONESIA IRAN IRAQ JAPAN"
    " JORDAN KENYA MOROCCO MOZAMBIQUE PERU CHINA ROMANIA SAUDI_ARABIA VIETNAM RUSSIA"
    " UNITED_KINGDOM UNITED_STATES"
).split()
REGION_OF = [0, 1, 1, 1, 4, 0, 3, 3, 2, 2, 4, 4, 2, 4, 0, 0, 0, 1, 2, 3, 4, 2, 3, 3, 1]


def make(folder: Path) -> dict[str, Path]:
    """Write the eight tables, the large ones as several files; gives where each is."""
    draw = np.random.default_rng(5)
    tables = {"region": _region(), "nation": _nation()}
    tables |= _parties(draw) | _parts(draw) | _orders(draw)
    places = {}
    for name, table in tables.items():
        place = folder / name
        place.mkdir()
        files = 4 if table.num_rows >= 400 else 1
        size = -(-table.num_rows // files)
        for part in range(files):
            pq.write_table(table.slice(part * size, size), place / f"{part}.parquet")
        places[name] = place
    return places


def _words(draw: np.random.Generator, words: str, count: int) -> np.ndarray:
    return draw.choice(words.split(), count)


def _money(draw: np.random.Generator, low: int, high: int, count: int) -> pa.Array:
    cents = draw.integers(low * 100, high * 100, count)
    return pa.array(cents / 100).cast(pa.decimal128(15, 2))


def _days(days: np.ndarray) -> pa.Array:
    return pa.array((np.datetime64("1992-01-01") + days).astype("datetime64[D]"))


def _phone(nations: np.ndarray) -> list[str]:
    return [f"{10 + nation}-{place % 900 + 100}-555" for place, nation in enumerate(nations)]


def _region() -> pa.Table:
    names = ["AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"]
    return pa.table({"r_regionkey": range(5), "r_name": names})


def _nation() -> pa.Table:
    names = [name.replace("_", " ") for name in NATIONS]
    return pa.table({"n_nationkey": range(25), "n_name": names, "n_regionkey": REGION_OF})


def _parties(draw: np.random.Generator) -> dict[str, pa.Table]:
    s_nation = draw.integers(0, 25, SUPPLIERS)
    c_nation = draw.integers(0, 25, CUSTOMERS)
    comments = [
        "Customer gave Complaints" if place % 9 == 4 else "fine" for place in range(SUPPLIERS)
    ]
    segments = _words(draw, "AUTOMOBILE BUILDING FURNITURE MACHINERY HOUSEHOLD", CUSTOMERS)
    return {
        "supplier": pa.table(
            {
                "s_suppkey": range(SUPPLIERS),
                "s_name": [f"Supplier#{place:05d}" for place in range(SUPPLIERS)],
                "s_address": [f"street {place}" for place in range(SUPPLIERS)],
                "s_nationkey": s_nation,
                "s_phone": _phone(s_nation),
                "s_acctbal": _money(draw, -999, 9999, SUPPLIERS),
                "s_comment": comments,
            }
        ),
        "customer": pa.table(
            {
                "c_custkey": range(CUSTOMERS),
                "c_name": [f"Customer#{place:05d}" for place in range(CUSTOMERS)],
                "c_address": [f"road {place}" for place in range(CUSTOMERS)],
                "c_nationkey": c_nation,
                "c_phone": _phone(c_nation),
                "c_acctbal": _money(draw, -999, 9999, CUSTOMERS),
                "c_mktsegment": segments,
                "c_comment": ["nothing"] * CUSTOMERS,
            }
        ),
    }


def _parts(draw: np.random.Generator) -> dict[str, pa.Table]:
    colors = "green forest blue red ivory lemon"
    names = [" ".join(_words(draw, colors, 2)) for _ in range(PARTS)]
    kinds = "PROMO STANDARD SMALL MEDIUM LARGE ECONOMY"
    finishes = "ANODIZED BRUSHED POLISHED PLATED BURNISHED"
    metals = "TIN NICKEL BRASS STEEL COPPER"
    types = [
        f"{_words(draw, kinds, 1)[0]} {_words(draw, finishes, 1)[0]} {_words(draw, metals, 1)[0]}"
        for _ in range(PARTS)
    ]
    boxes = [
        f"{_words(draw, 'SM MED LG JUMBO WRAP', 1)[0]} {_words(draw, 'CASE BOX BAG PKG PACK', 1)[0]}"
        for _ in range(PARTS)
    ]
    pairs = PARTS * 4
    keys = np.arange(pairs)
    return {
        "part": pa.table(
            {
                "p_partkey": range(PARTS),
                "p_name": names,
                "p_mfgr": [f"Manufacturer#{place % 5 + 1}" for place in range(PARTS)],
                "p_brand": [f"Brand#{value}" for value in draw.integers(11, 26, PARTS)],
                "p_type": types,
                "p_size": draw.integers(1, 51, PARTS),
                "p_container": boxes,
                "p_retailprice": _money(draw, 900, 2000, PARTS),
            }
        ),
        "partsupp": pa.table(
            {
                "ps_partkey": keys // 4,
                "ps_suppkey": (keys // 4 + (keys % 4) * 7) % SUPPLIERS,
                "ps_availqty": draw.integers(1, 9999, pairs),
                "ps_supplycost": _money(draw, 1, 1000, pairs),
            }
        ),
    }


def _orders(draw: np.random.Generator) -> dict[str, pa.Table]:
    ordered = draw.integers(0, 2400, ORDERS)
    lines = draw.integers(1, 7, ORDERS)
    of_order = np.repeat(np.arange(ORDERS), lines)
    count = len(of_order)
    part = draw.integers(0, PARTS, count)
    shipped = ordered[of_order] + draw.integers(1, 120, count)
    due = ordered[of_order] + draw.integers(30, 90, count)
    numbers = np.concatenate([np.arange(1, line + 1) for line in lines])
    comments = ["special packages requests" if place % 50 == 3 else "so" for place in range(ORDERS)]
    return {
        "orders": pa.table(
            {
                "o_orderkey": range(ORDERS),
                "o_custkey": draw.integers(0, CUSTOMERS * 2 // 3, ORDERS),
                "o_orderstatus": _words(draw, "F O P", ORDERS),
                "o_totalprice": _money(draw, 900, 500_000, ORDERS),
                "o_orderdate": _days(ordered),
                "o_orderpriority": _words(draw, "1-URGENT 2-HIGH 3-MEDIUM 4-LOW 5-NONE", ORDERS),
                "o_shippriority": np.zeros(ORDERS, "int32"),
                "o_comment": comments,
                "o_noise": noise(draw, ORDERS, 2_000),
            }
        ),
        "lineitem": pa.table(
            {
                "l_orderkey": of_order,
                "l_partkey": part,
                "l_suppkey": (part + draw.integers(0, 4, count) * 7) % SUPPLIERS,
                "l_linenumber": numbers,
                "l_quantity": _money(draw, 1, 51, count),
                "l_extendedprice": _money(draw, 900, 90_000, count),
                "l_discount": pa.array(draw.integers(0, 11, count) / 100).cast(
                    pa.decimal128(15, 2)
                ),
                "l_tax": pa.array(draw.integers(0, 9, count) / 100).cast(pa.decimal128(15, 2)),
                "l_returnflag": _words(draw, "A N R", count),
                "l_linestatus": _words(draw, "F O", count),
                "l_shipdate": _days(shipped),
                "l_commitdate": _days(due),
                "l_receiptdate": _days(shipped + draw.integers(1, 30, count)),
                "l_shipinstruct": np.where(draw.random(count) < 0.5, "DELIVER IN PERSON", "NONE"),
                "l_shipmode": _words(draw, "AIR MAIL SHIP TRUCK RAIL", count),
                "l_noise": noise(draw, count, 600),
            }
        ),
    }


VOLUME = "l_extendedprice * (1 - l_discount)"
QUESTIONS = {
    1: f"""select l_returnflag, l_linestatus, sum(l_quantity) q, sum(l_extendedprice) p,
        sum({VOLUME}) d, sum({VOLUME} * (1 + l_tax)) c, avg(l_quantity) aq, avg(l_discount) ad,
        count(*) n from lineitem where l_shipdate <= date '1998-12-01' - interval '90 days'
        group by l_returnflag, l_linestatus order by l_returnflag, l_linestatus""",
    2: """select s_acctbal, s_name, n_name, p_partkey, p_mfgr from part, supplier, partsupp, nation,
        region where p_partkey = ps_partkey and s_suppkey = ps_suppkey and p_size < 16
        and p_type like '%BRASS' and s_nationkey = n_nationkey and n_regionkey = r_regionkey
        and r_name = 'EUROPE' and ps_supplycost = (select min(ps_supplycost) from partsupp, supplier,
        nation, region where p_partkey = ps_partkey and s_suppkey = ps_suppkey
        and s_nationkey = n_nationkey and n_regionkey = r_regionkey and r_name = 'EUROPE')
        order by s_acctbal desc, n_name, s_name, p_partkey limit 100""",
    3: f"""select l_orderkey, sum({VOLUME}) revenue, o_orderdate, o_shippriority from customer, orders,
        lineitem where c_mktsegment = 'BUILDING' and c_custkey = o_custkey
        and l_orderkey = o_orderkey and o_orderdate < date '1995-03-15'
        and l_shipdate > date '1995-03-15' group by l_orderkey, o_orderdate, o_shippriority
        order by revenue desc, o_orderdate, l_orderkey limit 10""",
    4: """select o_orderpriority, count(*) n from orders where o_orderdate >= date '1993-07-01'
        and o_orderdate < date '1994-07-01' and exists (select * from lineitem where
        l_orderkey = o_orderkey and l_commitdate < l_receiptdate) group by o_orderpriority
        order by o_orderpriority""",
    5: f"""select n_name, sum({VOLUME}) revenue from customer, orders, lineitem, supplier, nation,
        region where c_custkey = o_custkey and l_orderkey = o_orderkey and l_suppkey = s_suppkey
        and c_nationkey = s_nationkey and s_nationkey = n_nationkey and n_regionkey = r_regionkey
        and r_name = 'ASIA' group by n_name order by revenue desc, n_name""",
    6: """select sum(l_extendedprice * l_discount) revenue from lineitem where
        l_shipdate >= date '1994-01-01' and l_shipdate < date '1995-01-01'
        and l_discount between 0.05 and 0.07 and l_quantity < 24""",
    7: f"""select supp, cust, y, sum(volume) v from (select n1.n_name supp, n2.n_name cust,
        extract(year from l_shipdate) y, {VOLUME} volume from supplier, lineitem, orders, customer,
        nation n1, nation n2 where s_suppkey = l_suppkey and o_orderkey = l_orderkey
        and c_custkey = o_custkey and s_nationkey = n1.n_nationkey and c_nationkey = n2.n_nationkey
        and n1.n_name < 'G' and n2.n_name > 'P') shipping group by supp, cust, y
        order by supp, cust, y""",
    8: f"""select y, sum(case when n = 'BRAZIL' then v else 0 end) / sum(v) share from
        (select extract(year from o_orderdate) y, {VOLUME} v, n2.n_name n from part, supplier,
        lineitem, orders, customer, nation n1, nation n2, region where p_partkey = l_partkey
        and s_suppkey = l_suppkey and l_orderkey = o_orderkey and o_custkey = c_custkey
        and c_nationkey = n1.n_nationkey and n1.n_regionkey = r_regionkey and r_name = 'AMERICA'
        and s_nationkey = n2.n_nationkey) t group by y order by y""",
    9: f"""select nation, y, sum(amount) profit from (select n_name nation,
        extract(year from o_orderdate) y, {VOLUME} - ps_supplycost * l_quantity amount from part,
        supplier, lineitem, partsupp, orders, nation where s_suppkey = l_suppkey
        and ps_suppkey = l_suppkey and ps_partkey = l_partkey and p_partkey = l_partkey
        and o_orderkey = l_orderkey and s_nationkey = n_nationkey and p_name like '%green%') t
        group by nation, y order by nation, y desc""",
    10: f"""select c_custkey, c_name, sum({VOLUME}) revenue, c_acctbal, n_name, c_address, c_phone
        from customer, orders, lineitem, nation where c_custkey = o_custkey
        and l_orderkey = o_orderkey and o_orderdate >= date '1993-10-01'
        and o_orderdate < date '1994-01-01' and l_returnflag = 'R' and c_nationkey = n_nationkey
        group by c_custkey, c_name, c_acctbal, c_phone, n_name, c_address
        order by revenue desc, c_custkey limit 20""",
    11: """select ps_partkey, sum(ps_supplycost * ps_availqty) v from partsupp, supplier, nation
        where ps_suppkey = s_suppkey and s_nationkey = n_nationkey and n_name < 'F'
        group by ps_partkey having sum(ps_supplycost * ps_availqty) > (select
        sum(ps_supplycost * ps_availqty) * 0.004 from partsupp, supplier, nation where
        ps_suppkey = s_suppkey and s_nationkey = n_nationkey and n_name < 'F')
        order by v desc, ps_partkey""",
    12: """select l_shipmode, sum(case when o_orderpriority in ('1-URGENT', '2-HIGH') then 1 else 0
        end) high, count(*) n from orders, lineitem where o_orderkey = l_orderkey
        and l_shipmode in ('MAIL', 'SHIP') and l_commitdate < l_receiptdate
        and l_shipdate < l_commitdate group by l_shipmode order by l_shipmode""",
    13: """select c_count, count(*) n from (select c_custkey, count(o_orderkey) c_count from customer
        left join orders on c_custkey = o_custkey and o_comment not like '%special%requests%'
        group by c_custkey) t group by c_count order by n desc, c_count desc""",
    14: f"""select 100.00 * sum(case when p_type like 'PROMO%' then {VOLUME} else 0 end) /
        sum({VOLUME}) promo from lineitem, part where l_partkey = p_partkey
        and l_shipdate >= date '1995-09-01' and l_shipdate < date '1995-12-01'""",
    15: f"""with revenue as (select l_suppkey supplier_no, sum({VOLUME}) total from lineitem where
        l_shipdate >= date '1996-01-01' and l_shipdate < date '1996-04-01' group by l_suppkey)
        select s_suppkey, s_name, s_address, s_phone, total from supplier, revenue where
        s_suppkey = supplier_no and total = (select max(total) from revenue) order by s_suppkey""",
    16: """select p_brand, p_type, p_size, count(distinct ps_suppkey) n from partsupp, part where
        p_partkey = ps_partkey and p_brand <> 'Brand#15' and p_type not like 'MEDIUM POLISHED%'
        and p_size in (49, 14, 23, 45, 19, 3, 36, 9) and ps_suppkey not in (select s_suppkey from
        supplier where s_comment like '%Customer%Complaints%') group by p_brand, p_type, p_size
        order by n desc, p_brand, p_type, p_size""",
    17: """select sum(l_extendedprice) / 7.0 y from lineitem, part where p_partkey = l_partkey
        and p_brand < 'Brand#14' and l_quantity < (select 0.6 * avg(l_quantity) from lineitem where
        l_partkey = p_partkey)""",
    18: """select c_name, c_custkey, o_orderkey, o_orderdate, o_totalprice, sum(l_quantity) q from
        customer, orders, lineitem where o_orderkey in (select l_orderkey from lineitem group by
        l_orderkey having sum(l_quantity) > 200) and c_custkey = o_custkey
        and o_orderkey = l_orderkey group by c_name, c_custkey, o_orderkey, o_orderdate, o_totalprice
        order by o_totalprice desc, o_orderdate, o_orderkey limit 100""",
    19: f"""select sum({VOLUME}) revenue from lineitem, part where (p_partkey = l_partkey
        and p_brand < 'Brand#15' and p_container like 'SM%' and l_quantity between 1 and 20
        and p_size between 1 and 15 and l_shipmode in ('AIR', 'MAIL')) or (p_partkey = l_partkey
        and p_brand > 'Brand#20' and p_container like 'MED%' and l_quantity between 10 and 40
        and p_size between 1 and 30 and l_shipmode in ('AIR', 'RAIL'))""",
    20: """select s_name, s_address from supplier, nation where s_suppkey in (select ps_suppkey from
        partsupp where ps_partkey in (select p_partkey from part where p_name like 'forest%')
        and ps_availqty > (select 0.5 * sum(l_quantity) from lineitem where
        l_partkey = ps_partkey and l_suppkey = ps_suppkey)) and s_nationkey = n_nationkey
        and n_name < 'J' order by s_name""",
    21: """select s_name, count(*) n from supplier, lineitem l1, orders, nation where
        s_suppkey = l1.l_suppkey and o_orderkey = l1.l_orderkey and o_orderstatus = 'F'
        and l1.l_receiptdate > l1.l_commitdate and exists (select * from lineitem l2 where
        l2.l_orderkey = l1.l_orderkey and l2.l_suppkey <> l1.l_suppkey) and not exists (select *
        from lineitem l3 where l3.l_orderkey = l1.l_orderkey and l3.l_suppkey <> l1.l_suppkey
        and l3.l_receiptdate > l3.l_commitdate) and s_nationkey = n_nationkey
        group by s_name order by n desc, s_name limit 100""",
    22: """select code, count(*) n, sum(c_acctbal) b from (select substring(c_phone from 1 for 2)
        code, c_acctbal from customer where substring(c_phone from 1 for 2) in ('13', '31', '23',
        '29', '30', '18', '17') and c_acctbal > (select avg(c_acctbal) from customer where
        c_acctbal > 0.00) and not exists (select * from orders where o_custkey = c_custkey)) t
        group by code order by code""",
}
