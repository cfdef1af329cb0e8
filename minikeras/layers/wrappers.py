"""Layers around other layers: TimeDistributed and Bidirectional."""

import copy

from .. import backend as K
from ..engine.base_layer import InputSpec, Layer
from ..engine.config import who
from ..utils.generic_utils import CustomObjectScope, has_arg, one_of, to_list, unpack_singleton
from .common import from_config_with, sizes_of
from .recurrent import StateArguments, as_list, separate

MERGES = {"sum": lambda a, b: a + b, "concat": lambda a, b: K.concatenate([a, b]), "ave": lambda a, b: (a + b) / 2,
          "mul": lambda a, b: a * b, None: lambda a, b: [a, b]}  # fmt: skip


class Wrapper(Layer):
    """Base of the layers that wrap another. layer: the inner layer; its weights, losses and updates are those of
    both.
    """

    def __init__(self, layer, **kwargs):
        if not isinstance(layer, Layer):
            raise TypeError(f"{type(self).__name__} wraps a layer, got {layer!r}. Pass an instance, e.g. Dense(3).")
        self.layer = layer
        self._input_map = {}  # for subclasses: what Bidirectional and TimeDistributed of Keras note inner inputs in
        super().__init__(**{"trainable": layer.trainable, **kwargs})

    @property
    def activity_regularizer(self):
        """That of the inner layer."""
        return getattr(self.layer, "activity_regularizer", None)

    @property
    def trainable(self):
        """Whether training changes the inner layer."""
        return self.layer.trainable

    @trainable.setter
    def trainable(self, value):
        for layer in (self.layer, *self._layers):
            layer.trainable = value

    @property
    def losses(self):
        """Those of the inner layer(s)."""
        return [loss for layer in self._layers for loss in layer.losses]

    def build(self, input_shape=None):
        self.built = True

    from_config = from_config_with("layer")


class TimeDistributed(Wrapper):
    """Apply a layer to each time step by itself: [batch, time, ...] in and out.

    The steps are handled as so many samples, at once.
    """

    supports_masking = True

    def build(self, input_shape):
        spec = self.layer.input_spec
        if isinstance(spec, InputSpec) and len(input_shape) <= (spec.min_ndim or spec.ndim or 0):
            raise ValueError(f"{who(self)} needs an input [batch, time, ...], got shape {tuple(input_shape)}.")
        if not self.layer.built:
            self.layer.build((input_shape[0], *input_shape[2:]))
            self.layer.built = True
        self.built = True

    def compute_output_shape(self, input_shape):
        batch, *step = self.layer.compute_output_shape((input_shape[0], *input_shape[2:]))
        return (batch, input_shape[1], *step)

    @staticmethod
    def _join(x):
        """[batch, time, ...] to [batch * time, ...]."""
        return K.reshape(x, (-1, *sizes_of(x)[2:]))

    @staticmethod
    def _part(y, like):
        """[batch * time, ...] to [batch, time, ...], with batch and time of `like`."""
        return K.reshape(y, (K.int_shape(like)[0] or -1, sizes_of(like)[1], *sizes_of(y)[1:]))

    def call(self, inputs, training=None, mask=None):
        kwargs = {"training": training} if has_arg(self.layer.call, "training") else {}
        if mask is not None and has_arg(self.layer.call, "mask"):
            kwargs["mask"] = self._join(mask)
        return self._part(self.layer.call(self._join(inputs), **kwargs), inputs)

    def compute_mask(self, inputs, mask=None):
        """That of the inner layer. Where it gives none, a step is kept if any element of it was."""
        inner = self.layer.compute_mask(self._join(inputs), None if mask is None else self._join(mask))
        if inner is not None:
            return self._part(inner, inputs)
        if mask is not None and K.ndim(mask) > 2:
            return K.any(mask, axis=list(range(2, K.ndim(mask))))
        return mask


def _classes(layer):
    """{name: class} of a layer and its parts: what a copy of it needs to know."""
    return {type(layer).__name__: type(layer), **{k: v for part in layer._layers for k, v in _classes(part).items()}}


class Bidirectional(StateArguments, Wrapper):
    """Run a recurrent layer forwards and a copy of it backwards in time.

    merge_mode: how to join their outputs: "concat", "sum", "mul", "ave", or None for the list of both.
    weights: initial weights, first those of the forward layer. Initial states: those of the forward layer, then those
    of the backward one; so are the last states that return_state adds. Source: Schuster and Paliwal (1997).
    """

    supports_masking = True

    def __init__(self, layer, merge_mode="concat", weights=None, **kwargs):
        one_of("Bidirectional: merge_mode", merge_mode, MERGES)
        super().__init__(layer, **kwargs)
        self.forward_layer = copy.copy(layer)
        self.forward_layer._layers = list(layer._layers)
        config = layer.get_config()
        if "go_backwards" not in config:
            raise ValueError(f"Bidirectional: {who(layer)} is no recurrent layer: its config has no go_backwards.")
        config["go_backwards"] = not config["go_backwards"]
        with CustomObjectScope(_classes(layer)):
            self.backward_layer = type(layer).from_config(config)
        self.forward_layer.name, self.backward_layer.name = f"forward_{layer.name}", f"backward_{layer.name}"
        # The wrapped layer is the pattern of the two; only they are parts.
        self._layers[:] = [self.forward_layer, self.backward_layer]
        self.merge_mode, self.input_spec = merge_mode, layer.input_spec
        for name in ("stateful", "return_sequences", "return_state"):
            setattr(self, name, getattr(layer, name))
        if weights is not None:
            half = len(weights) // 2
            self.forward_layer._initial_weights = weights[:half]
            self.backward_layer._initial_weights = weights[half:]

    _both = property(lambda self: (self.forward_layer, self.backward_layer))

    @property
    def _num_constants(self):
        return self.forward_layer._num_constants

    @_num_constants.setter
    def _num_constants(self, number):
        for layer in self._both:
            layer._num_constants = number

    def get_weights(self):
        """The values of the weights: those of the forward layer, then those of the backward one."""
        return [value for layer in self._both for value in layer.get_weights()]

    def set_weights(self, weights):
        """Set the values of the weights, in the order of `get_weights`."""
        half = len(weights) // 2
        self.forward_layer.set_weights(weights[:half])
        self.backward_layer.set_weights(weights[half:])

    def build(self, input_shape):
        for layer, own_shape in zip(self._both, self._parts(input_shape), strict=True):
            with K.name_scope(layer.name, owner=type(layer).__name__):
                layer.build(own_shape)
                layer.built = True
                if layer._initial_weights is not None:
                    layer.set_weights(layer._initial_weights)
        self.built = True

    def _parts(self, values):
        """What each of the two layers gets of [input, *forward states, *backward states, *constants] or an input."""
        if not isinstance(values, list):
            return values, values
        end = len(values) - (self._num_constants or 0)
        middle = (end + 1) // 2
        return [*values[:middle], *values[end:]], [values[0], *values[middle:]]

    def _accept_states(self, initial_state):
        if len(initial_state) % 2:
            raise ValueError(f"{who(self)}: initial_state needs the states of the forward layer and then as many for "
                             f"the backward one, got {len(initial_state)} states.")  # fmt: skip
        half = len(initial_state) // 2
        self.forward_layer._accept_states(initial_state[:half])
        self.backward_layer._accept_states(initial_state[half:])

    def call(self, inputs, mask=None, training=None, initial_state=None, constants=None):
        if not isinstance(inputs, list) and (initial_state is not None or constants is not None):
            inputs = [inputs, *(as_list(initial_state) or []), *(as_list(constants) or [])]
        kwargs = {"training": training} if has_arg(self.layer.call, "training") else {}
        if has_arg(self.layer.call, "mask"):
            kwargs["mask"] = to_list(mask)[0]
        results = []
        for layer, own_inputs in zip(self._both, self._parts(inputs), strict=True):
            x, states, own_constants = separate(own_inputs, None, None, self._num_constants)
            more = {name: v for name, v in (("initial_state", states), ("constants", own_constants)) if v}
            results.append(as_list(layer.call(x, **more, **kwargs)))
        (forward, *forward_states), (backward, *backward_states) = results
        if self.return_sequences:
            backward = K.reverse(backward, 1)
        merged = MERGES[self.merge_mode](forward, backward)
        return [*as_list(merged), *forward_states, *backward_states] if self.return_state else merged

    def compute_output_shape(self, input_shape):
        output, *states = to_list(self.forward_layer.compute_output_shape(input_shape))
        if self.merge_mode == "concat":
            output = (*output[:-1], None if output[-1] is None else 2 * output[-1])
        outputs = [output, output] if self.merge_mode is None else [output]
        return unpack_singleton([*outputs, *states, *states])

    def compute_mask(self, inputs, mask):
        mask = to_list(mask)[0] if self.return_sequences else None
        masks = [mask, mask] if self.merge_mode is None else [mask]
        n_states = 2 * len(self.forward_layer.states) if self.return_state else 0
        return unpack_singleton(masks + [None] * n_states)

    def _state_updates_for(self, inputs):
        # Keras 2.3.1 carries the states of a Bidirectional layer from batch to batch in training, but not in prediction
        # and evaluation, and gives numbers that hang on it.
        return []

    def reset_states(self):
        """Set the states of both layers to zeros."""
        for layer in self._both:
            layer.reset_states()
