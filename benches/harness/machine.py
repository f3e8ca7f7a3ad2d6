"""The size of this machine, as results state it."""

import os
import platform

import psutil


def cores() -> int:
    """Give the number of cores this process may use."""
    return len(os.sched_getaffinity(0))


def describe() -> str:
    """Give cores, memory, system and Python in a line; never a host's name."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{cores()} cores, {memory:.0f} GiB memory, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )


def load() -> float:
    """Give the load of the last minute: above half a core, figures are to be mistrusted."""
    return os.getloadavg()[0]
