"""Pooling over windows of any number of spatial axes.

The primitives know [batch, *spatial, channels] only; data with the channels first are permuted around them.
"""

from .. import windows
from ..op import Host, Spec, as_tensor, op
from ..tensor import Tensor, show
from .convolution import _channels_first, _first, _last, _padding_in_numbers, _sizes
from .math import float_like, number_like
from .shape import static


def _pooled(x, window, strides, padding):
    counts = windows.lengths(x.shape[1:-1], window, strides, padding, (1,) * len(window))
    return Spec((x.shape[0], *counts, x.shape[-1]), x.dtype)


# ---- largest ---------------------------------------------------------------------------------------------------------


@op(gradient=[lambda g, y, x, *geometry: max_pooling_gradient(g, x, y, *geometry)])
def max_pooling(x: Tensor, window: tuple, strides: tuple, padding: tuple):
    """The largest element of each window; the padding is never the largest.

    x: [batch, *spatial, channels]. window, strides: an int for each spatial axis. padding: a (before, after) pair for
    each, or 'same' where it hangs on sizes that are not known before the run. Returns [batch, *windows, channels].
    """
    number_like(x)
    return _pooled(x, window, strides, padding)


@op(gradient=[lambda h, _, g, x, y, *geometry: max_pooling_select(h, x, y, *geometry)])
def max_pooling_gradient(g: Tensor, x: Tensor, y: Tensor, window: tuple, strides: tuple, padding: tuple):
    """g, each at the first largest element of its window (in row-major order), added up in the shape of x.

    y: what `max_pooling` gave for x.
    """
    return Spec(x.shape, g.dtype)


@op(gradient=[lambda g, _, h, x, y, *geometry: max_pooling_gradient(g, x, y, *geometry)])
def max_pooling_select(h: Tensor, x: Tensor, y: Tensor, window: tuple, strides: tuple, padding: tuple):
    """The element of h where x has the first largest element of each window. h: the shape of x."""
    return Spec(y.shape, h.dtype)


# ---- average ---------------------------------------------------------------------------------------------------------


@op(gradient=[lambda g, y, x, *geometry: average_pooling_gradient(g, _sizes(x), *geometry)])
def average_pooling(x: Tensor, window: tuple, strides: tuple, padding: tuple):
    """The mean of the real elements of each window: the padding does not count. Arguments as for `max_pooling`."""
    float_like(x)
    return _pooled(x, window, strides, padding)


@op(gradient=[lambda h, y, g, sizes, *geometry: average_pooling(h, *geometry)])
def average_pooling_gradient(g: Tensor, sizes: Host, window: tuple, strides: tuple, padding: tuple):
    """What `average_pooling` gives back to an input of spatial `sizes`."""
    return Spec((g.shape[0], *static(sizes), g.shape[-1]), g.dtype)


_padding_in_numbers(max_pooling, max_pooling_gradient, max_pooling_select, average_pooling, average_pooling_gradient)


# ---- public ----------------------------------------------------------------------------------------------------------


def _pool(who, x, pool_size, strides, padding, data_format, pool_mode, rank):
    x = as_tensor(x)
    pooling = {"max": max_pooling, "avg": average_pooling}.get(pool_mode)
    if pooling is None:
        raise ValueError(f"K.{who}: pool_mode is 'max' or 'avg', got {pool_mode!r}.")
    if padding not in windows.PADDINGS:
        raise ValueError(f"K.{who}: padding is one of {windows.PADDINGS}, got {padding!r}.")
    if x.ndim != rank + 2:
        raise ValueError(f"K.{who}: x has {rank + 2} axes, got {show(x)}.")
    window, strides = windows.spread(pool_size, rank, "pool_size"), windows.spread(strides, rank, "strides")
    first = _channels_first(data_format)
    x = _last(x, first)
    padding = windows.pairs(padding, x.shape[1:-1], window, strides, (1,) * rank)
    return _first(pooling(x, window, strides, padding), first)


def pool2d(x, pool_size, strides=(1, 1), padding="valid", data_format=None, pool_mode="max"):
    """The largest element or the mean of windows of images.

    x: [batch, rows, columns, channels] ('channels_first': [batch, channels, rows, columns]). pool_size, strides: two
    ints. padding: 'valid' or 'same', whose added elements do not count. pool_mode: 'max' or 'avg'.
    Returns [batch, rows', columns', channels] in the layout of x. Raises ValueError for other names.
    """
    return _pool("pool2d", x, pool_size, strides, padding, data_format, pool_mode, 2)


def pool3d(x, pool_size, strides=(1, 1, 1), padding="valid", data_format=None, pool_mode="max"):
    """The largest element or the mean of windows of volumes: as `pool2d` with three spatial axes."""
    return _pool("pool3d", x, pool_size, strides, padding, data_format, pool_mode, 3)
