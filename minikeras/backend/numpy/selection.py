"""NumPy kernels of order, selection and scattering."""

import numpy as np

from ..ops.selection import _not_finite

isfinite = np.isfinite


def _sort(x, axis, descending):
    order = _descending(x, axis) if descending else np.argsort(x, axis, kind="stable")
    return np.take_along_axis(x, order, axis), order.astype("int32")


def _descending(x, axis):
    """A stable order from the largest down: the ascending one of the reversed elements, from its end."""
    order = np.argsort(np.flip(x, axis), axis, kind="stable")
    return x.shape[axis] - 1 - np.flip(order, axis)


def _topk(x, k, axis):
    order = np.take(_descending(x, axis), range(k), axis)
    return np.take_along_axis(x, order, axis), order.astype("int32")


def take_along_axis(x, indices, axis):
    return np.take_along_axis(x, indices, axis)


def add_along_axis(updates, indices, like_x, axis, out=None):
    out = np.zeros(like_x.shape, updates.dtype) if out is None else out
    out[...] = 0
    places = list(np.ogrid[tuple(slice(n) for n in indices.shape)])
    places[axis] = indices
    np.add.at(out, tuple(places), updates)
    return out


def _places(indices):
    """Index vectors as NumPy takes them: an array for each axis."""
    return tuple(np.moveaxis(indices, -1, 0))


def gather_nd(x, indices):
    return x[_places(indices)]


def scatter(indices, updates, shape, out=None):
    out = np.empty(shape, updates.dtype) if out is None else out
    out[...] = 0
    np.add.at(out, _places(indices), updates)
    return out


def scatter_update(x, indices, updates):
    out = x.copy()
    out[_places(indices)] = updates
    return out


def check_numerics(x, message):
    if not np.isfinite(x).all():
        raise _not_finite(message, np.isnan(x).sum(), np.isinf(x).sum(), x.size)
    return x
