"""Freed memory stays with the process: a training step frees as much as the next one takes.

Without this glibc gives large blocks back to the system at once, and each step pays for thousands of page faults: a
fifth of the time of a small convolutional network. Settings of the user, in the environment, are left alone.
"""

import ctypes
import functools
import os
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of mallopt in <malloc.h>
LARGEST = 1 << 28  # bytes: larger blocks still go back at once
KEPT = 1 << 30  # bytes that may lie idle


@functools.cache
def keep_freed():
    """Makes malloc keep what is freed, once a process. Does nothing where there is no glibc."""
    if not sys.platform.startswith("linux") or any(name.startswith("MALLOC_") for name in os.environ):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, LARGEST)
        mallopt(_TRIM_THRESHOLD, KEPT)
