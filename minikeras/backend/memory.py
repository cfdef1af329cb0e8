"""What malloc does with memory that is free again. All of it does nothing where there is no glibc."""

import ctypes
import os
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -2, -3, -8  # names of mallopt in <malloc.h>
LARGEST = 1 << 28  # bytes: larger blocks still go back at once
KEPT = 1 << 30  # bytes that may lie idle
SMALL = 1 << 22  # bytes, for both, where nothing is to be kept
# Threads other than the first have heaps of 64 MB. What does not fit one goes back at once, whatever is set; so does a
# heap with nothing in it, unless the pad at the top is more than the heap before it has room for.
HEAP, HALF_HEAP = 64 << 20, 30 << 20


def settable():
    """Whether there may be a glibc to set, and the user has not done it in the environment."""
    return sys.platform.startswith("linux") and not any(name.startswith("MALLOC_") for name in os.environ)


def _glibc(name):
    """A function of glibc, or one that does nothing."""
    libc = ctypes.CDLL(None) if sys.platform.startswith("linux") else None
    return getattr(libc, name, lambda *arguments: None)


def keep_freed(keep=True):
    """Makes freed memory stay with the process: a training step frees as much as the next one takes.

    Without this glibc gives large blocks back to the system at once, and each step pays for thousands of page faults: a
    fifth of the time of a small convolutional network. Settings of the user, in the environment, are left alone.
    keep: False lets most of it go again, such as for a compiler, whose garbage no step will use.
    """
    if settable():
        mallopt = _glibc("mallopt")
        if not mallopt(_MMAP_THRESHOLD, LARGEST if keep else SMALL):
            mallopt(_MMAP_THRESHOLD, HEAP // 2)  # the most that an older glibc takes
        mallopt(_TRIM_THRESHOLD, KEPT if keep else SMALL)
        mallopt(_TOP_PAD, HEAP if keep else SMALL)


def share_arenas():
    """Lets the threads that start from now on share a few arenas of malloc: 4, or half as many as processors.

    An arena keeps what was freed in it: threads that take turns would each hold the memory of a step. Linux only.
    """
    _glibc("mallopt")(_ARENA_MAX, max(4, len(os.sched_getaffinity(0)) // 2))


def give_back():
    """Gives free memory back to the system, such as what variables and their initial values left.

    By itself glibc keeps up to twice its largest block that was ever freed.
    """
    _glibc("malloc_trim")(0)
