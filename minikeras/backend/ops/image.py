"""Images and volumes made larger by whole factors. Composites: their gradients follow from their parts."""

import functools

import numpy as np

from ..op import as_tensor
from ..tensor import show
from .convolution import _channels_first
from .indexing import part
from .joining import concatenate, repeat_elements
from .shape import expand_dims, reshape, sizes_of


def resize_images(x, height_factor, width_factor, data_format, interpolation="nearest"):
    """Images with `height_factor` times the rows and `width_factor` times the columns.

    x: [batch, rows, columns, channels] ('channels_first': [batch, channels, rows, columns]). The factors are ints.
    interpolation: 'nearest' repeats; 'bilinear' mixes neighbours, with row i of the result at i / height_factor in x,
    as TensorFlow 1 has it (past the last row it repeats); 'bilinear_half_pixel' puts it at (i + 0.5) / height_factor -
    0.5, as TensorFlow 2 and Pillow do. Raises ValueError for other names.
    """
    enlarge = INTERPOLATIONS.get(interpolation)
    if enlarge is None:
        raise ValueError(f"K.resize_images: interpolation is one of {list(INTERPOLATIONS)}, got {interpolation!r}.")
    return _enlarged("resize_images", x, (height_factor, width_factor), data_format, enlarge)


def resize_volumes(x, depth_factor, height_factor, width_factor, data_format):
    """Volumes with each element repeated along the three spatial axes.

    x: [batch, a, b, c, channels] ('channels_first': [batch, channels, a, b, c]). The factors are ints.
    """
    return _enlarged("resize_volumes", x, (depth_factor, height_factor, width_factor), data_format, repeat_elements)


def _enlarged(who, x, factors, data_format, enlarge):
    x = as_tensor(x)
    if x.ndim != len(factors) + 2:
        raise ValueError(f"K.{who}: x has {len(factors) + 2} axes, got {show(x)}.")
    start = 2 if _channels_first(data_format) else 1
    # The last axis first: the copies of whole rows, which are cheap, are then the larger ones.
    for axis in reversed(range(len(factors))):
        factor = int(factors[axis])
        if factor < 1:
            raise ValueError(f"K.{who}: the factors are positive integers, got {factors}.")
        if factor > 1:
            x = enlarge(x, factor, start + axis)
    return x


def _mix_elements(x, factor, axis, shift=0.0):
    """Element i of the result lies at (i + shift) / factor - shift between the elements of x along `axis`."""
    def towards(neighbours, places):
        weights = np.maximum(places, 0.0).reshape(factor, *(1,) * (x.ndim - axis - 1))
        return expand_dims(concatenate(neighbours, axis) - x, axis + 1) * weights

    places = (np.arange(factor) + shift) / factor - shift
    mixed = expand_dims(x, axis + 1) + towards([part(x, axis, 1), part(x, axis, -1)], places)
    if shift:
        mixed += towards([part(x, axis, None, 1), part(x, axis, None, -1)], -places)
    sizes = sizes_of(x)
    sizes[axis] *= factor
    return reshape(mixed, sizes)


INTERPOLATIONS = {"nearest": repeat_elements, "bilinear": _mix_elements,
                  "bilinear_half_pixel": functools.partial(_mix_elements, shift=0.5)}
