"""The basic layers: dense, activations, dropout, reshaping, masking."""

import numpy as np

from .. import backend as K
from .. import regularizers
from ..engine.base_layer import InputSpec, Layer
from ..engine.config import who
from .common import Elementwise, Noisy, adopt, known, new_weight, sizes_of
from .lambda_layer import Lambda  # noqa: F401  (Keras has it here)
from .spatial import channel_axis


class Masking(Elementwise):
    """Mask the time steps in which every feature equals `mask_value`; what they hold becomes 0.

    Input and output [batch, time, features]; the mask is [batch, time].
    """

    def __init__(self, mask_value=0.0, **kwargs):
        adopt(self, locals())

    def compute_mask(self, inputs, mask=None):
        return K.any(K.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs):
        kept = K.any(K.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        return inputs * K.cast(kept, K.dtype(inputs))


class Dropout(Noisy):
    """In training, set a random fraction `rate` of the elements to 0 and scale the others by 1 / (1 - rate).

    noise_shape: shape of the mask, broadcast to the input: 1 along axes that are dropped together; None (as the whole
    or as an entry) means the input's size. seed: int.
    Source: Srivastava et al., Dropout (JMLR, 2014).
    """

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        adopt(self, locals())
        self.rate = min(1.0, max(0.0, rate))

    def _get_noise_shape(self, inputs):
        if self.noise_shape is None:
            return None
        return tuple(size if n is None else n for n, size in zip(self.noise_shape, sizes_of(inputs), strict=True))

    def noised(self, inputs):
        return K.dropout(inputs, self.rate, self._get_noise_shape(inputs), seed=self.seed)


class _SpatialDropout(Dropout):
    """Dropout of whole feature maps: the mask is one along the spatial axes. Source: Tompson et al. (CVPR, 2015)."""

    _not_stored = ("data_format",)  # by Keras 2 neither

    def __init__(self, rate, data_format=None, **kwargs):
        super().__init__(rate, **kwargs)
        self.data_format = K.normalize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _get_noise_shape(self, inputs):
        shape = sizes_of(inputs)
        channels = channel_axis(self.data_format) % len(shape)
        return tuple(n if i in (0, channels) else 1 for i, n in enumerate(shape))


class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole channels. Input and output [batch, time, channels]."""

    rank = 1

    def __init__(self, rate, **kwargs):
        super().__init__(rate, "channels_last", **kwargs)


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole channels of images, 4 axes with the channels as `data_format` says."""

    rank = 2


class SpatialDropout3D(_SpatialDropout):
    """Dropout of whole channels of volumes, 5 axes with the channels as `data_format` says."""

    rank = 3


class Activation(Elementwise):
    """An activation function as a layer. activation: a name or a function of one tensor."""

    def __init__(self, activation, **kwargs):
        adopt(self, locals())

    def call(self, inputs):
        return self.activation(inputs)


class Reshape(Layer):
    """Give each sample the shape `target_shape`, in which one size may be -1: what is left over."""

    def __init__(self, target_shape, **kwargs):
        adopt(self, locals())
        self.target_shape = tuple(target_shape)

    def _fill_in(self, sizes):
        """The target shape with -1 worked out, for samples of the given (known) sizes."""
        total, rest = int(np.prod(sizes)), int(np.prod([n for n in self.target_shape if n >= 0]))
        unknown = self.target_shape.count(-1)
        if any(n < -1 for n in self.target_shape) or unknown > 1:
            raise ValueError(f"{who(self)}: target_shape may have one -1 and no other negative size, "
                             f"got {self.target_shape}.")  # fmt: skip
        if (total % rest if unknown and rest else total != rest) or (unknown and not rest):
            raise ValueError(f"{who(self)}: samples of shape {tuple(sizes)} have {total} elements, which do not fit "
                             f"target_shape {self.target_shape}.")  # fmt: skip
        return tuple(total // rest if n == -1 else n for n in self.target_shape)

    def compute_output_shape(self, input_shape):
        if None in input_shape[1:]:
            return (input_shape[0], *(None if n == -1 else n for n in self.target_shape))
        return (input_shape[0], *self._fill_in(input_shape[1:]))

    def call(self, inputs):
        sizes = K.int_shape(inputs)
        if None not in sizes[1:]:
            return K.reshape(inputs, (-1, *self._fill_in(sizes[1:])))
        return K.reshape(inputs, (K.shape(inputs)[0], *self.target_shape))


class Permute(Layer):
    """Put the axes of each sample in another order. dims: ints from 1; (2, 1) exchanges the first two after batch."""

    def __init__(self, dims, **kwargs):
        adopt(self, locals())
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"{who(self)}: dims has to be a permutation of 1..{len(self.dims)}, got {self.dims}.")
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs):
        return K.permute_dimensions(inputs, (0, *self.dims))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *(input_shape[axis] for axis in self.dims))


class Flatten(Layer):
    """[batch, a, b, ...] to [batch, a * b * ...]; with data_format "channels_first" the channels become the last axis
    first, so that the order of the elements does not depend on the format.
    """

    input_spec = InputSpec(min_ndim=3)

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = K.normalize_data_format(data_format)

    def call(self, inputs):
        if self.data_format == "channels_first":
            inputs = K.permute_dimensions(inputs, (0, *range(2, K.ndim(inputs)), 1))
        return K.batch_flatten(inputs)

    def compute_output_shape(self, input_shape):
        if None in input_shape[1:]:
            raise ValueError(f"{who(self)} needs an input whose sizes are known (save the batch), "
                             f"got shape {tuple(input_shape)}.")  # fmt: skip
        return (input_shape[0], int(np.prod(input_shape[1:])))


class RepeatVector(Layer):
    """[batch, features] to [batch, n, features]."""

    input_spec = InputSpec(ndim=2)

    def __init__(self, n, **kwargs):
        adopt(self, locals())

    def call(self, inputs):
        return K.repeat(inputs, self.n)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.n, input_shape[1])


class Dense(Layer):
    """y = activation(x . kernel + bias), over the last axis.

    Input [batch, ..., features], output [batch, ..., units]. Weights: kernel [features, units], bias [units].
    """

    input_spec = InputSpec(min_ndim=2)
    supports_masking = True

    def __init__(self, units, activation=None, use_bias=True, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, bias_constraint=None, **kwargs):  # fmt: skip
        adopt(self, locals())

    def build(self, input_shape):
        features = known(self, input_shape, -1)
        self.kernel = new_weight(self, "kernel", (features, self.units))
        self.bias = new_weight(self, "bias", (self.units,)) if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: features})
        self.built = True

    def call(self, inputs):
        outputs = K.dot(inputs, self.kernel)
        if self.use_bias:
            outputs = K.bias_add(outputs, self.bias, data_format="channels_last")
        return self.activation(outputs)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)


class ActivityRegularization(Elementwise):
    """The identity, with l1 * sum(|x|) + l2 * sum(x^2) added to the loss."""

    def __init__(self, l1=0.0, l2=0.0, **kwargs):
        adopt(self, locals())
        self.activity_regularizer = regularizers.L1L2(l1=l1, l2=l2)
