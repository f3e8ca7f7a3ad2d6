"""What is measured: one job a file."""

from benches.jobs import (
    group_by,
    join,
    listings,
    native,
    on_pandas,
    pool,
    row_function,
    sort,
    start,
    word_count,
    worker_rows,
)

JOBS = [
    module.JOB
    for module in (
        row_function,
        listings,
        native,
        on_pandas,
        word_count,
        group_by,
        join,
        sort,
        start,
        pool,
        worker_rows,
    )
]
