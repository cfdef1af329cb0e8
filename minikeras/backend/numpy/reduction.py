"""NumPy kernels of the reductions."""

import numpy as np


def sum(x, axis, keepdims, out=None):
    return np.add.reduce(x, axis, x.dtype, out, keepdims)  # NumPy would widen integers


def mean(x, axis, keepdims, out=None):
    if x.dtype.kind != "f":
        return np.trunc(np.mean(x, axis, keepdims=keepdims)).astype(x.dtype)
    total = np.add.reduce(x, axis, None, out, keepdims)
    count = 1
    for i in axis:
        count *= x.shape[i]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.true_divide(total, count, out=out, dtype=x.dtype)


def prod(x, axis, keepdims, out=None):
    return np.multiply.reduce(x, axis, x.dtype, out, keepdims)


def max(x, axis, keepdims, out=None):
    return np.maximum.reduce(x, axis, None, out, keepdims)


def min(x, axis, keepdims, out=None):
    return np.minimum.reduce(x, axis, None, out, keepdims)


def extremum_gradient(g, x, y, axis, out=None):
    hit = np.equal(x, y)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.multiply(hit, g / np.add.reduce(hit, axis, g.dtype, None, True), out=out)


def any(x, axis, keepdims, out=None):
    return np.logical_or.reduce(x, axis, None, out, keepdims)


def all(x, axis, keepdims, out=None):
    return np.logical_and.reduce(x, axis, None, out, keepdims)


def argmax(x, axis, out=None):
    return np.argmax(x, axis, out=out)


def argmin(x, axis, out=None):
    return np.argmin(x, axis, out=out)


def logsumexp(x, axis, keepdims):
    # The largest element is taken off first, so that exp cannot overflow; an infinite one is left in.
    top = np.maximum.reduce(x, axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0).astype(x.dtype)
    with np.errstate(divide="ignore"):
        total = np.log(np.add.reduce(np.exp(x - top), axis, keepdims=True)) + top
    return total if keepdims else np.squeeze(total, axis)


def cumsum(x, axis, out=None):
    return np.add.accumulate(x, axis, x.dtype, out)


def cumprod(x, axis, out=None):
    return np.multiply.accumulate(x, axis, x.dtype, out)
