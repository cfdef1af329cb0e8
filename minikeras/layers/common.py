"""What constructors, `build` and shape rules of many layers have in common."""

from .. import activations, constraints, initializers, regularizers
from .. import backend as K
from ..engine.base_layer import Layer
from ..engine.config import who
from ..utils.generic_utils import to_list

# The last word of an argument's name tells which module turns a name or a config into the object.
RESOLVERS = {"activation": activations.get, "initializer": initializers.get, "regularizer": regularizers.get,
             "constraint": constraints.get}  # fmt: skip


class Elementwise(Layer):
    """A layer whose outputs have the shape and the mask of its inputs."""

    supports_masking = True


class Noisy(Elementwise):
    """In training, if `rate` is between 0 and 1, what `noised(inputs)` of the subclass gives; else the identity."""

    def call(self, inputs, training=None):
        if not 0.0 < self.rate < 1.0:
            return inputs
        return K.in_train_phase(lambda: self.noised(inputs), inputs, training=training)


def named(scope):
    """The named arguments in a constructor's `locals()`, without those in its `**kwargs`."""
    return {name: value for name, value in scope.items() if name not in ("self", "kwargs", "__class__")}


def given(scope):
    """The arguments in a constructor's `locals()`, with those in its `**kwargs`."""
    return {**named(scope), **scope["kwargs"]}


def adopt(layer, scope):
    """Construct a layer from its constructor's `locals()`: `**kwargs` are for Layer, the others become attributes.

    Activations, initializers, regularizers and constraints may come as names, configs or objects.
    """
    Layer.__init__(layer, **scope["kwargs"])
    for name, value in named(scope).items():
        resolve = RESOLVERS.get(name.rpartition("_")[2])
        setattr(layer, name, resolve(value) if resolve else value)


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
