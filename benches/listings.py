"""The row functions over listings that are measured: every peer that runs Python runs these."""


def charge(nights, guests, rate):
    """Arithmetic: whole weeks, what is left, a float, a chained comparison."""
    weeks = nights // 7
    rest = nights % 7
    price = (weeks * 6.5 + rest) * rate / guests
    return price if 0.0 < price <= 20000.0 else 0.0


def bedrooms(facts):
    """A chain of text methods: `" 3 Bds , 2 ba "` has 3 bedrooms."""
    return int(facts.strip().lower().split(" , ")[0].replace(" bds", ""))


def vowels(kind):
    """A loop over characters."""
    count = 0
    for letter in kind:
        if letter in "aeiouAEIOU":
            count += 1
    return count


def tidy(owner):
    """Text methods one after the other."""
    return owner.strip().lower().count("e")


def staying(nights):
    """Integers that always fit 64 bits."""
    return nights * 9_000_000_000_000_000 % 997


def leaving(nights):
    """The same with a few more digits: for one row in twenty it is more than 64 bits."""
    return nights * 9_700_000_000_000_000 % 997


def mostly_leaving(nights):
    """The same where it is more for two rows of five: native code is given up."""
    return nights * 16_000_000_000_000_000 % 997


CASES = {
    "charge": (charge, ["nights", "guests", "rate"]),
    "bedrooms": (bedrooms, ["facts"]),
    "vowels": (vowels, ["kind"]),
    "tidy": (tidy, ["owner"]),
    "tidy_accented": (tidy, ["accented"]),
    "bedrooms_apart": (bedrooms, ["details"]),
    "tidy_apart": (tidy, ["guest"]),
    "staying": (staying, ["nights"]),
    "leaving": (leaving, ["nights"]),
    "mostly_leaving": (mostly_leaving, ["nights"]),
}
"""Case -> the function, and the columns that it gets."""


def of_row(case):
    """Give the function of a case as people write it for `apply(axis=1)`."""
    return {
        "charge": lambda row: charge(row["nights"], row["guests"], row["rate"]),
        "bedrooms": lambda row: bedrooms(row["facts"]),
        "vowels": lambda row: vowels(row["kind"]),
        "tidy": lambda row: tidy(row["owner"]),
        "tidy_accented": lambda row: tidy(row["accented"]),
        "bedrooms_apart": lambda row: bedrooms(row["details"]),
        "tidy_apart": lambda row: tidy(row["guest"]),
        "staying": lambda row: staying(row["nights"]),
        "leaving": lambda row: leaving(row["nights"]),
        "mostly_leaving": lambda row: mostly_leaving(row["nights"]),
    }[case]
