"""NumPy kernels around largest elements: a cotangent with few elements is a list of them."""

from typing import NamedTuple

import numpy as np

from .convolution import _padded, convolution_input_gradient, convolution_kernel_gradient
from .indexing import set_sums
from .reduction import extremum_gradient

DENSE = 16  # of this many elements one with a gradient: from there on convolving is as quick


class Peaks(NamedTuple):
    """The elements of x that have a gradient. rows: of the padded images, as a matrix with their pixels as rows, those
    that each element's window looks at [elements, window]. channels, weights: [elements]."""

    rows: np.ndarray
    channels: np.ndarray
    weights: np.ndarray


def peaks(g, x, y, sizes, window, strides, dilation_rate):
    """The Peaks of x, which is y [batch, 1, ..., channels] there, or None where they are too many or some are missing.

    sizes: the spatial ones of the padded images.
    """
    places = np.flatnonzero(x == y)
    if places.size > x.size // DENSE:
        return None
    pixels, channels = np.divmod(places, x.shape[-1])
    samples, *at = np.unravel_index(pixels, x.shape[:-1])
    owners = samples * x.shape[-1] + channels
    counts = np.bincount(owners, minlength=g.size)
    if not counts.all():  # NaN: it is nowhere
        return None
    weights = (g.reshape(-1) / counts.astype(g.dtype))[owners]
    first = np.ravel_multi_index((samples, *(i * s for i, s in zip(at, strides, strict=True))), (len(x), *sizes))
    inside = np.indices(window).reshape(len(window), -1) * np.reshape(dilation_rate, (-1, 1))
    return Peaks(first[:, None] + np.ravel_multi_index(tuple(inside), sizes), channels, weights)


CONVOLUTIONS = convolution_input_gradient, convolution_kernel_gradient


def convolved(kernels, g, images, kernel, geometry, with_images):
    """What `peak_gradients` gives, by a backend's two kernels. g: the cotangent of the convolution."""
    to_kernel = kernels[1](images, g, kernel.shape, *geometry)
    return (kernels[0](g, kernel, images.shape[1:-1], *geometry), to_kernel) if with_images else to_kernel


def peak_gradients(g, x, y, images, kernel, strides, padding, dilation_rate, with_images):
    padded, window = _padded(images, padding), kernel.shape[:-2]
    found = peaks(g, x, y, padded.shape[1:-1], window, strides, dilation_rate)
    if found is None:
        back = extremum_gradient(g, x, y, tuple(range(1, x.ndim - 1)))
        return convolved(CONVOLUTIONS, back, images, kernel, (strides, padding, dilation_rate, False), with_images)
    weights, depth = found.weights[:, None, None], padded.shape[-1]
    flat = np.zeros((kernel.shape[-1], kernel.size // kernel.shape[-1]), kernel.dtype)
    seen = np.take(padded.reshape(-1, depth), found.rows, axis=0)
    seen *= weights
    set_sums(flat, found.channels, seen.reshape(len(seen), -1))
    to_kernel = np.moveaxis(flat.reshape(-1, *window, depth), 0, -1)
    if not with_images:
        return to_kernel
    back = np.zeros(padded.shape, g.dtype)
    given = np.take(np.moveaxis(kernel, -1, 0).reshape(len(flat), -1, depth), found.channels, axis=0)
    given *= weights
    set_sums(back.reshape(-1, depth), found.rows.reshape(-1), given.reshape(-1, depth))
    inner = (slice(before, n - after) for n, (before, after) in zip(back.shape[1:-1], padding, strict=True))
    return back[:, *inner], to_kernel
