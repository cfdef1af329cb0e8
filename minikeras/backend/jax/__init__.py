"""The JAX backend: kernels by family, and a linker that makes one jit of a program, with donated state."""

import sys

import jax
import numpy as np

from .linker import Linked as link
from .linker import precision
from .selection import raise_found
from .waiting import until_ready

NAME = "jax"
VIEWS = frozenset()  # arrays are immutable: nothing is shared that could change
__all__ = ["NAME", "VIEWS", "assign", "constant", "copy", "from_feed", "link", "package", "to_native", "to_numpy"]


def package():
    """This package, as linkers of straight lines take it."""
    return sys.modules[__name__]


def constant(array):
    """A constant of a program: NumPy's own, which is traced as it is."""
    return array


def copy(array):
    """Arrays are immutable: the array itself."""
    return array


def to_native(array):
    """A copy of a NumPy array on the device."""
    with precision([array.dtype.name]):
        return jax.device_put(np.array(array))


def to_numpy(value):
    """An array as a NumPy array of its own; waits for the device. (A view would be lost with a donated buffer.)"""
    until_ready(value)
    array = np.array(value)
    raise_found()
    return array


# What programs cast themselves: fewer bytes go to the device, and the host makes no copy.
_CAST_LATER = frozenset(map(np.dtype, ("bool", "int8", "uint8", "int16", "uint16", "int32")))


def from_feed(value, dtype):
    """What a user fed, in that dtype, or as integers of which the program makes floats; the call moves it."""
    if type(value) is np.ndarray:
        # `dtype.name` takes microseconds
        if value.dtype == dtype or value.dtype in _CAST_LATER and dtype in ("float32", "float64"):
            return value
        return np.asarray(value, dtype)
    if isinstance(value, jax.Array):
        return value if value.dtype == dtype else value.astype(dtype)
    return np.asarray(value, dtype)


def assign(native, array):
    """Stores a NumPy array in place of a native one: a new array."""
    return to_native(array)
