"""NumPy kernels of the ops on shapes. Those marked as views share the memory of their argument."""

import numpy as np

from .linker import view


def cast(x, dtype, out=None):
    if dtype == "bool":
        return np.not_equal(x, 0, out=out)
    if out is None:
        with np.errstate(invalid="ignore", over="ignore"):
            return x.astype(dtype)
    np.copyto(out, x, casting="unsafe")
    return out


@view
def reshape(x, shape):
    return x.reshape(shape)


@view
def permute_dimensions(x, pattern):
    return x.transpose(pattern)


@view
def broadcast_to(x, shape):
    return np.broadcast_to(x, shape)
