"""Tensors and variables made of a shape and a number."""

import numpy as np

from .. import config
from ..op import DType, Host, Spec, as_tensor, op
from ..tensor import Constant, Tensor, dtype_name
from ..variable import Variable
from .shape import broadcast_to, shape_of, static


@op
def full(shape: Host, value: float, dtype: DType = None):
    """A tensor of `shape` with every element `value`. dtype: floatx by default."""
    return Spec(static(shape), dtype)


@full.rewrite
def _full_is_broadcast(emit, shape, value, dtype):
    # One number, spread: elementwise steps then use the number itself.
    if dtype == "bfloat16" or shape == ():
        return None
    return emit(broadcast_to, emit(full, (), value, dtype), shape)


def zeros_like(x, dtype=None, name=None):
    """Zeros in the shape of x."""
    return _filled_like(x, 0, dtype)


def ones_like(x, dtype=None, name=None):
    """Ones in the shape of x."""
    return _filled_like(x, 1, dtype)


def _filled_like(x, number, dtype_wanted):
    x = as_tensor(x)
    return full(shape_of(x), number, dtype_wanted or x.dtype)


def zeros(shape, dtype=None, name=None):
    """A variable of zeros; a tensor where the shape is only known at run time."""
    return _filled(shape, 0, dtype, name)


def ones(shape, dtype=None, name=None):
    """A variable of ones; a tensor where the shape is only known at run time."""
    return _filled(shape, 1, dtype, name)


def _filled(shape, number, dtype, name):
    made = full((shape,) if isinstance(shape, (int, np.integer)) else shape, number, dtype)
    return made if None in made.shape else Variable(made, dtype, name)


def eye(size, dtype=None, name=None):
    """A variable with the identity matrix. size: int, or (rows, columns)."""
    n, m = size if isinstance(size, (tuple, list)) else (size, size)
    return Variable(np.eye(n, m, dtype=dtype_name(dtype)), dtype, name)


@op
def _arange(start: Host, stop: Host, step: Host, dtype: DType):
    """`arange` of integers."""
    if any(isinstance(v, Tensor) for v in (start, stop, step)):
        return Spec((None,), dtype)
    return Spec((len(range(start, stop, step)),), dtype)


def arange(start, stop=None, step=1, dtype="int32"):
    """The numbers from `start` in steps of `step` up to, without, `stop`. With one argument: from 0 to it.

    Integer tensors are allowed (sizes of other tensors); floats must be numbers. A negative `stop` alone gives nothing.
    """
    if stop is None:
        start, stop = 0, start
    if any(isinstance(v, float) for v in (start, stop, step)):
        return Constant(np.arange(start, stop, step).astype(dtype_name(dtype)))
    return _arange(start, stop, step, dtype)


@op(prepare=lambda indices, num_classes: (indices, int(num_classes), config.floatx()))
def one_hot(indices: Tensor, num_classes: int, dtype: DType):
    """1 at each index along a new last axis of size num_classes, else 0, in floatx; out of range: a row of zeros."""
    return Spec((*indices.shape, num_classes), dtype)
