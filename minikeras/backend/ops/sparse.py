"""Sparse tensors: matrices (and tensors) of which only the nonzero elements are kept.

A `SparseTensor` is three tensors: where the elements are, what they are, and the full shape. The few things that can be
done with one (`K.dot` with a dense tensor, `K.concatenate`, `K.to_dense`) are graphs of ordinary ops on these three, so
they run and differentiate on every backend.
"""

import numpy as np

from ..op import as_tensor
from ..tensor import Placeholder, Tensor, dtype_name, show
from ..variable import Variable
from . import creation, indexing, joining
from . import shape as _shape


class SparseTensor:
    """indices: [elements, ndim] int32. values: [elements]. dense_shape: int32 tensor [ndim].

    shape: the static shape. Elements with equal indices count as their sum.
    """

    is_sparse_tensor = True
    is_sparse_placeholder = False
    sparse = True
    _keras_shape = None
    _uses_learning_phase = False
    trainable = True

    def __init__(self, indices, values, dense_shape, shape, name="sparse:0"):
        self.indices, self.values, self.dense_shape = indices, values, dense_shape
        self.shape, self.name = tuple(shape), name

    @property
    def dtype(self):
        """The dtype of the elements."""
        return self.values.dtype

    @property
    def ndim(self):
        """Number of axes."""
        return len(self.shape)

    def get_shape(self):
        """The static shape, as a tuple."""
        return self.shape

    def __repr__(self):
        return f"<SparseTensor {self.name} {show(self)}>"

    def parts(self):
        """The tensors that it consists of."""
        return [self.indices, self.values, self.dense_shape]

    def size_of(self, axis):
        """The size of an axis: an int, or a tensor."""
        return self.dense_shape[axis] if self.shape[axis] is None else self.shape[axis]

    def eval(self):
        """The value as a dense NumPy array."""
        from ..function import eval as evaluate

        return evaluate(to_dense(self))

    def assign(self, value):
        """Stores the elements of a SciPy matrix with as many elements. Raises ValueError otherwise."""
        if not isinstance(self.values, Variable):
            raise TypeError(f"K.set_value: expected a variable, got {self!r}.")
        indices, values, shape = parts_of(value, self.dtype)
        if tuple(shape) != self.shape or values.shape != self.values.shape:
            raise ValueError(
                f"K.set_value: {self!r} has {self.values.shape[0]} elements; a value of shape {list(shape)} with "
                f"{len(values)} elements does not fit. Make a new variable of it."
            )
        self.indices.assign(indices)
        self.values.assign(values)


def parts_of(value, dtype, padded=False):
    """indices, values and shape of a SciPy matrix or a dense array.

    padded: with zeros up to a power of two, so that few programs are compiled for batches that differ.
    """
    if not hasattr(value, "tocoo"):
        value = np.asarray(value)
        indices = np.argwhere(value).astype("int32")
        values, shape = value[tuple(indices.T)], value.shape
    else:
        value = value.tocoo()
        indices, values, shape = np.stack([value.row, value.col], 1).astype("int32"), value.data, value.shape
    values = np.asarray(values, dtype=dtype)
    if padded:
        extra = (1 << max(len(values) - 1, 0).bit_length()) - len(values)
        indices = np.concatenate([indices, np.zeros((extra, indices.shape[1]), "int32")])
        values = np.concatenate([values, np.zeros(extra, dtype)])
    return indices, values, np.asarray(shape, "int32")


def sparse_placeholder(shape, ndim, dtype, name):
    """A SparseTensor to be fed with SciPy matrices (or dense arrays)."""
    if shape is None and not ndim:
        raise ValueError("K.placeholder: give shape or ndim.")
    shape = (None,) * ndim if shape is None else tuple(shape)
    name = name or "sparse_placeholder"
    made = SparseTensor(
        Placeholder((None, len(shape)), "int32", f"{name}/indices:0"),
        Placeholder((None,), dtype_name(dtype), f"{name}/values:0"),
        Placeholder((len(shape),), "int32", f"{name}/shape:0"),
        shape,
        f"{name}:0",
    )
    made.is_sparse_placeholder = True
    return made


def sparse_variable(value, dtype, name):
    """A SparseTensor that owns the elements of a SciPy matrix."""
    indices, values, shape = parts_of(value, dtype_name(dtype))
    name = name or "sparse_variable"
    made = SparseTensor(
        Variable(indices, "int32", f"{name}/indices"),
        Variable(values, dtype_name(dtype), f"{name}/values"),
        as_tensor(shape),
        value.shape,
    )
    made.name = f"{name}:0"
    return made


def _flat_size(sizes):
    total = 1
    for n in sizes:
        total = n * total
    return total


def to_dense(tensor):
    """A sparse tensor as an ordinary one; others as they are."""
    if not getattr(tensor, "is_sparse_tensor", False):
        return tensor
    sizes = [tensor.size_of(i) for i in range(tensor.ndim)]
    place = tensor.indices[:, 0]
    for i in range(1, tensor.ndim):
        place = place * sizes[i] + tensor.indices[:, i]
    zeros = creation.full(_listed([_flat_size(sizes)]), 0, tensor.dtype)
    return _shape.reshape(indexing.scatter_add(tensor.values, place, zeros, 0), sizes)


def _listed(sizes):
    return sizes if any(isinstance(n, Tensor) for n in sizes) else tuple(sizes)


def dot(x, y):
    """The matrix product, one of x and y being sparse. x: [n, k]. y: [k, m]. Returns a dense [n, m]."""
    if getattr(x, "is_sparse_tensor", False) and getattr(y, "is_sparse_tensor", False):
        return dot(x, to_dense(y))
    if x.ndim != 2 or y.ndim != 2 or (None not in (x.shape[1], y.shape[0]) and x.shape[1] != y.shape[0]):
        raise ValueError(
            "K.dot: sparse products take two matrices, the last axis of x and the first of y of one size.\n"
            f"  x {show(x)}   y {show(y)}"
        )
    if getattr(y, "is_sparse_tensor", False):
        return _shape.transpose(dot(transposed(y), _shape.transpose(x)))
    rows, columns = x.indices[:, 0], x.indices[:, 1]
    products = _shape.expand_dims(x.values, 1) * indexing.take(y, columns, 0)
    width = y.shape[1] if y.shape[1] is not None else _shape.shape(y)[1]
    zeros = creation.full(_listed([x.size_of(0), width]), 0, products.dtype)
    return indexing.scatter_add(products, rows, zeros, 0)


def transposed(x):
    """A sparse matrix with rows and columns exchanged."""
    return SparseTensor(indexing.reverse(x.indices, 1), x.values, x.dense_shape[::-1], x.shape[::-1], x.name)


def join(tensors, axis):
    """Sparse tensors one after the other along `axis`, as one sparse tensor. Raises ValueError if one is dense."""
    if not all(getattr(t, "is_sparse_tensor", False) for t in tensors):
        raise ValueError("K.concatenate: some tensors are sparse and some are not. Use K.to_dense on the sparse ones.")
    ndim = tensors[0].ndim
    axis %= ndim
    unit = np.eye(ndim, dtype="int32")[axis]
    indices, start = [], 0
    for t in tensors:
        indices.append(t.indices + start * as_tensor(unit))
        start = t.size_of(axis) + start
    sizes = [start if i == axis else tensors[0].size_of(i) for i in range(ndim)]
    return SparseTensor(
        joining.concatenate(indices, 0),
        joining.concatenate([t.values for t in tensors], 0),
        joining.stack([as_tensor(n, "int32") for n in sizes]),
        tuple(None if isinstance(n, Tensor) else n for n in sizes),
        "concatenate:0",
    )
