import numpy as np
import pytest

from minikeras import backend as K
from minikeras import layers as L
from tests.layers.harness import as_list, close, data, evaluate, inputs_for, randomized, run


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def simple_step(x, states, kernel, recurrent, bias):
    h = np.tanh(x @ kernel + states[0] @ recurrent + bias)
    return h, [h]


def lstm_step(x, states, kernel, recurrent, bias):
    h, c = states
    i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    return h, [h, c]


def gru_step(x, states, kernel, recurrent, bias):
    h, n = states[0], states[0].shape[-1]
    x_z, x_r, x_h = np.split(x @ kernel + bias, 3, axis=-1)
    z = sigmoid(x_z + h @ recurrent[:, :n])
    r = sigmoid(x_r + h @ recurrent[:, n : 2 * n])
    h = z * h + (1 - z) * np.tanh(x_h + (r * h) @ recurrent[:, 2 * n :])
    return h, [h]


def gru_after_step(x, states, kernel, recurrent, bias):
    h = states[0]
    x_z, x_r, x_h = np.split(x @ kernel + bias[0], 3, axis=-1)
    h_z, h_r, h_h = np.split(h @ recurrent + bias[1], 3, axis=-1)
    z = sigmoid(x_z + h_z)
    h = z * h + (1 - z) * np.tanh(x_h + sigmoid(x_r + h_r) * h_h)
    return h, [h]


def rolled(step, x, weights, states, mask=None):
    """(outputs [batch, time, units], last states), step by step; masked steps repeat the output and keep the states."""
    outputs, last = [], np.zeros_like(states[0])
    for t in range(x.shape[1]):
        output, new = step(x[:, t], states, *weights)
        if mask is not None:
            kept = mask[:, t, None]
            output, new = np.where(kept, output, last), [np.where(kept, b, a) for a, b in zip(states, new, strict=True)]
        last, states = output, new
        outputs.append(output)
    return np.stack(outputs, 1), states


KINDS = {
    "SimpleRNN": (L.SimpleRNN, {}, simple_step, 1),
    "LSTM": (L.LSTM, {}, lstm_step, 2),
    "GRU": (L.GRU, {}, gru_step, 1),
    "GRU reset_after": (L.GRU, {"reset_after": True}, gru_after_step, 1),
}
each_kind = pytest.mark.parametrize("kind", KINDS)


def zeros(n, batch=2, units=3):
    return [np.zeros((batch, units), "float32") for _ in range(n)]


@each_kind
@pytest.mark.parametrize("unroll", [False, True])
def test_recurrent_layer_follows_its_equations(backend, kind, unroll):
    make, options, step, n = KINDS[kind]
    x = data(2, 5, 4)
    values, weights = run(make(3, return_sequences=True, return_state=True, unroll=unroll, **options), x)
    outputs, states = rolled(step, x, weights, zeros(n))
    for value, expected in zip(values, [outputs, *states], strict=True):
        close(value, expected)
    last, weights = run(make(3, unroll=unroll, **options), x)
    close(last, rolled(step, x, weights, zeros(n))[0][:, -1])


@each_kind
def test_go_backwards_starts_from_the_last_step(backend, kind):
    make, options, step, n = KINDS[kind]
    x = data(2, 4, 4)
    y, weights = run(make(3, return_sequences=True, go_backwards=True, **options), x)
    close(y, rolled(step, x[:, ::-1], weights, zeros(n))[0])


@each_kind
def test_masked_steps_keep_the_states_and_repeat_the_output(backend, kind):
    make, options, step, n = KINDS[kind]
    x = data(2, 5, 4)
    x[0, 2:4], x[1, 0] = 0.0, 0.0
    (given,) = inputs_for([x])
    layer = make(3, return_sequences=True, return_state=True, **options)
    outputs = layer(L.Masking()(given))
    weights = randomized(layer)
    values = evaluate([given], [x], outputs)
    expected, states = rolled(step, x, weights, zeros(n), mask=(x != 0).any(-1))
    for value, array in zip(values, [expected, *states], strict=True):
        close(value, array)


@each_kind
def test_initial_states_come_as_argument_or_in_the_list(backend, kind):
    make, options, step, n = KINDS[kind]
    arrays = [data(2, 4, 4), *(data(2, 3) for _ in range(n))]
    y, weights = run(make(3, **options), *arrays)
    close(y, rolled(step, arrays[0], weights, arrays[1:])[0][:, -1])
    inputs = inputs_for(arrays)
    layer = make(3, **options)
    output = layer(inputs[0], initial_state=inputs[1:])
    layer.set_weights(weights)
    close(evaluate(inputs, arrays, [output])[0], y)


def test_initial_states_of_the_wrong_number_or_size_are_refused():
    x, h = L.Input(shape=(4, 2)), L.Input(shape=(3,))
    with pytest.raises(ValueError, match="has 2 states, but got 1"):
        L.LSTM(3)(x, initial_state=[h])
    with pytest.raises(ValueError, match="initial states should have shapes"):
        L.GRU(5)(x, initial_state=h)


@each_kind
def test_stateful_layer_goes_on_from_the_last_batch_until_reset(backend, kind):
    make, options, step, n = KINDS[kind]
    x = data(2, 3, 4)
    (given,) = inputs_for([x], batch=2)
    layer = make(3, stateful=True, **options)
    output = layer(given)
    weights = randomized(layer)
    f = K.function([given], [output], updates=layer.updates)
    first, states = rolled(step, x, weights, zeros(n))
    second, _ = rolled(step, x, weights, states)
    close(f([x])[0], first[:, -1])
    close(f([x])[0], second[:, -1])
    layer.reset_states()
    close(f([x])[0], first[:, -1])
    layer.reset_states(states)
    close(f([x])[0], second[:, -1])


def test_stateful_layer_needs_a_batch_size():
    with pytest.raises(ValueError, match="has to know its batch size"):
        L.LSTM(3, stateful=True)(L.Input(shape=(4, 2)))
    with pytest.raises(AttributeError, match="stateful=True"):
        L.LSTM(3).reset_states()


def test_unroll_needs_a_known_number_of_steps():
    with pytest.raises(ValueError, match="known number of time steps"):
        L.LSTM(3, unroll=True)(L.Input(shape=(None, 2)))


@pytest.mark.parametrize("make", [L.LSTM, L.GRU])
def test_both_implementations_compute_the_same(backend, make):
    x = data(2, 4, 3)
    y, weights = run(make(3, implementation=1), x)
    (given,) = inputs_for([x])
    layer = make(3, implementation=2)
    output = layer(given)
    layer.set_weights(weights)
    close(evaluate([given], [x], [output])[0], y)


@pytest.mark.parametrize("implementation", [1, 2])
@pytest.mark.parametrize("make", [L.SimpleRNN, L.GRU, L.LSTM])
def test_dropout_acts_in_training_only_and_differs_from_draw_to_draw(backend, make, implementation):
    x = data(8, 4, 6)
    options = {} if make is L.SimpleRNN else {"implementation": implementation}
    (given,) = inputs_for([x])
    output = make(5, dropout=0.4, recurrent_dropout=0.4, **options)(given)
    f = K.function([given, K.learning_phase()], [output])
    close(f([x, 0])[0], f([x, 0])[0])
    assert not np.allclose(f([x, 1])[0], f([x, 1])[0])


@pytest.mark.parametrize("unroll", [False, True])
@pytest.mark.parametrize("wrap", [False, True])
def test_dropout_mask_is_constant_along_time(backend, unroll, wrap):
    # A linear cell with identity kernel and no recurrence hands its masked input through.
    x = np.ones((3, 5, 40), "float32")
    cell = L.SimpleRNNCell(40, "linear", kernel_initializer="identity", recurrent_initializer="zeros", dropout=0.5)
    layer = L.RNN([cell] if wrap else cell, return_sequences=True, unroll=unroll)
    (given,) = inputs_for([x])
    y = evaluate([given], [x], [layer(given)], training=1)[0]
    assert sorted(np.unique(y)) == [0.0, 2.0]
    assert (y == y[:, :1]).all()


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_conv_lstm_dropout_acts_in_training_only(backend, data_format):
    x = data(2, 3, 4, 4, 4)
    (given,) = inputs_for([x])
    output = L.ConvLSTM2D(3, 2, dropout=0.5, recurrent_dropout=0.5, data_format=data_format)(given)
    f = K.function([given, K.learning_phase()], [output])
    close(f([x, 0])[0], f([x, 0])[0])
    assert not np.allclose(f([x, 1])[0], f([x, 1])[0])


def test_stacked_cells_draw_masks_of_their_own_sizes(backend):
    x = data(4, 3, 6)
    (given,) = inputs_for([x])
    half = {"dropout": 0.5, "recurrent_dropout": 0.5}
    cells = [L.LSTMCell(3, **half), L.GRUCell(5, **half), L.SimpleRNNCell(2, **half)]
    output = L.RNN(cells)(given)
    f = K.function([given, K.learning_phase()], [output])
    close(f([x, 0])[0], f([x, 0])[0])
    assert not np.allclose(f([x, 1])[0], f([x, 1])[0])


def test_stacked_cells_are_layers_one_upon_the_other(backend):
    x = data(2, 4, 3)
    y, weights = run(L.RNN([L.LSTMCell(3), L.GRUCell(3)]), x)
    below, _ = rolled(lstm_step, x, weights[:3], zeros(2))
    close(y, rolled(gru_step, below, weights[3:], zeros(1))[0][:, -1])


class ScaledSum(L.Layer):
    """A cell with one state that adds up inputs times a constant, and outputs twice that."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def call(self, inputs, states, constants=None):
        total = states[0] + inputs * constants[0]
        return 2.0 * total, [total]


def test_constants_reach_the_cell_at_each_step(backend):
    x, c = data(2, 4, 3), data(2, 3)
    inputs = inputs_for([x, c])
    layer = L.RNN(ScaledSum(3))
    output = layer(inputs[0], constants=inputs[1])
    close(evaluate(inputs, [x, c], [output])[0], 2 * (x.sum(1) * c))
    assert layer.get_config()["num_constants"] == 1
    copy = L.RNN.from_config(layer.get_config(), custom_objects={"ScaledSum": ScaledSum})
    close(evaluate(inputs, [x, c], [copy(inputs)])[0], 2 * (x.sum(1) * c))


def test_gradients_flow_through_time_to_all_weights(backend):
    x = data(2, 4, 3)
    (given,) = inputs_for([x])
    layer = L.LSTM(3)
    grads = K.gradients(K.sum(layer(given)), [given, *layer.weights])
    assert all(np.abs(g).max() > 0 for g in evaluate([given], [x], grads))


def test_forget_bias_starts_at_one():
    layer = L.LSTM(2)
    layer(L.Input(shape=(3, 2)))
    assert layer.get_weights()[2].tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    layer = L.CuDNNLSTM(2)
    layer(L.Input(shape=(3, 2)))
    assert np.nonzero(layer.get_weights()[2])[0].tolist() == [10, 11]


def test_layers_show_the_attributes_of_their_cell():
    layer = L.GRU(7, dropout=0.25, reset_after=True, kernel_regularizer="l2")
    assert (layer.units, layer.dropout, layer.reset_after) == (7, 0.25, True)
    assert layer.kernel_regularizer is layer.cell.kernel_regularizer


def as_cudnn_reads(kernel, gates):
    """The kernel [inputs, gates * units] whose memory cuDNN takes for that of each gate's [units, inputs]."""
    return np.concatenate([k.reshape(k.shape[::-1]).T for k in np.split(kernel, gates, 1)], axis=1)


def test_cudnn_layers_are_other_layouts_of_the_same_functions(backend):
    x = data(2, 4, 5)
    y, (*kernels, bias) = run(L.CuDNNLSTM(3), x)
    kernels = [as_cudnn_reads(k, 4) for k in kernels]
    close(y, rolled(lstm_step, x, (*kernels, bias[:12] + bias[12:]), zeros(2))[0][:, -1])
    y, (*kernels, bias) = run(L.CuDNNGRU(3), x)
    kernels = [as_cudnn_reads(k, 3) for k in kernels]
    close(y, rolled(gru_after_step, x, (*kernels, bias.reshape(2, -1)), zeros(1))[0][:, -1])


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_conv_lstm_on_1x1_images_is_an_lstm(backend, data_format):
    x = data(2, 4, 3)
    images = x[:, :, None, None] if data_format == "channels_last" else x[..., None, None]
    layer = L.ConvLSTM2D(3, 1, recurrent_activation="sigmoid", data_format=data_format)
    y, (kernel, recurrent, bias) = run(layer, images)
    expected, _ = rolled(lstm_step, x, (kernel[0, 0], recurrent[0, 0], bias), zeros(2))
    close(y.reshape(2, 3), expected[:, -1])


def test_conv_lstm_takes_initial_states_and_is_stateful(backend):
    x = data(2, 3, 4, 4, 1)
    (given,) = inputs_for([x], batch=2)
    layer = L.ConvLSTM2D(2, 2, stateful=True, return_state=True)
    outputs = layer(given)
    f = K.function([given], as_list(outputs), updates=layer.updates)
    first, second = f([x]), f([x])
    assert not np.allclose(first[0], second[0])
    plain = L.ConvLSTM2D(2, 2)
    again = plain(given, initial_state=[K.constant(s) for s in first[1:]])
    plain.set_weights(layer.get_weights())
    close(K.function([given], [again])([x])[0], second[0])


def test_rnn_refuses_a_cell_without_state_size():
    with pytest.raises(ValueError, match="state_size"):
        L.RNN(L.Dense(3))
