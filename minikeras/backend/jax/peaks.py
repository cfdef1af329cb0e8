"""JAX kernels around largest elements: where each channel of a sample has one, its window is gathered and scattered."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..numpy.peaks import convolved
from .convolution import convolution_input_gradient, convolution_kernel_gradient
from .reduction import extremum_gradient

CONVOLUTIONS = convolution_input_gradient, convolution_kernel_gradient
EXACT = 1 << 24  # float32 has all whole numbers up to here


def peak_gradients(g, x, y, images, kernel, strides, padding, dilation_rate, with_images):
    def back():
        return extremum_gradient(g, x, y, tuple(range(1, x.ndim - 1)))

    sizes = [n + before + after for n, (before, after) in zip(images.shape[1:-1], padding, strict=True)]
    counts, pixels = x.shape[1:-1], math.prod(sizes)
    if jax.default_backend() != "cpu" or 2 * pixels > EXACT:
        geometry = strides, padding, dilation_rate, False
        return convolved(CONVOLUTIONS, back(), images, kernel, geometry, with_images)
    around = jnp.pad(images, ((0, 0), *padding, (0, 0)))
    # Argmax is slow on CPUs; a sum is not, and tells where the window of the only maximum begins: of all sums of
    # `pixels` and the first pixel of each window with a maximum, only those of one window are below 2 * pixels.
    first = (_pixels(counts, strides, sizes) + pixels).astype("float32")[:, None]
    hit = x.reshape(len(x), len(first), -1) == y.reshape(len(y), 1, -1)
    sums = jnp.sum(jnp.where(hit, first, 0), 1)

    def gathered():
        taps = _pixels(kernel.shape[:-2], dilation_rate, sizes)
        at = (sums.astype("int32") - pixels)[..., None] + (np.arange(len(x)) * pixels)[:, None, None] + taps
        return _gathered(g.reshape(len(g), -1), at, around, kernel, with_images)

    def everywhere():
        return _everywhere(back(), around, kernel, strides, dilation_rate, with_images)

    to_around, to_kernel = lax.cond(jnp.all((sums >= pixels) & (sums < 2 * pixels)), gathered, everywhere)
    if not with_images:
        return to_kernel
    inner = (slice(before, n - after) for n, (before, after) in zip(sizes, padding, strict=True))
    return to_around[:, *inner], to_kernel


def _pixels(counts, steps, sizes):
    """The numbers of every steps-th pixel of an image of these sizes, `counts` of them along its axes."""
    at = np.indices(counts).reshape(len(counts), -1) * np.reshape(steps, (-1, 1))
    return np.ravel_multi_index(tuple(at), sizes)


def _gathered(g, at, around, kernel, with_images):
    """The cotangents of the padded images (or None) and of the kernel.

    g: of the maxima [batch, filters]. at: rows of the images, with their pixels as rows, that the windows of the maxima
    look at [batch, filters, taps].
    """
    rows = around.reshape(-1, around.shape[-1])
    to_kernel = jnp.einsum("bf,bftc->tcf", g, rows[at]).reshape(kernel.shape)
    if not with_images:
        return None, to_kernel
    given = g[..., None, None] * jnp.moveaxis(kernel.reshape(-1, *kernel.shape[-2:]), -1, 0)
    return jnp.zeros_like(rows).at[at].add(given).reshape(around.shape), to_kernel


def _everywhere(g, around, kernel, strides, dilation_rate, with_images):
    """The same from the cotangent of the convolution, as products of matrices for one tap of the kernel after the
    other: in branches and loops XLA's convolutions on CPUs are plain loops, 25 times as slow as elsewhere."""
    lengths = [(n - 1) * s + 1 for n, s in zip(g.shape[1:-1], strides, strict=True)]
    extent, between = (len(g), *lengths, around.shape[-1]), [(0, 0, 0), *((0, 0, s - 1) for s in strides), (0, 0, 0)]
    flat = g.reshape(-1, g.shape[-1])

    def step(to_around, tap):
        at, weights = tap
        start = at[0] * 0, *at, at[0] * 0
        seen = lax.dynamic_slice(around, start, extent)[:, *(slice(None, None, s) for s in strides)]
        to_kernel = seen.reshape(len(flat), -1).T @ flat
        if with_images:
            given = lax.pad(g @ weights.T, np.zeros((), g.dtype), between)
            to_around = lax.dynamic_update_slice(to_around, lax.dynamic_slice(to_around, start, extent) + given, start)
        return to_around, to_kernel

    window = kernel.shape[:-2]
    taps = np.indices(window, "int32").reshape(len(window), -1).T * np.array(dilation_rate, "int32")
    zeros = jnp.zeros_like(around) if with_images else None
    to_around, to_kernel = lax.scan(step, zeros, (taps, kernel.reshape(-1, *kernel.shape[-2:])))
    return to_around, to_kernel.reshape(kernel.shape)
