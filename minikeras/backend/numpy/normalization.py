"""NumPy kernels of batch normalization, for statistics over all axes but one."""

import math

import numpy as np


def _matrices(x, axes):
    """x as [outer, channels, inner], and how many elements there are for each channel."""
    kept = [i for i in range(x.ndim) if i not in axes]
    if len(kept) != 1:
        # Other choices of axes are brought to this form.
        moved = np.moveaxis(x, kept, range(-len(kept), 0))
        return moved.reshape(-1, math.prod(x.shape[i] for i in kept), 1), kept
    k = kept[0]
    return x.reshape(math.prod(x.shape[:k]), x.shape[k], math.prod(x.shape[k + 1 :])), kept


def _restored(y, x, kept):
    if len(kept) == 1:
        return y.reshape(x.shape)
    reduced = [n for i, n in enumerate(x.shape) if i not in kept]
    return np.moveaxis(y.reshape(*reduced, *(x.shape[i] for i in kept)), range(-len(kept), 0), kept)


def _total(a):
    """The sum over all but the channels: BLAS where they are last."""
    if a.shape[2] == 1:
        return np.ones(a.shape[0], a.dtype) @ a[:, :, 0]
    return np.add.reduce(a, (0, 2))


def _dots(a, b):
    """The sum of products over all but the channels."""
    return np.einsum("nci,nci->c", a, b, optimize=False)


def batch_moments(x, gamma, beta, axes, epsilon):
    a, kept = _matrices(x, axes)
    n = a.shape[0] * a.shape[2]
    mean = _total(a) / x.dtype.type(n)
    y = a - mean[:, None]
    var = _dots(y, y) / x.dtype.type(n)
    scale = 1 / np.sqrt(var + x.dtype.type(epsilon))
    y *= (scale if gamma is None else scale * gamma.reshape(-1))[:, None]
    if beta is not None:
        y += beta.reshape(-1)[:, None]
    shape = [x.shape[i] for i in kept]
    return _restored(y, x, kept), mean.reshape(shape), var.reshape(shape)


def batch_moments_gradient(g, x, gamma, mean_, var, axes, epsilon):
    (a, kept), (b, _) = _matrices(x, axes), _matrices(g, axes)
    n = x.dtype.type(a.shape[0] * a.shape[2])
    rstd = 1 / np.sqrt(var.reshape(-1) + x.dtype.type(epsilon))
    centred = a - mean_.reshape(-1)[:, None]
    to_beta, to_gamma = _total(b), _dots(b, centred) * rstd
    # g - mean(g) - unit * mean(g * unit), times rstd * gamma
    centred *= (to_gamma * rstd / n)[:, None]
    to_x = np.subtract(b, centred, out=centred)
    to_x -= (to_beta / n)[:, None]
    to_x *= (rstd if gamma is None else rstd * gamma.reshape(-1))[:, None]
    shape = [x.shape[i] for i in kept]
    return _restored(to_x, x, kept), to_gamma.reshape(shape), to_beta.reshape(shape)
