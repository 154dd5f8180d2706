"""Memory that a process gives back is kept by it, where the C library is glibc.

Otherwise every array above some megabytes is mapped anew and unmapped after use, and the kernel
clears its pages again and again: two thirds of the time of a convolutional network on one thread
(`benchmarks/embedding.py`). What a process holds at most is the same; what it holds at the end is
that most.
"""

from __future__ import annotations

import ctypes
import os

# the names that child processes read, the numbers that this one is told, and the sizes in bytes
SETTINGS = (
    ("MALLOC_MMAP_THRESHOLD_", -3, 2**30),
    ("MALLOC_TRIM_THRESHOLD_", -1, 2**31 - 1),
)


def keep() -> None:
    """Let this process and its children keep what they give back; what is set already stays."""
    tell = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    for name, number, size in SETTINGS:
        if name not in os.environ and tell is not None:
            tell(number, size)
            os.environ[name] = str(size)
