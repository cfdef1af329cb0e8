"""Pooling over windows and over everything, each written once for 1, 2 and 3 spatial axes (`rank`)."""

from .. import backend as K
from ..engine.config import who
from ..utils.conv_utils import conv_output_length
from .spatial import Spatial, Windowed, channel_axis, spatial_axes


class _Pooling(Windowed):
    """The maximum, or the mean, over windows of `pool_size`, taken every `strides` elements.

    pool_size, strides: an int, or one for each spatial axis; strides None means pool_size.
    padding: "valid" or "same"; the mean counts real elements only.
    data_format: "channels_last" [batch, *spatial, channels] or "channels_first" [batch, channels, *spatial].
    """

    def __init__(self, pool_size=2, strides=None, padding="valid", data_format=None, **kwargs):
        self._configure(locals())
        self.strides = self.strides or self.pool_size
        if self.padding == "causal":
            raise ValueError(f'{who(self)}: padding must be "valid" or "same", got "causal".')

    def call(self, inputs):
        pool = K.pool3d if self.rank == 3 else K.pool2d
        return pool(inputs, self.pool_size, self.strides, self.padding, self.data_format, self.mode)

    def _output_length(self, length, i):
        return conv_output_length(length, self.pool_size[i], self.padding, self.strides[i])


class _Pooling1D(_Pooling, rank=1):
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


class MaxPooling1D(_Max, _Pooling1D, data_format="channels_last"): ...


class MaxPooling2D(_Max, _Pooling, rank=2, pool_size=(2, 2)): ...


class MaxPooling3D(_Max, _Pooling, rank=3, pool_size=(2, 2, 2)): ...


class AveragePooling1D(_Average, _Pooling1D, data_format="channels_last"): ...


class AveragePooling2D(_Average, _Pooling, rank=2, pool_size=(2, 2)): ...


class AveragePooling3D(_Average, _Pooling, rank=3, pool_size=(2, 2, 2)): ...


class _GlobalPooling(Spatial):
    """The maximum, or the mean, over all spatial axes: [batch, *spatial, channels] to [batch, channels].

    data_format: where the channels of the input are.
    """

    def __init__(self, data_format=None, **kwargs):
        self._configure(locals())

    def call(self, inputs):
        return (K.max if self.mode == "max" else K.mean)(inputs, axis=list(spatial_axes(self.data_format, self.rank)))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[channel_axis(self.data_format)])


class GlobalAveragePooling1D(_Average, _GlobalPooling, rank=1, data_format="channels_last"):
    """The mean over time, [batch, time, features] to [batch, features]; with a mask, over the time steps it keeps."""

    supports_masking = True

    def call(self, inputs, mask=None):
        if mask is None:
            return super().call(inputs)
        time = spatial_axes(self.data_format, 1)[0]
        kept = K.expand_dims(K.cast(mask, K.dtype(inputs)), channel_axis(self.data_format))
        return K.sum(inputs * kept, axis=time) / K.sum(kept, axis=time)

    def compute_mask(self, inputs, mask=None):
        return None


class GlobalMaxPooling1D(_Max, _GlobalPooling, rank=1, data_format="channels_last"): ...


class GlobalAveragePooling2D(_Average, _GlobalPooling, rank=2): ...


class GlobalMaxPooling2D(_Max, _GlobalPooling, rank=2): ...


class GlobalAveragePooling3D(_Average, _GlobalPooling, rank=3): ...


class GlobalMaxPooling3D(_Max, _GlobalPooling, rank=3): ...


AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
GlobalAvgPool1D, GlobalMaxPool1D = GlobalAveragePooling1D, GlobalMaxPooling1D
GlobalAvgPool2D, GlobalMaxPool2D = GlobalAveragePooling2D, GlobalMaxPooling2D
GlobalAvgPool3D, GlobalMaxPool3D = GlobalAveragePooling3D, GlobalMaxPooling3D
