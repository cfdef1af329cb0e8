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
    return np.take(x, _from_zero(indices, x.shape[axis]), axis, out=out, mode="clip")


def _from_zero(indices, n):
    """The indices, none of them negative. Raises IndexError for those that n rows do not have."""
    if indices.size and (indices.min() < -n or indices.max() >= n):
        raise IndexError(f"K.gather: an index is out of range for {n} rows.")
    return np.where(indices < 0, indices + n, indices)


def scatter_add(updates, indices, like_x, axis, out=None):
    out = np.zeros(like_x.shape, updates.dtype) if out is None else out
    out[...] = 0
    if axis == 0:
        set_sums(out, _from_zero(indices, len(out)).reshape(-1), updates.reshape(indices.size, *out.shape[1:]))
    else:
        moved = np.moveaxis(out, axis, 0)
        lead = range(axis, axis + indices.ndim)
        np.add.at(moved, indices, np.moveaxis(updates, lead, range(indices.ndim)))
    return out


def set_sums(out, rows, updates):
    """out[r] = the sum of the updates whose row, from 0 on, is r, for each r among the rows.

    The first updates of all rows are added to the second ones, their sums to the third ones and so on: that takes few
    calls where rows have few updates each, and for the few that have more the rest is summed row by row. Both are
    several times as fast as `np.add.reduceat`, which goes through each short run by itself.
    """
    if not rows.size:
        return
    order = _stable_order(rows, len(out))
    rows = rows[order]
    starts = np.flatnonzero(np.concatenate(([True], rows[1:] != rows[:-1])))
    counts = np.diff(starts, append=len(rows))
    longest = counts.max()
    by_count = _stable_order(longest - counts, longest)
    starts, counts = starts[by_count], counts[by_count]
    sums = np.take(updates, order[starts], axis=0)
    more = len(counts) - np.cumsum(np.bincount(counts))  # at k: how many rows have more than k updates
    for k in range(1, longest):
        if more[k] < longest - k:
            for i in range(more[k]):
                rest = order[starts[i] + k : starts[i] + counts[i]]
                sums[i] += np.take(updates, rest, axis=0).sum(axis=0)
            break
        sums[: more[k]] += np.take(updates, order[starts[: more[k]] + k], axis=0)
    out[rows[starts]] = sums


def _stable_order(keys, bound):
    """`np.argsort` of integers in [0, bound), 16 bits at a time: those NumPy sorts by radix, ten times as fast."""
    order, shift = np.argsort(keys.astype("uint16"), kind="stable"), 16
    while (bound - 1) >> shift > 0:
        order = order[np.argsort((keys >> shift).astype("uint16")[order], kind="stable")]
        shift += 16
    return order
