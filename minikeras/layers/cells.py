"""The cells of the recurrent layers: one time step each."""

import inspect
from itertools import islice

from .. import activations, initializers
from .. import backend as K
from ..engine.base_layer import Layer, assign_weights
from ..utils.generic_utils import has_arg, to_list
from .common import adopt, from_config_with, known, new_weight
from .spatial import channel_axis


def _parts(x, n, axis=-1):
    """x cut into n tensors of one size along `axis`: 1 or -1."""
    size = K.int_shape(x)[axis] // n
    before = (slice(None),) if axis == 1 else (Ellipsis,)
    return [x[(*before, slice(i * size, (i + 1) * size))] for i in range(n)]


class _Cell(Layer):
    """What the cells share: weights for all gates side by side, and dropout masks that last for a sequence.

    With implementation=2 all gates see one dropout mask, and need one product; with 1 each gate has its own.
    """

    gates = 1
    implementation = 2
    kernel_size, data_format = (), "channels_last"  # of convolutional cells
    _masks = None

    @classmethod
    def arguments(cls):
        """Names of the constructor's arguments, without those of every layer."""
        return [p for p in inspect.signature(cls.__init__).parameters if p not in ("self", "kwargs")]

    def _configure(self, scope):
        adopt(self, scope)
        self.dropout = min(1.0, max(0.0, self.dropout))
        self.recurrent_dropout = min(1.0, max(0.0, self.recurrent_dropout))

    state_size = property(lambda self: self.units, doc="Size of the state, or of each.")
    output_size = property(lambda self: self.units, doc="Size of the output.")
    feature_axis = property(lambda self: channel_axis(self.data_format), doc="The axis of the features, 1 or -1.")

    # Weights

    def build(self, input_shape):
        features = known(self, input_shape, self.feature_axis, "channels" if self.kernel_size else "features")
        width, size = self.gates * self.units, self.kernel_size
        self.kernel = new_weight(self, "kernel", (*size, features, width))
        self.recurrent_kernel = new_weight(self, "recurrent_kernel", (*size, self.units, width), "recurrent")
        self.bias = None
        if self.use_bias:
            self.bias = new_weight(self, "bias", self._bias_shape(), initializer=self._initial_bias)
        self.built = True

    def _bias_shape(self):
        return (self.gates * self.units,)

    def _initial_bias(self, shape, dtype=None):
        return self.bias_initializer(shape, dtype=dtype)

    def _weights(self):
        """Kernel, recurrent kernel, bias, recurrent bias, as the formulas have them; None for a bias that is not."""
        return self.kernel, self.recurrent_kernel, self.bias, None

    # Dropout

    def draw_masks(self, inputs, states, training):
        """Draw the masks for inputs and states like these, to be used at each step until `forget_masks`."""
        self._masks = self._masks_for(inputs, states, training)

    def forget_masks(self):
        """Let the next step draw masks of its own."""
        self._masks = None

    def _masks_for(self, inputs, states, training):
        """(masks for the inputs, masks for the first state)"""
        return self._masks or (self._draw(inputs, self.dropout, training),
                               self._draw(states[0], self.recurrent_dropout, training))  # fmt: skip

    def _draw(self, like, rate, training):
        """A list of masks, one for all gates or one for each; None without dropout."""
        if not 0.0 < rate < 1.0:
            return None
        ones = K.ones_like(like)
        count = self.gates if self.implementation == 1 else 1
        return [K.in_train_phase(K.dropout(ones, rate), ones, training=training) for _ in range(count)]

    # All steps at once

    def _over_time(self, inputs, states, training):
        """(outputs, last states) for inputs [batch, time, features], by an op that does all steps; None where there is
        none, so that the cell has to be called step by step.
        """
        if type(self).call not in (GRUCell.call, LSTMCell.call) or K.ndim(inputs) != 3:
            return None
        usual = self.activation is activations.tanh and self.recurrent_activation is activations.sigmoid
        one_mask = self.implementation == 2 or not 0.0 < self.dropout < 1.0
        if not usual or not one_mask or 0.0 < self.recurrent_dropout < 1.0:
            return None
        masks = self._draw(inputs[:, 0], self.dropout, training)
        outputs, *states = self._fused(inputs if masks is None else inputs * K.expand_dims(masks[0], 1), *states)
        return outputs, states

    # Products

    _input_product = _recurrent_product = staticmethod(K.dot)

    def _add_bias(self, x, bias):
        return x if bias is None else K.bias_add(x, bias, data_format=self.data_format)

    def _masked(self, product, x, kernel, masks):
        """product(x, kernel), with x seen through the masks: one for all columns of the kernel, or each for its
        part.
        """
        if masks is None:
            return product(x, kernel)
        parts = [product(x * mask, part) for mask, part in zip(masks, _parts(kernel, len(masks)), strict=True)]
        return parts[0] if len(parts) == 1 else K.concatenate(parts, axis=self.feature_axis)

    def _all_gates(self, inputs, state, training):
        """input . kernel + bias + state . recurrent_kernel: the gates side by side, before their activations."""
        kernel, recurrent_kernel, bias, _ = self._weights()
        input_masks, state_masks = self._masks_for(inputs, [state], training)
        # What does not depend on the state comes first: K.rnn computes it for all steps at once.
        z = self._add_bias(self._masked(self._input_product, inputs, kernel, input_masks), bias)
        return z + self._masked(self._recurrent_product, state, recurrent_kernel, state_masks)


class SimpleRNNCell(_Cell):
    """h' = activation(x . kernel + h . recurrent_kernel + bias).

    units: size of the state and the output. dropout, recurrent_dropout: fraction of the elements of x, of h that are
    dropped in training, the same ones at each step. Weights: kernel [features, units], recurrent_kernel [units, units],
    bias [units].
    """

    def __init__(self, units, activation="tanh", use_bias=True, kernel_initializer="glorot_uniform",
                 recurrent_initializer="orthogonal", bias_initializer="zeros", kernel_regularizer=None,
                 recurrent_regularizer=None, bias_regularizer=None, kernel_constraint=None, recurrent_constraint=None,
                 bias_constraint=None, dropout=0.0, recurrent_dropout=0.0, **kwargs):  # fmt: skip
        self._configure(locals())

    def call(self, inputs, states, training=None):
        output = self.activation(self._all_gates(inputs, states[0], training))
        return output, [output]


class GRUCell(_Cell):
    """Gated recurrent unit. Gates z, r, h side by side in the weights:

        z = s(x . W_z + h . R_z + b_z)        r = s(x . W_r + h . R_r + b_r)        s: recurrent_activation
        c = activation(x . W_h + (r * h) . R_h + b_h)                    h' = z * h + (1 - z) * c

    reset_after: c = activation(x . W_h + b_h + r * (h . R_h + rb_h)) instead, as cuDNN computes it, with a second bias
    for the recurrent side. units: size of the state and the output. dropout, recurrent_dropout: fraction of the
    elements of x, of h that are dropped in training, the same ones at each step. implementation: 2: one dropout mask
    for all gates, 1: one for each. Weights: kernel [features, 3 * units], recurrent_kernel [units, 3 * units], bias [3
    * units], or [2, 3 * units] with reset_after. Source: Cho et al. (EMNLP, 2014); reset_after: its first version on
    arXiv, 1406.1078v1.
    """

    gates = 3

    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True,
                 kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
                 kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None, kernel_constraint=None,
                 recurrent_constraint=None, bias_constraint=None, dropout=0.0, recurrent_dropout=0.0, implementation=2,
                 reset_after=False, **kwargs):  # fmt: skip
        self._configure(locals())

    def _bias_shape(self):
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def _weights(self):
        two = self.use_bias and self.reset_after
        return self.kernel, self.recurrent_kernel, *((self.bias[0], self.bias[1]) if two else (self.bias, None))

    def _fused(self, inputs, h):
        return K.gru(inputs, h, *self._weights(), self.reset_after)

    def call(self, inputs, states, training=None):
        (h,), (input_masks, masks) = states, self._masks_for(inputs, states, training)
        kernel, recurrent_kernel, bias, recurrent_bias = self._weights()
        product = self._recurrent_product
        x = self._masked(self._input_product, inputs, kernel, input_masks)
        x_z, x_r, x_h = _parts(self._add_bias(x, bias), 3)
        if self.reset_after:
            y = self._masked(product, h, recurrent_kernel, masks)
            h_z, h_r, h_h = _parts(self._add_bias(y, recurrent_bias), 3)
        else:
            of_gates, of_candidate = recurrent_kernel[:, : 2 * self.units], recurrent_kernel[:, 2 * self.units :]
            h_z, h_r = _parts(self._masked(product, h, of_gates, masks and masks[:2]), 2)
        z = self.recurrent_activation(x_z + h_z)
        r = self.recurrent_activation(x_r + h_r)
        h_h = r * h_h if self.reset_after else self._masked(product, r * h, of_candidate, masks and masks[-1:])
        new = z * h + (1.0 - z) * self.activation(x_h + h_h)
        return new, [new]


class LSTMCell(_Cell):
    """Long short-term memory. Gates i, f, c, o side by side in the weights:

        i, f, o = s(x . W + h . R + b)                                   s: recurrent_activation
        c' = f * c + i * activation(x . W_c + h . R_c + b_c)             h' = o * activation(c')

    units: size of the states h and c and of the output h. unit_forget_bias: begin with 1 as the bias of f (Jozefowicz
    et al., ICML, 2015). dropout, recurrent_dropout: fraction of the elements of x, of h that are dropped in training,
    the same ones at each step. implementation: 2: one dropout mask for all gates, 1: one for each.
    Weights: kernel [features, 4 * units], recurrent_kernel [units, 4 * units], bias [4 * units].
    Source: Hochreiter and Schmidhuber (1997), with the forget gate of Gers et al. (2000).
    """

    gates = 4

    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True,
                 kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
                 unit_forget_bias=True, kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None,
                 kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0,
                 recurrent_dropout=0.0, implementation=2, **kwargs):  # fmt: skip
        self._configure(locals())

    state_size = property(lambda self: (self.units, self.units), doc="Sizes of both states.")

    def _forget_slice(self):
        """Where in the bias the forget gate is."""
        return slice(self.units, 2 * self.units)

    def _initial_bias(self, shape, dtype=None):
        """As bias_initializer says, but with unit_forget_bias for ones at the forget gate."""
        if not self.unit_forget_bias:
            return super()._initial_bias(shape, dtype)
        f = self._forget_slice()
        before, after = self.bias_initializer((f.start,), dtype=dtype), (shape[0] - f.stop,)
        ones = initializers.Ones()((f.stop - f.start,), dtype=dtype)
        return K.concatenate([before, ones, self.bias_initializer(after, dtype=dtype)])

    def _fused(self, inputs, h, c):
        return K.lstm(inputs, h, c, *self._weights()[:3])

    def call(self, inputs, states, training=None):
        h, c = states
        i, f, candidate, o = _parts(self._all_gates(inputs, h, training), 4, self.feature_axis)
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(candidate)
        h = self.recurrent_activation(o) * self.activation(c)
        return h, [h, c]


class StackedRNNCells(Layer):
    """Cells one upon the other as one cell: each gets the output of the one below; the states are those of all, in
    order.

    cells: list of cells.
    """

    def __init__(self, cells, **kwargs):
        for cell in cells:
            check_cell(cell, "StackedRNNCells")
        # Keras 2.0 and 2.1 had the states of the last cell first.
        self.reverse_state_order = kwargs.pop("reverse_state_order", False)
        super().__init__(**kwargs)
        self.cells = list(cells)

    def _in_state_order(self, items):
        return list(items)[::-1] if self.reverse_state_order else list(items)

    @property
    def state_size(self):
        """Sizes of all states."""
        return [size for cell in self._in_state_order(self.cells) for size in _sizes(cell)]

    @property
    def output_size(self):
        """Size of the last cell's output."""
        return _output_size(self.cells[-1])

    def _states_by_cell(self, states):
        states = iter(states)
        cells = self._in_state_order(self.cells)
        return self._in_state_order(list(islice(states, len(_sizes(cell)))) for cell in cells)

    def build(self, input_shape):
        shape, *constants = to_list(input_shape)
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build([shape, *constants] if constants and has_arg(cell.call, "constants") else shape)
                cell.built = True
            shape = (shape[0], _output_size(cell))
        self._number_names()
        self.built = True

    def _number_names(self):
        """Tell weights of one name apart: kernel, kernel_1, ... All cells build in the scope of the whole layer."""
        seen = {}
        for weight in (w for cell in self.cells for w in getattr(cell, "weights", [])):
            name = weight.name.split(":")[0]
            number = seen[name] = seen.get(name, -1) + 1
            if number:
                weight.name = f"{name}_{number}:0"

    def draw_masks(self, inputs, states, training):
        """Draw the dropout masks of the cells that have them, for a whole sequence."""
        for cell, own in zip(self.cells, self._states_by_cell(states), strict=True):
            if hasattr(cell, "draw_masks"):
                cell.draw_masks(inputs, own, training)
            inputs = K.zeros_like(own[0])
            if _output_size(cell) != _sizes(cell)[0]:
                inputs = K.tile(K.sum(inputs, axis=-1, keepdims=True), [1, _output_size(cell)])

    def forget_masks(self):
        """Let the next step draw masks of its own."""
        for cell in self.cells:
            if hasattr(cell, "forget_masks"):
                cell.forget_masks()

    def call(self, inputs, states, constants=None, **kwargs):
        new_states = []
        for cell, own in zip(self.cells, self._states_by_cell(states), strict=True):
            arguments = {"constants": constants, **kwargs} if constants else kwargs
            arguments = {name: value for name, value in arguments.items() if has_arg(cell.call, name)}
            inputs, new = cell.call(inputs, own, **arguments)
            new_states.append(list(new))
        return inputs, [state for states in self._in_state_order(new_states) for state in states]

    def get_weights(self):
        """The values of the weights, cell by cell."""
        return [value for cell in self._layers for value in cell.get_weights()]

    def set_weights(self, weights):
        """Set the values of the weights, cell by cell."""
        assign_weights(self, [w for cell in self._layers for w in cell.weights], weights)

    from_config = from_config_with("cells")


def check_cell(cell, owner):
    """Raise ValueError unless it has what a cell needs."""
    for name in ("call", "state_size"):
        if not hasattr(cell, name):
            raise ValueError(f"{owner}: a cell needs the attribute {name!r}, which {cell!r} lacks.")


def _sizes(cell):
    return to_list(cell.state_size, allow_tuple=True)


def _output_size(cell):
    size = getattr(cell, "output_size", None)
    return _sizes(cell)[0] if size is None else size
