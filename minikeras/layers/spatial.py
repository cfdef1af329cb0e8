"""What the layers over 1, 2 and 3 spatial axes have in common: each kind is written once, for any `rank`."""

import types

from .. import backend as K
from ..engine.base_layer import InputSpec, Layer
from ..utils.conv_utils import conv_output_length, normalize_padding, normalize_tuple
from .common import adopt

_AN_INT_PER_AXIS = ("kernel_size", "pool_size", "strides", "dilation_rate", "output_padding")


def channel_axis(data_format):
    """The axis of the channels: 1 or -1."""
    return 1 if data_format == "channels_first" else -1


def spatial_axes(data_format, rank):
    """The axes between batch and channels, e.g. (1, 2) for images with the channels last."""
    first = 2 if data_format == "channels_first" else 1
    return tuple(range(first, first + rank))


def with_defaults(function, **defaults):
    """A copy of `function` in which the named parameters have other defaults."""
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    old = dict(zip(names[len(names) - len(function.__defaults__) :], function.__defaults__, strict=True))
    new = tuple({**old, **defaults}[name] for name in old)
    return types.FunctionType(function.__code__, function.__globals__, function.__name__, new, function.__closure__)


class Spatial(Layer):
    """Base of the layers on [batch, *spatial, channels], or [batch, channels, *spatial], with `rank` spatial axes.

    A class for one rank says which, and which defaults of the constructor it changes:
    `class Conv1D(_Conv, rank=1, data_format="channels_last")`. Subclasses define `_output_length(length, i)`: what
    becomes of the length of the i-th spatial axis.
    """

    rank = None

    def __init_subclass__(cls, rank=None, **defaults):
        if rank:
            cls.rank = rank
        if defaults:
            cls.__init__ = with_defaults(cls.__init__, **defaults)
        super().__init_subclass__()

    def _configure(self, scope):
        """Construct the layer from its constructor's `locals()`."""
        adopt(self, scope)
        self._normalize()

    def _normalize(self):
        """Bring the arguments that concern axes into their canonical form. Raises ValueError for what has none."""
        for name in _AN_INT_PER_AXIS:
            if getattr(self, name, None) is not None:
                setattr(self, name, normalize_tuple(getattr(self, name), self.rank, name))
        self.data_format = K.normalize_data_format(self.data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _output_channels(self, channels):
        return getattr(self, "filters", channels)

    def compute_output_shape(self, input_shape):
        shape, channels = list(input_shape), channel_axis(self.data_format)
        for i, axis in enumerate(spatial_axes(self.data_format, self.rank)):
            shape[axis] = None if shape[axis] is None else self._output_length(shape[axis], i)
        shape[channels] = self._output_channels(shape[channels])
        return tuple(shape)


class Windowed(Spatial):
    """Base of those that move a window of `kernel_size` over the spatial axes, by `strides`, with `padding`."""

    dilation_rate = 1

    def _normalize(self):
        super()._normalize()
        self.padding = normalize_padding(self.padding)

    def _output_length(self, length, i):
        return conv_output_length(length, self.kernel_size[i], self.padding, self.strides[i], self.dilation_rate[i])
