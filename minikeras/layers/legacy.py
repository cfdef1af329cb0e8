"""Layers of Keras 1 that Keras 2 keeps for old code only: Highway, MaxoutDense, bases of recurrent layers."""

from .. import backend as K
from .. import initializers
from ..engine.base_layer import InputSpec, Layer
from .common import adopt, known, new_weight
from .convolutional import Conv1D, Conv2D
from .recurrent import RNN
from .spatial import Windowed


class _Affine(Layer):
    """What the dense layers share: Keras 1's arguments, and weights W and b."""

    def _configure(self, scope):
        kwargs = scope["kwargs"]
        if scope["input_dim"] and "batch_input_shape" not in kwargs:
            kwargs.setdefault("input_shape", (scope["input_dim"],))
        kwargs["weights"] = scope.pop("weights")
        adopt(self, scope)
        self.init, self.input_spec = initializers.get(self.init), InputSpec(ndim=2)
        self.W_initializer, self.b_initializer = self.init, "zeros"

    def build(self, input_shape):
        self.input_dim = known(self, input_shape, -1)
        self.input_spec = InputSpec(ndim=2, axes={1: self.input_dim})
        self._add_weights(self.input_dim)
        self.built = True


class Highway(_Affine):
    """y = t * activation(x . W + b) + (1 - t) * x, with t = sigmoid(x . W_carry + b_carry).

    Input and output [batch, features]. Weights: W, b, W_carry, b_carry (which begins with ones); the matrices first.
    Source: Srivastava et al., Highway Networks (2015).
    """

    def __init__(self, init="glorot_uniform", activation=None, weights=None, W_regularizer=None, b_regularizer=None,
                 activity_regularizer=None, W_constraint=None, b_constraint=None, bias=True, input_dim=None,
                 **kwargs):  # fmt: skip
        self._configure(locals())

    def _add_weights(self, size):
        self.W = new_weight(self, "W", (size, size))
        self.W_carry = new_weight(self, "W_carry", (size, size), "W", constraint=None)
        if self.bias:
            self.b = new_weight(self, "b", (size,))
            self.b_carry = new_weight(self, "b_carry", (size,), "b", initializer="ones", constraint=None)

    def call(self, x):
        y, t = K.dot(x, self.W), K.dot(x, self.W_carry)
        if self.bias:
            y, t = y + self.b, t + self.b_carry
        t = K.sigmoid(t)
        return self.activation(y) * t + (1.0 - t) * x


class MaxoutDense(_Affine):
    """The largest of `nb_feature` affine maps, element by element: [batch, features] to [batch, output_dim].

    Weights: W [nb_feature, features, output_dim], b [nb_feature, output_dim]. Source: Goodfellow et al. (ICML, 2013).
    """

    def __init__(self, output_dim, nb_feature=4, init="glorot_uniform", weights=None, W_regularizer=None,
                 b_regularizer=None, activity_regularizer=None, W_constraint=None, b_constraint=None, bias=True,
                 input_dim=None, **kwargs):  # fmt: skip
        self._configure(locals())

    def _add_weights(self, size):
        self.W = new_weight(self, "W", (self.nb_feature, size, self.output_dim))
        if self.bias:
            self.b = new_weight(self, "b", (self.nb_feature, self.output_dim))

    def call(self, x):
        outputs = K.dot(x, self.W)  # [batch, nb_feature, output_dim]
        return K.max(outputs + self.b if self.bias else outputs, axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.output_dim)


def AtrousConvolution1D(*args, **kwargs):
    """Conv1D, whose `dilation_rate` was `atrous_rate` here."""
    return Conv1D(*args, **_dilated(kwargs))


def AtrousConvolution2D(*args, **kwargs):
    """Conv2D, whose `dilation_rate` was `atrous_rate` here."""
    return Conv2D(*args, **_dilated(kwargs))


def _dilated(kwargs):
    return {"dilation_rate" if key == "atrous_rate" else key: value for key, value in kwargs.items()}


class Recurrent(RNN):
    """Base of recurrent layers that are their own cell, as before Keras 2.1. New code subclasses a cell for RNN.

    A subclass sets `units`, and `states` to a list with a None for each state; it defines `build`, `step(inputs,
    states) -> (output, new states)`, and, as far as needed, `preprocess_input`, which sees all time steps at once, and
    `get_constants`, a list that `step` finds after the states.
    """

    def __init__(self, return_sequences=False, return_state=False, go_backwards=False, stateful=False, unroll=False,
                 implementation=0, **kwargs):  # fmt: skip
        if "input_dim" in kwargs:
            kwargs.setdefault("input_length", None)
        adopt(self, locals())
        self.input_spec = [InputSpec(ndim=self.input_ndim)]
        self.dropout = self.recurrent_dropout = 0.0

    @property
    def _state_sizes(self):
        return [self.units for _ in self._states or [None]]

    def step(self, inputs, states):
        """One time step: (output, list of new states). Override it."""
        raise NotImplementedError(f"{type(self).__name__} has to define step(inputs, states).")

    def get_constants(self, inputs, training=None):
        """Tensors that every step gets, after the states."""
        return []

    def preprocess_input(self, inputs, training=None):
        """What the steps get instead of the inputs [batch, time, ...]."""
        return inputs

    def call(self, inputs, mask=None, training=None, initial_state=None):
        return super().call(inputs, mask, training, initial_state)

    def _loop(self, inputs, initial_state, mask, training, constants):
        constants = self.get_constants(inputs, training=None)
        steps = self.preprocess_input(inputs, training=None)
        return K.rnn(self.step, steps, initial_state, go_backwards=self.go_backwards, mask=mask, constants=constants,
                     unroll=self.unroll, input_length=K.int_shape(inputs)[1])  # fmt: skip

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class ConvRecurrent2D(Recurrent, Windowed, rank=2):
    """Base of recurrent layers over images that are their own cell. See Recurrent, and Conv2D for the arguments.

    Input [batch, time, *image].
    """

    def __init__(self, filters, kernel_size, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1),
                 return_sequences=False, go_backwards=False, stateful=False, **kwargs):  # fmt: skip
        super().__init__(return_sequences, go_backwards=go_backwards, stateful=stateful, **kwargs)
        self.filters, self.kernel_size, self.strides, self.padding = filters, kernel_size, strides, padding
        self.data_format, self.dilation_rate = data_format, dilation_rate
        self._normalize()
        self.input_spec = [InputSpec(ndim=5)]

    units = property(lambda self: self.filters)

    def _state_shapes(self, input_shape):
        shape = Windowed.compute_output_shape(self, (input_shape[0], *input_shape[2:]))
        return [shape for _ in self._state_sizes]

    def get_initial_state(self, inputs):
        """Zeros of the shapes of the states, which have to be known but for the batch."""
        shape = self._state_shapes(K.int_shape(inputs))[0]
        zeros = K.sum(K.zeros_like(inputs), axis=[1, 2, 3, 4])[:, None, None, None]
        return [K.tile(zeros, [1, *shape[1:]]) for _ in self._state_sizes]
