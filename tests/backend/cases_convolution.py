"""Records of convolutions, pooling and resizing. The references are sums over the positions in the window."""

import itertools

import numpy as np
from records import case

from minikeras import backend as K


def many(value, rank):
    return (value,) * rank if isinstance(value, int) else value


def padded(x, window, strides, padding, dilation, fill=0.0):
    """x with the padding around it, the channels last."""
    spans = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    around = [(0, 0)]
    for n, span, s in zip(x.shape[1:-1], spans, strides, strict=True):
        added = max(0, (-(-n // s) - 1) * s + span - n)
        around.append({"valid": (0, 0), "causal": (span - 1, 0), "same": (added // 2, added - added // 2)}[padding])
    return np.pad(x, [*around, (0, 0)], constant_values=fill)


def positions(x, window, strides, dilation):
    """Yields (position in the window, the elements of the padded x there: [batch, *windows, channels])."""
    spans = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    counts = [(n - span) // s + 1 for n, span, s in zip(x.shape[1:-1], spans, strides, strict=True)]
    for at in itertools.product(*map(range, window)):
        starts = [i * d for i, d in zip(at, dilation, strict=True)]
        index = (slice(a, a + (c - 1) * s + 1, s) for a, c, s in zip(starts, counts, strides, strict=True))
        yield at, x[(slice(None), *index)]


def first_to_last(function):
    """The reference for either data_format."""

    def either(x, *args, data_format="channels_last", **kwargs):
        if data_format == "channels_last":
            return function(x, *args, **kwargs)
        return np.moveaxis(function(np.moveaxis(x, 1, -1), *args, **kwargs), -1, 1)

    return either


@first_to_last
def convolved(x, kernel, strides=1, padding="valid", dilation_rate=1, product="...c,cf->...f"):
    window = kernel.shape[:-2]
    strides, dilation = many(strides, len(window)), many(dilation_rate, len(window))
    x = padded(x, window, strides, padding, dilation)
    return sum(np.einsum(product, part, kernel[at]) for at, part in positions(x, window, strides, dilation))


@first_to_last
def deep(x, kernel, **kwargs):
    y = convolved(x, kernel, product="...c,cm->...cm", **kwargs)
    return y.reshape(*y.shape[:-2], -1)


@first_to_last
def separable(x, deep_kernel, point_kernel, **kwargs):
    return convolved(deep(x, deep_kernel, **kwargs), point_kernel)


@first_to_last
def pooled(x, pool_size, strides=1, padding="valid", pool_mode="max"):
    rank, ones = len(pool_size), (1,) * len(pool_size)
    strides = many(strides, rank)

    def parts(values, fill):
        values = padded(values, pool_size, strides, padding, ones, fill)
        return [part for _, part in positions(values, pool_size, strides, ones)]

    if pool_mode == "max":
        return np.max(parts(x, -np.inf), 0)
    return np.sum(parts(x, 0), 0) / np.sum(parts(np.ones_like(x), 0), 0)


def transpose(function, x, kernel, sizes, **kwargs):
    """A record of a transposed convolution to spatial `sizes`. The reference: the convolution's matrix, transposed."""
    filters, first = kernel[-2], kwargs.get("data_format") == "channels_first"
    output_shape = (x[0], filters, *sizes) if first else (x[0], *sizes, filters)

    @first_to_last
    def reference(x, kernel, **geometry):
        unit = np.eye(int(np.prod(sizes)) * filters).reshape(-1, *sizes, filters)
        matrix = convolved(unit, kernel, **geometry).reshape(len(unit), -1)
        return (x.reshape(len(x), -1) @ matrix.T).reshape(len(x), *sizes, filters)

    return case(
        lambda x, kernel, **geometry: function(x, kernel, output_shape, **geometry), x, kernel, **kwargs,
        name=function.__name__, reference=reference, edges=False,
    )  # fmt: skip


def upsampled(x, height_factor, width_factor, data_format, interpolation="nearest"):
    start = 1 if data_format == "channels_last" else 2
    for axis, factor in ((start, height_factor), (start + 1, width_factor)):
        n = x.shape[axis]
        shift = 0.5 * interpolation.endswith("half_pixel")
        at = np.clip((np.arange(n * factor) + shift) / factor - shift, 0, None)
        low = at.astype(int)
        part = (at - low) * interpolation.startswith("bilinear")
        part = part.reshape(-1, *(1,) * (x.ndim - axis - 1))
        x = np.take(x, low, axis) * (1 - part) + np.take(x, np.minimum(low + 1, n - 1), axis) * part
    return x


def fixed(function, x_shape, kernel_shape):
    """A function of places with kernels of their own: it needs shapes that are known while the graph is built."""
    return lambda x, kernel, **kwargs: function(K.reshape(x, x_shape), K.reshape(kernel, kernel_shape), **kwargs)


def local(x, kernel, kernel_size, strides, output_shape=None):
    rank = len(kernel_size)
    parts = np.stack([part for _, part in positions(x, kernel_size, strides, (1,) * rank)], -2)
    flat = parts.reshape(len(x), kernel.shape[0], -1)
    return np.einsum("bpf,pfo->bpo", flat, kernel).reshape(*parts.shape[:-2], -1)


FIRST, LAST = "channels_first", "channels_last"
SAME = {"padding": "same"}

CONVOLUTION = [
    case(K.conv1d, (2, 6, 3), (2, 3, 4), reference=convolved),
    case(K.conv1d, (2, 7, 2), (3, 2, 3), padding="causal", dilation_rate=2, reference=convolved),
    case(K.conv1d, (2, 7, 2), (3, 2, 3), padding="causal", strides=2, reference=convolved),
    case(K.conv1d, (2, 3, 6), (2, 3, 4), **SAME, strides=2, data_format=FIRST, reference=convolved),
    case(K.conv2d, (2, 4, 5, 3), (2, 3, 3, 4), reference=convolved),
    case(K.conv2d, (2, 4, 5, 3), (2, 3, 3, 4), **SAME, reference=convolved),
    case(K.conv2d, (2, 5, 4, 2), (3, 2, 2, 3), **SAME, strides=(2, 3), reference=convolved),
    case(K.conv2d, (2, 5, 6, 2), (2, 3, 2, 3), **SAME, dilation_rate=(2, 1), reference=convolved),
    case(K.conv2d, (2, 6, 6, 2), (2, 2, 2, 3), strides=(2, 2), dilation_rate=(2, 2), reference=convolved),
    case(K.conv2d, (2, 3, 4, 5), (2, 2, 3, 2), strides=(2, 1), data_format=FIRST, reference=convolved),
    case(K.conv2d, (2, 4, 5, 3), (1, 1, 3, 4), reference=convolved),
    case(K.conv2d, (2, 4, 5, 3), (1, 1, 3, 2), strides=(2, 2), reference=convolved),
    case(K.conv3d, (1, 3, 4, 3, 2), (2, 2, 2, 2, 3), reference=convolved),
    case(K.conv3d, (1, 2, 3, 4, 3), (2, 1, 2, 2, 3), **SAME, strides=(2, 1, 2), data_format=FIRST, reference=convolved),
    transpose(K.conv2d_transpose, (2, 2, 3, 3), (3, 2, 2, 3), (5, 4), strides=(2, 1)),
    transpose(K.conv2d_transpose, (2, 2, 3, 2), (3, 3, 3, 2), (4, 5), padding="same", strides=(2, 2)),
    transpose(K.conv2d_transpose, (2, 2, 3, 2), (2, 2, 3, 2), (4, 5), dilation_rate=(2, 2)),
    transpose(K.conv2d_transpose, (2, 2, 3, 2), (2, 2, 3, 2), (6, 5), strides=(2, 2), data_format=FIRST),
    transpose(K.conv3d_transpose, (1, 2, 1, 2, 2), (2, 2, 1, 3, 2), (4, 2, 3), strides=(2, 2, 2)),
    transpose(K.conv3d_transpose, (1, 2, 2, 2, 1), (2, 2, 2, 1, 2), (2, 3, 2), padding="same",
              strides=(1, 2, 2), data_format=FIRST),
    case(K.depthwise_conv2d, (2, 4, 5, 3), (2, 3, 3, 2), reference=deep),
    case(K.depthwise_conv2d, (2, 5, 4, 3), (3, 2, 3, 1), **SAME, strides=(2, 2), reference=deep),
    case(K.depthwise_conv2d, (2, 3, 5, 4), (2, 2, 3, 2), **SAME, dilation_rate=(2, 1), data_format=FIRST,
         reference=deep),
    case(K.separable_conv1d, (2, 6, 3), (2, 3, 2), (1, 6, 4), **SAME, strides=2, reference=separable),
    case(K.separable_conv2d, (2, 4, 5, 2), (2, 3, 2, 2), (1, 1, 4, 3), reference=separable),
    case(fixed(K.local_conv1d, (2, 5, 2), (2, 6, 3)), (2, 5, 2), (2, 6, 3), name="local_conv1d", edges=False,
         kernel_size=(3,), strides=(2,), reference=local),
    case(fixed(K.local_conv2d, (2, 5, 4, 2), (6, 8, 3)), (2, 5, 4, 2), (6, 8, 3), name="local_conv2d", edges=False,
         kernel_size=(2, 2), strides=(2, 1), output_shape=(2, 3), reference=local),
]  # fmt: skip

POOLING = [
    case(K.pool2d, (2, 4, 6, 3), pool_size=(2, 2), strides=(2, 2), reference=pooled),
    case(K.pool2d, (2, 5, 4, 3), pool_size=(2, 3), reference=pooled),
    case(K.pool2d, (2, 5, 4, 3), pool_size=(3, 2), strides=(2, 2), **SAME, reference=pooled),
    case(K.pool2d, (2, 3, 5, 4), pool_size=(2, 2), strides=(3, 2), data_format=FIRST, reference=pooled),
    case(K.pool2d, (2, 4, 6, 3), pool_size=(2, 2), strides=(2, 2), pool_mode="avg", reference=pooled),
    case(K.pool2d, (2, 5, 4, 3), pool_size=(3, 2), strides=(2, 2), **SAME, pool_mode="avg", reference=pooled),
    case(K.pool2d, (2, 3, 5, 4), pool_size=(2, 3), **SAME, data_format=FIRST, pool_mode="avg", reference=pooled),
    case(K.pool3d, (1, 4, 3, 4, 2), pool_size=(2, 2, 2), reference=pooled),
    case(K.pool3d, (1, 2, 3, 4, 3), pool_size=(2, 1, 2), strides=(2, 2, 1), **SAME, data_format=FIRST,
         reference=pooled),
    case(K.pool3d, (1, 4, 3, 4, 2), pool_size=(2, 2, 2), strides=(2, 2, 2), **SAME, pool_mode="avg", reference=pooled),
]  # fmt: skip

IMAGE = [
    case(K.resize_images, (2, 3, 4, 2), height_factor=2, width_factor=3, data_format=LAST, reference=upsampled),
    case(K.resize_images, (2, 2, 3, 4), height_factor=2, width_factor=3, data_format=FIRST, interpolation="bilinear",
         reference=upsampled),
    case(K.resize_images, (2, 3, 4, 2), height_factor=3, width_factor=2, data_format=LAST,
         interpolation="bilinear", reference=upsampled),
    case(K.resize_images, (2, 3, 4, 2), height_factor=3, width_factor=2, data_format=LAST,
         interpolation="bilinear_half_pixel", reference=upsampled),
    case(K.resize_volumes, (1, 2, 3, 4, 2), depth_factor=1, height_factor=2, width_factor=3, data_format=LAST,
         reference=lambda x, depth_factor, height_factor, width_factor, data_format: x.repeat(2, 2).repeat(3, 3)),
]  # fmt: skip

CASES = [*CONVOLUTION, *POOLING, *IMAGE]
