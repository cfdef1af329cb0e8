"""PyTorch kernels of order, selection and scattering."""

import torch

from ..ops.selection import _not_finite

isfinite = torch.isfinite


def _sort(x, axis, descending):
    values, order = torch.sort(x, dim=axis, descending=descending, stable=True)
    return values, order.int()


# torch.topk gives any of the elements that tie; a stable sort gives the first ones.
def _topk(x, k, axis):
    values, order = torch.sort(x, dim=axis, descending=True, stable=True)
    return values.narrow(axis, 0, k).contiguous(), order.narrow(axis, 0, k).int()


def _positive(indices, n):
    """Indices as int64, negative ones counted from the end."""
    return torch.where(indices < 0, indices + n, indices).long()


def take_along_axis(x, indices, axis):
    return torch.gather(x, axis, _positive(indices, x.shape[axis]))


def add_along_axis(updates, indices, like_x, axis):
    out = torch.zeros(like_x.shape, dtype=updates.dtype, device=updates.device)
    return out.scatter_add_(axis, _positive(indices, like_x.shape[axis]), updates)


def _places(indices):
    """Index vectors as PyTorch takes them: a tensor for each axis."""
    return indices.long().unbind(-1)


def gather_nd(x, indices):
    return x[_places(indices)]


def scatter(indices, updates, shape):
    out = torch.zeros(shape, dtype=updates.dtype, device=updates.device)
    return out.index_put_(_places(indices), updates, accumulate=True)


def scatter_update(x, indices, updates):
    return torch.index_put(x, _places(indices), updates)


def check_numerics(x, message):
    if not torch.isfinite(x).all():
        raise _not_finite(message, int(torch.isnan(x).sum()), int(torch.isinf(x).sum()), x.numel())
    return x
