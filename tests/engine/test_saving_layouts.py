"""Weights of older versions, other backends and other layers in the layout that a layer wants."""
import types

import numpy as np
import pytest

from minikeras import backend as K
from minikeras.engine.saving import preprocess_weights_for_loading
from minikeras.engine.saving_training import fit_optimizer_state, slots_together
from minikeras.layers import (
    GRU,
    LSTM,
    Bidirectional,
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    ConvLSTM2D,
    CuDNNGRU,
    CuDNNLSTM,
    Dense,
    Input,
    TimeDistributed,
)
from minikeras.models import Model, Sequential


def built(layer, *shape):
    layer.build((None, *shape))
    return layer


def random(*shape):
    return np.random.normal(size=shape).astype("float32")


def test_weights_of_today_come_back_as_they_are():
    weights = [random(3, 3, 2, 4), random(4)]
    for given, got in zip(weights, preprocess_weights_for_loading(built(Conv2D(4, 3), 8, 8, 2), weights, "2.3.1",
                                                                  "tensorflow"), strict=True):
        assert given is got


@pytest.mark.parametrize(("layer", "shape", "old"), [
    (Conv1D(4, 3), (8, 2), lambda k: k.transpose(2, 1, 0)[..., None]),
    (Conv1D(4, 3), (8, 2), lambda k: k[:, None]),
    (Conv2D(4, (3, 2), data_format="channels_first"), (2, 8, 8), lambda k: k.transpose(3, 2, 0, 1)),
    (Conv2D(4, (3, 2)), (8, 8, 2), lambda k: k),
    (Conv2DTranspose(4, (3, 2), data_format="channels_first"), (2, 8, 8), lambda k: k.transpose(2, 3, 0, 1)),
    (Conv2DTranspose(4, (3, 2)), (8, 8, 2), lambda k: k.transpose(0, 1, 3, 2)),
    (Conv3D(4, (3, 2, 1), data_format="channels_first"), (2, 8, 8, 8), lambda k: k.transpose(4, 3, 0, 1, 2)),
], ids=lambda v: type(v).__name__ if hasattr(v, "build") else "")
def test_kernels_of_keras_1(layer, shape, old):
    kernel = random(*K.int_shape(built(layer, *shape).weights[0]))
    got = preprocess_weights_for_loading(layer, [old(kernel), random(4)], "1")
    np.testing.assert_array_equal(got[0], kernel)


def test_gates_of_keras_1_are_joined():
    # Keras 1 had W, U, b for each gate: z, r, h in a GRU; i, c, f, o in an LSTM.
    gates = [np.full(shape, g) for g in range(4) for shape in ((3, 2), (2, 2), (2,))]
    gru = preprocess_weights_for_loading(built(GRU(2), 5, 3), gates[:9], "1")
    np.testing.assert_array_equal(gru[0][0], [0, 0, 1, 1, 2, 2])
    lstm = preprocess_weights_for_loading(built(LSTM(2), 5, 3), gates, "1")
    for part in lstm:
        np.testing.assert_array_equal(np.atleast_2d(part)[0], [0, 0, 2, 2, 1, 1, 3, 3])


def test_kernels_of_theano_are_turned_round():
    layer = built(Conv2D(4, 3), 8, 8, 2)
    kernel = random(3, 3, 2, 4)
    np.testing.assert_array_equal(preprocess_weights_for_loading(layer, [kernel], "2.0.0", "theano")[0],
                                  kernel[::-1, ::-1])
    recurrent = built(ConvLSTM2D(4, 3), 5, 8, 8, 2)
    kernels = [random(*K.int_shape(w)) for w in recurrent.weights]
    got = preprocess_weights_for_loading(recurrent, kernels, "2.0.0", "theano")
    np.testing.assert_array_equal(got[1], kernels[1][::-1, ::-1])
    np.testing.assert_array_equal(got[2], kernels[2])


def test_reshape_gives_a_kernel_the_wanted_shape_or_says_why_not():
    layer = built(Conv2D(4, 1, use_bias=False), 8, 8, 2)
    assert preprocess_weights_for_loading(layer, [random(2, 4)], "2.3.1", reshape=True)[0].shape == (1, 1, 2, 4)
    with pytest.raises(ValueError, match=r"\(3, 4\) cannot be reshaped to \(1, 1, 2, 4\)"):
        preprocess_weights_for_loading(layer, [random(3, 4)], "2.3.1", reshape=True)


def test_wrappers_and_nested_models_convert_their_layers():
    kernel, bias = random(3, 3, 2, 4), random(4)
    wrapped = TimeDistributed(Conv2D(4, 3))
    wrapped.build((None, 5, 8, 8, 2))
    turned = kernel[::-1, ::-1]
    np.testing.assert_array_equal(preprocess_weights_for_loading(wrapped, [kernel, bias], "2", "theano")[0], turned)
    model = Sequential([Conv2D(4, 3, input_shape=(8, 8, 2)), Conv2D(4, 3, trainable=False)])
    # All trainable weights come first, those of the second layer last.
    second = [random(3, 3, 4, 4), random(4)]
    got = preprocess_weights_for_loading(model, [kernel, bias, *second], "2", "theano")
    np.testing.assert_array_equal(got[0], turned)
    np.testing.assert_array_equal(got[2], second[0][::-1, ::-1])
    assert got[3] is second[1]


def with_weights(layer, weights, x):
    inputs = Input(x.shape[1:])
    model = Model(inputs, layer(inputs))
    layer.set_weights(weights)
    return model.predict(x)


@pytest.mark.parametrize(("cudnn", "plain"), [(CuDNNLSTM, LSTM), (CuDNNGRU, lambda n: GRU(n, reset_after=True))])
def test_weights_of_cudnn_give_the_same_in_the_plain_layer_and_come_back(cudnn, plain, backend):
    x = random(2, 4, 3)
    fused, layer = built(cudnn(5), 4, 3), built(plain(5), 4, 3)
    weights = [random(*K.int_shape(w)) for w in fused.weights]
    converted = preprocess_weights_for_loading(layer, weights, "2.3.1", "tensorflow")
    np.testing.assert_allclose(with_weights(plain(5), converted, x), with_weights(cudnn(5), weights, x), atol=1e-5)
    back = preprocess_weights_for_loading(fused, converted, "2.3.1", "tensorflow")
    np.testing.assert_array_equal(back[0], weights[0])
    np.testing.assert_array_equal(back[1], weights[1])
    np.testing.assert_allclose(back[2].reshape(2, -1).sum(0), weights[2].reshape(2, -1).sum(0), rtol=1e-6)


def test_cudnn_weights_are_the_memory_of_matrices_of_units_by_inputs():
    weights = [np.arange(24.0).reshape(3, 8), np.arange(16.0).reshape(2, 8), np.zeros(16)]
    kernel, recurrent, _ = preprocess_weights_for_loading(built(LSTM(2), 4, 3), weights)
    # The first gate's kernel is [[0, 1], [8, 9], [16, 17]] in the file: its memory, as 2 rows of 3.
    np.testing.assert_array_equal(kernel[:, :2].T, [[0, 1, 8], [9, 16, 17]])
    np.testing.assert_array_equal(recurrent[:, :2].T, [[0, 1], [8, 9]])


def test_bidirectional_layers_convert_both_directions():
    fused, layer = Bidirectional(CuDNNLSTM(2)), Bidirectional(LSTM(2))
    for wrapper in (fused, layer):
        wrapper.build((None, 4, 3))
    weights = [random(*K.int_shape(w)) for w in fused.weights]
    got = preprocess_weights_for_loading(layer, weights)
    assert [w.shape for w in got] == [tuple(K.int_shape(w)) for w in layer.weights]


def test_a_gru_that_cannot_take_the_weights_says_why():
    weights = [random(3, 6), random(2, 6), random(12)]
    with pytest.raises(ValueError, match="CuDNNGRU is not compatible with GRU\\(reset_after=False\\)"):
        preprocess_weights_for_loading(built(GRU(2), 4, 3), weights)


def test_layers_of_other_kinds_keep_what_they_get():
    weights = [random(3, 4), random(4)]
    assert preprocess_weights_for_loading(built(Dense(4), 3), weights, "1", "theano") == weights


# ---- the state of optimizers

def test_slots_of_tf_keras_are_put_in_a_row_and_others_left():
    slots = [f"Adam/{slot}/dense/{weight}:0" for weight in ("kernel", "bias") for slot in "mv"]
    names = ["iteration:0", "learning_rate:0", *slots]
    assert slots_together(names) == ["iteration:0", "Adam/m/dense/kernel:0", "Adam/m/dense/bias:0",
                                     "Adam/v/dense/kernel:0", "Adam/v/dense/bias:0"]
    for kept in (["Adam/iterations:0", "training/Adam/m_0:0", "training/Adam/v_0:0"],
                 ["Adam/iter:0", "Adam/dense/kernel/m:0", "Adam/dense/kernel/v:0"], ["SGD/iterations:0"]):
        assert slots_together(kept) == kept


def optimizer_with(*shapes):
    return types.SimpleNamespace(_late_weight=(0, 0), slots=(), weights=[K.variable(np.full(s, 7.0)) for s in shapes])


def test_a_state_without_the_step_count_gets_that_of_a_new_optimizer():
    state = fit_optimizer_state([np.ones((2, 3))], optimizer_with((), (2, 3)))
    assert [np.shape(a) for a in state] == [(), (2, 3)]
    assert state[0] == 7


def test_a_state_without_vhats_is_filled_up():
    state = fit_optimizer_state([np.ones(()), np.ones(3)], optimizer_with((), (3,), (1,)))
    assert [np.shape(a) for a in state] == [(), (3,), (1,)]


def test_a_state_of_other_shapes_is_left_for_the_optimizer_to_refuse():
    state = [np.ones(()), np.ones(4)]
    assert fit_optimizer_state(state, optimizer_with((), (3,), (1,))) is state
