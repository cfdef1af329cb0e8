"""PyTorch kernels of the ops on parts of tensors."""

import functools

import torch

from ..ops.indexing import python_index

reverse = torch.flip


def getitem(x, index):
    turned, at = _selection(index, x.shape)
    return torch.flip(x, turned)[at] if turned else x[at]


@functools.lru_cache(4096)
def _selection(index, sizes):
    """(axes to flip first, Python's form of the index): steps of tensors go forward only."""
    turned = tuple(i for i, e in enumerate(_on_axes(index)) if isinstance(e, tuple) and (e[2] or 1) < 0)
    return turned, python_index(_mirrored(index, sizes) if turned else index)


def _on_axes(index):
    return [e for e in index if e is not None]


def _mirrored(index, sizes):
    sizes, mirrored = iter(sizes), []
    for entry in index:
        n = None if entry is None else next(sizes)
        if isinstance(entry, tuple) and (entry[2] or 1) < 0:
            places = range(*slice(*entry).indices(n))
            entry = (n - 1 - places.start, n - 1 - places.start + len(places) * -places.step, -places.step)
        mirrored.append(entry)
    return tuple(mirrored)


def put(g, shape, index):
    out = torch.zeros(shape, dtype=g.dtype, device=g.device)
    out[python_index(index)] = g
    return out


def take(x, indices, axis):
    flat = torch.where(indices < 0, indices + x.shape[axis], indices).reshape(-1)
    return torch.index_select(x, axis, flat).reshape(x.shape[:axis] + indices.shape + x.shape[axis + 1 :])


def scatter_add(updates, indices, like_x, axis):
    out = torch.zeros(like_x.shape, dtype=updates.dtype, device=updates.device)
    flat = torch.where(indices < 0, indices + like_x.shape[axis], indices).reshape(-1)
    rows = updates.reshape(like_x.shape[:axis] + (flat.shape[0],) + like_x.shape[axis + 1 :])
    return out.index_add_(axis, flat, rows)
