"""JAX kernels around largest elements: where each channel of a sample has one, its window is gathered and scattered."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..numpy.peaks import convolved
from .convolution import convolution_input_gradient, convolution_kernel_gradient
from .reduction import extremum_gradient

CONVOLUTIONS = convolution_input_gradient, convolution_kernel_gradient


def peak_gradients(g, x, y, images, kernel, strides, padding, dilation_rate, with_images):
    def everywhere():
        back = extremum_gradient(g, x, y, tuple(range(1, x.ndim - 1)))
        return convolved(CONVOLUTIONS, back, images, kernel, (strides, padding, dilation_rate, False), with_images)

    if jax.default_backend() != "cpu":
        return everywhere()
    # Argmax is slow on CPUs; the first and the last place are not, and they are the same where there is only one.
    flat = x.reshape(len(x), -1, x.shape[-1])
    place, count = lax.broadcasted_iota("int32", flat.shape, 1), flat.shape[1]
    hit = flat == y.reshape(len(y), 1, -1)
    first, last = jnp.min(jnp.where(hit, place, count), 1), jnp.max(jnp.where(hit, place, -1), 1)

    def gathered():
        around = jnp.pad(images, ((0, 0), *padding, (0, 0)))
        sizes, window, depth = around.shape[1:-1], kernel.shape[:-2], kernel.shape[-2]
        at = jnp.unravel_index(first, x.shape[1:-1])
        inside = np.indices(window).reshape(len(window), -1)
        pixels = 0
        for i, stride, dilation, taps, n in zip(at, strides, dilation_rate, inside, sizes, strict=True):
            pixels = pixels * n + i[..., None] * stride + taps * dilation
        around = around.reshape(len(x), -1, depth)
        samples = jnp.arange(len(x))[:, None, None]
        weights = g.reshape(len(g), -1)
        to_kernel = jnp.einsum("bf,bftc->tcf", weights, around[samples, pixels]).reshape(kernel.shape)
        if not with_images:
            return to_kernel
        given = weights[..., None, None] * jnp.moveaxis(kernel.reshape(-1, depth, kernel.shape[-1]), -1, 0)
        back = jnp.zeros_like(around).at[samples, pixels].add(given).reshape(len(x), *sizes, depth)
        return back[:, *(slice(a, n - b) for n, (a, b) in zip(sizes, padding, strict=True))], to_kernel

    return lax.cond(jnp.all(first == last), gathered, everywhere)
