"""MapReduce over files, lines or any items, with Python functions and Python objects."""

from windrow.mapreduce.job import mapreduce
from windrow.mapreduce.result import MapReduceResult

__all__ = ["MapReduceResult", "mapreduce"]
