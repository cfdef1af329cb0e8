"""Many threads that predict while one trains, and many models made and dropped.

The long form, 64 threads of 1,000 calls and 500 models, runs where MINIKERAS_LONG is set: `nox -s soak`.
"""

import gc
import os
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from minikeras import backend as K
from minikeras.layers import GRU, LSTM, BatchNormalization, Conv2D, Dense, Dropout, Flatten, Input
from minikeras.models import Model, Sequential

LONG = bool(os.environ.get("MINIKERAS_LONG"))
THREADS, CALLS = (64, 1000) if LONG else (16, 6)


def classifier(name):
    model = Sequential([Dense(16, activation="relu", input_shape=(8,)), BatchNormalization(), Dropout(0.5),
                        Dense(4, activation="softmax")], name=name)  # fmt: skip
    model.compile("adam", "categorical_crossentropy", metrics=["acc"])
    return model


def recurrent(name):
    model = Sequential([LSTM(4, input_shape=(5, 3)), Dense(2)], name=name)
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("first_call", ["alone", "in the threads"])
def test_threads_predict_on_one_and_on_several_models_while_another_trains(first_call, backend):
    models = [classifier("a"), recurrent("b"), classifier("c")]
    data = [np.random.rand(16, *shape).astype("float32") for shape in ((8,), (5, 3), (8,))]
    expected = [model.predict(x) for model, x in zip(models, data, strict=True)]
    if first_call != "alone":
        fresh = [classifier("d"), recurrent("e"), classifier("f")]
        for new, old in zip(fresh, models, strict=True):
            new.set_weights(old.get_weights())
        models = fresh
    trained, stop, losses = classifier("trained"), threading.Event(), []
    labels = np.eye(4)[np.random.randint(0, 4, 16)]

    def train():
        while not stop.is_set() or not losses:
            losses.append(trained.fit(data[0], labels, batch_size=8, verbose=0).history["loss"][0])

    def ask(number):
        for call in range(CALLS):
            which = 0 if number % 2 else (number // 2 + call) % 3
            size = 16 if call % 3 else 5
            found = models[which].predict(data[which][:size])
            np.testing.assert_allclose(found, expected[which][:size], rtol=1e-4, atol=1e-6)
        return call + 1

    with ThreadPoolExecutor(THREADS + 1) as pool:
        training = pool.submit(train)
        try:
            assert sum(pool.map(ask, range(THREADS))) == THREADS * CALLS
        finally:
            stop.set()
        training.result()
    assert np.all(np.isfinite(losses))


def test_threads_train_models_of_their_own_as_alone(backend):
    x, y = np.random.rand(12, 8).astype("float32"), np.eye(4)[np.arange(12) % 4]

    def made(name):
        model = Sequential([Dense(4, input_shape=(8,), activation="softmax", kernel_initializer="ones")], name=name)
        model.compile("adam", "categorical_crossentropy")
        return model

    def train(model):
        return [float(model.train_on_batch(x, y)) for _ in range(4)]

    expected = train(made("alone"))
    with ThreadPoolExecutor(6) as pool:
        for losses in pool.map(train, [made(f"m{i}") for i in range(6)]):
            np.testing.assert_allclose(losses, expected, rtol=1e-5)


def build_and_fit(kind):
    """Build, compile and fit a model; weak references to what it consists of."""
    if kind == "convolutional":
        model = Sequential([Conv2D(2, 3, input_shape=(6, 6, 1)), BatchNormalization(), Flatten(), Dropout(0.5),
                            Dense(3)])  # fmt: skip
        x, y = np.random.rand(4, 6, 6, 1), np.random.rand(4, 3)
    else:
        a = Input((4, 3))
        h = GRU(3)(a)
        model = Model(a, [Dense(2)(h), Dense(1)(h)])
        x, y = np.random.rand(4, 4, 3), [np.zeros((4, 2)), np.zeros((4, 1))]
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(x, y, verbose=0, validation_split=0.5, batch_size=2)
    model.predict(x)
    parts = [model, *model.layers, *model.weights, *model.optimizer.weights, model.train_function, model.total_loss]
    return [weakref.ref(part) for part in parts]


def test_a_model_that_nobody_has_any_more_is_gone_with_all_it_consists_of(backend):
    parts = build_and_fit("convolutional") + build_and_fit("recurrent")
    gc.collect()
    assert [part() for part in parts if part() is not None] == []


def test_objects_do_not_pile_up_from_model_to_model(backend):
    def objects():
        gc.collect()
        return len(gc.get_objects())

    for _ in range(2):
        build_and_fit("recurrent")
    before = objects()
    for _ in range(3):
        build_and_fit("recurrent")
    assert objects() - before < 300  # one such model has some 5,000


@pytest.mark.skipif(not LONG, reason="long: set MINIKERAS_LONG")
def test_memory_levels_off_over_five_hundred_models(backend):
    process = pytest.importorskip("psutil").Process()
    sizes = []
    for i in range(501):
        build_and_fit("convolutional" if i % 2 else "recurrent")
        if i % 50 == 0:
            gc.collect()
            sizes.append(process.memory_info().rss / 2**20)
    print(f"{backend}: resident MiB every 50 models: {[round(size) for size in sizes]}")
    assert sizes[-1] - sizes[5] < 0.15 * sizes[5]
    K.clear_session()
