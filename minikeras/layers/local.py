"""Locally connected layers: convolutions whose kernel is another one at each place."""

import math

from .. import backend as K
from ..engine.base_layer import InputSpec
from ..engine.config import who
from .common import new_weight
from .spatial import Windowed, channel_axis, spatial_axes


class _LocallyConnected(Windowed):
    """y = activation(x * kernel + bias) with weights of its own at each place of the output.

    Arguments as in a convolution; only padding "valid". The input's shape, but for the batch, has to be known.
    Weights: kernel [places, product(kernel_size) * channels, filters], bias [*places, filters].
    """

    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format=None, activation=None,
                 use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros", kernel_regularizer=None,
                 bias_regularizer=None, activity_regularizer=None, kernel_constraint=None, bias_constraint=None,
                 **kwargs):  # fmt: skip
        if self.rank == 1:  # the global setting is about images
            data_format = data_format or "channels_last"
        self._configure(locals())
        if self.padding != "valid":
            raise ValueError(f'{who(self)}: only padding "valid" is supported, got {padding!r}.')

    def build(self, input_shape):
        if None in input_shape[1:]:
            raise ValueError(f"{who(self)}: the input shape has to be known (save the batch), since there are weights "
                             f"for each place, got {tuple(input_shape)}.")  # fmt: skip
        output_shape = self.compute_output_shape(input_shape)
        self.places = tuple(output_shape[axis] for axis in spatial_axes(self.data_format, self.rank))
        if min(self.places) < 1:
            raise ValueError(f"{who(self)}: windows of {list(self.kernel_size)} do not fit into an input of "
                             f"{tuple(input_shape)}. Use a smaller kernel_size, or a longer input.")  # fmt: skip
        axis = channel_axis(self.data_format)
        window = math.prod(self.kernel_size) * input_shape[axis]
        self.kernel = new_weight(self, "kernel", (math.prod(self.places), window, self.filters))
        self.bias = new_weight(self, "bias", (*self.places, self.filters)) if self.use_bias else None
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: input_shape[axis]})
        self.built = True


class LocallyConnected1D(_LocallyConnected, rank=1):
    # As Keras 2 writes it.
    _not_stored = property(lambda self: ("data_format",) if self.data_format == "channels_last" else ())

    def call(self, inputs):
        turn = self.data_format == "channels_first"
        x = K.permute_dimensions(inputs, (0, 2, 1)) if turn else inputs
        y = K.local_conv1d(x, self.kernel, self.kernel_size, self.strides)
        y = y + self.bias if self.use_bias else y
        return self.activation(K.permute_dimensions(y, (0, 2, 1)) if turn else y)


class LocallyConnected2D(_LocallyConnected, rank=2, strides=(1, 1)):
    def call(self, inputs):
        geometry = (self.kernel_size, self.strides, self.places, self.data_format)
        y = K.local_conv2d(inputs, self.kernel, *geometry)
        return self.activation(K.bias_add(y, self.bias, data_format=self.data_format) if self.use_bias else y)
