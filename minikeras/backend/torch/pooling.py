"""PyTorch kernels of pooling, on permuted views as those of the convolutions."""

import torch

from ..windows import lengths
from .convolution import channels_first, channels_last, cut, empty, padded, planes, split

_aten = torch.ops.aten
# By the number of spatial axes (one runs as two).
_MAX = {2: _aten.max_pool2d_with_indices.default, 3: _aten.max_pool3d_with_indices.default}
_MAX_BACK = {2: _aten.max_pool2d_with_indices_backward.default, 3: _aten.max_pool3d_with_indices_backward.default}
_AVERAGE = {2: _aten.avg_pool2d.default, 3: _aten.avg_pool3d.default}
_AVERAGE_BACK = {2: _aten.avg_pool2d_backward.default, 3: _aten.avg_pool3d_backward.default}


def _lowest(x):
    return float("-inf") if x.dtype.is_floating_point else torch.iinfo(x.dtype).min


def _largest(x, window, strides, padding):
    """(padded x, largest elements, their flat positions in it, options, what was added): [batch, channels, ...]."""
    both, extra = split(padding)
    x = padded(channels_first(x), extra, _lowest(x))
    options = planes(window, 1), planes(strides, 1), both, [1] * len(both), False
    return x, *_MAX[len(both)](x, *options), options, extra


# PyTorch refuses to pool nothing; the shapes are all that matters then.
def _nothing(x, window, strides, padding):
    return x.new_zeros((x.shape[0], *lengths(x.shape[1:-1], window, strides, padding, (1,) * len(window)), x.shape[-1]))


def max_pooling(x, window, strides, padding):
    if not x.numel():
        return _nothing(x, window, strides, padding)
    return channels_last(_largest(x, window, strides, padding)[1], x.ndim)


def max_pooling_gradient(g, x, y, window, strides, padding):
    if not x.numel():
        return g.new_zeros(x.shape)
    return _pulled_to_places(g, x, _pool_and_places(x, window, strides, padding)[1], window, strides, padding)


def _pool_and_places(x, window, strides, padding):
    """(the largest elements, their flat positions as PyTorch has them), for x that is not empty."""
    _, y, positions, _, _ = _largest(x, window, strides, padding)
    return channels_last(y, x.ndim), positions


def _pulled_to_places(g, x, positions, window, strides, padding):
    """The gradient of the largest elements, their places known; of x only the shape counts."""
    both, extra = split(padding)
    ndim, x = x.ndim, padded(channels_first(x), extra)
    options = planes(window, 1), planes(strides, 1), both, [1] * len(both), False
    found = _MAX_BACK[x.ndim - 2](channels_first(g), x, *options, positions)
    return channels_last(cut(found, extra), ndim)


def max_pooling_select(h, x, y, window, strides, padding):
    if not x.numel():
        return h.new_zeros(y.shape)
    _, _, positions, _, extra = _largest(x, window, strides, padding)
    flat = padded(channels_first(h), extra).flatten(2)
    return channels_last(flat.gather(2, positions.flatten(2)).reshape(positions.shape), h.ndim)


def _average_options(window, strides, padding):
    """(options of the aten functions, what is to be added before): with something added they give sums, not means."""
    both, extra = split(padding)
    if len(both) == 3 and any(both):
        # avg_pool3d refuses inputs smaller than the window, even where the padding makes up for it.
        both, extra = [0] * 3, list(padding)
    return (planes(window, 1), planes(strides, 1), both, False, False, None if extra is None else 1), extra


def _counts(shape, options, extra, like):
    """How many real elements each window has, where something was added before."""
    ones = torch.ones((1, 1, *shape), dtype=like.dtype, device=like.device)
    return _AVERAGE[len(shape)](padded(ones, extra), *options)


def _single(x):
    """Whether to compute in float32: avg_pool3d has no half precision on CPUs."""
    return x.dtype is torch.float16 and x.ndim == 5 and x.device.type == "cpu"


def average_pooling(x, window, strides, padding):
    if _single(x):
        return average_pooling(x.float(), window, strides, padding).half()
    if not x.numel():
        return _nothing(x, window, strides, padding)
    ndim, x = x.ndim, channels_first(x)
    options, extra = _average_options(window, strides, padding)
    y = _AVERAGE[x.ndim - 2](padded(x, extra), *options)
    return channels_last(y if extra is None else y / _counts(x.shape[2:], options, extra, x), ndim)


def average_pooling_gradient(g, sizes, window, strides, padding):
    if _single(g):
        return average_pooling_gradient(g.float(), sizes, window, strides, padding).half()
    if not g.numel():
        return g.new_zeros((g.shape[0], *sizes, g.shape[-1]))
    ndim, g = g.ndim, channels_first(g)
    options, extra = _average_options(window, strides, padding)
    sizes = planes(sizes, 1)
    if extra is not None:
        g = g / _counts(sizes, options, extra, g)
    x = empty(g.shape[0], g.shape[1], sizes, extra, g)
    return channels_last(cut(_AVERAGE_BACK[x.ndim - 2](g, x, *options), extra), ndim)
