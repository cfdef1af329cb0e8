"""JAX kernels of the convolutions: the three are one function of XLA, with the axes in other roles."""

import contextvars
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..windows import lengths, reach

SPATIAL = "DHW"
stored = contextvars.ContextVar("stored", default=True)  # whether the traced program keeps results for gradients


def _axes(spatial, *layouts):
    """Dimension numbers: each layout with the letters of the spatial axes in place of the dots."""
    letters = SPATIAL[3 - spatial :]
    return tuple(layout.replace("..", letters) for layout in layouts)


def _better_padded(x, kernel, strides, padding, dilation_rate):
    """Whether to convolve with padding and cut the border off: XLA's CPU code for large batches is up to twice as fast
    with padding as without, if the result is stored (0.10.2, measured with 14 to 26 pixels a side and 32 or 64
    channels). In a program without gradients what follows is fused, and plain convolutions are four times as fast."""
    if not stored.get():
        return False
    if jax.default_backend() != "cpu" or any(map(any, padding)) or any(n > 1 for n in (*strides, *dilation_rate)):
        return False
    window, channels, filters = kernel.shape[:-2], kernel.shape[-2], kernel.shape[-1]
    counts = lengths(x.shape[1:-1], window, strides, padding, dilation_rate)
    wider = math.prod(x.shape[1:-1]) / math.prod(counts)
    large = len(x) * math.prod(counts) * filters > 1 << 20 and channels >= 32
    return large and wider <= 1.5 and max(window) > 1


# XLA refuses groups without channels; sums over nothing are zero.
def convolution(x, kernel, strides, padding, dilation_rate, depthwise):
    if depthwise and not kernel.size:
        counts = lengths(x.shape[1:-1], kernel.shape[:-2], strides, padding, dilation_rate)
        return jnp.zeros((x.shape[0], *counts, 0), x.dtype)
    if not depthwise and _better_padded(x, kernel, strides, padding, dilation_rate):
        around = tuple(((k - 1) // 2, k // 2) for k in kernel.shape[:-2])
        inner = (slice(before, n - after) for n, (before, after) in zip(x.shape[1:-1], around, strict=True))
        return convolution(x, kernel, strides, around, dilation_rate, depthwise)[:, *inner]
    channels = x.shape[-1]
    if depthwise:
        kernel = kernel.reshape(*kernel.shape[:-2], 1, -1)
    return lax.conv_general_dilated(
        x,
        kernel,
        strides,
        padding,
        rhs_dilation=dilation_rate,
        dimension_numbers=_axes(len(strides), "N..C", "..IO", "N..C"),
        feature_group_count=channels if depthwise else 1,
    )


def convolution_input_gradient(g, kernel, sizes, strides, padding, dilation_rate, depthwise):
    if depthwise and not kernel.size:
        return jnp.zeros((g.shape[0], *sizes, kernel.shape[-2]), g.dtype)
    # g with strides - 1 zeros between its elements, convolved with the kernel turned round.
    spans = reach(kernel.shape[:-2], dilation_rate)
    around = []
    for n, count, span, stride, (before, _) in zip(sizes, g.shape[1:-1], spans, strides, padding, strict=True):
        low = span - 1 - before
        around.append((low, n + span - 1 - low - (count - 1) * stride - 1))
    return lax.conv_general_dilated(
        g,
        jnp.flip(kernel, tuple(range(len(sizes)))).swapaxes(-1, -2),
        (1,) * len(sizes),
        around,
        lhs_dilation=strides,
        rhs_dilation=dilation_rate,
        dimension_numbers=_axes(len(sizes), "N..C", "..IO", "N..C"),
        feature_group_count=kernel.shape[-2] if depthwise else 1,
    )


def _pieces(g):
    """Pieces that the batch is cut into: on a CPU XLA slows down fourfold when g, as a kernel, outgrows the cache."""
    if jax.default_backend() != "cpu":
        return 1
    return min(16, len(g), -(-g.size // (1 << 19)))


def convolution_kernel_gradient(x, g, kernel_shape, strides, padding, dilation_rate, depthwise):
    if 0 in kernel_shape:
        return jnp.zeros(kernel_shape, x.dtype)
    pieces = _pieces(g)
    if pieces > 1 and not depthwise and x.shape[-1] >= 32:
        return _by_products(x, g, kernel_shape, strides, padding, dilation_rate)
    if pieces > 1:
        step = -(-len(g) // pieces)
        geometry = kernel_shape, strides, padding, dilation_rate, depthwise
        parts = [(x[i : i + step], g[i : i + step]) for i in range(0, len(g), step)]
        return functools.reduce(jnp.add, (convolution_kernel_gradient(*part, *geometry) for part in parts))
    # x convolved with g: strides and dilation change places, and the sum goes over the batch.
    around = []
    spans = reach(kernel_shape[:-2], dilation_rate)
    for n, count, span, stride, (before, _) in zip(x.shape[1:-1], g.shape[1:-1], spans, strides, padding, strict=True):
        around.append((before, (count - 1) * stride + span - n - before))
    found = lax.conv_general_dilated(
        x,
        g,
        dilation_rate,
        around,
        rhs_dilation=strides,
        dimension_numbers=_axes(len(spans), "C..N", "I..O", "..NC"),
        batch_group_count=x.shape[-1] if depthwise else 1,
    )
    return found.reshape(kernel_shape)


def _by_products(x, g, kernel_shape, strides, padding, dilation_rate):
    """The same as a product of matrices for each tap: faster from some channels on, and quicker to compile."""
    x = jnp.pad(x, ((0, 0), *padding, (0, 0)))
    ends = [(n - 1) * stride + 1 for n, stride in zip(g.shape[1:-1], strides, strict=True)]

    def seen(tap):
        starts = (i * step for i, step in zip(tap, dilation_rate, strict=True))
        return x[:, *(slice(a, a + n, stride) for a, n, stride in zip(starts, ends, strides, strict=True))]

    flat = g.reshape(-1, g.shape[-1])
    # By tensordot they take twice as long (JAX 0.10.2).
    products = [seen(tap).reshape(len(flat), -1).T @ flat for tap in np.ndindex(*kernel_shape[:-2])]
    return jnp.stack(products).reshape(kernel_shape)
