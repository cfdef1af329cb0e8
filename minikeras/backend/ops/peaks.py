"""Rectifiers, convolutions and maxima behind one another: what goes back through a maximum lies at few places.

A maximum and a rectifier can change places, so that the rectifier sees the few results only, in both directions. And of
a convolution of which only the largest element along all spatial axes is taken, most windows get no gradient: those
that do are gathered and scattered one by one instead of being convolved.
"""

import math

from .. import runtime
from ..op import op, without
from ..tensor import Tensor
from .convolution import convolution_input_gradient, convolution_kernel_gradient
from .nn import rectify, rectify_gradient
from .pooling import max_pooling, max_pooling_gradient
from .reduction import extremum_gradient, max, sum
from .shape import reshape

FEWEST = 16  # places that a maximum is taken over: below it, convolving is as quick


def _rectified(value):
    """What a rectifier made the value of, or None."""
    return value.source.args[0] if value.op_name == "rectify" else None


def _unshaped(value):
    """What the value is but for its shape."""
    while value.op_name == "reshape":
        value = value.source.args[0]
    return value


@max.rewrite
def _rectify_the_largest(emit, x, axis, keepdims):
    before = _rectified(x)
    if before is None or not axis:
        return None
    y = emit(rectify, emit(max, before, axis, True))
    return y if keepdims else emit(reshape, y, tuple(n for i, n in enumerate(x.shape) if i not in axis))


@max_pooling.rewrite
def _rectify_the_pooled(emit, x, *geometry):
    before = _rectified(x)
    return None if before is None else emit(rectify, emit(max_pooling, before, *geometry))


@rectify_gradient.rewrite
def _back_through_a_rectified_maximum(emit, g, y):
    before = _rectified(y)
    if before is None or g.op_name not in ("extremum_gradient", "max_pooling_gradient") or g.source.args[1] is not y:
        return None
    inner, _, top, *geometry = g.source.args
    largest = _rectified(_unshaped(top))  # the maximum of what was rectified; of a minimum there is no such value
    if largest is None or largest.op_name not in ("max", "max_pooling") or largest.source.args[0] is not before:
        return None
    largest = largest if largest.shape == top.shape else emit(reshape, largest, top.shape)
    function = extremum_gradient if g.op_name == "extremum_gradient" else max_pooling_gradient
    return emit(function, emit(rectify_gradient, inner, top), before, largest, *geometry)


@sum.rewrite
def _sum_of_what_went_back(emit, x, axis, keepdims):
    """What goes back through a maximum adds up to what came."""
    if x.op_name not in ("max_pooling_gradient", "extremum_gradient"):
        return None
    along = range(1, x.ndim - 1) if x.op_name == "max_pooling_gradient" else x.source.args[3]
    return emit(sum, x.source.args[0], axis, keepdims) if set(along) <= set(axis) else None


@op(composite=True)
def peak_gradients(g: Tensor, x: Tensor, y: Tensor, images: Tensor, kernel: Tensor, strides: tuple, padding: tuple,
                   dilation_rate: tuple, with_images: bool):
    """The cotangents of images and kernel, where x is their convolution and y its maximum over all spatial axes.

    g: the cotangent of y [batch, 1, ..., channels]. x may be the convolution plus a bias of the channels. with_images:
    whether the first of the two is needed; without, the second is all there is.
    """
    back = extremum_gradient(g, x, y, tuple(range(1, x.ndim - 1)))
    geometry = strides, padding, dilation_rate, False
    to_kernel = convolution_kernel_gradient(images, back, kernel.shape, *geometry)
    if not with_images:
        return to_kernel
    return convolution_input_gradient(back, kernel, images.shape[1:-1], *geometry), to_kernel


peak_gradients.op.prune = without(0, 1)


def _peaks(emit, g, geometry):
    """The cotangents of images and kernel, if g came through a maximum of their convolution; else None."""
    *numbers, depthwise = geometry
    if g.op_name != "extremum_gradient" or depthwise or not g.size:
        return None
    inner, x, y, axis = g.source.args
    convolved = x
    if x.op_name == "add":
        found = [a for a in x.source.args if a.shape == x.shape]
        convolved = found[0] if len(found) == 1 else x
    if axis != tuple(range(1, g.ndim - 1)) or math.prod(x.shape[1:-1]) < FEWEST or convolved.op_name != "convolution":
        return None
    images, kernel, *others = convolved.source.args
    if others != list(geometry) or not images.size or runtime.kernel(emit.__self__.backend, peak_gradients.op) is None:
        return None
    return images, kernel, lambda: emit(peak_gradients, inner, x, y, images, kernel, *numbers, True)


@convolution_input_gradient.rewrite
def _scattered(emit, g, kernel, sizes, *geometry):
    found = _peaks(emit, g, geometry)
    return found[2]()[0] if found and found[1] is kernel and found[0].shape[1:-1] == tuple(sizes) else None


@convolution_kernel_gradient.rewrite
def _gathered(emit, x, g, kernel_shape, *geometry):
    found = _peaks(emit, g, geometry)
    return found[2]()[1] if found and found[0] is x and found[1].shape == tuple(kernel_shape) else None
