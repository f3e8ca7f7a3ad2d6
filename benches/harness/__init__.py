"""The harness: what jobs and peers are, how one is measured, how results are shown."""
