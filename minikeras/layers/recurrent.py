"""Recurrent layers: RNN, which runs any cell over time, and SimpleRNN, GRU and LSTM, which bring their cells.

A cell is a layer with `state_size` (an int, or one for each state), `call(inputs, states) -> (output, new states)` and
perhaps `output_size`. One call is one time step.
"""

import warnings

import numpy as np

from .. import backend as K
from .. import regularizers
from ..engine.base_layer import InputSpec, Layer
from ..engine.config import who
from ..utils.generic_utils import has_arg, to_list
from .cells import GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells, check_cell
from .common import adopt, from_config_with, given


def separate(inputs, initial_state, constants, num_constants):
    """(inputs, initial_state, constants) of a call on one list [inputs, *states, *constants], or on three arguments."""
    if isinstance(inputs, (list, tuple)):
        inputs = list(inputs)
        if initial_state is not None or constants is not None:
            raise ValueError("Give the initial state and the constants either in the list of inputs or as "
                             "initial_state and constants, not in both ways.")  # fmt: skip
        if num_constants:
            inputs, constants = inputs[:-num_constants], inputs[-num_constants:]
        inputs, initial_state = inputs[0], inputs[1:] or None
    return inputs, as_list(initial_state), as_list(constants)


def as_list(value):
    """None or a list: of the items of a tuple, or of the one item that is given."""
    return list(value) if isinstance(value, (list, tuple)) else value if value is None else [value]


class StateArguments(Layer):
    """Lets a layer be called with `initial_state` and `constants`; tensors of other layers become its inputs."""

    _num_constants = None
    state_spec = constants_spec = None

    def __call__(self, inputs, initial_state=None, constants=None, **kwargs):
        inputs, initial_state, constants = separate(inputs, initial_state, constants, self._num_constants)
        if not initial_state and not constants:
            return super().__call__(inputs, **kwargs)
        if initial_state:
            self._accept_states(initial_state)
        if constants:
            self._num_constants = len(constants)
            self.constants_spec = [InputSpec(shape=K.int_shape(c)) for c in constants]
        extra = (initial_state or []) + (constants or [])
        from_layers = [hasattr(t, "_keras_history") for t in extra]
        if not any(from_layers):
            kwargs.update({k: v for k, v in (("initial_state", initial_state), ("constants", constants)) if v})
            return super().__call__(inputs, **kwargs)
        if not all(from_layers):
            raise ValueError(f"{who(self)}: the initial state and the constants must be either all outputs of layers "
                             "or none of them.")  # fmt: skip
        own = as_list(self.input_spec)
        self.input_spec = [*own, *(InputSpec(shape=K.int_shape(t)) for t in extra)]
        try:
            return super().__call__([inputs, *extra], **kwargs)
        finally:
            self.input_spec = self.input_spec[: len(own)]

    def get_config(self):
        config = super().get_config()
        return config if self._num_constants is None else {**config, "num_constants": self._num_constants}


class RNN(StateArguments):
    """Runs a cell over the time steps of its input, [batch, time, ...].

    cell: a cell, or a list of cells, which are stacked. return_sequences: give all outputs [batch, time, units] instead
    of the last one. return_state: give the last states too: a list [output, *states]. go_backwards: run from the last
    step to the first. stateful: begin each batch in the last states of the batch before; needs a fixed batch size.
    unroll: write the steps out instead of a loop: faster for short sequences of known length.

    Masked steps keep the states, and repeat the output of the step before.
    Call arguments: initial_state: list of tensors; constants: list of tensors that the cell gets at each step.
    """

    cell = _states = None
    input_ndim = 3
    supports_masking = True

    def __init__(self, cell, return_sequences=False, return_state=False, go_backwards=False, stateful=False,
                 unroll=False, **kwargs):  # fmt: skip
        if "input_shape" not in kwargs and "input_dim" in kwargs:
            kwargs.setdefault("input_length", None)
        cell = StackedRNNCells(cell) if isinstance(cell, (list, tuple)) else cell
        check_cell(cell, type(self).__name__)
        adopt(self, locals())
        self.input_spec = [InputSpec(ndim=self.input_ndim)]

    # States

    @property
    def _state_sizes(self):
        return as_list(self.cell.state_size)

    @property
    def states(self):
        """The variables that hold the states of a stateful layer between batches; otherwise Nones."""
        return self._states or [None for _ in self._state_sizes]

    @states.setter
    def states(self, states):
        self._states = states

    def _state_shapes(self, input_shape):
        """The shapes of the states, with the batch, for an input shape."""
        return [(input_shape[0], *as_list(size)) for size in self._state_sizes]

    def get_initial_state(self, inputs):
        """States of zeros for `inputs` [batch, time, ...]: a list of tensors [batch, size]."""
        zeros = K.expand_dims(K.sum(K.zeros_like(inputs), axis=list(range(1, K.ndim(inputs)))))
        return [K.tile(zeros, [1, size]) for size in self._state_sizes]

    def reset_states(self, states=None):
        """Set the states of a stateful layer to zeros, or to the given arrays (a list, or one array).

        Raises AttributeError when the layer is not stateful, ValueError for a batch size that is not fixed and for
        states of the wrong number or shapes.
        """
        if not self.stateful:
            raise AttributeError(f"{who(self)}: reset_states needs a layer made with stateful=True.")
        shape = self.input_spec[0].shape
        shapes = self._state_shapes(shape) if shape else [(None,)]
        if None in sum(shapes, ()):
            raise ValueError(
                f"{who(self)} is stateful, so it has to know its batch size (and, for images, their size): use "
                f"batch_input_shape=(...) in the first layer or Input(batch_shape=(...)). The input shape is {shape}."
            )
        if self.states[0] is None:
            self.states = [K.variable(np.zeros(shape), name="state") for shape in shapes]
        arrays = [np.zeros(shape) for shape in shapes] if states is None else as_list(states)
        if [np.shape(a) for a in arrays] != shapes:
            raise ValueError(f"{who(self)}: reset_states expects arrays of shapes {shapes}, got "
                             f"{[np.shape(a) for a in arrays]}.")  # fmt: skip
        for variable, array in zip(self.states, arrays, strict=True):
            K.set_value(variable, array)

    def _accept_states(self, initial_state):
        """Check the initial states that a call gives, and remember their shapes."""
        if len(initial_state) != len(self._state_sizes):
            raise ValueError(f"{who(self)} has {len(self._state_sizes)} states, but got {len(initial_state)} initial "
                             "states.")  # fmt: skip
        self.state_spec = [InputSpec(shape=K.int_shape(state)) for state in initial_state]

    @property
    def losses(self):
        """Those of the cell, then the layer's own."""
        return [*getattr(self.cell, "losses", []), *self._losses]

    # The rhythm of all layers

    def build(self, input_shape):
        input_shape, *extra = to_list(input_shape)
        constants = extra[-self._num_constants :] if self._num_constants else []
        self.input_spec[0] = InputSpec(shape=(input_shape[0] if self.stateful else None, None, *input_shape[2:]))
        step_shape = (input_shape[0], *input_shape[2:])
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build([step_shape, *constants] if constants else step_shape)
            self.cell.built = True
        self._check_state_spec(input_shape)
        if self.stateful:
            self.reset_states()
        self.built = True

    def _check_state_spec(self, input_shape):
        shapes = self._state_shapes((None, *input_shape[1:]))
        if self.state_spec is None:
            self.state_spec = [InputSpec(shape=shape) for shape in shapes]
        for spec, shape in zip(self.state_spec, shapes, strict=True):
            if any(a and b and a != b for a, b in zip(spec.shape, shape, strict=True)):
                raise ValueError(f"{who(self)}: the initial states should have shapes {shapes}, got "
                                 f"{[spec.shape for spec in self.state_spec]}.")  # fmt: skip

    def call(self, inputs, mask=None, training=None, initial_state=None, constants=None):
        if isinstance(inputs, list):
            inputs, initial_state, constants = separate(inputs, None, None, self._num_constants)
        mask = to_list(mask)[0]
        if initial_state is None:
            initial_state = list(self.states) if self.stateful else self.get_initial_state(inputs)
        if self.unroll and K.int_shape(inputs)[1] is None:
            raise ValueError(f"{who(self)}: unroll=True needs a known number of time steps, but the input shape is "
                             f"{K.int_shape(inputs)}. Give Input(shape=(time, ...)), or use unroll=False.")  # fmt: skip
        last_output, outputs, states = self._run(inputs, as_list(initial_state), mask, training, as_list(constants))
        if self.stateful:
            self.add_update([K.update(old, new) for old, new in zip(self.states, states, strict=True)], inputs)
        output = outputs if self.return_sequences else last_output
        return [output, *states] if self.return_state else output

    def _run(self, inputs, initial_state, mask, training, constants):
        """(last output, all outputs, last states)."""
        if mask is None and not constants and not self.unroll and hasattr(self.cell, "_over_time"):
            steps = K.reverse(inputs, 1) if self.go_backwards else inputs
            found = self.cell._over_time(steps, initial_state, training)
            if found is not None:
                return found[1][0], *found
        return self._loop(inputs, initial_state, mask, training, constants)

    def _loop(self, inputs, initial_state, mask, training, constants):
        kwargs = {"training": training} if has_arg(self.cell.call, "training", accept_all=True) else {}
        n_states = len(initial_state)

        def step(x, states):
            more = {"constants": list(states)[n_states:]} if constants else {}
            return self.cell.call(x, list(states)[:n_states], **more, **kwargs)

        draws = hasattr(self.cell, "draw_masks")
        if draws:  # before the loop, so that the masks are the same at each time step
            self.cell.draw_masks(inputs[:, 0], initial_state, training)
        try:
            return K.rnn(step, inputs, initial_state, go_backwards=self.go_backwards, mask=mask, constants=constants,
                         unroll=self.unroll, input_length=K.int_shape(inputs)[1])  # fmt: skip
        finally:
            if draws:
                self.cell.forget_masks()

    def compute_output_shape(self, input_shape):
        input_shape = to_list(input_shape)[0]
        states = self._state_shapes(input_shape)
        size = getattr(self.cell, "output_size", None)
        output = states[0] if size is None else (input_shape[0], *as_list(size))
        if self.return_sequences:
            output = (output[0], input_shape[1], *output[1:])
        return [output, *states] if self.return_state else output

    def compute_mask(self, inputs, mask):
        mask = to_list(mask)[0] if self.return_sequences else None
        return [mask, *(None for _ in self._state_sizes)] if self.return_state else mask

    from_config = from_config_with("cell")


class _CellRNN(RNN):
    """An RNN that makes its own cell: the constructor takes the cell's arguments too, and shows them as attributes."""

    cell_class = None
    _not_stored = ("cell",)

    def __init_subclass__(cls, cell=None, **kwargs):
        if cell is not None:
            cls.cell_class = cell
            cls.__doc__ = cls.__doc__ or f"{cell.__doc__}\n    The other arguments are those of RNN."
            for name in cell.arguments():
                setattr(cls, name, property(lambda self, name=name: getattr(self.cell, name)))
        super().__init_subclass__(**kwargs)

    def __init__(self, **kwargs):
        cell_arguments = {name: kwargs.pop(name) for name in self.cell_class.arguments() if name in kwargs}
        activity_regularizer = kwargs.pop("activity_regularizer", None)
        if cell_arguments.get("implementation") == 0:
            warnings.warn("implementation=0 is no more; implementation=1 computes the same.", stacklevel=4)
            cell_arguments["implementation"] = 1
        super().__init__(self.cell_class(**cell_arguments, dtype=kwargs.get("dtype")), **kwargs)
        self.activity_regularizer = regularizers.get(activity_regularizer)

    def call(self, inputs, mask=None, training=None, initial_state=None):
        return super().call(inputs, mask=mask, training=training, initial_state=initial_state)

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        if config.get("implementation") == 0:  # of Keras 1 and early 2: the same function
            config["implementation"] = 1
        return cls(**config)


class SimpleRNN(_CellRNN, cell=SimpleRNNCell):
    def __init__(self, units, activation="tanh", use_bias=True, kernel_initializer="glorot_uniform",
                 recurrent_initializer="orthogonal", bias_initializer="zeros", kernel_regularizer=None,
                 recurrent_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
                 recurrent_constraint=None, bias_constraint=None, dropout=0.0, recurrent_dropout=0.0,
                 return_sequences=False, return_state=False, go_backwards=False, stateful=False, unroll=False,
                 **kwargs):  # fmt: skip
        kwargs.pop("implementation", None)  # Keras 2.0 had it
        super().__init__(**given(locals()))


class GRU(_CellRNN, cell=GRUCell):
    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True,
                 kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
                 kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0,
                 recurrent_dropout=0.0, implementation=2, return_sequences=False, return_state=False,
                 go_backwards=False, stateful=False, unroll=False, reset_after=False, **kwargs):  # fmt: skip
        super().__init__(**given(locals()))


class LSTM(_CellRNN, cell=LSTMCell):
    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True,
                 kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
                 unit_forget_bias=True, kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, recurrent_constraint=None, bias_constraint=None,
                 dropout=0.0, recurrent_dropout=0.0, implementation=2, return_sequences=False, return_state=False,
                 go_backwards=False, stateful=False, unroll=False, **kwargs):  # fmt: skip
        super().__init__(**given(locals()))
