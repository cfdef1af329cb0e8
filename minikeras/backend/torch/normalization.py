"""PyTorch kernels of batch and layer normalization, on its fused ones: the former want [batch, channels, ...]."""

import math

import torch

_backward = torch.ops.aten.native_batch_norm_backward.default
_rows_backward = torch.ops.aten.native_layer_norm_backward.default


def _by_channel(x, kept):
    """x as [batch, channels] or [batch, channels, ...], without a copy where the channels are first or last."""
    if kept == (1,):
        return x
    if kept == (x.ndim - 1,):
        return x.reshape(-1, x.shape[-1])
    x = x.movedim(kept, tuple(range(-len(kept), 0)))
    return x.reshape(-1, math.prod(x.shape[x.ndim - len(kept) :]))


def _restored(y, x, kept):
    if kept == (1,):
        return y
    if kept == (x.ndim - 1,):
        return y.view(x.shape)
    last = tuple(range(-len(kept), 0))
    return y.reshape(x.movedim(kept, last).shape).movedim(last, kept)


def _kept(x, axes):
    return tuple(i for i in range(x.ndim) if i not in axes)


def _flat(v):
    return v if v is None or v.ndim == 1 else v.reshape(-1)


def _along(v, x, axis):
    """A vector of the channels in the rank of x."""
    return v if v is None or v.ndim != 1 else v.view(-1, *(1,) * (x.ndim - axis - 1))


def batch_normalization(x, mean, var, beta, gamma, axis, epsilon):
    if x.ndim == 4 and axis == 3:
        mean, var, beta, gamma = (_flat(v) for v in (mean, var, beta, gamma))
    scale, shift = scale_and_shift(*(_along(v, x, axis) for v in (mean, var, beta, gamma)), epsilon)
    return torch.addcmul(shift, x, scale)


def scale_and_shift(mean, var, beta, gamma, epsilon):
    """What normalizes x in one pass: x scale + (beta - mean scale)."""
    scale = torch.rsqrt(var + epsilon)
    scale = scale if gamma is None else scale * gamma
    return scale, -mean * scale if beta is None else torch.addcmul(beta, mean, scale, value=-1)


def batch_moments(x, gamma, beta, axes, epsilon):
    kept = _kept(x, axes)
    y, mean, rstd = torch.native_batch_norm(
        _by_channel(x, kept), _flat(gamma), _flat(beta), None, None, True, 0.0, epsilon
    )
    # The kernel gives 1 / sqrt(var + epsilon) only; what rounding leaves below 0 is 0.
    var = rstd.pow(-2).sub_(epsilon).clamp_(0)
    return (_restored(y, x, kept), *_shaped(x, kept, mean, var))


def batch_moments_gradient(g, x, gamma, mean_, var, axes, epsilon):
    kept, mean, var = _kept(x, axes), _flat(mean_), _flat(var)
    rstd = (var + epsilon).rsqrt_()
    # Without gamma PyTorch gives no gradient to it: ones stand for it.
    scale = torch.ones_like(rstd) if gamma is None else _flat(gamma)
    to_x, *others = _backward(
        _by_channel(g, kept), _by_channel(x, kept), scale, None, None, mean, rstd, True, epsilon, [True, True, True]
    )
    return (_restored(to_x, x, kept), *_shaped(x, kept, *others))


def _shaped(x, kept, *vectors):
    """Vectors of the channels in the shape of the kept axes of x."""
    return vectors if len(kept) == 1 else [v.view([x.shape[i] for i in kept]) for v in vectors]


def row_moments(x, gamma, beta, rank, epsilon):
    return torch.native_layer_norm(x, x.shape[x.ndim - rank :], gamma, beta, epsilon)


def row_moments_gradient(g, x, gamma, mean_, rstd, rank):
    shape = x.shape[x.ndim - rank :]
    # Without gamma and beta PyTorch gives no gradients to them: ones stand for both.
    gamma = torch.ones(shape, dtype=x.dtype, device=x.device) if gamma is None else gamma
    return _rows_backward(g, x, shape, mean_, rstd, gamma, gamma, [True, True, True])
