"""The Python side of worker processes: starting them, pickling, exceptions, conversions.

Nothing here is part of the public interface.
"""
