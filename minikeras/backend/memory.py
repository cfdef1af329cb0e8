"""What malloc does with memory that is free again. All of it does nothing where there is no glibc."""

import ctypes
import functools
import os
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of mallopt in <malloc.h>
LARGEST = 1 << 28  # bytes: larger blocks still go back at once
KEPT = 1 << 30  # bytes that may lie idle


def _glibc(name):
    """A function of glibc, or one that does nothing."""
    libc = ctypes.CDLL(None) if sys.platform.startswith("linux") else None
    return getattr(libc, name, lambda *arguments: None)


@functools.cache
def keep_freed():
    """Makes freed memory stay with the process, once a process: a training step frees as much as the next one takes.

    Without this glibc gives large blocks back to the system at once, and each step pays for thousands of page faults: a
    fifth of the time of a small convolutional network. Settings of the user, in the environment, are left alone.
    """
    if not any(name.startswith("MALLOC_") for name in os.environ):
        mallopt = _glibc("mallopt")
        mallopt(_MMAP_THRESHOLD, LARGEST)
        mallopt(_TRIM_THRESHOLD, KEPT)


def give_back():
    """Gives free memory back to the system, such as what variables and their initial values left.

    By itself glibc keeps up to twice its largest block that was ever freed.
    """
    _glibc("malloc_trim")(0)
