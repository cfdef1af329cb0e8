"""Convolutions, transposed, separable and depthwise ones, and up-sampling, padding and cropping of their inputs.

Each kind is written once for 1, 2 and 3 spatial axes (`rank`); the classes that users name fix the rank and the
defaults.
"""

from .. import backend as K
from ..engine.base_layer import InputSpec
from ..engine.config import who
from ..utils.conv_utils import deconv_length, normalize_tuple
from ..utils.generic_utils import one_of
from . import pooling
from .common import known, new_weight, sizes_of
from .spatial import Spatial, Windowed, channel_axis, spatial_axes

# Keras has the poolings here too.
AveragePooling1D, MaxPooling1D = pooling.AveragePooling1D, pooling.MaxPooling1D
AveragePooling2D, MaxPooling2D = pooling.AveragePooling2D, pooling.MaxPooling2D
AveragePooling3D, MaxPooling3D = pooling.AveragePooling3D, pooling.MaxPooling3D


def padding_pairs(value, rank, name):
    """An argument of padding or cropping as a (start, end) pair for each spatial axis.

    value: an int for all, or for each axis an int or a pair; for one axis the pair alone. Raises ValueError otherwise.
    """
    if rank == 1:
        return (normalize_tuple(value, 2, name),)
    values = (value,) * rank if isinstance(value, int) else tuple(value)
    if len(values) != rank:
        raise ValueError(f"{name} must be an int or have an entry for each of {rank} spatial axes, got {value!r}.")
    return tuple(normalize_tuple(v, 2, name) for v in values)


class _Conv(Windowed):
    """y = activation(x * kernel + bias): cross-correlation over spatial axes: one (Conv1D), two (Conv2D) or three.

    filters: int, channels of the output. kernel_size, strides, dilation_rate: an int, or one for each spatial axis.
    padding: "valid" (none), "same" (as many outputs as strides), in Conv1D also "causal" (output t sees inputs up to
    t). data_format: "channels_last" [batch, *spatial, channels] or "channels_first" [batch, channels, *spatial].
    Weights: kernel [*kernel_size, channels, filters], bias [filters].
    """

    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1,
                 activation=None, use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros",
                 kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
                 bias_constraint=None, **kwargs):  # fmt: skip
        self._configure(locals())

    def _normalize(self):
        super()._normalize()
        if self.padding == "causal" and (self.rank > 1 or self.data_format != "channels_last"):
            raise ValueError(f'{who(self)}: padding "causal" is for one spatial axis and channels_last only.')

    def build(self, input_shape):
        axis = channel_axis(self.data_format)
        channels = known(self, input_shape, axis, "channels")
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: channels})
        self._add_kernels(channels)
        self.bias = new_weight(self, "bias", (self._output_channels(channels),)) if self.use_bias else None
        self.built = True

    def _add_kernels(self, channels):
        self.kernel = new_weight(self, "kernel", (*self.kernel_size, channels, self.filters))

    def _geometry(self):
        return {name: getattr(self, name) for name in ("strides", "padding", "data_format", "dilation_rate")}

    def _convolve(self, inputs):
        convolve = {1: K.conv1d, 2: K.conv2d, 3: K.conv3d}[self.rank]
        return convolve(inputs, self.kernel, **self._geometry())

    def call(self, inputs):
        outputs = self._convolve(inputs)
        if self.use_bias:
            outputs = K.bias_add(outputs, self.bias, data_format=self.data_format)
        return self.activation(outputs)


class Conv1D(_Conv, rank=1, data_format="channels_last"): ...


class Conv2D(_Conv, rank=2, strides=(1, 1), dilation_rate=(1, 1)): ...


class Conv3D(_Conv, rank=3, strides=(1, 1, 1), dilation_rate=(1, 1, 1)): ...


class _ConvTranspose(_Conv):
    """The transpose of a convolution as a linear map: what a convolution's gradient does to its input.

    output_padding: elements added at the end of each spatial axis (smaller than the strides), or None: inferred.
    The other arguments are those of the convolution. Weights: kernel [*kernel_size, filters, channels], bias [filters].
    Source: Dumoulin and Visin, A guide to convolution arithmetic for deep learning (2016), chapter 4.
    """

    def _normalize(self):
        super()._normalize()
        for pad, stride in zip(self.output_padding or (), self.strides, strict=False):
            if pad >= stride:
                raise ValueError(f"{who(self)}: output_padding must be smaller than the strides along each axis, got "
                                 f"output_padding {self.output_padding}, strides {self.strides}.")  # fmt: skip

    def _add_kernels(self, channels):
        self.kernel = new_weight(self, "kernel", (*self.kernel_size, self.filters, channels))

    def _convolve(self, inputs):
        geometry = self._geometry()
        if self.rank == 3:
            del geometry["dilation_rate"]
        transpose = {2: K.conv2d_transpose, 3: K.conv3d_transpose}[self.rank]
        return transpose(inputs, self.kernel, self.compute_output_shape(sizes_of(inputs)), **geometry)

    def _output_length(self, length, i):
        pad = self.output_padding[i] if self.output_padding else None
        return deconv_length(length, self.strides[i], self.kernel_size[i], self.padding, pad, self.dilation_rate[i])


class Conv2DTranspose(_ConvTranspose, Conv2D):
    def __init__(self, filters, kernel_size, strides=(1, 1), padding="valid", output_padding=None, data_format=None,
                 dilation_rate=(1, 1), activation=None, use_bias=True, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, bias_constraint=None, **kwargs):  # fmt: skip
        self._configure(locals())


class Conv3DTranspose(_ConvTranspose, Conv3D):
    _not_stored = ("dilation_rate",)

    def __init__(self, filters, kernel_size, strides=(1, 1, 1), padding="valid", output_padding=None, data_format=None,
                 activation=None, use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros",
                 kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
                 bias_constraint=None, **kwargs):  # fmt: skip
        self._configure(locals())


def _without_kernel(kwargs):
    """`kwargs` without the arguments of a kernel that these layers do not have: Keras takes them and ignores them."""
    return {key: value for key, value in kwargs.items() if not key.startswith("kernel_")}


class _SeparableConv(_Conv):
    """A convolution of each channel by itself, then one that mixes the channels at each place.

    depth_multiplier: outputs of the first convolution for each channel. The other arguments as in a convolution.
    Weights: depthwise_kernel [*kernel_size, channels, depth_multiplier], pointwise_kernel [1, ..., channels *
    depth_multiplier, filters], bias [filters]. Source: Chollet, Xception (CVPR, 2017).
    """

    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1,
                 depth_multiplier=1, activation=None, use_bias=True, depthwise_initializer="glorot_uniform",
                 pointwise_initializer="glorot_uniform", bias_initializer="zeros", depthwise_regularizer=None,
                 pointwise_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 depthwise_constraint=None, pointwise_constraint=None, bias_constraint=None, **kwargs):  # fmt: skip
        self._configure({**locals(), "kwargs": _without_kernel(kwargs)})

    def _add_kernels(self, channels):
        depth = (*self.kernel_size, channels, self.depth_multiplier)
        point = (*[1] * self.rank, channels * self.depth_multiplier, self.filters)
        self.depthwise_kernel = new_weight(self, "depthwise_kernel", depth, "depthwise")
        self.pointwise_kernel = new_weight(self, "pointwise_kernel", point, "pointwise")

    def _convolve(self, inputs):
        convolve = {1: K.separable_conv1d, 2: K.separable_conv2d}[self.rank]
        return convolve(inputs, self.depthwise_kernel, self.pointwise_kernel, **self._geometry())


class SeparableConv1D(_SeparableConv, rank=1, data_format="channels_last"): ...


class SeparableConv2D(_SeparableConv, rank=2, strides=(1, 1), dilation_rate=(1, 1)): ...


class DepthwiseConv2D(Conv2D):
    """A convolution of each channel by itself, over two spatial axes.

    depth_multiplier: outputs for each channel. The other arguments as in Conv2D.
    Weights: depthwise_kernel [*kernel_size, channels, depth_multiplier], bias [channels * depth_multiplier].
    """

    def __init__(self, kernel_size, strides=(1, 1), padding="valid", depth_multiplier=1, data_format=None,
                 dilation_rate=(1, 1), activation=None, use_bias=True, depthwise_initializer="glorot_uniform",
                 bias_initializer="zeros", depthwise_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 depthwise_constraint=None, bias_constraint=None, **kwargs):  # fmt: skip
        self._configure({**locals(), "kwargs": _without_kernel(kwargs)})

    def _add_kernels(self, channels):
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.depthwise_kernel = new_weight(self, "depthwise_kernel", shape, "depthwise")

    def _convolve(self, inputs):
        return K.depthwise_conv2d(inputs, self.depthwise_kernel, **self._geometry())

    def call(self, inputs, training=None):
        return super().call(inputs)

    def _output_channels(self, channels):
        return channels * self.depth_multiplier


class _Resized(Spatial):
    """A layer without weights that changes the spatial lengths of its input and nothing else."""

    # The layers over one axis do not have this argument.
    _not_stored = property(lambda self: ("data_format",) if self.rank == 1 else ())

    def __init__(self, data_format=None, **kwargs):
        self._configure(locals())

    def build(self, input_shape):
        self.compute_output_shape(input_shape)  # raises early when there is no output
        self.built = True


class _UpSampling(_Resized):
    """Repeat each element `size` times along each spatial axis.

    size: an int, or one for each axis. interpolation (UpSampling2D): "nearest", or "bilinear" for a smooth image.
    """

    def __init__(self, size=2, data_format=None, **kwargs):
        super().__init__(data_format, **kwargs)
        self.size = int(size) if self.rank == 1 else normalize_tuple(size, self.rank, "size")

    def _output_length(self, length, i):
        return length * (self.size if self.rank == 1 else self.size[i])


class UpSampling1D(_UpSampling, rank=1):
    def __init__(self, size=2, **kwargs):
        super().__init__(size, "channels_last", **kwargs)

    def call(self, inputs):
        return K.repeat_elements(inputs, self.size, axis=1)


class UpSampling2D(_UpSampling, rank=2):
    def __init__(self, size=(2, 2), data_format=None, interpolation="nearest", **kwargs):
        super().__init__(size, data_format, **kwargs)
        known_ones = ("nearest", "bilinear", "bilinear_half_pixel")
        self.interpolation = one_of(f"{who(self)}: interpolation", interpolation, known_ones)

    def call(self, inputs):
        return K.resize_images(inputs, *self.size, self.data_format, self.interpolation)


class UpSampling3D(_UpSampling, rank=3, size=(2, 2, 2)):
    def call(self, inputs):
        return K.resize_volumes(inputs, *self.size, self.data_format)


class _ZeroPadding(_Resized):
    """Zeros before and after the data along each spatial axis.

    padding: an int for all, or for each axis an int or a pair (before, after); ZeroPadding1D takes an int or one pair.
    """

    def __init__(self, padding=1, data_format=None, **kwargs):
        super().__init__(data_format, **kwargs)
        self._pairs = padding_pairs(padding, self.rank, "padding")
        self.padding = self._pairs[0] if self.rank == 1 else self._pairs

    def _output_length(self, length, i):
        return length + sum(self._pairs[i])

    def call(self, inputs):
        pad = {2: K.spatial_2d_padding, 3: K.spatial_3d_padding}[self.rank]
        return pad(inputs, self.padding, self.data_format)


class ZeroPadding1D(_ZeroPadding, rank=1):
    def __init__(self, padding=1, **kwargs):
        super().__init__(padding, "channels_last", **kwargs)

    def call(self, inputs):
        return K.temporal_padding(inputs, self.padding)


class ZeroPadding2D(_ZeroPadding, rank=2, padding=(1, 1)): ...


class ZeroPadding3D(_ZeroPadding, rank=3, padding=(1, 1, 1)): ...


class _Cropping(_Resized):
    """Cut elements off the start and the end of each spatial axis.

    cropping: an int for all, or for each axis an int or a pair (start, end); Cropping1D takes an int or one pair.
    """

    def __init__(self, cropping=1, data_format=None, **kwargs):
        super().__init__(data_format, **kwargs)
        self._pairs = padding_pairs(cropping, self.rank, "cropping")
        self.cropping = self._pairs[0] if self.rank == 1 else self._pairs

    def _output_length(self, length, i):
        left = length - sum(self._pairs[i])
        if left <= 0:
            raise ValueError(f"{who(self)}: cropping {self._pairs[i]} leaves nothing of an axis of length {length}.")
        return left

    def call(self, inputs):
        index = [slice(None)] * (self.rank + 2)
        for axis, (start, end) in zip(spatial_axes(self.data_format, self.rank), self._pairs, strict=True):
            index[axis] = slice(start, -end or None)
        return inputs[tuple(index)]


class Cropping1D(_Cropping, rank=1):
    def __init__(self, cropping=(1, 1), **kwargs):
        super().__init__(cropping, "channels_last", **kwargs)


class Cropping2D(_Cropping, rank=2, cropping=((0, 0), (0, 0))): ...


class Cropping3D(_Cropping, rank=3, cropping=((1, 1), (1, 1), (1, 1))): ...


Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
Deconvolution2D = Deconv2D = Convolution2DTranspose = Conv2DTranspose
Deconvolution3D = Deconv3D = Convolution3DTranspose = Conv3DTranspose
