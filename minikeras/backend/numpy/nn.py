"""NumPy kernels of activations and softmax: few passes, into the buffers that they are given."""

import functools
import inspect
import math

import numpy as np

from .linker import elementwise

BLOCK = 1 << 14  # elements: temporaries of this size stay in the cache


@functools.lru_cache(64)
def _zeros_along(shape, dtype):
    """Zeros for the last axes of a shape, as many as fit a block."""
    while shape and math.prod(shape) > BLOCK:
        shape = shape[1:]
    return np.zeros(shape, dtype)


@elementwise
def rectify(x, out=None):
    # With an array for the other argument NumPy has a vectorised loop, with a number it has none: 3 to 5 times as fast.
    return np.maximum(x, _zeros_along(x.shape, x.dtype), out=out)


@elementwise
def rectify_gradient(g, y, out=None):
    return np.multiply(g, y > 0, out=out)


@elementwise
def sigmoid(x, out=None):
    out = np.empty_like(x) if out is None else out  # not a ufunc's: of no axes that would be a scalar
    # exp overflows to inf for very negative x, and 1 / inf is the 0 that is wanted.
    np.negative(x, out=out)
    np.exp(out, out=out)
    np.add(out, 1, out=out)
    return np.reciprocal(out, out=out)


# Not in place: g and y are both read after the first result is written.
def sigmoid_gradient(g, y, out=None):
    out = np.empty_like(y) if out is None else out
    np.subtract(1, y, out=out)
    np.multiply(out, y, out=out)
    return np.multiply(out, g, out=out)


def blocked(function):
    """A kernel of an elementwise function that makes several temporary arrays: it is run block by block, into `out`."""

    def kernel(*args, out=None):
        arrays = [a for a in args if hasattr(a, "dtype")]
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
        out = np.empty(shape, arrays[0].dtype) if out is None else out
        if out.size <= BLOCK or any(a.shape != shape or not a.flags.c_contiguous for a in (*arrays, out)):
            out[...] = function(*args)
            return out
        flat, target = [a.reshape(-1) if hasattr(a, "dtype") else a for a in args], out.reshape(-1)
        for i in range(0, out.size, BLOCK):
            part = slice(i, i + BLOCK)
            target[part] = function(*(a[part] if hasattr(a, "dtype") else a for a in flat))
        return out

    out = inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None)
    kernel.__signature__ = inspect.Signature([*inspect.signature(function).parameters.values(), out])
    return kernel


def log1p_exp(x):
    """log(1 + exp(-|x|)).

    np.log1p and np.expm1 are not vectorised as exp, log and tanh are, and ten times slower. With u = 1 + e rounded,
    log(1 + e) = log(u) + (e - (u - 1)) / u to full precision. Source: Higham, Accuracy and Stability (2002), 1.14.1.
    """
    e = np.exp(-np.abs(x))
    u = 1 + e
    lost = (e - (u - 1)) / u
    return np.log(u) + lost


# Products with masks and clipped values below: np.where and masked copies are ten times slower on mixed data.


@blocked
def leaky_relu(x, alpha):
    return np.maximum(x, 0) + np.minimum(x, 0) * x.dtype.type(alpha)


@blocked
def leaky_relu_gradient(g, x, alpha):
    return g * ((x > 0) * x.dtype.type(1 - alpha) + x.dtype.type(alpha))


@blocked
def elu_gradient(g, x, y, alpha):
    return g * (np.minimum(y, 0) + (x > 0) * x.dtype.type(1 - alpha) + x.dtype.type(alpha))


@blocked
def softplus(x):
    return np.maximum(x, 0) + log1p_exp(x)


@blocked
def elu(x, alpha):
    # exp(x) - 1 = 2 t / (1 - t) with t = tanh(x / 2), exact near 0.
    t = np.tanh(np.minimum(x, 0) * x.dtype.type(0.5))
    return np.maximum(x, 0) + t * x.dtype.type(2 * alpha) / (1 - t)


def softmax(x, axis, out=None):
    out = np.subtract(x, np.maximum.reduce(x, axis, keepdims=True, initial=-np.inf), out=out)
    np.exp(out, out=out)
    return np.divide(out, np.add.reduce(out, axis, keepdims=True), out=out)


def softmax_gradient(g, y, axis, out=None):
    out = np.multiply(g, y, out=out)
    total = np.add.reduce(out, axis, keepdims=True)
    np.subtract(g, total, out=out)
    return np.multiply(out, y, out=out)


def log_softmax(x, axis, out=None):
    out = np.subtract(x, np.maximum.reduce(x, axis, keepdims=True, initial=-np.inf), out=out)
    total = np.add.reduce(np.exp(out), axis, keepdims=True)
    return np.subtract(out, np.log(total, out=total), out=out)
