"""Count words with MapReduce: a mapper that takes a file name, a reducer that takes a word."""

import match_data
import windrow as wr


def mapper(filename):
    """Yield ``(word, 1)`` for every word of a file."""
    with open(filename) as file:
        for line in file:
            for word in line.split():
                yield word, 1


def reducer(_word, counts):
    """Add the counts of a word."""
    return sum(counts)


files = [str(path) for path in match_data.text_files()]
# The reducer also serves as combiner: each worker adds up its own words before they travel.
counts = wr.mapreduce(files, mapper, reducer, combiner=reducer)
for word, count in sorted(counts.items(), key=lambda item: -item[1])[:10]:
    print(f"{count:6}  {word}")
