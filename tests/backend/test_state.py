"""Programs that update the same variables, whichever keeps the values, and feeds that programs cast themselves."""

import copy
import gc

import numpy as np
import pytest

from minikeras import backend as K
from minikeras.layers import Dense, Input
from minikeras.models import Model, Sequential
from minikeras.optimizers import SGD


def counters(n):
    return [K.variable(float(i)) for i in range(n)]


def adding(variables, amount):
    return K.function([], [K.sum(variables[0])], [(v, v + amount) for v in variables])


def test_programs_take_turns_at_variables_that_they_share(backend):
    a, b, c, d = counters(4)
    two, three, one = adding([a, b], 1.0), adding([b, c, d], 10.0), adding([d], 100.0)
    for turn in range(3):
        for run in (two, three, one, two):
            run([])
        assert [float(K.get_value(v)) for v in (a, b, c, d)] == [
            2.0 * (turn + 1), 1 + 12.0 * (turn + 1), 2 + 10.0 * (turn + 1), 3 + 110.0 * (turn + 1)]  # fmt: skip


def test_values_are_stored_read_and_copied_between_calls(backend):
    a, b = counters(2)
    step = adding([a, b], 1.0)
    step([])
    K.set_value(a, 5.0)
    assert float(step([])[0]) == 5.0
    clone = copy.deepcopy(b)
    step([])
    assert [float(K.get_value(v)) for v in (a, b, clone)] == [7.0, 4.0, 3.0]
    K.batch_set_value([(a, 0.0), (b, 1.0)])
    step([])
    assert K.batch_get_value([a, b]) == [1.0, 2.0]


def test_a_program_updates_variables_of_one_that_is_gone(backend):
    a, b, c = counters(3)
    adding([a, b], 1.0)([])
    gc.collect()
    assert K.batch_get_value([a, b]) == [1.0, 2.0]
    if backend == "jax":
        assert a.run is b.run is None, "a variable holds on to the memory of others"
    step = adding([b, c], 1.0)
    step([])
    step([])
    assert K.batch_get_value([a, b, c]) == [1.0, 4.0, 4.0]


def test_values_follow_to_another_backend_and_back(backend):
    other = "torch" if backend == "numpy" else "numpy"
    pytest.importorskip(other)
    a, b = counters(2)
    both, first = adding([a, b], 1.0), adding([a], 10.0)
    try:
        both([])
        K.set_backend(other)
        first([])
        K.set_backend(backend)
        both([])
        first([])
        both([])
    finally:
        K.set_backend(backend)
    assert K.batch_get_value([a, b]) == [23.0, 4.0]


def test_a_model_trains_on_after_layers_were_frozen(backend):
    x, y = np.random.RandomState(0).rand(10, 3), np.ones((10, 1))
    model = Sequential([Dense(4, input_dim=3), Dense(1)])
    model.compile(SGD(0.1, momentum=0.9), "mse")
    model.fit(x, y, batch_size=4, verbose=0)
    frozen, free = (layer.get_weights()[0] for layer in model.layers)
    model.layers[0].trainable = False
    model.compile("adam", "mse")
    before = model.evaluate(x, y, verbose=0)
    model.fit(x, y, batch_size=4, epochs=3, verbose=0)
    assert model.evaluate(x, y, verbose=0) < before
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], frozen)
    assert not np.array_equal(model.layers[1].get_weights()[0], free)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int16", "uint16", "int32", "int64", "uint64", "float64"])
@pytest.mark.parametrize("wanted", ["float32", "float64", "int32"])
def test_feeds_of_another_dtype_are_cast(backend, dtype, wanted):
    x = K.placeholder((None, 2), dtype=wanted)
    f = K.function([x], [x, x / 2 if wanted != "int32" else x])
    fed = np.array([[0, 1], [100, 3]]).astype(dtype)
    for _ in range(2):
        same, half = f([fed])
        assert same.dtype == wanted
        np.testing.assert_array_equal(same, fed.astype(wanted))
        np.testing.assert_array_equal(half, fed.astype(wanted) / (2 if wanted != "int32" else 1))


def test_large_integers_keep_their_values(backend):
    x = K.placeholder((2,), dtype="float32")
    fed = np.array([2**31 - 1, 16777217], "int32")
    np.testing.assert_array_equal(K.function([x], [x * 1.0])([fed])[0], fed.astype("float32"))
    far = np.array([2**40, 1], "int64")
    np.testing.assert_array_equal(K.function([x], [x * 1.0])([far])[0], far.astype("float32"))


def test_outputs_that_are_the_same_are_arrays_of_their_own():
    K.set_backend("numpy")
    x = Input((2,))
    y = Dense(1)(x)
    first, second = Model(x, [y, y]).predict_on_batch(np.ones((1, 2)))
    assert not np.shares_memory(first, second)


def test_a_wrong_number_of_feeds_is_named(backend):
    model = Sequential([Dense(1, input_dim=2)])
    model.compile("sgd", "mse")
    model._make_train_function()
    with pytest.raises(ValueError, match="inputs expected, got"):
        model.train_function([np.ones((1, 2)), np.ones((1, 1)), np.ones(1), np.ones(1)])
