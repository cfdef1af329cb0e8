import numpy as np
import pytest

from minikeras import backend as K
from minikeras import layers as L
from tests.layers.harness import as_list, close, data, evaluate, inputs_for, randomized, run


@pytest.mark.parametrize("batch", [None, 2])
def test_time_distributed_applies_the_layer_to_each_step(backend, batch):
    x = data(2, 3, 4)
    y, (kernel, bias) = run(L.TimeDistributed(L.Dense(5)), x, batch=batch)
    close(y, x @ kernel + bias)


def test_time_distributed_works_on_images_and_unknown_lengths(backend):
    x = data(2, 3, 4, 4, 1)
    given = L.Input(shape=(None, 4, 4, 1))
    y = L.TimeDistributed(L.MaxPooling2D())(given)
    assert K.int_shape(y) == (None, None, 2, 2, 1)
    (value,) = K.function([given], [y])([x])
    close(value, x.reshape(2, 3, 2, 2, 2, 2, 1).max((3, 5)))


def test_time_distributed_can_be_nested(backend):
    x = data(2, 3, 2, 4)
    y, (kernel, bias) = run(L.TimeDistributed(L.TimeDistributed(L.Dense(5))), x)
    close(y, x @ kernel + bias)


def test_time_distributed_hands_on_losses_updates_and_trainable():
    layer = L.TimeDistributed(L.BatchNormalization())
    layer(L.Input(shape=(3, 4)))
    assert len(layer.updates) == 2
    layer.trainable = False
    assert layer.trainable_weights == []
    assert len(layer.non_trainable_weights) == 4
    layer = L.TimeDistributed(L.Dense(2, kernel_regularizer="l2"))
    layer(L.Input(shape=(3, 4)))
    assert len(layer.losses) == 1


def test_time_distributed_keeps_the_mask_over_time(backend):
    x = data(2, 3, 4)
    x[0, 1] = 0.0
    (given,) = inputs_for([x])
    layer = L.TimeDistributed(L.Dense(2))
    layer(L.Masking()(given))
    assert (evaluate([given], [x], [layer.output_mask])[0] == (x != 0).any(-1)).all()


def test_time_distributed_gives_the_inner_layer_its_steps_masks(backend):
    x = np.array([[[1, 2, 0], [3, 0, 0]], [[0, 4, 5], [1, 1, 1]]], "int32")
    given = L.Input(shape=(2, 3), dtype="int32")
    inner = L.LSTM(3)
    embedded = L.TimeDistributed(L.Embedding(6, 4, mask_zero=True))(given)
    y = L.TimeDistributed(inner)(embedded)
    flat = L.Input(shape=(3,), dtype="int32")
    table = L.Embedding(6, 4, mask_zero=True)
    single = L.LSTM(3)
    z = single(table(flat))
    table.set_weights([K.get_value(embedded._keras_history[0].weights[0])])
    single.set_weights(inner.get_weights())
    (value,) = K.function([given], [y])([x])
    close(value.reshape(4, 3), K.function([flat], [z])([x.reshape(4, 3)])[0])


def two_directions(merge, **options):
    """A Bidirectional layer and the two layers it stands for, with the same weights, on one input."""
    x = data(2, 4, 3)
    (given,) = inputs_for([x])
    layer = L.Bidirectional(L.GRU(3, **options), merge_mode=merge)
    both = as_list(layer(given))
    weights = randomized(layer)
    forward, backward = L.GRU(3, **options), L.GRU(3, go_backwards=True, **options)
    single = [*as_list(forward(given)), *as_list(backward(given))]
    forward.set_weights(weights[:3])
    backward.set_weights(weights[3:])
    values = evaluate([given], [x], [*both, *single])
    return values[: len(both)], values[len(both) :]


MERGES = {"sum": np.add, "mul": np.multiply, "ave": lambda a, b: (a + b) / 2,
          "concat": lambda a, b: np.concatenate([a, b], -1)}  # fmt: skip


@pytest.mark.parametrize("merge", MERGES)
def test_bidirectional_merges_both_directions(backend, merge):
    (y,), (a, b) = two_directions(merge)
    close(y, MERGES[merge](a, b))
    (y,), (a, b) = two_directions(merge, return_sequences=True)
    close(y, MERGES[merge](a, b[:, ::-1]))


def test_bidirectional_without_merge_gives_both_outputs(backend):
    (y, z), (a, b) = two_directions(None)
    close(y, a)
    close(z, b)


def test_bidirectional_gives_the_states_of_both(backend):
    (y, h, g), (a, h0, b, g0) = two_directions("concat", return_state=True)
    close(y, np.concatenate([a, b], -1))
    close(h, h0)
    close(g, g0)


def test_bidirectional_takes_initial_states_for_both(backend):
    x, states = data(2, 3, 4), [data(2, 3) for _ in range(4)]
    y, weights = run(L.Bidirectional(L.LSTM(3)), x, *states)
    inputs = inputs_for([x, *states])
    layer = L.Bidirectional(L.LSTM(3))
    output = layer(inputs[0], initial_state=inputs[1:])
    layer.set_weights(weights)
    close(evaluate(inputs, [x, *states], [output])[0], y)
    with pytest.raises(ValueError, match="as many for the backward one"):
        L.Bidirectional(L.LSTM(3))(inputs[0], initial_state=inputs[1:4])


class Accumulator(L.Layer):
    """A cell that adds up inputs times a constant."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def call(self, inputs, states, constants=None):
        total = states[0] + inputs * constants[0]
        return total, [total]


def test_bidirectional_hands_constants_to_both_layers(backend):
    x, c = data(2, 4, 3), data(2, 3)
    inputs = inputs_for([x, c])
    layer = L.Bidirectional(L.RNN(Accumulator(3)), merge_mode="sum")
    output = layer(inputs[0], constants=inputs[1])
    copy = L.Bidirectional.from_config(layer.get_config(), custom_objects={"Accumulator": Accumulator})
    for value in evaluate(inputs, [x, c], [output, copy(inputs)]):
        close(value, 2 * x.sum(1) * c)


def test_time_distributed_takes_a_model(backend):
    from minikeras.models import Sequential

    x = data(2, 3, 4, 4, 1)
    model = Sequential([L.Conv2D(2, 2, input_shape=(4, 4, 1)), L.Flatten(), L.Dense(3)])
    y, weights = run(L.TimeDistributed(model), x)
    close(y.reshape(6, 3), model.predict(x.reshape(6, 4, 4, 1)))
    assert len(weights) == 4


def test_bidirectional_masks_and_shapes():
    x = L.Masking()(L.Input(shape=(4, 3)))
    layer = L.Bidirectional(L.LSTM(2, return_sequences=True, return_state=True), merge_mode=None)
    outputs = layer(x)
    assert len(outputs) == 6
    assert [m is None for m in layer.output_mask] == [False, False, True, True, True, True]


def test_bidirectional_weights_are_named_after_their_direction():
    layer = L.Bidirectional(L.LSTM(2, name="inner"), name="both")
    layer(L.Input(shape=(4, 3)))
    assert layer.weights[0].name == "both/forward_inner/kernel:0"
    assert layer.weights[3].name == "both/backward_inner/kernel:0"
    assert len(layer.weights) == 6


def test_bidirectional_trainable_holds_for_both_layers():
    layer = L.Bidirectional(L.LSTM(2))
    layer(L.Input(shape=(4, 3)))
    layer.trainable = False
    assert layer.trainable_weights == []
    assert len(layer.non_trainable_weights) == 6
    layer.trainable = True
    assert len(layer.trainable_weights) == 6


def test_bidirectional_stateful_layer_can_be_reset(backend):
    x = data(2, 3, 4)
    (given,) = inputs_for([x], batch=2)
    layer = L.Bidirectional(L.GRU(3, stateful=True))
    f = K.function([given], [layer(given)], updates=layer.updates)
    first, second = f([x])[0], f([x])[0]
    assert not np.allclose(first, second)
    layer.reset_states()
    close(f([x])[0], first)


def test_bidirectional_carries_states_in_training_but_not_in_prediction(backend):
    from minikeras.models import Model
    from minikeras.optimizers import SGD

    x = data(2, 3, 4)
    (given,) = inputs_for([x], batch=2)
    model = Model(given, L.Bidirectional(L.GRU(3, stateful=True))(given))
    model.compile(SGD(lr=0.0), "mse")
    first = model.predict(x, batch_size=2)
    close(model.predict(x, batch_size=2), first)
    model.train_on_batch(x, np.zeros_like(first))
    assert not np.allclose(model.predict(x, batch_size=2), first)
    model.reset_states()
    close(model.predict(x, batch_size=2), first)


def test_bidirectional_takes_initial_weights():
    weights = [data(3, 2), data(2, 2), data(2), data(3, 2), data(2, 2), data(2)]
    layer = L.Bidirectional(L.SimpleRNN(2), weights=weights)
    layer(L.Input(shape=(4, 3)))
    for value, weight in zip(layer.get_weights(), weights, strict=True):
        close(value, weight)


def test_bidirectional_refuses_an_unknown_merge_mode():
    with pytest.raises(ValueError, match="merge_mode"):
        L.Bidirectional(L.LSTM(2), merge_mode="max")


def test_wrapper_needs_a_layer():
    with pytest.raises(TypeError, match="wraps a layer"):
        L.TimeDistributed("dense")


def test_the_losses_are_those_of_the_inner_layers_in_order():
    x = L.Input((4, 3))
    layer = L.Dense(2, kernel_regularizer="l2", activity_regularizer="l1")
    wrapper = L.TimeDistributed(layer)
    wrapper(x)
    assert wrapper.losses == layer.losses
    both = L.Bidirectional(L.GRU(2, kernel_regularizer="l2"))
    both(x)
    assert both.losses == both.forward_layer.losses + both.backward_layer.losses
    gru = L.GRU(2, kernel_regularizer="l2", activity_regularizer="l1")
    gru(x)
    assert gru.losses == [*gru.cell.losses, *gru._losses]
    assert [len(both.losses), len(gru.losses)] == [2, 2]
