"""One HTTP call for each row of a DataFrame, four at a time: only the import was changed."""

import json
import sys
import time
from urllib.request import urlopen

import pandas as pd

from slow_server import CITIES, slow_server
from windrow import Pool  # was: from multiprocessing import Pool

rows = int(sys.argv[1]) if len(sys.argv) > 1 else 400


def get_temperature(job):
    """The temperature in the city of one row."""
    address, index, city = job
    with urlopen(f"{address}/temperature?city={city}") as response:
        return index, json.load(response)["temperature"]


df = pd.DataFrame({"city": [CITIES[n % len(CITIES)] for n in range(rows)], "guests": range(rows)})

with slow_server() as address:
    jobs = [(address, index, city) for index, city in df["city"].items()]
    started = time.perf_counter()
    with Pool(4) as pool:
        results = pool.map(get_temperature, jobs, chunksize=1, progress=True)
    seconds = time.perf_counter() - started

answers = pd.DataFrame(results, columns=["index", "temperature"]).set_index("index")
df = df.merge(answers, left_index=True, right_index=True)
print(df.head())
print(f"{len(df)} rows in {seconds:.2f} s")
