"""PyTorch kernels of the ops on parts of tensors."""

import functools

import torch

from ..ops.indexing import python_index

reverse = torch.flip
_places = functools.lru_cache(4096)(python_index)


def getitem(x, index):
    return x[_places(index)]


def put(g, shape, index):
    out = torch.zeros(shape, dtype=g.dtype, device=g.device)
    out[_places(index)] = g
    return out


def take(x, indices, axis):
    flat = torch.where(indices < 0, indices + x.shape[axis], indices).reshape(-1)
    return torch.index_select(x, axis, flat).reshape(x.shape[:axis] + indices.shape + x.shape[axis + 1 :])


def scatter_add(updates, indices, like_x, axis):
    out = torch.zeros(like_x.shape, dtype=updates.dtype, device=updates.device)
    flat = torch.where(indices < 0, indices + like_x.shape[axis], indices).reshape(-1)
    rows = updates.reshape(like_x.shape[:axis] + (flat.shape[0],) + like_x.shape[axis + 1 :])
    return out.index_add_(axis, flat, rows)
