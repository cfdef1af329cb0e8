"""How XLA compiles for a CPU: so that the memory of a run stays with the process, for the next one.

XLA takes the memory of all intermediate results as one block at each run, in one of some threads that take turns. What
malloc cannot keep goes back to the system and costs a page fault for each 4 KB: up to two fifths of a training step.
"""

import contextlib
import functools
import os

import jax

from ..memory import HALF_HEAP, give_back, keep_freed, settable, share_arenas


def _running():
    """Whether JAX has started its threads."""
    try:
        from jax._src.xla_bridge import backends_are_initialized
    except ImportError:
        return False
    return backends_are_initialized()


SHARED = settable() and not _running()  # else each thread would keep the memory of a run
if SHARED:
    share_arenas()


@functools.cache
def options():
    """What the compiler is told: to cut that block into such as malloc can keep. None where this is of no use."""
    if not SHARED or jax.default_backend() != "cpu":
        return None
    chosen = {"xla_multiheap_size_constraint_per_heap": HALF_HEAP}
    try:
        jax.jit(lambda: 0, compiler_options=chosen)()
    except jax.errors.JaxRuntimeError:  # an XLA that does not know it
        return None
    return chosen


@contextlib.contextmanager
def compiling():
    """Around a first call: what the compiler frees goes back to the system, what runs free from then on stays."""
    if not options():
        yield
        return
    keep_freed(False)
    try:
        with _quiet():
            yield
    finally:
        give_back()
        keep_freed()


@contextlib.contextmanager
def _quiet():
    """XLA would write a line to stderr for each array that is larger than the blocks."""
    if jax.config.jax_logging_level != "NOTSET":
        yield
        return
    before = {"0": "INFO", "2": "ERROR", "3": "CRITICAL"}.get(os.environ.get("TF_CPP_MIN_LOG_LEVEL"), "WARNING")
    jax.config.update("jax_logging_level", "ERROR")
    try:
        yield
    finally:
        jax.config.update("jax_logging_level", before)
        jax.config.update("jax_logging_level", "NOTSET")  # Python's loggers as they were; XLA keeps the level before
