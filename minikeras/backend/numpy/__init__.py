"""The NumPy backend: kernels by family, and a linker that plans memory. It needs nothing but NumPy."""

import numpy as np

from .linker import Linked as link
from .linker import run_once

NAME = "numpy"
__all__ = ["NAME", "assign", "from_feed", "link", "run_once", "to_native", "to_numpy"]


def to_native(array):
    """A copy of the array in memory of the backend's own."""
    return np.array(array)


def to_numpy(value):
    """A copy of a backend's array (NumPy's own)."""
    return np.array(value)


def from_feed(value, dtype):
    """What a user fed, as an array of that dtype; no copy where it is one already."""
    if type(value) is np.ndarray and value.dtype == dtype:  # `dtype.name` takes microseconds
        return value
    return np.asarray(value, dtype=dtype)


def assign(native, array):
    """Stores the array in the native one, in place: linked programs hold it."""
    np.copyto(native, array)
    return native
