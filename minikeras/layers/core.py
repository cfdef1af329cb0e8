"""The basic layers: dense, activations, dropout, reshaping, masking, and arbitrary functions."""

import numpy as np

from .. import activations, regularizers
from .. import backend as K
from ..engine.base_layer import InputSpec, Layer
from ..utils.generic_utils import deserialize_keras_object, func_dump, func_load, get_custom_objects, has_arg
from .common import adopt, channel_axis, known, new_weight, sizes_of, who


class Masking(Layer):
    """Mask the time steps in which every feature equals `mask_value`; what they hold becomes 0.

    Input and output [batch, time, features]; the mask is [batch, time].
    """

    def __init__(self, mask_value=0.0, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.mask_value = mask_value

    def compute_mask(self, inputs, mask=None):
        return K.any(K.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs):
        kept = K.any(K.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        return inputs * K.cast(kept, K.dtype(inputs))

    def compute_output_shape(self, input_shape):
        return input_shape


class Dropout(Layer):
    """In training, set a random fraction `rate` of the elements to 0 and scale the others by 1 / (1 - rate).

    noise_shape: shape of the mask, broadcast to the input: 1 along axes that are dropped together; None (as the whole
    or as an entry) means the input's size. seed: int.
    Source: Srivastava et al., Dropout (JMLR, 2014).
    """

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate = min(1.0, max(0.0, rate))
        self.noise_shape, self.seed = noise_shape, seed
        self.supports_masking = True

    def _get_noise_shape(self, inputs):
        if self.noise_shape is None:
            return None
        return tuple(size if n is None else n for n, size in zip(self.noise_shape, sizes_of(inputs), strict=True))

    def call(self, inputs, training=None):
        if not 0.0 < self.rate < 1.0:
            return inputs

        def dropped():
            return K.dropout(inputs, self.rate, self._get_noise_shape(inputs), seed=self.seed)

        return K.in_train_phase(dropped, inputs, training=training)

    def compute_output_shape(self, input_shape):
        return input_shape


class _SpatialDropout(Dropout):
    """Dropout of whole feature maps: the mask is one along the spatial axes. Source: Tompson et al. (CVPR, 2015)."""

    rank = None

    def __init__(self, rate, data_format=None, **kwargs):
        super().__init__(rate, **kwargs)
        self.data_format = K.normalize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _get_noise_shape(self, inputs):
        shape = sizes_of(inputs)
        channels = channel_axis(self.data_format) % len(shape)
        return tuple(n if i in (0, channels) else 1 for i, n in enumerate(shape))

    def get_config(self):
        config = {**super().get_config(), "noise_shape": self.noise_shape, "seed": self.seed}
        config.pop("data_format", None)  # left out by Keras 2 as well
        return config


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


class Activation(Layer):
    """An activation function as a layer. activation: a name or a function of one tensor."""

    def __init__(self, activation, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.activation = activations.get(activation)

    def call(self, inputs):
        return self.activation(inputs)

    def compute_output_shape(self, input_shape):
        return input_shape


class Reshape(Layer):
    """Give each sample the shape `target_shape`, in which one size may be -1: what is left over."""

    def __init__(self, target_shape, **kwargs):
        super().__init__(**kwargs)
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
    """Put the axes of each sample in another order. dims: ints from 1; (2, 1) exchanges the first two after the
    batch.
    """

    def __init__(self, dims, **kwargs):
        super().__init__(**kwargs)
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

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = K.normalize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=3)

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

    def __init__(self, n, **kwargs):
        super().__init__(**kwargs)
        self.n = n
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs):
        return K.repeat(inputs, self.n)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.n, input_shape[1])


class Dense(Layer):
    """y = activation(x . kernel + bias), over the last axis.

    Input [batch, ..., features], output [batch, ..., units]. Weights: kernel [features, units], bias [units].
    """

    def __init__(
        self, units, activation=None, use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros",
        kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
        bias_constraint=None, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        adopt(self, locals())
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

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


class ActivityRegularization(Layer):
    """The identity, with l1 * sum(|x|) + l2 * sum(x^2) added to the loss."""

    def __init__(self, l1=0.0, l2=0.0, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.l1, self.l2 = l1, l2
        self.activity_regularizer = regularizers.L1L2(l1=l1, l2=l2)

    def compute_output_shape(self, input_shape):
        return input_shape


class _Code(tuple):
    """The dump of a lambda. It holds on to the function, so that a copy made in this process needs no bytecode."""

    @classmethod
    def of(cls, function):
        code = cls(func_dump(function))
        code.function = function
        return code


def _dump(function):
    """(what a config stores for a function, the type's name). Only lambdas, which have no name, go as bytecode."""
    if getattr(function, "__name__", "<lambda>") == "<lambda>":
        return _Code.of(function), "lambda"
    return function.__name__, "function"


def _load(config, key, layer_name, custom_objects):
    """The function under `key` of a Lambda's config. Bytecode is not run unless the caller allowed it by name."""
    stored, kind = config[key], config.pop(f"{key}_type", "raw")
    custom = {**get_custom_objects(), **(custom_objects or {})}
    if kind == "raw" or isinstance(stored, _Code):
        return getattr(stored, "function", stored)
    if kind == "function":
        return deserialize_keras_object(stored, {}, custom, f"{key} of a Lambda layer")
    if layer_name in custom and key == "function":
        return custom[layer_name]
    try:
        return func_load(stored, globs=globals())
    except ValueError as error:
        raise ValueError(
            f'layer "{layer_name}" (Lambda) was saved with its {key} as Python bytecode. Running code from a file is '
            f"not safe, so it is not loaded. Hand the function in under the name of the layer: "
            f"custom_objects={{{layer_name!r}: the_function}}."
        ) from error


class Lambda(Layer):
    """A function of tensors as a layer.

    function: takes the input tensor (or list of them), `arguments` as keywords, and the mask if it has a parameter
    `mask`. output_shape: without the batch, or a function of the input shape; worked out from the graph when None.
    mask: a tensor, or a function (inputs, mask) -> mask; None: no mask.

    A config stores a named function by its name, which `custom_objects` has to know when it is loaded. A lambda is
    stored as bytecode, as Keras 2 does; loading it needs the function under the layer's name in `custom_objects`.
    """

    def __init__(self, function, output_shape=None, mask=None, arguments=None, **kwargs):
        super().__init__(**kwargs)
        if not (output_shape is None or callable(output_shape) or isinstance(output_shape, (tuple, list))):
            raise TypeError(f"{who(self)}: output_shape must be None, a tuple or a function, got {output_shape!r}.")
        self.function = function
        self.arguments = arguments or {}
        self._seen = None  # shapes of the last inputs and outputs: saves a second trace of the function
        self.supports_masking = mask is not None
        self.mask = mask
        self._output_shape = output_shape if output_shape is None or callable(output_shape) else tuple(output_shape)

    def compute_output_shape(self, input_shape):
        if callable(self._output_shape):
            shape = self._output_shape(input_shape)
            if not isinstance(shape, (tuple, list)):
                raise ValueError(f"{who(self)}: the output_shape function must return a tuple, got {shape!r}.")
            return tuple(shape)
        if self._output_shape is not None:
            return ((input_shape[0] if isinstance(input_shape, list) else input_shape)[0], *self._output_shape)
        if self._seen is None or self._seen[0] != input_shape:
            shapes = input_shape if isinstance(input_shape, list) else [input_shape]
            inputs = [K.placeholder(shape=shape) for shape in shapes]
            self.call(inputs if isinstance(input_shape, list) else inputs[0])
        return self._seen[1]

    def call(self, inputs, mask=None):
        arguments = dict(self.arguments)
        if has_arg(self.function, "mask"):
            arguments["mask"] = mask
        outputs = self.function(inputs, **arguments)
        self._seen = _shapes(inputs), _shapes(outputs)
        return outputs

    def compute_mask(self, inputs, mask=None):
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def get_config(self):
        function, function_type = _dump(self.function)
        shape, shape_type = _dump(self._output_shape) if callable(self._output_shape) else (self._output_shape, "raw")
        config = super().get_config()
        config.pop("mask", None)  # a mask is not stored
        return {
            **config, "function": function, "function_type": function_type, "output_shape": shape,
            "output_shape_type": shape_type, "arguments": self.arguments,
        }  # fmt: skip

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        name = config.get("name", "lambda")
        for key in ("function", "output_shape"):
            if key in config:
                config[key] = _load(config, key, name, custom_objects)
        config["arguments"] = {k: _array(v) for k, v in (config.get("arguments") or {}).items()}
        return cls(**config)


def _shapes(tensors):
    return [K.int_shape(t) for t in tensors] if isinstance(tensors, (tuple, list)) else K.int_shape(tensors)


def _array(value):
    """Arrays among the arguments are stored in JSON as {'type': 'ndarray', 'value': nested lists}."""
    is_array = isinstance(value, dict) and value.get("type") == "ndarray"
    return np.array(value["value"]) if is_array else value
