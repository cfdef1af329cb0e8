"""Pooling over windows and over everything, each written once for 1, 2 and 3 spatial axes (`rank`)."""

from .. import backend as K
from ..engine.base_layer import InputSpec, Layer
from ..utils.conv_utils import conv_output_length, normalize_padding, normalize_tuple
from .common import channel_axis, spatial_axes, who, with_defaults, with_lengths


class _Pooling(Layer):
    """The maximum, or the mean, over windows of `pool_size`, taken every `strides` elements.

    pool_size, strides: an int, or one for each spatial axis; strides None means pool_size.
    padding: "valid" or "same"; the mean counts real elements only.
    data_format: "channels_last" [batch, *spatial, channels] or "channels_first" [batch, channels, *spatial].
    """

    rank = mode = None

    def __init__(self, pool_size=2, strides=None, padding="valid", data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.pool_size = normalize_tuple(pool_size, self.rank, "pool_size")
        self.strides = normalize_tuple(self.pool_size if strides is None else strides, self.rank, "strides")
        self.padding = normalize_padding(padding)
        if self.padding == "causal":
            raise ValueError(f'{who(self)}: padding must be "valid" or "same", got "causal".')
        self.data_format = K.normalize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs):
        pool = K.pool3d if self.rank == 3 else K.pool2d
        return pool(inputs, self.pool_size, self.strides, self.padding, self.data_format, self.mode)

    def compute_output_shape(self, input_shape):
        def length(n, i):
            return conv_output_length(n, self.pool_size[i], self.padding, self.strides[i])

        return with_lengths(input_shape, self.data_format, length)


class _Pooling1D(_Pooling):
    rank = 1

    def call(self, inputs):
        # One more spatial axis of size 1, between time and channels or at the end.
        axis = 2 if self.data_format == "channels_last" else 3
        window, strides = (*self.pool_size, 1), (*self.strides, 1)
        outputs = K.pool2d(K.expand_dims(inputs, axis), window, strides, self.padding, self.data_format, self.mode)
        return K.squeeze(outputs, axis)


class _Max:
    mode = "max"


class _Average:
    mode = "avg"


_init1d = with_defaults(_Pooling.__init__, data_format="channels_last")
_init2d = with_defaults(_Pooling.__init__, pool_size=(2, 2))
_init3d = with_defaults(_Pooling.__init__, pool_size=(2, 2, 2))


class MaxPooling1D(_Max, _Pooling1D):
    __init__ = _init1d


class MaxPooling2D(_Max, _Pooling):
    rank = 2
    __init__ = _init2d


class MaxPooling3D(_Max, _Pooling):
    rank = 3
    __init__ = _init3d


class AveragePooling1D(_Average, _Pooling1D):
    __init__ = _init1d


class AveragePooling2D(_Average, _Pooling):
    rank = 2
    __init__ = _init2d


class AveragePooling3D(_Average, _Pooling):
    rank = 3
    __init__ = _init3d


class _GlobalPooling(Layer):
    """The maximum, or the mean, over all spatial axes: [batch, *spatial, channels] to [batch, channels].

    data_format: where the channels of the input are.
    """

    rank = None

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = K.normalize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _axes(self):
        return list(spatial_axes(self.data_format, self.rank))

    def call(self, inputs):
        return (K.max if self.mode == "max" else K.mean)(inputs, axis=self._axes())

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[channel_axis(self.data_format)])


_global_init1d = with_defaults(_GlobalPooling.__init__, data_format="channels_last")


class GlobalAveragePooling1D(_Average, _GlobalPooling):
    """The mean over time, [batch, time, features] to [batch, features]; with a mask, over the time steps it keeps."""

    rank = 1
    supports_masking = True
    __init__ = _global_init1d

    def call(self, inputs, mask=None):
        if mask is None:
            return super().call(inputs)
        kept = K.expand_dims(K.cast(mask, K.dtype(inputs)), channel_axis(self.data_format))
        return K.sum(inputs * kept, axis=self._axes()) / K.sum(kept, axis=self._axes())

    def compute_mask(self, inputs, mask=None):
        return None


class GlobalMaxPooling1D(_Max, _GlobalPooling):
    rank = 1
    __init__ = _global_init1d


class GlobalAveragePooling2D(_Average, _GlobalPooling):
    rank = 2


class GlobalMaxPooling2D(_Max, _GlobalPooling):
    rank = 2


class GlobalAveragePooling3D(_Average, _GlobalPooling):
    rank = 3


class GlobalMaxPooling3D(_Max, _GlobalPooling):
    rank = 3


AvgPool1D, MaxPool1D, GlobalMaxPool1D, GlobalAvgPool1D = (AveragePooling1D, MaxPooling1D, GlobalMaxPooling1D,
                                                          GlobalAveragePooling1D)  # fmt: skip
AvgPool2D, MaxPool2D, GlobalMaxPool2D, GlobalAvgPool2D = (AveragePooling2D, MaxPooling2D, GlobalMaxPooling2D,
                                                          GlobalAveragePooling2D)  # fmt: skip
AvgPool3D, MaxPool3D, GlobalMaxPool3D, GlobalAvgPool3D = (AveragePooling3D, MaxPooling3D, GlobalMaxPooling3D,
                                                          GlobalAveragePooling3D)  # fmt: skip
