"""Convolutions over any number of spatial axes.

One primitive, `convolution`, and its two derivatives, which are each other's: all orders of derivatives stay among the
three, and a transposed convolution is the derivative for the input. They know [batch, *spatial, channels] only; data
with the channels first are permuted around them.
"""

import functools
import itertools
import math

from .. import config, windows
from ..op import Host, Spec, as_tensor, op
from ..tensor import Tensor, compatible, show
from .indexing import WHOLE, getitem, put
from .joining import stack
from .linalg import matmul
from .math import float_like
from .shape import permute_dimensions, reshape, shape_of, sizes_of, static

# ---- primitives ------------------------------------------------------------------------------------------------------


@op(promote=("x", "kernel"))
def convolution(x: Tensor, kernel: Tensor, strides: tuple, padding: tuple, dilation_rate: tuple, depthwise: bool):
    """Sum over the window of x times kernel (a correlation, as all frameworks have it).

    x: [batch, *spatial, channels]. kernel: [*window, channels, filters]; depthwise: [*window, channels, multiplier],
    each channel on its own. strides, dilation_rate: an int for each spatial axis. padding: a (before, after) pair for
    each, or 'same' or 'causal' where it hangs on sizes that are not known before the run.
    Returns [batch, *windows, filters]; depthwise: [batch, *windows, channels * multiplier].
    """
    window, channels = kernel.shape[:-2], kernel.shape[-2]
    if not compatible(x.shape[-1:], (channels,)):
        raise ValueError(f"the kernel is for {channels} channels, x has {x.shape[-1]}. Check data_format, and the "
                         "shape that the layer was built on.")
    counts = windows.lengths(x.shape[1:-1], window, strides, padding, dilation_rate)
    return Spec((x.shape[0], *counts, _filters(kernel, depthwise)), float_like(x).dtype)


def _filters(kernel, depthwise):
    """The number of channels that a kernel gives; None where unknown."""
    channels, filters = kernel.shape[-2:]
    return filters if not depthwise or None in (channels, filters) else filters * channels


@op(promote=("g", "kernel"))
def convolution_input_gradient(g: Tensor, kernel: Tensor, sizes: Host, strides: tuple, padding: tuple,
                               dilation_rate: tuple, depthwise: bool):
    """What `convolution` with this kernel gives back to an input of spatial `sizes`: g's transposed convolution."""
    window, given = kernel.shape[:-2], _filters(kernel, depthwise)
    if not compatible(g.shape[-1:], (given,)):
        raise ValueError(f"the transposed kernel is for {given} channels, the input has {g.shape[-1]}.")
    known = static(sizes)
    counts = windows.lengths(known, window, strides, padding, dilation_rate)
    if not compatible(counts, g.shape[1:-1]):
        raise ValueError(f"an output of {list(known)} belongs to an input of {list(counts)}, not "
                         f"{list(g.shape[1:-1])}. Check the output shape against strides, window and padding.")
    return Spec((g.shape[0], *known, kernel.shape[-2]), float_like(g).dtype)


@op(promote=("x", "g"))
def convolution_kernel_gradient(x: Tensor, g: Tensor, kernel_shape: Host, strides: tuple, padding: tuple,
                                dilation_rate: tuple, depthwise: bool):
    """What `convolution` of x gives back to its kernel: for each position in the window the sum of x there times g."""
    return Spec(static(kernel_shape), x.dtype)


def _sizes(x):
    """The spatial sizes of x [batch, *spatial, channels], as numbers where they are known."""
    return sizes_of(x, range(1, x.ndim - 1))


convolution.gradient(
    lambda g, y, x, kernel, *geometry: convolution_input_gradient(g, kernel, _sizes(x), *geometry),
    lambda g, y, x, kernel, *geometry: convolution_kernel_gradient(x, g, shape_of(kernel), *geometry))
convolution_input_gradient.gradient(
    lambda h, y, g, kernel, sizes, *geometry: convolution(h, kernel, *geometry),
    lambda h, y, g, kernel, sizes, *geometry: convolution_kernel_gradient(h, g, shape_of(kernel), *geometry))
convolution_kernel_gradient.gradient(
    lambda h, y, x, g, kernel_shape, *geometry: convolution_input_gradient(g, h, _sizes(x), *geometry),
    lambda h, y, x, g, kernel_shape, *geometry: convolution(x, h, *geometry))


def _padding_in_numbers(*functions):
    """Makes the kernels of ops over windows see their padding as pairs, which hang on sizes."""
    def rule(function, emit, *args):
        given = dict(zip(function.op.parameters, args, strict=True))
        if not isinstance(given["padding"], str):
            return None
        sizes = given["sizes"] if "sizes" in given else given["x"].shape[1:-1]
        kernel_shape = given["kernel"].shape if "kernel" in given else given.get("kernel_shape")
        window = given["window"] if "window" in given else kernel_shape[:-2]
        dilation = given.get("dilation_rate", (1,) * len(window))
        given["padding"] = windows.pairs(given["padding"], sizes, window, given["strides"], dilation)
        return emit(function, *given.values())

    for function in functions:
        function.resolve(functools.partial(rule, function))


_padding_in_numbers(convolution, convolution_input_gradient, convolution_kernel_gradient)


# ---- a window of one element is a product of matrices ----------------------------------------------------------------
#
# PyTorch 2.13 (oneDNN) also needs this: the kernel gradient of a strided 1x1 convolution writes past its memory where
# the strides leave rows over.


def _is_point(window, padding, depthwise):
    known = not isinstance(padding, str) and all(tuple(p) == (0, 0) for p in padding)
    return known and not depthwise and set(window) == {1}


def _seen(strides):
    """The index of the elements that a strided window of one element looks at."""
    return (WHOLE, *((None, None, s) if s > 1 else WHOLE for s in strides), WHOLE)


def _rows(emit, x, strides=()):
    """x [batch, *spatial, channels] as a matrix with a row for each place that is looked at."""
    if any(s > 1 for s in strides):
        x = emit(getitem, x, _seen(strides))
    return emit(reshape, x, (-1, x.shape[-1]) if x.shape[-1] else (math.prod(x.shape[:-1]), 0))


@convolution.rewrite
def _point(emit, x, kernel, strides, padding, dilation_rate, depthwise):
    if not _is_point(kernel.shape[:-2], padding, depthwise):
        return None
    counts = windows.lengths(x.shape[1:-1], kernel.shape[:-2], strides, padding, dilation_rate)
    product = emit(matmul, _rows(emit, x, strides), emit(reshape, kernel, kernel.shape[-2:]))
    return emit(reshape, product, (x.shape[0], *counts, kernel.shape[-1]))


@convolution_input_gradient.rewrite
def _point_input_gradient(emit, g, kernel, sizes, strides, padding, dilation_rate, depthwise):
    if not _is_point(kernel.shape[:-2], padding, depthwise):
        return None
    weights = emit(permute_dimensions, emit(reshape, kernel, kernel.shape[-2:]), (1, 0))
    product = emit(matmul, _rows(emit, g), weights)
    product = emit(reshape, product, (*g.shape[:-1], kernel.shape[-2]))
    shape = (g.shape[0], *sizes, kernel.shape[-2])
    return product if product.shape == shape else emit(put, product, shape, _seen(strides))


@convolution_kernel_gradient.rewrite
def _point_kernel_gradient(emit, x, g, kernel_shape, strides, padding, dilation_rate, depthwise):
    if not _is_point(kernel_shape[:-2], padding, depthwise):
        return None
    product = emit(matmul, emit(permute_dimensions, _rows(emit, x, strides), (1, 0)), _rows(emit, g))
    return emit(reshape, product, tuple(kernel_shape))


# ---- arguments -------------------------------------------------------------------------------------------------------


def _channels_first(data_format):
    return config.normalize_data_format(data_format) == "channels_first"


def _last(x, first):
    """x with the channels last, if they are first."""
    return permute_dimensions(x, (0, *range(2, x.ndim), 1)) if first else x


def _first(x, first):
    """Undoes `_last`."""
    return permute_dimensions(x, (0, x.ndim - 1, *range(1, x.ndim - 1))) if first else x


def _checked(who, x, kernel, rank, padding):
    """x and kernel as tensors with `rank` spatial axes."""
    x, kernel = as_tensor(x), as_tensor(kernel)
    allowed = (*windows.PADDINGS, "causal") if who == "conv1d" else windows.PADDINGS
    if padding not in allowed:
        raise ValueError(f"K.{who}: padding is one of {allowed}, got {padding!r}.")
    for name, tensor in (("x", x), ("kernel", kernel)):
        if tensor.ndim != rank + 2:
            raise ValueError(f"K.{who}: {name} has {rank + 2} axes, got {show(tensor)}.")
    return x, kernel


def _geometry(sizes, kernel, strides, padding, dilation_rate):
    """Strides, padding and dilation as the primitives take them."""
    window = kernel.shape[:-2]
    strides = windows.spread(strides, len(window), "strides")
    dilation = windows.spread(dilation_rate, len(window), "dilation_rate")
    return strides, windows.pairs(padding, sizes, window, strides, dilation), dilation


def _convolve(who, x, kernel, strides, padding, data_format, dilation_rate, rank, depthwise=False):
    x, kernel = _checked(who, x, kernel, rank, padding)
    first = _channels_first(data_format)
    if padding == "causal" and first:
        raise ValueError(f"K.{who}: padding 'causal' is for data_format 'channels_last' (channels_first given).")
    x = _last(x, first)
    geometry = _geometry(x.shape[1:-1], kernel, strides, padding, dilation_rate)
    return _first(convolution(x, kernel, *geometry, depthwise), first)


# ---- public ----------------------------------------------------------------------------------------------------------


def conv1d(x, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """1D convolution.

    x: [batch, steps, channels] ('channels_first': [batch, channels, steps]). kernel: [window, channels, filters].
    strides, dilation_rate: int. padding: 'valid', 'same', or 'causal': no result depends on later steps (channels_last
    only). Returns [batch, steps', filters] in the layout of x.
    Raises ValueError for an unknown padding or data_format, and for shapes that do not fit.
    """
    return _convolve("conv1d", x, kernel, strides, padding, data_format, dilation_rate, 1)


def conv2d(x, kernel, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1)):
    """2D convolution.

    x: [batch, rows, columns, channels] ('channels_first': [batch, channels, rows, columns]). kernel: [height, width,
    channels, filters]. strides, dilation_rate: two ints. padding: 'valid' or 'same'. Returns [batch, rows', columns',
    filters] in the layout of x. Raises ValueError as `conv1d` does.
    """
    return _convolve("conv2d", x, kernel, strides, padding, data_format, dilation_rate, 2)


def conv3d(x, kernel, strides=(1, 1, 1), padding="valid", data_format=None, dilation_rate=(1, 1, 1)):
    """3D convolution.

    x: [batch, a, b, c, channels] ('channels_first': [batch, channels, a, b, c]). kernel: [*window, channels, filters].
    strides, dilation_rate: three ints. padding: 'valid' or 'same'. Returns [batch, a', b', c', filters] in the layout
    of x. Raises ValueError as `conv1d` does.
    """
    return _convolve("conv3d", x, kernel, strides, padding, data_format, dilation_rate, 3)


def _transpose(who, x, kernel, output_shape, strides, padding, data_format, dilation_rate, rank):
    x, kernel = _checked(who, x, kernel, rank, padding)
    first = _channels_first(data_format)
    sizes = _output_sizes(who, output_shape, rank, first)
    geometry = _geometry([n if isinstance(n, int) else None for n in sizes], kernel, strides, padding, dilation_rate)
    return _first(convolution_input_gradient(_last(x, first), kernel, sizes, *geometry, False), first)


def _output_sizes(who, output_shape, rank, first):
    """The spatial part of an output shape: a tuple of ints and integer tensors."""
    if not isinstance(output_shape, Tensor) and len(output_shape) != rank + 2:
        raise ValueError(f"K.{who}: output_shape has {rank + 2} entries, got {output_shape!r}.")
    start = 2 if first else 1
    sizes = (output_shape[i] for i in range(start, start + rank))
    return tuple(n if isinstance(n, Tensor) else int(n) for n in sizes)


def conv2d_transpose(x, kernel, output_shape, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1)):
    """Transposed 2D convolution: the derivative of `conv2d` for its input, which has the shape `output_shape`.

    x: [batch, rows, columns, channels] ('channels_first': [batch, channels, rows, columns]). kernel: [height, width,
    filters, channels]. output_shape: ints or integer tensors, or one integer tensor; batch and filters are those of x
    and the kernel. strides, dilation_rate: two ints. padding: 'valid' or 'same'.
    Raises ValueError when no input of `output_shape` could have given x.
    """
    return _transpose("conv2d_transpose", x, kernel, output_shape, strides, padding, data_format, dilation_rate, 2)


def conv3d_transpose(x, kernel, output_shape, strides=(1, 1, 1), padding="valid", data_format=None):
    """Transposed 3D convolution, as `conv2d_transpose` with three spatial axes."""
    return _transpose("conv3d_transpose", x, kernel, output_shape, strides, padding, data_format, 1, 3)


def depthwise_conv2d(x, depthwise_kernel, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1)):
    """2D convolution of each channel with kernels of its own.

    x: [batch, rows, columns, channels] ('channels_first': [batch, channels, rows, columns]). depthwise_kernel: [height,
    width, channels, multiplier]. Returns channels * multiplier channels, those of one input channel side by side.
    The other arguments are those of `conv2d`.
    """
    return _convolve("depthwise_conv2d", x, depthwise_kernel, strides, padding, data_format, dilation_rate, 2, True)


def _separable(who, x, depthwise_kernel, pointwise_kernel, strides, padding, data_format, dilation_rate, rank):
    deep = _convolve(who, x, depthwise_kernel, strides, padding, data_format, dilation_rate, rank, True)
    return _convolve(who, deep, pointwise_kernel, 1, "valid", data_format, 1, rank)


def separable_conv1d(x, depthwise_kernel, pointwise_kernel, strides=1, padding="valid", data_format=None,
                     dilation_rate=1):
    """1D convolution of each channel, then of all channels at each step.

    x: [batch, steps, channels] ('channels_first': [batch, channels, steps]). depthwise_kernel: [window, channels,
    multiplier]. pointwise_kernel: [1, channels * multiplier, filters]. The other arguments are those of `conv1d`,
    without 'causal'.
    """
    return _separable("separable_conv1d", x, depthwise_kernel, pointwise_kernel, strides, padding, data_format,
                      dilation_rate, 1)


def separable_conv2d(x, depthwise_kernel, pointwise_kernel, strides=(1, 1), padding="valid", data_format=None,
                     dilation_rate=(1, 1)):
    """2D convolution of each channel, then of all channels at each point.

    x: as in `depthwise_conv2d`, and the first kernel too. pointwise_kernel: [1, 1, channels * multiplier, filters].
    """
    return _separable("separable_conv2d", x, depthwise_kernel, pointwise_kernel, strides, padding, data_format,
                      dilation_rate, 2)


# ---- kernels that differ from place to place -------------------------------------------------------------------------


def _patches(x, window, strides, counts, first):
    """The windows of x, flat: [batch, *counts, features]; features run in the order of x's own axes."""
    pieces = []
    for position in itertools.product(*(range(k) for k in window)):
        index = tuple((i, i + (n - 1) * s + 1, s) for i, n, s in zip(position, counts, strides, strict=True))
        pieces.append(getitem(x, (WHOLE, WHOLE, *index) if first else (WHOLE, *index, WHOLE)))
    patches = stack([_last(piece, first) for piece in pieces], -1 if first else -2)
    return reshape(patches, (-1, *counts, len(pieces) * x.shape[1 if first else -1]))


def _local(who, x, kernel, window, strides, counts, first):
    x, kernel = as_tensor(x), as_tensor(kernel)
    rank = len(counts)
    window, strides = windows.spread(window, rank, "kernel_size"), windows.spread(strides, rank, "strides")
    if x.ndim != rank + 2 or kernel.ndim != 3 or None in x.shape[1:]:
        raise ValueError(f"K.{who}: expected inputs with {rank + 2} axes of known sizes and a kernel [places, "
                         f"features, filters], got {show(x)} and {show(kernel)}.")
    patches = _patches(x, window, strides, counts, first)
    places, features, filters = kernel.shape
    # A product for each place: [places, batch, features] @ [places, features, filters].
    rows = permute_dimensions(reshape(patches, (-1, places, features)), (1, 0, 2))
    return reshape(permute_dimensions(matmul(rows, kernel), (1, 0, 2)), (-1, *counts, filters))


def local_conv1d(inputs, kernel, kernel_size, strides, data_format=None):
    """1D convolution with a kernel of its own at each place, without padding.

    inputs: [batch, steps, channels], whatever data_format says. kernel: [steps', window * channels, filters].
    kernel_size, strides: a tuple of one int. Returns [batch, steps', filters].
    """
    config.normalize_data_format(data_format)
    return _local("local_conv1d", inputs, kernel, kernel_size, strides, kernel.shape[:1], False)


def local_conv2d(inputs, kernel, kernel_size, strides, output_shape, data_format=None):
    """2D convolution with a kernel of its own at each place, without padding.

    inputs: [batch, rows, columns, channels] ('channels_first': [batch, channels, rows, columns]). kernel: [rows' *
    columns', features, filters], features = height * width * channels in the order of the inputs' axes. kernel_size,
    strides: two ints. output_shape: (rows', columns'). Returns [batch, rows', columns', filters] in the layout of
    inputs.
    """
    first = _channels_first(data_format)
    counts = windows.spread(output_shape, 2, "output_shape")
    return _first(_local("local_conv2d", inputs, kernel, kernel_size, strides, counts, first), first)
