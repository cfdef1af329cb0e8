"""PyTorch kernels of the convolutions.

Data stay in memory as [batch, *spatial, channels]; PyTorch sees them permuted to [batch, channels, *spatial], which is
its channels_last format and costs no copy. The same holds for kernels, [*window, in, out] seen as [out, in, *window].
One spatial axis runs as two, the first of size 1: PyTorch's 1D kernels would copy permuted data.
"""

import torch
from torch.nn.functional import pad as _pad

from ..windows import lengths
from .normalization import scale_and_shift

_backward = torch.ops.aten.convolution_backward.default


def channels_first(x):
    """[batch, *spatial, channels] as PyTorch has it: a view [batch, channels, *spatial], one spatial axis as two."""
    n = x.ndim
    return x.unsqueeze(1).permute(0, 3, 1, 2) if n == 3 else x.permute(0, n - 1, *range(1, n - 1))


def channels_last(y, ndim):
    """Undoes `channels_first`; ndim: the number of axes then."""
    return y.permute(0, 2, 3, 1).squeeze(1) if ndim == 3 else y.permute(0, *range(2, ndim), 1)


def planes(values, fill):
    """A tuple with an entry for each spatial axis, for two axes where it was one."""
    return [fill, *values] if len(values) == 1 else list(values)


def split(padding):
    """Padding as (what PyTorch adds at both ends, what has to be added before: pairs, or None)."""
    padding = planes(padding, (0, 0))
    if all(before == after for before, after in padding):
        return [before for before, _ in padding], None
    return [0] * len(padding), padding


def padded(x, extra, value=0.0):
    """x [batch, channels, *spatial] with `extra` pairs around it, if any."""
    return x if extra is None else _pad(x, [n for pair in reversed(extra) for n in pair], value=value)


def cut(x, extra):
    """x [batch, channels, *spatial] without the `extra` pairs around it."""
    if extra is not None:
        for axis, (before, after) in enumerate(extra, 2):
            x = x.narrow(axis, before, x.shape[axis] - before - after)
    return x


def empty(batch, channels, sizes, extra, like):
    """Memory [batch, channels, *sizes and `extra`], channels last; most callers only need it for its shape."""
    sizes = sizes if extra is None else [a + n + b for n, (a, b) in zip(sizes, extra, strict=True)]
    layout = torch.channels_last if len(sizes) == 2 else torch.channels_last_3d
    return torch.empty((batch, channels, *sizes), dtype=like.dtype, device=like.device, memory_format=layout)


def _weights(kernel, depthwise):
    """A kernel as PyTorch has it: a view [out, in, *window]."""
    if depthwise:
        kernel = kernel.flatten(-2).unsqueeze(-2)
    n = kernel.ndim
    return kernel.permute(2, 1, 0).unsqueeze(2) if n == 3 else kernel.permute(n - 1, n - 2, *range(n - 2))


def _options(x, strides, dilation_rate, padding, depthwise):
    """Those of the aten functions, from strides to groups; x: [batch, channels, ...]."""
    zeros = [0] * len(padding)
    groups = x.shape[1] if depthwise else 1
    return planes(strides, 1), padding, planes(dilation_rate, 1), False, zeros, groups


def _zeros(shape, like):
    return torch.zeros(shape, dtype=like.dtype, device=like.device)


# PyTorch refuses kernels without elements; sums over nothing are zero.
def convolution(x, kernel, strides, padding, dilation_rate, depthwise):
    return _convolution_and_bias(x, kernel, strides, padding, dilation_rate, depthwise, None)


def _convolution_and_bias(x, kernel, strides, padding, dilation_rate, depthwise, bias, rectified=False):
    if not kernel.numel():
        counts = lengths(x.shape[1:-1], kernel.shape[:-2], strides, padding, dilation_rate)
        return _zeros((x.shape[0], *counts, 0 if depthwise else kernel.shape[-1]), x)
    ndim, x = x.ndim, channels_first(x)
    both, extra = split(padding)
    options, kernel = _options(x, strides, dilation_rate, both, depthwise), _weights(kernel, depthwise)
    if rectified:
        strides, padding, dilation_rate, *_ = options
        pointwise = torch.ops.mkldnn._convolution_pointwise.default  # not in every build: looked up where it is used
        return channels_last(pointwise(x, kernel, bias, padding, strides, dilation_rate, 1, "relu", [], ""), ndim)
    return channels_last(torch.convolution(padded(x, extra), kernel, bias, *options), ndim)


def _normalized_convolution(x, kernel, strides, padding, dilation_rate, depthwise, bias, mean, var, beta, gamma,
                            epsilon, rectified=False):  # fmt: skip
    """gamma (y - mean) / sqrt(var + epsilon) + beta of the convolution and its bias y, by other weights."""
    scale, shift = scale_and_shift(mean if bias is None else mean - bias, var, beta, gamma, epsilon)
    return _convolution_and_bias(x, kernel * scale, strides, padding, dilation_rate, depthwise, shift, rectified)


def convolution_input_gradient(g, kernel, sizes, strides, padding, dilation_rate, depthwise):
    if not kernel.numel():
        return _zeros((g.shape[0], *sizes, kernel.shape[-2]), g)
    ndim, g = g.ndim, channels_first(g)
    both, extra = split(padding)
    x = empty(g.shape[0], kernel.shape[-2], planes(sizes, 1), extra, g)
    options = _options(x, strides, dilation_rate, both, depthwise)
    found = _backward(g, x, _weights(kernel, depthwise), None, *options, [True, False, False])[0]
    return channels_last(cut(found, extra), ndim)


def convolution_kernel_gradient(x, g, kernel_shape, strides, padding, dilation_rate, depthwise, out=None):
    if 0 in kernel_shape:
        return _zeros(kernel_shape, x)
    x, g = channels_first(x), channels_first(g)
    both, extra = split(padding)
    options = _options(x, strides, dilation_rate, both, depthwise)
    weights = empty(g.shape[1], 1 if depthwise else x.shape[1], planes(kernel_shape[:-2], 1), None, x)
    found = _backward(g, padded(x, extra), weights, None, *options, [False, True, False])[1]
    found = found.squeeze(2) if len(kernel_shape) == 3 else found
    # Contiguous like the variable that it changes: optimizers touch it more than once.
    found = found.permute(*range(2, found.ndim), 1, 0).reshape(kernel_shape)
    return found.contiguous() if out is None else out.copy_(found)
