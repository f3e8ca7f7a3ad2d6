"""Make the input files: deterministic, made once, kept in the data folder."""
