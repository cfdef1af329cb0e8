"""Sparse tensors: matrices (and tensors) of which only the nonzero elements are kept.

A `SparseTensor` is three tensors: where the elements are, what they are, and the full shape. The few things that can be
done with one (`K.dot` with a dense tensor, `K.concatenate`, `K.to_dense`) are graphs of ordinary ops on these three, so
they run and differentiate on every backend.
"""

import math

import numpy as np

from ..op import as_tensor
from ..tensor import Placeholder, Shaped, Tensor, compatible, dtype_name, is_sparse, show
from ..variable import Variable
from .creation import full
from .indexing import reverse, scatter_add, take
from .joining import concatenate, stack
from .shape import expand_dims, reshape, sizes_of, transpose


class SparseTensor(Shaped):
    """indices: [elements, ndim] int32. values: [elements]. dense_shape: int32 tensor [ndim].

    shape: the static shape. Elements with equal indices count as their sum.
    """

    is_sparse_tensor = sparse = trainable = True

    def __init__(self, indices, values, dense_shape, shape, name="sparse:0"):
        self.indices, self.values, self.dense_shape = indices, values, dense_shape
        self.shape, self.dtype, self.name = tuple(shape), values.dtype, name

    def parts(self):
        """The tensors that it consists of."""
        return [self.indices, self.values, self.dense_shape]

    def arrays(self, value):
        """The arrays to feed these tensors with, for a SciPy matrix or a dense array.

        They are padded with zeros up to a power of two, so that few programs are compiled for batches that differ.
        """
        indices, values, shape = _parts_of(value, self.dtype)
        extra = (1 << max(len(values) - 1, 0).bit_length()) - len(values)
        return np.pad(indices, ((0, extra), (0, 0))), np.pad(values, (0, extra)), shape

    def sizes(self):
        """The size of each axis: an int, or a tensor where it is not known."""
        return [self.dense_shape[i] if n is None else n for i, n in enumerate(self.shape)]

    def dense(self):
        """It as an ordinary tensor."""
        sizes = self.sizes()
        place = self.indices[:, 0]
        for i in range(1, self.ndim):
            place = place * sizes[i] + self.indices[:, i]
        zeros = full([math.prod(sizes)], 0, self.dtype)
        return reshape(scatter_add(self.values, place, zeros, 0), sizes)

    def transposed(self):
        """A matrix with rows and columns exchanged."""
        return SparseTensor(reverse(self.indices, 1), self.values, self.dense_shape[::-1], self.shape[::-1], self.name)

    def joined(self, tensors, axis):
        """Sparse tensors, this one among them, one after the other along `axis`. Raises ValueError if one is dense."""
        if not all(map(is_sparse, tensors)):
            raise ValueError("K.concatenate: some tensors are sparse and some are not. Use K.to_dense on the sparse "
                             "ones.")
        axis %= self.ndim
        unit, indices, sizes = np.eye(self.ndim, dtype="int32")[axis], [], tensors[0].sizes()
        sizes[axis] = 0
        for t in tensors:
            indices.append(t.indices + sizes[axis] * as_tensor(unit))
            sizes[axis] = t.sizes()[axis] + sizes[axis]
        values, shape = concatenate([t.values for t in tensors], 0), stack([as_tensor(n, "int32") for n in sizes])
        static = [None if isinstance(n, Tensor) else n for n in sizes]
        return SparseTensor(concatenate(indices, 0), values, shape, static, "concatenate:0")

    def assign(self, value):
        """Stores the elements of a SciPy matrix with as many elements. Raises ValueError otherwise."""
        if not isinstance(self.values, Variable):
            raise TypeError(f"K.set_value: expected a variable, got {self!r}.")
        indices, values, shape = _parts_of(value, self.dtype)
        if tuple(shape) != self.shape or values.shape != self.values.shape:
            raise ValueError(f"K.set_value: {self!r} has {self.values.shape[0]} elements; a value of shape "
                             f"{list(shape)} with {len(values)} elements does not fit. Make a new variable of it.")
        self.indices.assign(indices)
        self.values.assign(values)


def _parts_of(value, dtype):
    """indices, values and shape of a SciPy matrix or a dense array."""
    if hasattr(value, "tocoo"):
        value = value.tocoo()
        indices, values = np.stack([value.row, value.col], 1), value.data
    else:
        value = np.asarray(value)
        indices = np.argwhere(value)
        values = value[tuple(indices.T)]
    return indices.astype("int32"), np.asarray(values, dtype=dtype), np.asarray(value.shape, "int32")


def sparse_placeholder(shape, ndim, dtype, name):
    """A SparseTensor to be fed with SciPy matrices (or dense arrays)."""
    shape, name = (None,) * ndim if shape is None else tuple(shape), name or "sparse_placeholder"
    return SparseTensor(
        Placeholder((None, len(shape)), "int32", f"{name}/indices:0"),
        Placeholder((None,), dtype_name(dtype), f"{name}/values:0"),
        Placeholder((len(shape),), "int32", f"{name}/shape:0"), shape, f"{name}:0")


def sparse_variable(value, dtype, name):
    """A SparseTensor that owns the elements of a SciPy matrix."""
    indices, values, shape = _parts_of(value, dtype_name(dtype))
    name = name or "sparse_variable"
    owned = Variable(indices, "int32", f"{name}/indices"), Variable(values, values.dtype, f"{name}/values")
    return SparseTensor(*owned, as_tensor(shape), value.shape, f"{name}:0")


def to_dense(tensor):
    """A sparse tensor as an ordinary one; others as they are."""
    return tensor.dense() if is_sparse(tensor) else tensor


def sparse_dot(x, y):
    """The matrix product, one of x and y being sparse. x: [n, k]. y: [k, m]. Returns a dense [n, m]."""
    if is_sparse(x) and is_sparse(y):
        y = y.dense()
    if x.ndim != 2 or y.ndim != 2 or not compatible(x.shape[1:], y.shape[:1]):
        raise ValueError("K.dot: sparse products take two matrices, the last axis of x and the first of y of one size."
                         f"\n  x {show(x)}   y {show(y)}")
    if is_sparse(y):
        return transpose(sparse_dot(y.transposed(), transpose(x)))
    rows, columns = x.indices[:, 0], x.indices[:, 1]
    products = expand_dims(x.values, 1) * take(y, columns, 0)
    return scatter_add(products, rows, full([x.sizes()[0], *sizes_of(y, [1])], 0, products.dtype), 0)
