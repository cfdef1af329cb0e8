"""What constructors, `build` and shape rules of many layers have in common."""

import types

from .. import activations, constraints, initializers, regularizers
from .. import backend as K
from ..engine.base_layer import Layer
from ..utils.generic_utils import to_list

# The last word of an argument's name tells which module turns a name or a config into the object.
RESOLVERS = {"activation": activations.get, "initializer": initializers.get, "regularizer": regularizers.get,
             "constraint": constraints.get}  # fmt: skip


class Elementwise(Layer):
    """A layer whose outputs have the shape and the mask of its inputs."""

    supports_masking = True


def given(scope):
    """The arguments in a constructor's `locals()`, with those in its `**kwargs`."""
    named = {name: value for name, value in scope.items() if name not in ("self", "kwargs", "__class__")}
    return {**named, **scope.get("kwargs", {})}


def adopt(layer, scope):
    """Make each named argument in a constructor's `locals()` an attribute of the layer.

    Activations, initializers, regularizers and constraints may come as names, configs or objects.
    """
    for name, value in scope.items():
        if name not in ("self", "kwargs", "__class__"):
            resolve = RESOLVERS.get(name.rpartition("_")[2])
            setattr(layer, name, resolve(value) if resolve else value)


def with_defaults(function, **defaults):
    """A copy of `function` in which the named parameters have other defaults."""
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    old = dict(zip(names[len(names) - len(function.__defaults__) :], function.__defaults__, strict=True))
    new = tuple({**old, **defaults}[name] for name in old)
    return types.FunctionType(function.__code__, function.__globals__, function.__name__, new, function.__closure__)


def new_weight(layer, name, shape, kind=None, **kwargs):
    """Add a weight whose initializer, regularizer and constraint are the layer's attributes `<kind>_initializer` etc.

    kind: the first part of those attributes' names; by default the weight's own name.
    """
    kind = kind or name
    options = {"initializer": getattr(layer, f"{kind}_initializer"),
               "regularizer": getattr(layer, f"{kind}_regularizer", None),
               "constraint": getattr(layer, f"{kind}_constraint", None)}  # fmt: skip
    return layer.add_weight(name=name, shape=tuple(shape), **{**options, **kwargs})


def from_config_with(key):
    """A `from_config` of classes whose configs have that of another layer, or a list of some, under `key`."""

    def from_config(cls, config, custom_objects=None):
        from . import deserialize

        config, inner = dict(config), config[key]
        number = config.pop("num_constants", None)
        made = [deserialize(item, custom_objects=custom_objects) for item in to_list(inner)]
        layer = cls(**{**config, key: made if isinstance(inner, list) else made[0]})
        if number is not None:
            layer._num_constants = number
        return layer

    return classmethod(from_config)


def who(layer):
    """'layer "dense_1" (Dense)', for error messages."""
    return f'layer "{layer.name}" ({type(layer).__name__})'


def known(layer, shape, axis, what="features"):
    """The size of an axis of the input, which the layer's weights depend on. Raises ValueError when it is None."""
    size = shape[axis] if -len(shape) <= axis < len(shape) else None
    if size is None:
        raise ValueError(
            f"{who(layer)} needs to know the number of {what}, axis {axis} of its input, to make its weights, "
            f"but the input shape is {tuple(shape)}. Give the size in Input(shape=...) or input_shape=..."
        )
    return int(size)


def sizes_of(x):
    """The sizes of a tensor's axes: ints, and tensors where they are not known yet."""
    return [K.shape(x)[i] if n is None else n for i, n in enumerate(K.int_shape(x))]


def channel_axis(data_format):
    """The axis of the channels: 1 or -1."""
    return 1 if data_format == "channels_first" else -1


def spatial_axes(data_format, rank):
    """The axes between batch and channels, e.g. (1, 2) for images with the channels last."""
    first = 2 if data_format == "channels_first" else 1
    return tuple(range(first, first + rank))


def with_lengths(shape, data_format, length, channels=None):
    """A shape whose i-th spatial size n is replaced by length(n, i), and the channels if they are given."""
    shape = list(shape)
    for i, axis in enumerate(spatial_axes(data_format, len(shape) - 2)):
        shape[axis] = length(shape[axis], i)
    if channels is not None:
        shape[channel_axis(data_format)] = channels
    return tuple(shape)
