"""NumPy kernels of batch normalization, for statistics over all axes but one."""

import math

import numpy as np

BLOCK = 1 << 17  # elements that several passes go through before the next ones
WIDTH = 512  # elements of a row, for ufuncs to have long inner loops


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


def _folded(a):
    """Rows of so many samples that inner loops are long, where channels are last; and how many samples that is."""
    n, channels, inner = a.shape
    long = inner > 1 or channels > WIDTH // 2 or a.size <= BLOCK
    fold = 1 if long else math.gcd(n, 1 << (WIDTH // channels).bit_length() - 1)
    return a.reshape(n // fold, channels * fold, inner), fold


def _spread(v, fold):
    """Values of the channels, for all elements of a folded row."""
    return (v if fold == 1 else np.tile(v, fold))[:, None]


def _gathered(v, fold):
    """Sums over folded rows as sums of the channels."""
    return v if fold == 1 else np.add.reduce(v.reshape(fold, -1), 0)


def _blocks(a):
    """Slices of the rows, of what stays in the cache."""
    step = max(1, BLOCK * len(a) // max(1, a.size))
    return [slice(i, i + step) for i in range(0, len(a), step)]


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
    n = x.dtype.type(a.shape[0] * a.shape[2])
    a, fold = _folded(a)
    mean = _gathered(_total(a), fold) / n
    y, centre, squares = np.empty_like(a), _spread(mean, fold), np.zeros(a.shape[1], x.dtype)
    for part in _blocks(a):
        centred = np.subtract(a[part], centre, out=y[part])
        squares += _dots(centred, centred)
    var = _gathered(squares, fold) / n
    scale = 1 / np.sqrt(var + x.dtype.type(epsilon))
    scale = _spread(scale if gamma is None else scale * gamma.reshape(-1), fold)
    shift = None if beta is None else _spread(beta.reshape(-1), fold)
    for part in _blocks(a):
        y[part] *= scale
        if shift is not None:
            y[part] += shift
    shape = [x.shape[i] for i in kept]
    return _restored(y, x, kept), mean.reshape(shape), var.reshape(shape)


def batch_moments_gradient(g, x, gamma, mean_, var, axes, epsilon):
    (a, kept), (b, _) = _matrices(x, axes), _matrices(g, axes)
    n = x.dtype.type(a.shape[0] * a.shape[2])
    (a, fold), (b, _) = _folded(a), _folded(b)
    rstd = 1 / np.sqrt(var.reshape(-1) + x.dtype.type(epsilon))
    to_x, centre, products = np.empty_like(a), _spread(mean_.reshape(-1), fold), np.zeros(a.shape[1], x.dtype)
    for part in _blocks(a):
        centred = np.subtract(a[part], centre, out=to_x[part])
        products += _dots(b[part], centred)
    to_beta, to_gamma = _gathered(_total(b), fold), _gathered(products, fold) * rstd
    # g - mean(g) - unit * mean(g * unit), times rstd * gamma
    along, level = _spread(to_gamma * rstd / n, fold), _spread(to_beta / n, fold)
    scale = _spread(rstd if gamma is None else rstd * gamma.reshape(-1), fold)
    for part in _blocks(a):
        block = to_x[part]
        block *= along
        np.subtract(b[part], block, out=block)
        block -= level
        block *= scale
    shape = [x.shape[i] for i in kept]
    return _restored(to_x, x, kept), to_gamma.reshape(shape), to_beta.reshape(shape)
