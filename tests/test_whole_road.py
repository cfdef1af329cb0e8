"""From layers to digits: one graph, three backends, the same training."""

import importlib.util
import itertools
import pathlib
import sys

import numpy as np
import pytest

from minikeras import backend as K
from minikeras.datasets import digits
from minikeras.layers import Activation, Conv2D, Dense, Dropout, Flatten, Input, Lambda, MaxPooling2D
from minikeras.models import Model, Sequential
from minikeras.utils import to_categorical

INSTALLED = [name for name in ("numpy", "jax", "torch") if importlib.util.find_spec(name)]
EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"


def digits_cnn():
    sys.path.insert(0, str(EXAMPLES))
    try:
        return importlib.import_module("digits_cnn")
    finally:
        sys.path.remove(str(EXAMPLES))


def test_the_example_learns_to_read_digits(backend):
    example = digits_cnn()
    np.random.seed(0)
    (x, y), (x_test, y_test) = example.load()
    model = example.build()
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=32, epochs=12, verbose=0)
    assert model.evaluate(x_test, y_test, verbose=0)[1] > 0.98


class BatchLosses:
    """The loss of every step of the first epoch."""

    def __init__(self, name, rate):
        from minikeras.callbacks import LambdaCallback

        K.set_backend(name)
        K.clear_session()
        np.random.seed(5)
        (x, y), _ = digits.load_data()
        x, y = (x[..., None] / 16).astype("float32"), to_categorical(y, 10)
        model = Sequential([
            Conv2D(8, 3, activation="relu", input_shape=(8, 8, 1)),
            MaxPooling2D(),
            Dropout(rate),
            Flatten(),
            Dense(32, activation="relu"),
            Dropout(rate),
            Dense(10, activation="softmax"),
        ])  # fmt: skip
        model.compile("adam", "categorical_crossentropy")
        self.losses = []
        look = LambdaCallback(on_batch_end=lambda batch, logs: self.losses.append(float(logs["loss"])))
        model.fit(x, y, batch_size=32, epochs=1, verbose=0, callbacks=[look])


@pytest.mark.parametrize("rate", [0.0, 0.4], ids=["no-dropout", "portable-noise"])
def test_the_loss_curves_of_all_backends_agree_over_the_first_epoch(rate):
    before = K.rng()
    K.set_rng("portable")
    try:
        curves = [BatchLosses(name, rate).losses for name in INSTALLED]
    finally:
        K.set_rng(before)
    assert len(curves[0]) == 45
    for curve in curves[1:]:
        np.testing.assert_allclose(curve, curves[0], rtol=1e-4)


def test_one_live_model_goes_from_backend_to_backend():
    np.random.seed(2)
    x, y = np.random.rand(64, 6).astype("float32"), np.random.rand(64, 2).astype("float32")
    K.set_backend("numpy")
    inputs = Input((6,))
    hidden = Dense(16, activation="tanh")(inputs)
    model = Model(inputs, Dense(2)(hidden))
    model.compile("adam", "mse")
    losses = [model.train_on_batch(x, y)]
    for name in [*INSTALLED, "numpy"]:
        before = model.predict(x)
        K.set_backend(name)
        np.testing.assert_allclose(model.predict(x), before, rtol=1e-5, atol=1e-5)
        losses += [model.train_on_batch(x, y) for _ in range(5)]
    assert all(later < earlier for earlier, later in itertools.pairwise(losses))
    assert int(K.get_value(model.optimizer.iterations)) == len(losses)


# ---- what goes wrong, and what is said then --------------------------------------------------------------------------


def test_a_layer_on_the_wrong_shape_is_named_with_both_sizes():
    layer = Dense(3, name="head")
    layer(Input((4,)))
    with pytest.raises(ValueError, match=r"(?s)head.*4.*5"):
        layer(Input((5,)))


def test_a_product_that_does_not_fit_names_the_layer_and_the_shapes():
    bad = Lambda(lambda t: K.dot(t, K.constant(np.ones((7, 2)))), name="projection")
    with pytest.raises(ValueError, match=r"(?s)projection.*4 != 7"):
        bad(Input((4,)))


def test_a_disconnected_input_is_refused_and_named():
    a, b = Input((2,), name="used"), Input((2,), name="forgotten")
    with pytest.raises(ValueError, match="forgotten"):
        Model(a, Dense(1)(Activation("relu")(b)))


def test_a_cycle_is_refused():
    a = Input((2,))
    layer = Dense(2, name="round")
    out = layer(a)
    layer._inbound_nodes[0].input_tensors[0] = out
    layer._inbound_nodes[0].inbound_layers[0] = layer
    layer._inbound_nodes[0].node_indices[0] = 0
    with pytest.raises(RuntimeError, match="cycle"):
        Model(a, out)


def test_a_target_of_the_wrong_rank_is_refused_with_both_shapes(backend):
    model = Sequential([Dense(3, activation="softmax", input_shape=(4,), name="out")])
    model.compile("sgd", "categorical_crossentropy")
    with pytest.raises(ValueError, match=r"(?s)out.*3"):
        model.fit(np.zeros((8, 4)), np.zeros((8,)), verbose=0)


def test_a_missing_engine_says_what_to_install(monkeypatch):
    from minikeras.backend import runtime

    def missing(name, package=None):
        raise ImportError(f"No module named {name!r}", name="jax")

    monkeypatch.setattr(runtime.importlib, "import_module", missing)
    monkeypatch.setattr(runtime, "_loaded", {})
    with pytest.raises(ImportError, match=r"pip install minikeras-multibackend\[jax\]"):
        K.set_backend("jax")
