"""NumPy kernels of the ops on parts of tensors. Those marked as views share the memory of their argument."""

import numpy as np

from ..ops.indexing import python_index
from .linker import view


@view
def getitem(x, index):
    return x[python_index(index)]


@view
def reverse(x, axes):
    return np.flip(x, axes)


def put(g, shape, index, out=None):
    out = np.zeros(shape, g.dtype) if out is None else out
    out[...] = 0
    out[python_index(index)] = g
    return out


def take(x, indices, axis, out=None):
    # mode="clip" skips a copy of the result; what is out of range is an error all the same.
    if out is None:
        return np.take(x, indices, axis)
    if indices.size and (indices.min() < -x.shape[axis] or indices.max() >= x.shape[axis]):
        raise IndexError(f"K.gather: an index is out of range for {x.shape[axis]} rows.")
    return np.take(x, np.where(indices < 0, indices + x.shape[axis], indices), axis, out=out, mode="clip")


def scatter_add(updates, indices, like_x, axis, out=None):
    out = np.zeros(like_x.shape, updates.dtype) if out is None else out
    out[...] = 0
    if axis == 0:
        _add_rows(out, indices.reshape(-1), updates.reshape(indices.size, -1))
    else:
        moved = np.moveaxis(out, axis, 0)
        lead = range(axis, axis + indices.ndim)
        np.add.at(moved, indices, np.moveaxis(updates, lead, range(indices.ndim)))
    return out


def _add_rows(out, rows, updates):
    """out[rows[i]] += updates[i]: sorted by row, so that each row is summed in one go."""
    if not rows.size:
        return
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    sums = np.add.reduceat(updates[order], starts, axis=0)
    out[ordered[starts]] = sums.reshape(len(starts), *out.shape[1:])
