"""NumPy kernels of the convolutions: windows copied into a matrix, block by block, and a product of BLAS on each block.

A block of the matrix stays in the cache between the copy and the product, so that it never travels to main memory;
that is worth more than keeping it for the backward pass. Source: Chellapilla, Puri and Simard, High performance
convolutional neural networks for document processing (2006).
"""

import threading

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..windows import lengths, reach, taps

BLOCK = 1 << 19  # elements of a block of windows
WIDE = 16  # columns that a product should have at least


class _Scratch(threading.local):
    """Memory that kernels of one thread use one after the other, by role: it stays in the cache and is never freed."""

    def __init__(self):
        self.held = {}

    def __call__(self, role, shape, dtype):
        nbytes = int(np.prod(shape)) * dtype.itemsize
        block = self.held.get(role)
        if block is None or block.nbytes < nbytes:
            block = self.held[role] = np.empty(nbytes, np.uint8)
        return block[:nbytes].view(dtype).reshape(shape)


scratch = _Scratch()


def convolution(x, kernel, strides, padding, dilation_rate, depthwise, out=None):
    window, filters = kernel.shape[:-2], kernel.shape[-1]
    counts = lengths(x.shape[1:-1], window, strides, padding, dilation_rate)
    if depthwise:
        return _depthwise(x, kernel, strides, padding, dilation_rate, counts, out)
    if out is None:
        out = np.empty((len(x), *counts, filters), x.dtype)
    if not x.size or not out.size:
        out[...] = 0
        return out
    matrix = kernel.reshape(-1, filters)
    for part, columns in _columns(x, window, strides, padding, dilation_rate, counts):
        np.matmul(columns, matrix, out=out[part].reshape(-1, filters))
    return out


def convolution_kernel_gradient(x, g, kernel_shape, strides, padding, dilation_rate, depthwise, out=None):
    window, filters = kernel_shape[:-2], kernel_shape[-1]
    if out is None:
        out = np.empty(kernel_shape, x.dtype)
    if depthwise:
        return _depthwise_kernel_gradient(x, g, strides, padding, dilation_rate, out)
    if not x.size or not g.size:
        out[...] = 0
        return out
    total, begun = out.reshape(-1, filters), False
    for part, columns in _columns(x, window, strides, padding, dilation_rate, g.shape[1:-1]):
        rows = g[part].reshape(-1, filters)
        if begun:
            total += np.matmul(columns.T, rows, out=scratch("product", total.shape, x.dtype))
        else:
            np.matmul(columns.T, rows, out=total)
            begun = True
    return out


def convolution_input_gradient(g, kernel, sizes, strides, padding, dilation_rate, depthwise, out=None):
    if out is None:
        out = np.empty((len(g), *sizes, kernel.shape[-2]), g.dtype)
    window = kernel.shape[:-2]
    if not g.size or not out.size:
        out[...] = 0
        return out
    if depthwise:
        return _depthwise_input_gradient(g, kernel, strides, padding, dilation_rate, out)
    if all(s == 1 for s in strides) and kernel.shape[-1] <= kernel.shape[-2]:
        padding = _turned_padding(window, padding, dilation_rate)
        return convolution(g, _turned(kernel), strides, padding, dilation_rate, False, out)
    # Where sums lie apart in any case, small products of several places are made one.
    together = 1 if strides[-1] == 1 else max(1, WIDE // kernel.shape[-2])
    return _add_taps(g, kernel, taps(sizes, window, strides, padding, dilation_rate), together, out)


def _add_taps(g, kernel, places, together, out):
    """Adds up what each place in the window gives: less to move than windows of g, where g has the more channels.

    together: the number of places that one product goes through.
    """
    channels, filters = kernel.shape[-2:]
    matrix = np.ascontiguousarray(kernel.reshape(-1, filters).T)
    widest = max(filters, min(together * channels, matrix.shape[1]))
    step = max(1, BLOCK // max(1, g[:1].size // filters * widest))
    out[...] = 0
    for start in range(0, len(g), step):
        block = g[start : start + step]
        rows = block.reshape(-1, filters)
        for first in range(0, len(places), together):
            group = places[first : first + together]
            columns = scratch("columns", (len(rows), len(group) * channels), g.dtype)
            np.matmul(rows, matrix[:, first * channels :][:, : columns.shape[1]], out=columns)
            each = columns.reshape(*block.shape[:-1], len(group), channels)
            for k, (_, place, elements) in enumerate(group):
                target = out[start : start + step][:, *elements]
                target += each[:, *place, k]
    return out


def _turned(kernel):
    """The kernel that takes the gradient back: with strides of 1 every result is a sum over a window of g."""
    return np.ascontiguousarray(np.flip(kernel, tuple(range(kernel.ndim - 2))).swapaxes(-1, -2))


def _turned_padding(window, padding, dilation_rate):
    spans = reach(window, dilation_rate)
    return tuple((n - 1 - a, n - 1 - b) for n, (a, b) in zip(spans, padding, strict=True))


def convolution_gradients(x, g, kernel, padding, dilation_rate, outs):
    """(gradient of the kernel, gradient of x) of a convolution with strides of 1: the windows of g serve for both."""
    window, (channels, filters) = kernel.shape[:-2], kernel.shape[-2:]
    for_kernel, for_x = (np.empty(a.shape, a.dtype) if out is None else out  # results are reshaped: in C's order
                         for a, out in zip((kernel, x), outs, strict=True))  # fmt: skip
    matrix = _turned(kernel).reshape(-1, channels)
    total = scratch("total", matrix.shape, x.dtype)
    product = scratch("product", matrix.shape, x.dtype)
    total[...] = 0
    padding = _turned_padding(window, padding, dilation_rate)
    for part, columns in _columns(g, window, (1,) * len(window), padding, dilation_rate, x.shape[1:-1]):
        np.matmul(columns, matrix, out=for_x[part].reshape(-1, channels))
        total += np.matmul(columns.T, x[part].reshape(-1, channels), out=product)
    for_kernel[...] = _turned(total.reshape(*window, filters, channels))
    return for_kernel, for_x


def _columns(x, window, strides, padding, dilation_rate, counts):
    """Yields (index of a block of results, matrix with the windows of these results as rows)."""
    features = int(np.prod(window)) * x.shape[-1]
    per_row = int(np.prod(counts[1:])) * features
    per_sample = counts[0] * per_row
    samples = max(1, BLOCK // per_sample)
    rows = counts[0] if per_sample <= BLOCK else max(1, BLOCK // per_row)
    plain = all(n == 1 for n in (*window, *strides)) and x.flags.c_contiguous
    for start in range(0, len(x), samples):
        block = _padded(x[start : start + samples], padding)
        if plain and not any(map(any, padding)):
            yield (slice(start, start + samples),), block.reshape(-1, features)
            continue
        view = _windows(block, window, strides, dilation_rate, counts)
        for row in range(0, counts[0], rows):
            part = view[:, row : row + rows]
            columns = scratch("columns", (part.size // features, features), x.dtype)
            np.copyto(columns.reshape(part.shape), part)
            yield (slice(start, start + samples), slice(row, row + rows)), columns


def _padded(x, padding):
    """A block of x with zeros around it, in the scratch memory."""
    if not any(map(any, padding)) and x.flags.c_contiguous:
        return x
    shape = (len(x), *(a + n + b for n, (a, b) in zip(x.shape[1:-1], padding, strict=True)), x.shape[-1])
    padded = scratch("padded", shape, x.dtype)
    padded[...] = 0
    padded[:, *(slice(a, a + n) for n, (a, _) in zip(x.shape[1:-1], padding, strict=True))] = x
    return padded


def _windows(x, window, strides, dilation_rate, counts):
    """A view [batch, *counts, *window, channels] of x."""
    steps = x.strides[1:-1]
    moves = (n * s for n, s in zip(steps, strides, strict=True))
    inside = (n * d for n, d in zip(steps, dilation_rate, strict=True))
    shape = (len(x), *counts, *window, x.shape[-1])
    return as_strided(x, shape, (x.strides[0], *moves, *inside, x.strides[-1]), writeable=False)


# ---- a kernel for each channel: too little work for a product; sums of scaled slices -------------------------------


def _depthwise(x, kernel, strides, padding, dilation_rate, counts, out):
    multiplier = kernel.shape[-1]
    if out is None:
        out = np.empty((len(x), *counts, x.shape[-1] * multiplier), x.dtype)
    out[...] = 0
    places = taps(x.shape[1:-1], kernel.shape[:-2], strides, padding, dilation_rate)
    each = out.reshape(*out.shape[:-1], x.shape[-1], multiplier)
    for n in range(len(x)):
        for position, place, elements in places:
            target = each[n][place]
            target += x[n][elements][..., None] * kernel[position]
    return out


def _depthwise_input_gradient(g, kernel, strides, padding, dilation_rate, out):
    out[...] = 0
    places = taps(out.shape[1:-1], kernel.shape[:-2], strides, padding, dilation_rate)
    each = g.reshape(*g.shape[:-1], *kernel.shape[-2:])
    for n in range(len(g)):
        for position, place, elements in places:
            target = out[n][elements]
            target += np.einsum("...cm,cm->...c", each[n][place], kernel[position])
    return out


def _depthwise_kernel_gradient(x, g, strides, padding, dilation_rate, out):
    window = out.shape[:-2]
    each = g.reshape(*g.shape[:-1], *out.shape[-2:])
    axes = "abd"[: len(window)]
    for position, place, elements in taps(x.shape[1:-1], window, strides, padding, dilation_rate):
        np.einsum(f"n{axes}c,n{axes}cm->cm", x[:, *elements], each[:, *place], out=out[position])
    return out
