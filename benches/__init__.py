"""Benchmarks: Windrow and its peers, in the same run, on the same files."""
