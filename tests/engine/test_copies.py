"""Copies of layers, models and optimizers: copy.deepcopy and pickle."""

import copy
import pickle

import numpy as np
import pytest

from minikeras import backend as K
from minikeras import layers as L
from minikeras import optimizers
from minikeras.models import Model, Sequential
from tests.layers.harness import data, evaluate, inputs_for, randomized
from tests.layers.test_configs import each_layer


def by_pickle(thing):
    return pickle.loads(pickle.dumps(thing))


both_ways = pytest.mark.parametrize("copied", [copy.deepcopy, by_pickle], ids=["deepcopy", "pickle"])


@both_ways
@each_layer
def test_a_copied_layer_has_weights_of_its_own_with_the_same_values(layer, shape, copied):
    layer = type(layer).from_config(layer.get_config())
    array = data(*shape, low=0.0, high=2.0)
    inputs = inputs_for([array])
    outputs = layer(*inputs)
    randomized(layer)
    new = copied(layer)
    assert not new._inbound_nodes and new.name == layer.name and new.get_config() == layer.get_config()
    assert len(new.weights) == len(layer.weights) and not {*new.weights} & {*layer.weights}
    np.testing.assert_array_equal(*evaluate(inputs, [array], [outputs, new(*inputs)]))
    assert len(new.losses) == len(layer.losses)


@both_ways
def test_a_copied_layer_keeps_the_penalty_on_its_weights(copied):
    layer = L.Dense(2, kernel_regularizer="l2", input_shape=(3,))
    layer(L.Input((3,)))
    new = copied(layer)
    new.set_weights([2 * w for w in layer.get_weights()])
    np.testing.assert_allclose(K.eval(new.losses[0]), 4 * K.eval(layer.losses[0]), rtol=1e-6)
    model = Sequential([new])
    model.compile("sgd", "mse")
    assert len(model.losses) == 1


class Doubled(L.Dense):
    def call(self, inputs):
        return 2 * super().call(inputs)


def cubed(x):
    return x**3


VARIABLE = K.variable(2.0)


def own_loss(y_true, y_pred):
    return K.mean(K.abs(y_true - y_pred), axis=-1)


@both_ways
def test_a_copied_model_goes_on_alike_with_all_that_is_the_user_s(copied, backend):
    model = Sequential([Doubled(4, input_shape=(3,), activation=cubed), L.Lambda(cubed), L.Lambda(lambda x: x + 1),
                        L.Dense(2)])  # fmt: skip
    model.compile("adam", own_loss, metrics=[own_loss])
    x, y = data(4, 3), data(4, 2)
    model.train_on_batch(x, y)
    new = copied(model)
    assert isinstance(new.layers[0], Doubled) and new.layers[1].function is cubed
    for _ in range(2):
        np.testing.assert_array_equal(new.train_on_batch(x, y), model.train_on_batch(x, y))


@both_ways
def test_a_model_that_is_not_compiled_is_copied_without_a_warning(copied):
    inputs = L.Input((3,))
    model = Model(inputs, L.Dense(2)(inputs))
    x = data(2, 3)
    np.testing.assert_array_equal(copied(model).predict(x), model.predict(x))


def test_functions_without_a_name_are_copied_but_not_pickled():
    model = Sequential([L.Lambda(lambda x: x * VARIABLE, input_shape=(3,))])
    x = data(2, 3)
    np.testing.assert_array_equal(copy.deepcopy(model).predict(x), model.predict(x))
    with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
        pickle.dumps(model)


@both_ways
def test_a_copied_optimizer_has_its_arguments_and_state(copied):
    model = Sequential([L.Dense(2, input_shape=(3,))])
    model.compile(optimizers.Adam(0.01), "mse")
    model.train_on_batch(data(4, 3), data(4, 2))
    new = copied(model.optimizer)
    assert new.get_config() == model.optimizer.get_config()
    for a, b in zip(new.get_weights(), model.optimizer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    new.lr = 0.5
    assert K.get_value(model.optimizer.lr) == np.float32(0.01)


def test_a_shallow_copy_shares_the_weights():
    layer = L.Dense(2)
    layer(L.Input((3,)))
    assert copy.copy(layer).kernel is layer.kernel
