"""The HTTP calls of ``http_calls.py`` as an ``async def``: each worker has many in flight."""

import asyncio
import json
import sys
import time
from urllib.request import urlopen

import pandas as pd

from slow_server import CITIES, slow_server
from windrow import Pool

rows = int(sys.argv[1]) if len(sys.argv) > 1 else 400


async def get_temperature(job):
    """The temperature in the city of one row; any asyncio library would do as well."""
    host, port, index, city = job
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET /temperature?city={city} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    if not head.startswith(b"HTTP/1.1 200"):
        raise ConnectionError(head.decode())
    return index, json.loads(body)["temperature"]


def get_temperature_blocking(job):
    """The same without asyncio, to compare."""
    host, port, index, city = job
    with urlopen(f"http://{host}:{port}/temperature?city={city}") as response:
        return index, json.load(response)["temperature"]


def timed(function, jobs, **options):
    started = time.perf_counter()
    with Pool(4) as pool:
        results = pool.map(function, jobs, **options)
    return results, time.perf_counter() - started


df = pd.DataFrame({"city": [CITIES[n % len(CITIES)] for n in range(rows)], "guests": range(rows)})

with slow_server() as address:
    host, port = address.removeprefix("http://").split(":")
    jobs = [(host, port, index, city) for index, city in df["city"].items()]
    expected, blocking = timed(get_temperature_blocking, jobs, chunksize=1, progress=True)
    results, seconds = timed(get_temperature, jobs, concurrency=100, progress=True)

assert results == expected
answers = pd.DataFrame(results, columns=["index", "temperature"]).set_index("index")
df = df.merge(answers, left_index=True, right_index=True)
print(df.head())
print(f"{len(df)} rows in {seconds:.2f} s; {blocking / seconds:.0f} times faster than 4 at a time")
