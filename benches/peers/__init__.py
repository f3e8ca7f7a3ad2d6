"""The peers: one adapter a file, each in the best configuration we know of for it.

The first import of a peer's own packages is inside its functions: the harness imports every
adapter, and a measured process pays for its own peer only.
"""
