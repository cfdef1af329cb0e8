"""Layers and models used again: shared, nested to any depth, cloned, tied, taken apart and cut open."""

import copy
import pickle
import warnings

import numpy as np
import pytest

from minikeras import backend as K
from minikeras.layers import (
    Activation,
    Add,
    BatchNormalization,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    Input,
    Layer,
    TimeDistributed,
)
from minikeras.models import Model, Sequential, clone_model, load_model, model_from_json, split

X = np.random.RandomState(0).randn(6, 3).astype("float32")


def same_weights(a, b):
    return all(np.array_equal(v, w) for v, w in zip(a.get_weights(), b.get_weights(), strict=True))


def assert_same(a, b):
    for v, w in zip(a if isinstance(a, list) else [a], b if isinstance(b, list) else [b], strict=True):
        np.testing.assert_allclose(v, w, rtol=1e-4, atol=1e-6)


def residual():
    """x -> stem -> two residual blocks of a Dense and a BatchNormalization each -> head."""
    x = Input((3,), name="x")
    h = Dense(4, name="stem")(x)
    for i in range(2):
        branch = BatchNormalization(name=f"norm{i}")(Dense(4, name=f"dense{i}")(h))
        h = Activation("relu", name=f"relu{i}")(Add(name=f"join{i}")([h, branch]))
    return Model(x, Dense(2, name="head")(h), name="residual")


def interwoven():
    """A model two levels deep, whose innermost model and one of its layers occur three times."""
    x = Input((3,), name="x")
    inner = Model(x, Dense(4, name="shared")(x), name="inner")
    z = Input((3,), name="z")
    outer = Model(z, Dense(5, name="more")(inner(z)), name="outer")
    a = Input((3,), name="a")
    both = Model(a, [outer(a), inner(a)], name="both")
    b = Input((3,), name="b")
    return Model(b, [*both(b), Sequential([outer, Dense(2)], name="row")(b)], name="whole")


# Shared layers


def test_a_shared_layer_learns_from_all_its_uses(backend):
    x, z = Input((3,)), Input((3,))
    shared = Dense(1, use_bias=False, kernel_initializer="ones")
    model = Model([x, z], Add()([shared(x), shared(z)]))
    assert len(model.trainable_weights) == 1
    model.compile("sgd", "mse")
    model.train_on_batch([X, 2 * X], np.zeros((6, 1)))
    total = 3 * X
    gradient = (2 * total.T @ (total @ np.ones((3, 1)))) / 6
    np.testing.assert_allclose(shared.get_weights()[0], 1 - 0.01 * gradient, rtol=1e-4)


def test_models_nest_to_any_depth(backend):
    inner = Sequential([Dense(3, input_shape=(3,))])
    expected = inner.predict(X)
    model = inner
    for _ in range(30):
        x = Input((3,))
        model = Model(x, model(x))
    assert_same(model.predict(X), expected)
    assert len(model.trainable_weights) == 2
    model.compile("sgd", "mse")
    model.train_on_batch(X, np.zeros((6, 3)))
    assert same_weights(model, inner)
    assert not np.allclose(inner.predict(X), expected)
    assert_same(model_from_json(model.to_json()).predict(X).shape, (6, 3))


def test_training_a_model_trains_all_that_share_its_layers(backend):
    model = residual()
    features = Model(model.input, model.get_layer("relu1").output)
    before = features.predict(X)
    model.compile("sgd", "mse")
    model.train_on_batch(X, np.ones((6, 2)))
    assert not np.allclose(features.predict(X), before)
    assert_same(model.predict(X), features.predict(X) @ model.get_weights()[-2] + model.get_weights()[-1])


# What models have in common


@pytest.mark.parametrize("road", ["config", "json", "file", "pickle", "deepcopy", "clone"])
def test_what_nested_models_share_stays_shared(road, tmp_path):
    model = interwoven()
    model.compile("adam", "mse")
    model.train_on_batch(X, [np.zeros((6, n)) for n in (5, 4, 2)])
    if road == "file":
        pytest.importorskip("h5py")
        model.save(tmp_path / "model.h5")
    again = {
        "config": lambda: Model.from_config(model.get_config()),
        "json": lambda: model_from_json(model.to_json()),
        "file": lambda: load_model(tmp_path / "model.h5"),
        "pickle": lambda: pickle.loads(pickle.dumps(model)),
        "deepcopy": lambda: copy.deepcopy(model),
        "clone": lambda: clone_model(model),
    }[road]()
    assert len(again.trainable_weights) == len(model.trainable_weights) == 6
    if road in ("config", "json", "clone"):
        assert not same_weights(again, model)
        again.set_weights(model.get_weights())
    assert_same(again.predict(X), model.predict(X))
    both = again.get_layer("both")
    assert both.get_layer("inner") is both.get_layer("outer").get_layer("inner")
    if road in ("file", "pickle", "deepcopy"):
        targets = [np.ones((6, n)) for n in (5, 4, 2)]
        np.testing.assert_allclose(again.train_on_batch(X, targets), model.train_on_batch(X, targets), rtol=1e-6)
        assert_same(again.predict(X), model.predict(X))


def test_models_that_begin_at_one_input_stay_joined_in_a_config():
    x = Input((3,), name="x")
    hidden = Dense(4, activity_regularizer="l2", name="hidden")(x)
    low, high = Model(x, hidden, name="low"), Model(x, Dense(2, name="top")(hidden), name="high")
    z = Input((3,), name="z")
    model = Model(z, [low(z), high(z)])
    again = Model.from_config(model.get_config())
    assert again.get_layer("low").get_layer("hidden") is again.get_layer("high").get_layer("hidden")
    assert len(again.get_layer("low").losses) == len(low.losses) == 1
    again.set_weights(model.get_weights())
    assert_same(again.predict(X), model.predict(X))
    assert again.get_config() == model.get_config()


def test_a_model_in_which_nothing_is_shared_has_the_config_of_keras():
    inner = residual()
    x = Input((3,))
    assert "shared_object_id" not in Model(x, inner(x)).to_json()


def test_a_frozen_model_comes_back_frozen(tmp_path):
    critic = Sequential([Dense(4, input_shape=(3,)), Dense(1)], name="critic")
    critic.trainable = False
    maker = Sequential([Dense(3, input_shape=(3,))], name="maker")
    x = Input((3,))
    model = Model(x, critic(maker(x)))
    model.compile("adam", "mse")
    model.train_on_batch(X, np.ones((6, 1)))
    copies = [Model.from_config(model.get_config()), clone_model(model), pickle.loads(pickle.dumps(model))]
    for again in copies:
        assert len(again.trainable_weights) == 2
        assert not again.get_layer("critic").trainable
        assert len(again.get_layer("critic").layers[0]._trainable_weights) == 2
    np.testing.assert_allclose(
        copies[-1].train_on_batch(X, np.ones((6, 1))), model.train_on_batch(X, np.ones((6, 1))), rtol=1e-6
    )


# Clones


def test_a_clone_has_fresh_weights_and_learns_alone(backend):
    model = residual()
    clone = clone_model(model)
    assert not same_weights(model, clone)
    clone.set_weights(model.get_weights())
    clone.compile("sgd", "mse")
    clone.train_on_batch(X, np.ones((6, 2)))
    assert not same_weights(model, clone)


def test_a_clone_of_a_nested_model_copies_layers_that_no_config_knows(backend):
    class Own(Layer):
        def build(self, input_shape):
            self.factor = self.add_weight("factor", (input_shape[-1],))
            super().build(input_shape)

        def call(self, inputs):
            return inputs * self.factor

    x = Input((3,))
    model = Model(x, Sequential([Own(input_shape=(3,)), Dense(2)])(x))
    clone = clone_model(model, Input((3,), name="new"))
    assert clone.input_names == ["new"]
    clone.set_weights(model.get_weights())
    assert_same(clone.predict(X), model.predict(X))


# Models within models, taken out


def test_intermediate_outputs_make_submodels(backend):
    model = residual()
    parts = Model(model.inputs, [model.get_layer("join0").output, model.get_layer("relu1").output])
    join, relu = parts.predict(X)
    assert join.shape == relu.shape == (6, 4)
    head = model.get_layer("head")
    assert_same(model.predict(X), relu @ head.get_weights()[0] + head.get_weights()[1])
    function = K.function([model.input, K.learning_phase()], [model.get_layer("join0").output])
    assert_same(function([X, 0])[0], join)


def test_layers_of_a_trained_model_go_into_a_new_one(backend):
    base = residual()
    for layer in base.layers:
        layer.trainable = False
    model = Model(base.input, Dense(1, name="new")(base.get_layer("relu1").output))
    model.compile("sgd", "mse")
    before = base.get_weights()
    model.train_on_batch(X, np.ones((6, 1)))
    assert [w.name for w in model.trainable_weights] == ["new/kernel:0", "new/bias:0"]
    assert all(np.array_equal(v, w) for v, w in zip(before, base.get_weights(), strict=True))


# Tied weights


class Tied(Layer):
    """Multiplies by the transpose of a weight of another layer."""

    def __init__(self, other, **kwargs):
        super().__init__(**kwargs)
        self.kernel = K.transpose(other)

    def call(self, inputs):
        return K.dot(inputs, self.kernel)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], K.int_shape(self.kernel)[-1])


def test_the_transpose_of_a_weight_stays_tied_to_it(backend):
    words = Input((4,), dtype="int32")
    embedding = Embedding(7, 3)
    vectors = embedding(words)
    model = Model(words, Activation("softmax")(Tied(embedding.embeddings)(vectors)))
    assert model.trainable_weights == [embedding.embeddings]
    data = np.arange(12).reshape(3, 4) % 7
    table = embedding.get_weights()[0]
    logits = table[data] @ table.T
    expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    assert_same(model.predict(data), expected)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.train_on_batch(data, data[..., None])
    table = embedding.get_weights()[0]
    logits = table[data] @ table.T
    assert_same(model.predict(data), np.exp(logits) / np.exp(logits).sum(-1, keepdims=True))


def test_a_layers_weight_may_be_replaced_by_that_of_another(backend):
    encoder, decoder = Dense(4, name="encoder"), Dense(3, name="decoder")
    x = Input((3,))
    hidden = encoder(x)
    decoder.build((None, 4))
    decoder.kernel = K.transpose(encoder.kernel)
    decoder.trainable_weights = [decoder.bias]
    model = Model(x, decoder(hidden))
    assert [w.name for w in model.trainable_weights] == ["encoder/kernel:0", "encoder/bias:0", decoder.bias.name]
    model.compile("sgd", "mse")
    model.fit(X, X, epochs=2, verbose=0)
    kernel, bias = encoder.get_weights()
    assert_same(model.predict(X), (X @ kernel + bias) @ kernel.T + K.get_value(decoder.bias))


def test_one_variable_in_two_layers_is_one_weight():
    first, second = Dense(3, use_bias=False), Dense(3, use_bias=False)
    x = Input((3,))
    hidden = first(x)
    second.build((None, 3))
    second.kernel = first.kernel
    second.trainable_weights = [first.kernel]
    model = Model(x, second(hidden))
    assert model.trainable_weights == [first.kernel]
    assert model.count_params() == 9


# Cut open


@pytest.mark.parametrize("at", ["stem", "relu0", "join1"])
def test_a_residual_model_is_cut_open_in_the_old_way_and_the_clean_one(at, backend):
    model = residual()
    layer = model.get_layer(at)
    middle = Model(model.input, layer.output).predict(X)
    opened = Model(model.inputs, model.outputs)
    opened.inputs, opened._input_layers = [layer.output], [layer]
    opened._layers = model.layers[model.layers.index(layer) :]
    start = Input((4,))
    tail = Model(start, opened(start))
    assert_same(tail.predict(middle), model.predict(X))
    assert "stem" not in [w.name.split("/")[0] for w in tail.weights] or at == "stem"
    head, clean = split(model, at)
    assert_same(head.predict(X), middle)
    assert_same(clean.predict(middle), model.predict(X))


def test_a_cut_may_go_through_several_tensors(backend):
    model = residual()
    cuts = ["relu0", "norm1"]
    middle = Model(model.input, [model.get_layer(name).output for name in cuts]).predict(X)
    opened = Model(model.inputs, model.outputs)
    opened._input_layers = [model.get_layer(name) for name in cuts]
    opened.inputs = [layer.output for layer in opened._input_layers]
    opened._layers = [model.get_layer(name) for name in (*cuts, "join1", "relu1", "head")]
    starts = [Input((4,)), Input((4,))]
    assert_same(Model(starts, opened(starts)).predict(middle), model.predict(X))
    assert_same(split(model, cuts)[1].predict(middle), model.predict(X))


def test_the_tail_of_a_cut_learns_and_is_the_models_own(backend):
    model = residual()
    head, tail = split(model, "relu0")
    middle = head.predict(X)
    tail.compile("sgd", "mse")
    tail.train_on_batch(middle, np.ones((6, 2)))
    assert_same(head.predict(X), middle)
    assert_same(model.predict(X), tail.predict(middle))


def test_parts_of_a_split_model_are_saved_and_what_was_cut_open_by_hand_says_why_not(tmp_path):
    pytest.importorskip("h5py")
    model = residual()
    _, tail = split(model, "relu0")
    tail.save(tmp_path / "tail.h5")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not compiled
        again = load_model(tmp_path / "tail.h5")
    assert_same(again.predict(np.ones((2, 4))), tail.predict(np.ones((2, 4))))
    opened = Model(model.inputs, model.outputs)
    layer = model.get_layer("relu0")
    opened.inputs, opened._input_layers = [layer.output], [layer]
    opened._layers = model.layers[model.layers.index(layer) :]
    with pytest.raises(ValueError, match=r"cut open.*minikeras\.models\.split"):
        opened.get_config()


def test_a_nested_model_is_split_at_its_place_and_inside(backend):
    inner = residual()
    x = Input((3,))
    model = Model(x, Concatenate()([inner(x), Dropout(0.5, name="dropout")(x)]))
    whole = model.predict(X)
    head, tail = split(model, ["residual", "dropout"])
    assert_same(tail.predict(head.predict(X)), whole)
    head, tail = split(inner, "relu1")
    assert_same(tail.predict(head.predict(X)), inner.predict(X))


def test_a_model_is_a_layer_in_wrappers_too(backend):
    inner = residual()
    x = Input((5, 3))
    model = Model(x, TimeDistributed(inner)(x))
    data = np.random.randn(2, 5, 3).astype("float32")
    expected = inner.predict(data.reshape(10, 3)).reshape(2, 5, 2)
    assert_same(model.predict(data), expected)
