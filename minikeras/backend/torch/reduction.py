"""PyTorch kernels of the reductions. An empty `axis` means none here, and all to PyTorch: it is sent away first."""

import torch


def sum(x, axis, keepdims, out=None):
    if not axis:
        return x.clone() if out is None else out.copy_(x)
    return torch.sum(x, axis, keepdims, dtype=x.dtype, out=out)


def mean(x, axis, keepdims):
    if not x.dtype.is_floating_point:
        return torch.mean(x.double(), axis, keepdims).trunc().to(x.dtype) if axis else x.clone()
    return torch.mean(x, axis, keepdims) if axis else x.clone()


def prod(x, axis, keepdims):
    for i in reversed(axis):
        x = torch.prod(x, i, keepdims, dtype=x.dtype)
    return x if axis else x.clone()


# amax and amin over several axes at once; torch.max takes one.
def max(x, axis, keepdims):
    return torch.amax(x, axis, keepdims) if axis else x.clone()


def min(x, axis, keepdims):
    return torch.amin(x, axis, keepdims) if axis else x.clone()


def extremum_gradient(g, x, y, axis):
    hit = x.eq(y).to(g.dtype)
    return hit.mul_(g / sum(hit, axis, True))


def any(x, axis, keepdims):
    return torch.any(x, axis, keepdims) if axis else x.clone()


def all(x, axis, keepdims):
    return torch.all(x, axis, keepdims) if axis else x.clone()


# torch.argmax may give any of several equal elements; the first is where the running maximum is reached first.
def argmax(x, axis):
    return torch.max(x, axis).indices if x.dtype is not torch.bool else torch.max(x.byte(), axis).indices


def argmin(x, axis):
    return torch.min(x, axis).indices if x.dtype is not torch.bool else torch.min(x.byte(), axis).indices


def logsumexp(x, axis, keepdims):
    return torch.logsumexp(x, axis, keepdims) if axis else x.clone()


def cumsum(x, axis):
    return torch.cumsum(x, axis, dtype=x.dtype)


def cumprod(x, axis):
    return torch.cumprod(x, axis, dtype=x.dtype)
