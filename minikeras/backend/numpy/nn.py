"""NumPy kernels of activations and softmax: few passes, into the buffers that they are given."""

import numpy as np

from .linker import elementwise


@elementwise
def rectify(x, out=None):
    return np.maximum(x, 0, out=out)


@elementwise
def rectify_gradient(g, y, out=None):
    return np.multiply(g, y > 0, out=out)


@elementwise
def sigmoid(x, out=None):
    # exp overflows to inf for very negative x, and 1 / inf is the 0 that is wanted.
    out = np.negative(x, out=out, **_array(x, out))
    np.exp(out, out=out)
    np.add(out, 1, out=out)
    return np.reciprocal(out, out=out)


def _array(x, out):
    """ufuncs give scalars for arrays without axes, which could not be written into."""
    return {} if out is not None or x.ndim else {"out": np.empty((), x.dtype)}


# Not in place: g and y are both read after the first result is written.
def sigmoid_gradient(g, y, out=None):
    out = np.subtract(1, y, out=out)
    out = np.multiply(out, y, out=out if out.ndim else None)
    return np.multiply(out, g, out=out if out.ndim else None)


def softplus(x, out=None):
    # log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)): never overflows, and is faster than np.logaddexp.
    below = np.log1p(np.exp(-np.abs(x)))
    out = np.maximum(x, 0, out=out)
    return np.add(out, below, out=out if out.ndim else None)


def elu(x, alpha, out=None):
    below = np.expm1(np.minimum(x, 0))
    below *= alpha
    out = np.maximum(x, 0, out=out)
    return np.add(out, below, out=out if out.ndim else None)


def softmax(x, axis, out=None):
    out = np.subtract(x, np.maximum.reduce(x, axis, keepdims=True), out=out)
    np.exp(out, out=out)
    return np.divide(out, np.add.reduce(out, axis, keepdims=True), out=out)


def softmax_gradient(g, y, axis, out=None):
    out = np.multiply(g, y, out=out)
    total = np.add.reduce(out, axis, keepdims=True)
    np.subtract(g, total, out=out)
    return np.multiply(out, y, out=out)


def log_softmax(x, axis, out=None):
    out = np.subtract(x, np.maximum.reduce(x, axis, keepdims=True), out=out)
    total = np.add.reduce(np.exp(out), axis, keepdims=True)
    return np.subtract(out, np.log(total, out=total), out=out)
