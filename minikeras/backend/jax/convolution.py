"""JAX kernels of the convolutions: the three are one function of XLA, with the axes in other roles."""

import jax.numpy as jnp
from jax import lax

from ..windows import lengths, reach

SPATIAL = "DHW"


def _axes(spatial, *layouts):
    """Dimension numbers: each layout with the letters of the spatial axes in place of the dots."""
    letters = SPATIAL[3 - spatial :]
    return tuple(layout.replace("..", letters) for layout in layouts)


# XLA refuses groups without channels; sums over nothing are zero.
def convolution(x, kernel, strides, padding, dilation_rate, depthwise):
    if depthwise and not kernel.size:
        counts = lengths(x.shape[1:-1], kernel.shape[:-2], strides, padding, dilation_rate)
        return jnp.zeros((x.shape[0], *counts, 0), x.dtype)
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


def convolution_kernel_gradient(x, g, kernel_shape, strides, padding, dilation_rate, depthwise):
    if 0 in kernel_shape:
        return jnp.zeros(kernel_shape, x.dtype)
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
