"""Files of models with each layer: config, weights and the optimizer's state are those that were saved, to the bit."""

import json

import numpy as np
import pytest

from minikeras import backend as K
from minikeras import layers as L
from minikeras.engine.saving_configs import to_json
from minikeras.layers import Dense
from minikeras.models import Model, Sequential, load_model, model_from_json
from tests.layers.harness import as_list, data
from tests.layers.test_configs import each_layer

pytest.importorskip("h5py")


def draws(layer):
    """Whether the layer's training depends on noise, whose state is not in files."""
    return any(getattr(layer, name, 0) for name in ("rate", "stddev", "dropout", "recurrent_dropout"))


def config_of(model):
    config = json.loads(to_json(model.get_config()))
    for entry in config["layers"][1:]:
        if "input_dim" in entry["config"]:  # layers of Keras 1 learn it when they are built, and say it twice then
            entry["config"].pop("batch_input_shape", None)
    return config


@each_layer
def test_training_goes_on_bit_by_bit_after_a_file(layer, shape, tmp_path):
    inputs = L.Input(shape[1:])
    outputs = as_list(type(layer).from_config(layer.get_config())(inputs))
    model = Model(inputs, outputs)
    model.compile("adam", "mse")
    x = data(*shape, low=0.0, high=2.0)
    y = [data(*p.shape) for p in as_list(model.predict(x))]
    model.train_on_batch(x, y)
    model.save(tmp_path / "m.h5")
    loaded = load_model(tmp_path / "m.h5")
    assert config_of(loaded) == config_of(model)
    for a, b in zip(*([*m.get_weights(), *m.optimizer.get_weights()] for m in (loaded, model)), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    if not draws(layer):
        for _ in range(2):
            np.testing.assert_array_equal(loaded.train_on_batch(x, y), model.train_on_batch(x, y))
        for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_lambda_elsewhere_than_in_a_lambda_layer_is_asked_for():
    model = Sequential([Dense(2, input_shape=(3,), activation=lambda x: x**2)])
    with pytest.raises(ValueError, match=r"Unknown activation function.*custom_objects=\{'<lambda>': the_function\}"):
        model_from_json(model.to_json())
    again = model_from_json(model.to_json(), {"<lambda>": lambda x: x**2})
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(np.ones((1, 3))), model.predict(np.ones((1, 3))))


def test_functions_in_the_place_of_initializers_and_penalties_are_found_by_name():
    def ones_first(shape, dtype=None):
        return K.constant(np.eye(*shape), dtype=dtype)

    def total(weight):
        return K.sum(weight)

    model = Sequential([Dense(2, input_shape=(3,), kernel_initializer=ones_first, kernel_regularizer=total)])
    again = model_from_json(model.to_json(), {"ones_first": ones_first, "total": total})
    np.testing.assert_array_equal(again.get_weights()[0], np.eye(3, 2))
    assert K.eval(again.losses[0]) == 2


def test_sequential_configs_of_each_form_are_read():
    model = Sequential([Dense(2, input_shape=(3,)), Dense(1)], name="s")
    with_name = model.get_config()
    for config in (with_name, with_name["layers"]):  # the second one up to Keras 2.2.2
        assert Sequential.from_config(config).output_shape == (None, 1)
        text = json.dumps({"class_name": "Sequential", "config": json.loads(to_json(config))})
        assert [x.name for x in model_from_json(text).layers] == [x.name for x in model.layers]
