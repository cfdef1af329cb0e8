"""Locally connected layers: convolutions whose kernel is another one at each place."""

import math

from .. import backend as K
from ..engine.base_layer import InputSpec, Layer
from ..utils.conv_utils import conv_output_length, normalize_padding, normalize_tuple
from .common import adopt, channel_axis, new_weight, spatial_axes, who, with_defaults, with_lengths


class _LocallyConnected(Layer):
    """y = activation(x * kernel + bias) with weights of its own at each place of the output.

    Arguments as in a convolution; only padding "valid". The input's shape, but for the batch, has to be known.
    Weights: kernel [places, product(kernel_size) * channels, filters], bias [*places, filters].
    """

    rank = None

    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format=None, activation=None,
                 use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros", kernel_regularizer=None,
                 bias_regularizer=None, activity_regularizer=None, kernel_constraint=None, bias_constraint=None,
                 **kwargs):  # fmt: skip
        super().__init__(**kwargs)
        adopt(self, locals())
        self.kernel_size = normalize_tuple(kernel_size, self.rank, "kernel_size")
        self.strides = normalize_tuple(strides, self.rank, "strides")
        self.padding = normalize_padding(padding)
        if self.padding != "valid":
            raise ValueError(f'{who(self)}: only padding "valid" is supported, got {padding!r}.')
        # The global setting is about images.
        self.data_format = K.normalize_data_format(data_format or ("channels_last" if self.rank == 1 else None))
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def build(self, input_shape):
        if None in input_shape[1:]:
            raise ValueError(f"{who(self)}: the input shape has to be known (save the batch), since there are weights "
                             f"for each place, got {tuple(input_shape)}.")  # fmt: skip
        output_shape = self.compute_output_shape(input_shape)
        self.places = tuple(output_shape[axis] for axis in spatial_axes(self.data_format, self.rank))
        axis = channel_axis(self.data_format)
        window = math.prod(self.kernel_size) * input_shape[axis]
        self.kernel = new_weight(self, "kernel", (math.prod(self.places), window, self.filters))
        self.bias = new_weight(self, "bias", (*self.places, self.filters)) if self.use_bias else None
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: input_shape[axis]})
        self.built = True

    def call(self, inputs):
        return self.activation(self._convolve(inputs))

    def _convolve(self, inputs):
        geometry = (self.kernel_size, self.strides, self.places, self.data_format)
        outputs = K.local_conv2d(inputs, self.kernel, *geometry)
        return K.bias_add(outputs, self.bias, data_format=self.data_format) if self.use_bias else outputs

    def compute_output_shape(self, input_shape):
        def length(n, i):
            return conv_output_length(n, self.kernel_size[i], self.padding, self.strides[i])

        return with_lengths(input_shape, self.data_format, length, self.filters)


class LocallyConnected1D(_LocallyConnected):
    rank = 1
    __init__ = with_defaults(_LocallyConnected.__init__)

    def _convolve(self, inputs):
        turn = self.data_format == "channels_first"
        x = K.permute_dimensions(inputs, (0, 2, 1)) if turn else inputs
        y = K.local_conv1d(x, self.kernel, self.kernel_size, self.strides)
        y = y + self.bias if self.use_bias else y
        return K.permute_dimensions(y, (0, 2, 1)) if turn else y

    def get_config(self):
        config = super().get_config()
        if self.data_format == "channels_last":
            config.pop("data_format", None)  # as Keras 2 writes it
        return config


class LocallyConnected2D(_LocallyConnected):
    rank = 2
    __init__ = with_defaults(_LocallyConnected.__init__, strides=(1, 1))
