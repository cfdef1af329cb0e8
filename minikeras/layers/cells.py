"""The cells of the recurrent layers: one time step each."""

import inspect

from .. import activations, initializers
from .. import backend as K
from ..engine.base_layer import Layer
from ..utils.generic_utils import has_arg
from .common import adopt, from_config_with, known, new_weight


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
    feature_axis = -1

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._masks = None

    @classmethod
    def arguments(cls):
        """Names of the constructor's arguments, without those of every layer."""
        return [p for p in inspect.signature(cls.__init__).parameters if p not in ("self", "kwargs")]

    def _configure(self, scope):
        adopt(self, scope)
        self.dropout = min(1.0, max(0.0, self.dropout))
        self.recurrent_dropout = min(1.0, max(0.0, self.recurrent_dropout))

    @property
    def state_size(self):
        """Size of the state, or of each."""
        return self.units

    @property
    def output_size(self):
        """Size of the output."""
        return self.units

    # Weights

    def _bias_shape(self):
        return (self.gates * self.units,)

    def build(self, input_shape):
        width = self.gates * self.units
        self.kernel = new_weight(self, "kernel", (known(self, input_shape, -1), width))
        self.recurrent_kernel = new_weight(self, "recurrent_kernel", (self.units, width), "recurrent")
        self.bias = new_weight(self, "bias", self._bias_shape(), **self._bias_options()) if self.use_bias else None
        self.built = True

    def _bias_options(self):
        return {}

    # Dropout

    def draw_masks(self, inputs, states, training):
        """Draw the masks for inputs and states like these, to be used at each step until `forget_masks`."""
        self._masks = (self._draw(inputs, self.dropout, training),
                       self._draw(states[0], self.recurrent_dropout, training))  # fmt: skip

    def forget_masks(self):
        """Let the next step draw masks of its own."""
        self._masks = None

    def _draw(self, like, rate, training):
        """A list of masks, one for all gates or one for each; None without dropout."""
        if not 0.0 < rate < 1.0:
            return None
        ones = K.ones_like(like)
        count = self.gates if self.implementation == 1 else 1
        return [K.in_train_phase(K.dropout(ones, rate), ones, training=training) for _ in range(count)]

    def _masks_for(self, inputs, states, training):
        if self._masks is not None:
            return self._masks
        self.draw_masks(inputs, states, training)
        masks = self._masks
        self.forget_masks()
        return masks

    # All steps at once

    def _over_time(self, inputs, states, training):
        """(outputs, last states) for inputs [batch, time, features], by an op that does all steps; None where there is
        none, so that the cell has to be called step by step.
        """
        return None

    def _fusible(self, inputs, of):
        """Whether the cell computes what the fused op does, as `call` of the class `of` with the usual activations."""
        usual = self.activation is activations.tanh and self.recurrent_activation is activations.sigmoid
        one_mask = self.implementation == 2 or not 0.0 < self.dropout < 1.0
        kept = not 0.0 < self.recurrent_dropout < 1.0
        return usual and one_mask and kept and type(self).call is of.call and K.ndim(inputs) == 3

    def _dropped(self, inputs, training):
        """The inputs of all steps, seen through one mask."""
        masks = self._draw(inputs[:, 0], self.dropout, training)
        return inputs if masks is None else inputs * K.expand_dims(masks[0], 1)

    # Products

    def _matrix(self, kernel):
        return kernel

    def _input_product(self, x, kernel):
        return K.dot(x, self._matrix(kernel))

    def _recurrent_product(self, h, kernel):
        return K.dot(h, self._matrix(kernel))

    def _input_bias(self):
        return self.bias

    def _add_bias(self, x, bias):
        return K.bias_add(x, bias, data_format="channels_last")

    def _masked(self, product, x, kernel, masks):
        """product(x, kernel), with x seen through the masks: one for all columns of the kernel, or each for its
        part.
        """
        if masks is None:
            return product(x, kernel)
        parts = [product(x * mask, part) for mask, part in zip(masks, _parts(kernel, len(masks)), strict=True)]
        return parts[0] if len(parts) == 1 else K.concatenate(parts, axis=self.feature_axis)

    def _all_gates(self, inputs, state, masks):
        """input . kernel + bias + state . recurrent_kernel: the gates side by side, before their activations."""
        z = self._masked(self._input_product, inputs, self.kernel, masks[0])
        # What does not depend on the state comes first: K.rnn computes it for all steps at once.
        z = self._add_bias(z, self._input_bias()) if self.use_bias else z
        return z + self._masked(self._recurrent_product, state, self.recurrent_kernel, masks[1])


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
        super().__init__(**kwargs)
        self._configure(locals())

    def call(self, inputs, states, training=None):
        masks = self._masks_for(inputs, states, training)
        output = self.activation(self._all_gates(inputs, states[0], masks))
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
        super().__init__(**kwargs)
        self._configure(locals())

    def _bias_shape(self):
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def _biases(self):
        """(bias of the input side, of the recurrent side), None where there is none."""
        if not self.use_bias:
            return None, None
        return (self.bias[0], self.bias[1]) if self.reset_after else (self.bias, None)

    def _over_time(self, inputs, states, training):
        if not self._fusible(inputs, GRUCell):
            return None
        kernels = self._matrix(self.kernel), self._matrix(self.recurrent_kernel)
        outputs, h = K.gru(self._dropped(inputs, training), *states, *kernels, *self._biases(), self.reset_after)
        return outputs, [h]

    def call(self, inputs, states, training=None):
        h, masks = states[0], self._masks_for(inputs, states, training)
        input_bias, recurrent_bias = self._biases()
        x = self._masked(self._input_product, inputs, self.kernel, masks[0])
        x_z, x_r, x_h = _parts(x if input_bias is None else self._add_bias(x, input_bias), 3)
        if self.reset_after:
            y = self._masked(self._recurrent_product, h, self.recurrent_kernel, masks[1])
            h_z, h_r, h_h = _parts(y if recurrent_bias is None else self._add_bias(y, recurrent_bias), 3)
        else:
            h_z, h_r = self._update_and_reset(h, masks[1])
        z = self.recurrent_activation(x_z + h_z)
        r = self.recurrent_activation(x_r + h_r)
        h_h = r * h_h if self.reset_after else self._candidate(r, h, masks[1])
        new = z * h + (1.0 - z) * self.activation(x_h + h_h)
        return new, [new]

    def _update_and_reset(self, h, masks):
        kernel = self.recurrent_kernel[:, : 2 * self.units]
        return _parts(self._masked(self._recurrent_product, h, kernel, masks if not masks else masks[:2]), 2)

    def _candidate(self, r, h, masks):
        kernel = self.recurrent_kernel[:, 2 * self.units :]
        return self._masked(self._recurrent_product, r * h, kernel, masks if not masks else masks[-1:])


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
        super().__init__(**kwargs)
        self._configure(locals())

    @property
    def state_size(self):
        return (self.units, self.units)

    def _forget_slice(self):
        """Where in the bias the forget gate is."""
        return slice(self.units, 2 * self.units)

    def _bias_options(self):
        return {"initializer": self._initial_bias} if self.unit_forget_bias else {}

    def _initial_bias(self, shape, dtype=None):
        """As bias_initializer says, but for ones at the forget gate."""
        f = self._forget_slice()
        before, after = self.bias_initializer((f.start,), dtype=dtype), (shape[0] - f.stop,)
        ones = initializers.Ones()((f.stop - f.start,), dtype=dtype)
        return K.concatenate([before, ones, self.bias_initializer(after, dtype=dtype)])

    def _over_time(self, inputs, states, training):
        if not self._fusible(inputs, LSTMCell):
            return None
        kernels = self._matrix(self.kernel), self._matrix(self.recurrent_kernel)
        outputs, *states = K.lstm(self._dropped(inputs, training), *states, *kernels, self._input_bias())
        return outputs, states

    def call(self, inputs, states, training=None):
        h, c = states
        gates = self._all_gates(inputs, h, self._masks_for(inputs, states, training))
        i, f, candidate, o = _parts(gates, 4, self.feature_axis)
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
            for name in ("call", "state_size"):
                if not hasattr(cell, name):
                    raise ValueError(f"StackedRNNCells: a cell needs the attribute {name!r}, which {cell!r} lacks.")
        # Keras 2.0 and 2.1 had the states of the last cell first.
        self.reverse_state_order = kwargs.pop("reverse_state_order", False)
        super().__init__(**kwargs)
        self.cells = list(cells)

    def _in_state_order(self, items):
        return list(reversed(items)) if self.reverse_state_order else list(items)

    @property
    def state_size(self):
        """Sizes of all states."""
        return [size for cell in self._in_state_order(self.cells) for size in _sizes(cell)]

    @property
    def output_size(self):
        """Size of the last cell's output."""
        return _output_size(self.cells[-1])

    def _states_by_cell(self, states):
        states, split = list(states), []
        for cell in self._in_state_order(self.cells):
            n = len(_sizes(cell))
            split.append(states[:n])
            states = states[n:]
        return self._in_state_order(split)

    def build(self, input_shape):
        constants = input_shape[1:] if isinstance(input_shape, list) else []
        shape = input_shape[0] if isinstance(input_shape, list) else input_shape
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
        return [value for cell in self.cells if isinstance(cell, Layer) for value in cell.get_weights()]

    def set_weights(self, weights):
        """Set the values of the weights, cell by cell."""
        weights = list(weights)
        for cell in self.cells:
            if isinstance(cell, Layer):
                n = len(cell.weights)
                cell.set_weights(weights[:n])
                weights = weights[n:]

    from_config = from_config_with("cells")


def _sizes(cell):
    size = cell.state_size
    return list(size) if isinstance(size, (list, tuple)) else [size]


def _output_size(cell):
    size = getattr(cell, "output_size", None)
    return _sizes(cell)[0] if size is None else size
