import numpy as np
import pytest

from minikeras import backend as K
from minikeras.layers import Conv1D, Conv2D, Input
from minikeras.legacy.layers import (
    AtrousConvolution1D,
    AtrousConvolution2D,
    ConvRecurrent2D,
    Highway,
    InputSpec,
    MaxoutDense,
    Recurrent,
)
from minikeras.models import Sequential
from tests.layers.harness import data, run


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_highway_passes_a_share_of_its_input(backend):
    x = data(4, 3)
    y, (w, w_carry, b, b_carry) = run(Highway(activation="tanh"), x)
    t = sigmoid(x @ w_carry + b_carry)
    np.testing.assert_allclose(y, t * np.tanh(x @ w + b) + (1 - t) * x, rtol=1e-5)


def test_maxout_is_the_largest_of_affine_maps(backend):
    x = data(4, 3)
    y, (w, b) = run(MaxoutDense(2, nb_feature=3), x)
    np.testing.assert_allclose(y, (np.einsum("bi,kio->bko", x, w) + b).max(1), rtol=1e-5)
    y, (w,) = run(MaxoutDense(2, bias=False), x)
    np.testing.assert_allclose(y, np.einsum("bi,kio->bko", x, w).max(1), rtol=1e-5)


def test_atrous_convolutions_are_dilated_ones():
    layer = AtrousConvolution2D(4, (3, 3), atrous_rate=(2, 2), name="c")
    assert layer.get_config() == Conv2D(4, (3, 3), dilation_rate=(2, 2), name="c").get_config()
    layer = AtrousConvolution1D(4, 3, atrous_rate=2, name="c")
    assert layer.get_config() == Conv1D(4, 3, dilation_rate=2, name="c").get_config()


class Decay(Recurrent):
    """h' = rate * h + x . w, with the rate as a constant."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units, self.states = units, [None]

    def build(self, input_shape):
        self.w = self.add_weight(name="w", shape=(input_shape[2], self.units))
        self.built = True
        self.input_spec[0] = InputSpec(shape=(input_shape[0], None, input_shape[2]))
        if self.stateful:
            self.reset_states()

    def get_constants(self, inputs, training=None):
        return [K.constant(0.5)]

    def preprocess_input(self, inputs, training=None):
        return 2.0 * inputs

    def step(self, inputs, states):
        h = states[1] * states[0] + K.dot(inputs, self.w)
        return h, [h]


def decayed(x, w):
    h, all_h = 0, []
    for t in range(x.shape[1]):
        h = 0.5 * h + 2 * x[:, t] @ w
        all_h.append(h)
    return np.stack(all_h, 1)


def test_a_recurrent_layer_may_be_its_own_cell(backend):
    x = data(4, 5, 3)
    y, (w,) = run(Decay(2, return_sequences=True), x)
    np.testing.assert_allclose(y, decayed(x, w), rtol=1e-5)
    (last, state), (w,) = run(Decay(2, return_state=True, unroll=True), x)
    np.testing.assert_allclose(last, decayed(x, w)[:, -1], rtol=1e-5)
    np.testing.assert_allclose(state, last)
    assert Decay(2, go_backwards=True, name="d").get_config()["go_backwards"]


class Blur(ConvRecurrent2D):
    def __init__(self, filters, kernel_size, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        self.states = [None]

    def build(self, input_shape):
        self.w = self.add_weight(name="w", shape=(*self.kernel_size, input_shape[-1], self.filters))
        self.built = True

    def step(self, inputs, states):
        h = 0.5 * states[0] + K.conv2d(inputs, self.w, padding=self.padding)
        return h, [h]


def test_a_recurrent_layer_over_images_may_be_its_own_cell(backend):
    x = data(2, 3, 5, 5, 1)
    y, (w,) = run(Blur(2, 2, return_sequences=True), x)
    assert y.shape == (2, 3, 4, 4, 2)
    first = K.eval(K.conv2d(K.constant(x[:, 0]), K.constant(w)))
    np.testing.assert_allclose(y[:, 0], first, rtol=1e-4, atol=1e-6)
    second = K.eval(K.conv2d(K.constant(x[:, 1]), K.constant(w)))
    np.testing.assert_allclose(y[:, 1], 0.5 * first + second, rtol=1e-4, atol=1e-6)


def test_a_stateful_one_goes_on_where_it_was():
    model = Sequential([Decay(2, stateful=True, batch_input_shape=(4, 5, 3))])
    x = data(4, 5, 3)
    w = model.get_weights()[0]
    model.predict_on_batch(x)
    both = decayed(np.concatenate([x, x], 1), w)[:, -1]
    np.testing.assert_allclose(model.predict_on_batch(x), both, rtol=1e-5)
    model.reset_states()
    np.testing.assert_allclose(model.predict_on_batch(x), decayed(x, w)[:, -1], rtol=1e-5)


def test_a_base_without_a_step_says_so():
    layer = Recurrent()
    layer.units = 2
    with pytest.raises(NotImplementedError, match="step"):
        layer(Input((3, 2)))
