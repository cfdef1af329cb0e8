"""Layers that users write: weights of all kinds, inputs and outputs, parts, losses, metrics and updates; Lambda."""

import numpy as np
import pytest

from minikeras import backend as K
from minikeras import constraints, metrics, regularizers
from minikeras.engine.base_layer import disable_tracking
from minikeras.layers import (
    GRU,
    LSTM,
    BatchNormalization,
    Dense,
    Dropout,
    Embedding,
    Input,
    Lambda,
    Layer,
    Masking,
    TimeDistributed,
)
from minikeras.models import Model, Sequential

RNG = np.random.RandomState(0)
X = RNG.randn(6, 3).astype("float32")


# Weights


def test_add_weight_heeds_initializer_regularizer_constraint_trainable_and_dtype():
    layer = Layer(name="own")
    kernel = layer.add_weight(name="kernel", shape=(2, 3), initializer="ones", regularizer=regularizers.l2(0.5),
                              constraint="non_neg")  # fmt: skip
    steps = layer.add_weight(name="steps", shape=(), dtype="int32", trainable=False)
    assert K.get_value(kernel).tolist() == [[1, 1, 1], [1, 1, 1]]
    assert isinstance(kernel.constraint, constraints.NonNeg)
    assert K.eval(layer.losses[0]) == pytest.approx(3.0)
    assert (K.dtype(steps), K.get_value(steps)) == ("int32", 0)
    assert layer.trainable_weights == [kernel]
    assert layer.non_trainable_weights == [steps]


def test_a_constraint_holds_after_each_step(backend):
    model = Sequential([Dense(2, input_shape=(3,), kernel_constraint="non_neg", kernel_initializer="zeros")])
    model.compile("sgd", "mse")
    model.train_on_batch(X, RNG.randn(6, 2))
    kernel = model.get_weights()[0]
    assert kernel.min() == 0 < kernel.max()


def test_the_dtype_of_a_layer_is_that_of_its_weights():
    layer = Dense(2, dtype="float64")
    layer(Input((3,), dtype="float64"))
    assert {K.dtype(w) for w in layer.weights} == {"float64"}


def test_input_arguments_make_the_first_layer_of_a_sequential_model():
    for arguments, shape in [
        ({"input_shape": (4, 3)}, (None, 4, 3)),
        ({"input_shape": (4, 3), "batch_size": 5}, (5, 4, 3)),
        ({"batch_input_shape": (5, None, 3)}, (5, None, 3)),
    ]:
        assert Sequential([LSTM(2, **arguments)]).input_shape == shape
    assert Sequential([Dense(2, input_dim=3)]).input_shape == (None, 3)
    assert Sequential([Embedding(3, 2, input_length=4)]).input_shape == (None, 4)


def test_trainable_of_an_outer_layer_holds_for_its_parts():
    layer = TimeDistributed(Dense(2))
    layer(Input((4, 3)))
    layer.trainable = False
    assert not layer.trainable_weights
    assert len(layer.non_trainable_weights) == 2


def test_trainable_set_before_compile_counts_and_after_it_warns(backend):
    model = Sequential([Dense(2, input_shape=(3,)), Dense(2)])
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.train_on_batch(X, np.ones((6, 2)))
    kept = [np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert kept == [True, True, False, False]
    model.layers[0].trainable = True
    with pytest.warns(UserWarning, match="trainable weights have changed"):
        model.train_on_batch(X, np.ones((6, 2)))
    np.testing.assert_array_equal(before[0], model.get_weights()[0])
    model.compile("sgd", "mse")
    model.train_on_batch(X, np.ones((6, 2)))
    assert not np.array_equal(before[0], model.get_weights()[0])


# Several inputs and outputs


class Mixed(Layer):
    """Two inputs [., n] and [., m], two outputs: their product by way of a weight, and the second plus one."""

    def build(self, input_shape):
        assert isinstance(input_shape, list)
        (_, n), (_, m) = input_shape
        self.kernel = self.add_weight("kernel", (n, m), initializer="ones")
        super().build(input_shape)

    def call(self, inputs):
        a, b = inputs
        return [K.dot(a, self.kernel) * b, b + 1]

    def compute_output_shape(self, input_shape):
        return [input_shape[1], input_shape[1]]


def test_a_layer_has_several_inputs_and_outputs(backend):
    a, b = Input((3,)), Input((2,))
    layer = Mixed()
    product, more = layer([a, b])
    assert layer.input == [a, b]
    assert layer.output == [product, more]
    assert layer.input_shape == [(None, 3), (None, 2)]
    assert layer.output_shape == [(None, 2), (None, 2)]
    model = Model([a, b], [product, more])
    y = RNG.randn(6, 2)
    found = model.predict([X, y])
    np.testing.assert_allclose(found[0], X.sum(1, keepdims=True) * y, rtol=1e-4)
    np.testing.assert_allclose(found[1], y + 1, rtol=1e-5)
    again = Model.from_config(model.get_config(), {"Mixed": Mixed})
    assert again.output_names == model.output_names
    model.compile("sgd", "mse")
    model.train_on_batch([X, y], [y, y])


# Parts


def test_layers_put_into_a_list_or_dict_later_are_parts_and_learn(backend):
    class Stack(Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.steps, self.named, self.deep = [], {}, [[Dense(3)]]
            for _ in range(2):
                self.steps.append(Dense(3, kernel_regularizer="l2"))
            self.named["norm"] = BatchNormalization()

        def call(self, inputs):
            for layer in [*self.steps, *self.named.values(), *self.deep[0]]:
                inputs = layer(inputs)
            return inputs

    model = Sequential([Stack(input_shape=(3,))])
    assert len(model.trainable_weights) == 8
    assert len(model.losses) == len(model.updates) == 2
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.train_on_batch(X, np.ones((6, 3)))
    assert sum(not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)) >= 7


def test_a_list_of_parts_may_be_replaced():
    layer = Layer()
    layer.steps = [Dense(1), Dense(2)]
    layer.steps = [Dense(3)]
    assert layer._layers == layer.steps


def test_what_disable_tracking_marks_is_no_part():
    class Holder(Layer):
        @disable_tracking
        def hold(self, layers):
            self.held = layers

    layer = Holder()
    layer.hold([Dense(1)])
    assert layer._layers == []
    layer.kept = [Dense(1)]
    assert layer._layers == layer.kept


# Subclassed models


class Net(Model):
    """A subclass with parts in attributes and a list."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.blocks = [Dense(4, activation="relu") for _ in range(2)]
        self.norm, self.drop, self.out = BatchNormalization(), Dropout(0.5), Dense(2)

    def call(self, inputs, training=None):
        for block in self.blocks:
            inputs = block(inputs)
        return self.out(self.drop(self.norm(inputs), training=training))


def test_a_subclassed_model_is_built_by_a_shape_and_summarized():
    model = Net(name="net")
    model.build((None, 3))
    assert model.built
    assert len(model.weights) == 10
    lines = []
    model.summary(print_fn=lines.append)
    assert lines[0] == 'Model: "net"'
    assert "Total params: 62" in lines
    assert model.predict(X).shape == (6, 2)


def test_a_subclassed_model_may_make_its_layers_in_build(backend):
    class Late(Model):
        def build(self, input_shape):
            self.inner = Dense(input_shape[-1])
            super().build(input_shape)

        def call(self, inputs):
            return self.inner(inputs)

    model = Late()
    model.compile("sgd", "mse")
    model.fit(X, X, verbose=0)
    assert [w.shape for w in model.get_weights()] == [(3, 3), (3,)]
    x = Input((3,))
    assert len(Model(x, Late()(x)).weights) == 2


def test_a_subclassed_model_takes_lists_and_keeps_updates(backend):
    class Two(Model):
        def __init__(self):
            super().__init__()
            self.net, self.other = Net(), Dense(1)

        def call(self, inputs):
            a, b = inputs
            return [self.net(a), self.other(b)]

    model = Two()
    model.compile("sgd", ["mse", "mae"])
    model.fit([X, X], [X[:, :2], X[:, :1]], batch_size=3, verbose=0, validation_split=0.5)
    assert model.metrics_names == ["loss", "output_1_loss", "output_2_loss"]
    assert [p.shape for p in model.predict([X, X])] == [(6, 2), (6, 1)]
    assert len(model.updates) == 2
    assert not np.array_equal(model.net.norm.get_weights()[2], np.zeros(4))


def test_a_subclassed_model_is_a_layer_of_others(backend):
    x = Input((3,))
    model = Model(x, Net()(x))
    assert len(model.weights) == 10
    assert len(model.updates) == 2
    assert model.uses_learning_phase
    model.compile("sgd", "mse")
    model.train_on_batch(X, X[:, :2])


def test_weights_of_a_subclassed_model_go_through_a_file(tmp_path):
    pytest.importorskip("h5py")
    model, other = Net(), Net()
    model.predict(X)
    other.build((None, 3))
    model.save_weights(tmp_path / "weights.h5")
    other.load_weights(tmp_path / "weights.h5")
    np.testing.assert_allclose(model.predict(X), other.predict(X), rtol=1e-6)


# Losses, metrics, updates


@pytest.mark.parametrize("as_a_pair", [False, True])
def test_an_update_runs_once_a_training_step_and_belongs_to_its_inputs(backend, as_a_pair):
    class Counts(Layer):
        def build(self, input_shape):
            self.seen = self.add_weight("seen", (), initializer="zeros", trainable=False)
            super().build(input_shape)

        def call(self, inputs):
            more = K.cast(K.shape(inputs)[0], "float32")
            self.add_update((self.seen, self.seen + more) if as_a_pair else K.update_add(self.seen, more), inputs)
            return inputs

    x, z = Input((3,)), Input((3,))
    layer = Counts()
    model = Model(x, Dense(1)(layer(x)))
    layer(z)
    assert [len(layer.get_updates_for(t)) for t in (x, z, None)] == [1, 1, 0]
    assert len(layer.updates) == 2
    assert len(model.updates) == 1
    model.compile("sgd", "mse")
    model.fit(X, X[:, :1], batch_size=4, epochs=2, verbose=0)
    model.predict(X)
    model.evaluate(X, X[:, :1], verbose=0)
    assert K.get_value(layer.seen) == 12


def test_a_loss_of_a_layer_is_reached_from_its_inputs_only(backend):
    class Penalty(Layer):
        def call(self, inputs):
            self.add_loss(K.sum(K.abs(inputs)), inputs)
            return inputs

    x, z = Input((3,)), Input((3,))
    layer = Penalty()
    model = Model(x, layer(x))
    layer(z)
    assert layer.get_losses_for(x) == model.losses
    assert len(layer.get_losses_for(z)) == 1
    assert layer.get_losses_for(None) == []
    model.compile("sgd", "mse")
    assert model.test_on_batch(X, X) == pytest.approx(np.abs(X).sum(), rel=1e-5)


def test_metrics_of_layers_models_and_compile_are_reported_together(backend):
    class Level(Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.top = metrics.Mean(name="top")

        def call(self, inputs):
            self.add_metric(self.top(K.max(inputs)))
            self.add_metric(K.min(inputs), name="bottom")
            return inputs

    x = Input((3,))
    model = Model(x, Level()(x))
    model.add_metric(K.sum(model.output), name="sum")
    model.compile("sgd", "mse", metrics=["mae"])
    assert set(model.metrics_names) == {"loss", "mae", "top", "bottom", "sum"}
    found = dict(zip(model.metrics_names, model.test_on_batch(X, X), strict=True))
    expected = {"loss": 0, "mae": 0, "top": X.max(), "bottom": X.min(), "sum": X.sum()}
    assert found == {name: pytest.approx(value, rel=1e-4) for name, value in expected.items()}


# States


def test_states_can_be_set_and_reset(backend):
    model = Sequential([GRU(2, stateful=True, batch_input_shape=(3, 4, 3))])
    data = RNG.randn(3, 4, 3)
    first, second = model.predict_on_batch(data), model.predict_on_batch(data)
    assert not np.allclose(first, second)
    model.layers[0].reset_states(first)
    np.testing.assert_allclose(model.predict_on_batch(data), second, rtol=1e-5)
    model.reset_states()
    np.testing.assert_allclose(model.predict_on_batch(data), first, rtol=1e-5)


# Lambda


def test_a_lambda_has_arguments_an_output_shape_and_a_mask(backend):
    x = Input((4, 3))
    masked = Masking()(x)
    scaled = Lambda(lambda t, by: t * by, arguments={"by": 3.0})(x)
    summed = Lambda(lambda t: K.sum(t, axis=1), output_shape=(3,))(x)
    last = Lambda(lambda t: t[:, -1], output_shape=lambda shape: (shape[0], shape[2]))(x)
    counted = Lambda(lambda t, mask=None: K.sum(K.cast(mask, "float32"), axis=1, keepdims=True))(masked)
    kept = Lambda(lambda t: t * 2, mask=lambda inputs, mask: mask)(masked)
    both = Lambda(lambda t: [t[0] + t[1], t[0] - t[1]])([x, scaled])
    assert K.int_shape(summed) == K.int_shape(last) == (None, 3)
    assert kept._keras_history[0].output_mask is masked._keras_history[0].output_mask
    data = RNG.randn(2, 4, 3).astype("float32")
    data[0, 2:] = 0
    found = Model(x, [scaled, summed, last, counted, kept, *both]).predict(data)
    expected = [3 * data, data.sum(1), data[:, -1], [[2], [4]], 2 * data, 4 * data, -2 * data]
    for value, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-4, atol=1e-6)
