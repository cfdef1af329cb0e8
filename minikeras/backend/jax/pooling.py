"""JAX kernels of pooling. Windows side by side are a reshape and a reduction, which XLA compiles to faster code, but
for what can be fused with a convolution: in programs that keep no results for gradients."""

import jax.numpy as jnp
import numpy as np
from jax import lax

from ..windows import counted, taps
from .convolution import stored


def _lowest(dtype):
    return -np.inf if jnp.issubdtype(dtype, jnp.floating) else np.iinfo(dtype).min


def _side_by_side(sizes, window, strides, padding):
    """Whether the windows cover the input without gaps, overlaps and padding."""
    whole = not any(n % k for n, k in zip(sizes, window, strict=True))
    return whole and window == strides and not any(map(any, padding))


def _tiled(x, window):
    """x with each spatial axis as two (windows, elements), and the axes of the elements."""
    sizes = [m for n, k in zip(x.shape[1:-1], window, strict=True) for m in (n // k, k)]
    return x.reshape(x.shape[0], *sizes, x.shape[-1]), tuple(range(2, 2 * len(window) + 1, 2))


def _windows(combine, start, x, window, strides, padding):
    one = (1,)
    around = ((0, 0), *padding, (0, 0))
    return lax.reduce_window(x, x.dtype.type(start), combine, one + window + one, one + strides + one, around)


def max_pooling(x, window, strides, padding):
    if stored.get() and _side_by_side(x.shape[1:-1], window, strides, padding):
        tiled, axes = _tiled(x, window)
        return jnp.max(tiled, axes)
    return _windows(lax.max, _lowest(x.dtype), x, window, strides, padding)


def max_pooling_gradient(g, x, y, window, strides, padding):
    if _side_by_side(x.shape[1:-1], window, strides, padding):
        return _tiled_gradient(g, x, y, window)
    total = jnp.zeros(x.shape, g.dtype)
    for place, elements, hit in _hits(x, y, window, strides, padding):
        total += _spread(jnp.where(hit, g[place], 0), x.shape, elements)
    return total


def _tiled_gradient(g, x, y, window):
    tiled, axes = _tiled(x, window)
    place = jnp.zeros((), "int32")
    for axis, k in zip(axes, window, strict=True):
        place = place * k + lax.broadcasted_iota("int32", (1,) * axis + (k,) + (1,) * (tiled.ndim - axis - 1), axis)
    hit = tiled == jnp.expand_dims(y, axes)
    first = jnp.min(jnp.where(hit, place, np.prod(window)), axes, keepdims=True)
    return jnp.where(place == first, jnp.expand_dims(g, axes), 0).reshape(x.shape)


def max_pooling_select(h, x, y, window, strides, padding):
    total = jnp.zeros(y.shape, h.dtype)
    for place, elements, hit in _hits(x, y, window, strides, padding):
        total = total.at[place].add(jnp.where(hit, h[elements], 0))
    return total


def _hits(x, y, window, strides, padding):
    """For each position in the window: the windows, their elements, and which of those are the first largest ones."""
    free = jnp.ones(y.shape, bool)
    for _, place, elements in taps(x.shape[1:-1], window, strides, padding, (1,) * len(window)):
        place, elements = (slice(None), *place), (slice(None), *elements)
        hit = (x[elements] == y[place]) & free[place]
        free = free.at[place].set(free[place] & ~hit)
        yield place, elements, hit


def _spread(part, shape, elements):
    """Zeros of `shape` with `part` at the index `elements`, which has positive steps."""
    around = [(0, 0, 0)] * len(shape)
    for axis, (n, size, index) in enumerate(zip(part.shape[1:-1], shape[1:-1], elements[1:], strict=True), 1):
        around[axis] = (index.start, size - index.start - max(0, (n - 1) * index.step + 1), index.step - 1)
    return lax.pad(part, jnp.zeros((), part.dtype), around)


def _means(total, sizes, window, strides, padding):
    """Sums of windows divided by how many real elements each has."""
    if not any(map(any, padding)):
        return total / np.prod(window)
    for axis, counts in enumerate(counted(sizes, window, strides, padding), 1):
        total = total / np.array(counts, total.dtype).reshape(-1, *(1,) * (total.ndim - axis - 1))
    return total


def average_pooling(x, window, strides, padding):
    if _side_by_side(x.shape[1:-1], window, strides, padding):
        tiled, axes = _tiled(x, window)
        return jnp.mean(tiled, axes)
    total = _windows(lax.add, 0, x, window, strides, padding)
    return _means(total, x.shape[1:-1], window, strides, padding)


def average_pooling_gradient(g, sizes, window, strides, padding):
    g = _means(g, sizes, window, strides, padding)
    # All windows that an element lies in: sums over windows of g, with strides - 1 zeros between its elements.
    around = [(0, 0)]
    for n, count, k, stride, (before, _) in zip(sizes, g.shape[1:-1], window, strides, padding, strict=True):
        around.append((k - 1 - before, n + before - (count - 1) * stride - 1))
    one = (1,)
    around.append((0, 0))
    start, window, apart = g.dtype.type(0), one + window + one, one + strides + one
    return lax.reduce_window(g, start, lax.add, window, one * g.ndim, around, base_dilation=apart)
