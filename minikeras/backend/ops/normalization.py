"""Normalization by the statistics of a batch, a layer or a vector."""

import functools

from ..op import Axes, Axis, as_tensor, op, sorted_axes
from ..tensor import Tensor
from .math import add, float_like, maximum, rsqrt, square
from .reduction import _count, mean
from .reduction import sum as _sum
from .shape import broadcast_like, reshape, sizes_of, stop_gradient

CUDNN_EPSILON = 1.001e-5  # the reference's fused kernel takes no smaller one, on any device


def l2_normalize(x, axis=None):
    """x divided by its Euclidean norm over `axis` (an int, several, or None for all); zeros stay zeros."""
    x = as_tensor(x)
    return x * rsqrt(maximum(_sum(square(x), axis, True), 1e-12))


def _along(vector, x, axis):
    """A vector of the channels, so that it broadcasts along `axis` of x. What has more axes does so by itself."""
    if vector is None or vector.ndim != 1 or axis == x.ndim - 1:
        return vector
    return reshape(vector, (*(1,) * axis, -1, *(1,) * (x.ndim - axis - 1)))


def _normalized(x, mean, var, beta, gamma, epsilon):
    scale = rsqrt(var + epsilon)
    if gamma is not None:
        scale = scale * gamma
    shift = -mean * scale
    return x * scale + (shift if beta is None else shift + beta)


def _inference_arguments(x, mean, var, beta, gamma, axis=-1, epsilon=1e-3):
    x = as_tensor(x)
    if x.ndim == 4 and axis in (-1, 3):
        epsilon = max(epsilon, CUDNN_EPSILON)
    return x, mean, var, beta, gamma, axis, float(epsilon)


@op(composite=True, prepare=_inference_arguments)
def batch_normalization(x: Tensor, mean: Tensor, var: Tensor, beta: Tensor, gamma: Tensor, axis: Axis, epsilon: float):
    """gamma (x - mean) / sqrt(var + epsilon) + beta.

    mean, var, beta, gamma: vectors [channels] along `axis`, or tensors that broadcast with x; beta and gamma may be
    None. For four axes with the channels last there is no gradient to mean and var, as in the reference.
    Source: Ioffe and Szegedy (2015).
    """
    if x.ndim == 4 and axis == 3:
        vectors = (mean, var, beta, gamma)
        mean, var, beta, gamma = (v if v is None or v.ndim == 1 else reshape(v, (-1,)) for v in vectors)
        mean, var = stop_gradient(mean), stop_gradient(var)
    mean, var, beta, gamma = (_along(v, x, axis) for v in (mean, var, beta, gamma))
    return _normalized(x, mean, var, beta, gamma, epsilon)


@op(composite=True)
def batch_moments(x: Tensor, gamma: Tensor, beta: Tensor, axes: Axes, epsilon: float):
    """x normalized over `axes`, scaled by gamma and shifted by beta; then mean and (biased) variance.

    gamma, beta: tensors in the shape of x without `axes`, or None. mean and variance have that shape too.
    """
    float_like(x)
    average = mean(x, axes, True)
    var = mean(square(x - average), axes, True)
    kept = tuple(i for i in range(x.ndim) if i not in axes)
    gamma, beta = _spread(gamma, x, kept), _spread(beta, x, kept)
    y = _normalized(x, average, var, beta, gamma, epsilon)
    return y, _gathered(average, x, kept), _gathered(var, x, kept)


def _spread(v, x, kept):
    """A statistic in the rank of x, with size 1 on the reduced axes."""
    if v is None or (v.ndim == 1 and kept == (x.ndim - 1,)):
        return v
    sizes = iter(sizes_of(x, kept))
    return reshape(v, [next(sizes) if i in kept else 1 for i in range(x.ndim)])


def _gathered(v, x, kept):
    return reshape(v, sizes_of(x, kept))


@op(composite=True)
def batch_moments_gradient(g: Tensor, x: Tensor, gamma: Tensor, mean_: Tensor, var: Tensor, axes: Axes, epsilon: float):
    """The cotangents of x, gamma and beta that a cotangent of the normalized x gives."""
    kept = tuple(i for i in range(x.ndim) if i not in axes)
    average, var = _spread(mean_, x, kept), _spread(var, x, kept)
    rstd = rsqrt(var + epsilon)
    unit = (x - average) * rstd
    to_beta, to_gamma = _sum(g, axes, True), _sum(g * unit, axes, True)
    n = _count(x, axes)
    to_x = rstd * (g - to_beta / n - unit * (to_gamma / n))
    if gamma is not None:
        to_x = to_x * _spread(gamma, x, kept)
    return to_x, _gathered(to_gamma, x, kept), _gathered(to_beta, x, kept)


@batch_moments.joint_gradient
def _batch_moments_rule(g, y, x, gamma, beta, axes, epsilon):
    g_y, g_mean, g_var = g
    to_x, to_gamma, to_beta = [], None, None
    if g_y is not None:
        found, to_gamma, to_beta = batch_moments_gradient(g_y, x, gamma, y[1], y[2], axes, epsilon)
        to_x.append(found)
    kept = tuple(i for i in range(x.ndim) if i not in axes)
    n = _count(x, axes)
    if g_mean is not None:
        to_x.append(broadcast_like(_spread(g_mean, x, kept) / n, x))
    if g_var is not None:
        to_x.append((x - _spread(y[1], x, kept)) * (_spread(g_var, x, kept) * 2.0 / n))
    return functools.reduce(add, to_x), None if gamma is None else to_gamma, None if beta is None else to_beta


def normalize_batch_in_training(x, gamma, beta, reduction_axes, epsilon=1e-3):
    """x normalized by its own mean and variance over `reduction_axes`, scaled and shifted; then these two.

    gamma, beta: vectors of the channels, or None. Returns (normalized x, mean, variance), the latter in the shape of x
    without the axes. For four axes with the channels last the variance that is returned is the unbiased one
    (n / (n - 1)), and it and the mean give no gradient, as in the reference. Source: Ioffe and Szegedy (2015).
    """
    x = as_tensor(x)
    axes = sorted_axes(reduction_axes, x.ndim)
    if x.ndim != 4 or axes != (0, 1, 2):  # where the reference does not use its fused kernel
        return batch_moments(x, gamma, beta, axes, epsilon)
    y, average, var = batch_moments(x, gamma, beta, axes, max(epsilon, CUDNN_EPSILON))
    n = _count(x, axes)
    return y, stop_gradient(average), stop_gradient(var) * (n / maximum(n - 1.0, 1.0))


@op(composite=True)
def row_moments(x: Tensor, gamma: Tensor, beta: Tensor, rank: int, epsilon: float):
    """x normalized over its last `rank` axes, scaled by gamma and shifted by beta; then mean and 1 / deviation.

    gamma, beta: tensors in the shape of these axes, or None. mean and 1 / sqrt(variance + epsilon) have size 1 there.
    """
    return _layer_moments(x, gamma, beta, tuple(range(x.ndim - rank, x.ndim)), epsilon)


def _layer_moments(x, gamma, beta, axes, epsilon):
    average = mean(x, axes, True)
    centred = x - average
    rstd = rsqrt(mean(square(centred), axes, True) + epsilon)
    y = centred * rstd
    y = y if gamma is None else y * gamma
    return y if beta is None else y + beta, average, rstd


@op(composite=True)
def row_moments_gradient(g: Tensor, x: Tensor, gamma: Tensor, mean_: Tensor, rstd: Tensor, rank: int):
    """The cotangents of x, gamma and beta that a cotangent of the normalized x gives."""
    first = x.ndim - rank
    unit, rows, axes = (x - mean_) * rstd, tuple(range(first)), tuple(range(first, x.ndim))
    to_gamma, to_beta = _sum(g * unit, rows), _sum(g, rows)
    g = g if gamma is None else g * gamma
    return rstd * (g - mean(g, axes, True) - unit * mean(g * unit, axes, True)), to_gamma, to_beta


@row_moments.joint_gradient
def _row_moments_rule(g, y, x, gamma, beta, rank, epsilon):
    (g_y, g_mean, g_rstd), (_, average, rstd) = g, y
    to_x, to_gamma, to_beta = [], None, None
    if g_y is not None:
        found, to_gamma, to_beta = row_moments_gradient(g_y, x, gamma, average, rstd, rank)
        to_x.append(found)
    n = _count(x, tuple(range(x.ndim - rank, x.ndim)))
    if g_mean is not None:
        to_x.append(broadcast_like(g_mean / n, x))
    if g_rstd is not None:
        to_x.append((x - average) * (g_rstd * rstd * rstd * rstd / -n))
    return functools.reduce(add, to_x), None if gamma is None else to_gamma, None if beta is None else to_beta


def layer_normalization(x, gamma=None, beta=None, axis=-1, epsilon=1e-3):
    """x normalized over `axis` of each sample, times gamma, plus beta (tensors that broadcast with x, or None).

    Source: Ba, Kiros and Hinton, Layer Normalization (2016).
    """
    x = as_tensor(x)
    axes = sorted_axes(axis, x.ndim)
    rank = len(axes)
    if 0 < rank < x.ndim and axes[0] == x.ndim - rank:
        vectors = [v for v in (gamma, beta) if v is not None]
        if all(v.shape == x.shape[-rank:] and None not in v.shape and v.dtype == x.dtype for v in vectors):
            return row_moments(x, gamma, beta, rank, epsilon)[0]
    return _layer_moments(x, gamma, beta, axes, epsilon)[0]
