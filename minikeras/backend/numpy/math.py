"""NumPy kernels of the elementwise ops: mostly the ufuncs themselves, which write into the buffer they are given."""

import functools
import math

import numpy as np

from .linker import elementwise

add = np.add
subtract = np.subtract
multiply = np.multiply
true_divide = np.true_divide
floor_divide = np.floor_divide
mod = np.remainder
power = np.power
maximum = np.maximum
minimum = np.minimum

negative = np.negative
abs = np.absolute
sign = np.sign
square = np.square
true_sqrt = np.sqrt
exp = np.exp
expm1 = np.expm1
log = np.log
log1p = np.log1p
sin = np.sin
cos = np.cos
tanh = np.tanh
floor = np.floor
round = np.rint

equal = np.equal
not_equal = np.not_equal
greater = np.greater
greater_equal = np.greater_equal
less = np.less
less_equal = np.less_equal
logical_and = np.logical_and
logical_or = np.logical_or
logical_not = np.logical_not
isnan = np.isnan
isinf = np.isinf


@elementwise
def rsqrt(x, out=None):
    out = np.empty_like(x) if out is None else out
    np.sqrt(x, out=out)
    return np.divide(1, out, out=out)


@elementwise
def clip(x, min_value, max_value, out=None):
    return np.minimum(np.maximum(x, min_value, out=out), max_value, out=out)


# Not in place: the buffer could be that of x or y, and the first copy would destroy what the second reads.
def where(condition, x, y, out=None):
    if out is None:
        return np.where(condition, x, y)
    np.copyto(out, y)
    np.copyto(out, x, where=condition)
    return out


@functools.cache
def _erf():
    """NumPy has none: SciPy's, or the standard library's, an element at a time, where SciPy is not installed."""
    try:
        from scipy.special import erf  # takes 11 MB and 0.1 s, and few models need it
    except ImportError:
        return np.vectorize(math.erf, otypes=["float64"])
    return erf


def erf(x):
    return _erf()(x).astype(x.dtype, copy=False)  # of float16 SciPy makes float64
