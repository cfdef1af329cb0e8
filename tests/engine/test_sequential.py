"""Sequential: adding and taking off, building late, configs, classes."""

import numpy as np
import pytest

from minikeras import backend as K
from minikeras.layers import LSTM, Dense, Dropout, Flatten, Input, InputLayer
from minikeras.models import Model, Sequential


def test_layers_hides_the_input_layer():
    model = Sequential([Dense(2, input_shape=(3,), name="d")])
    assert [layer.name for layer in model.layers] == ["d"]
    assert isinstance(model._layers[0], InputLayer)
    assert model._layers[0].name == "d_input"
    assert model.input_names == ["d_input"]
    assert model.output_names == ["d"]


def test_only_layers_with_one_output_can_be_added():
    model = Sequential()
    with pytest.raises(TypeError, match="only layers"):
        model.add(lambda x: x)
    with pytest.raises(ValueError, match="has 3 outputs"):
        Sequential([LSTM(2, return_state=True, input_shape=(4, 1))])
    with pytest.raises(ValueError, match="'d' already"):
        Sequential([Dense(2, name="d", input_shape=(3,)), Dense(2, name="d")])


def test_an_input_layer_may_come_first():
    model = Sequential([InputLayer((3,)), Dense(2)])
    assert model.output_shape == (None, 2)


def test_a_model_may_come_first(backend):
    x = Input((3,))
    model = Sequential([Model(x, Dense(4)(x)), Dense(2)])
    assert model.predict(np.zeros((5, 3))).shape == (5, 2)
    assert Sequential([Sequential([Dense(4, input_shape=(3,))]), Dense(2)]).input_shape == (None, 3)


def test_pop_takes_the_last_layer_off(backend):
    model = Sequential([Dense(4, input_shape=(3,)), Dense(2)])
    kept = model.layers[0].get_weights()
    model.pop()
    assert model.output_shape == (None, 4)
    assert len(model.layers) == 1
    model.add(Dense(1))
    model.compile("sgd", "mse")
    model.train_on_batch(np.ones((2, 3)), np.ones((2, 1)))
    assert not np.allclose(kept[0], model.layers[0].get_weights()[0])
    model.pop()
    model.pop()
    assert model.layers == []
    assert model.outputs is None
    assert not model.built
    with pytest.raises(TypeError, match="no layers"):
        model.pop()


def test_adding_after_compile_is_heeded(backend):
    model = Sequential([Dense(4, input_shape=(3,))])
    model.compile("sgd", "mse")
    model.add(Dense(1))
    assert np.ndim(model.train_on_batch(np.ones((2, 3)), np.ones((2, 1)))) == 0


def test_a_model_without_shape_is_built_by_data(backend):
    model = Sequential([Flatten(), Dense(4), Dense(2)])
    model.compile("sgd", "mse", metrics=["mae"])
    assert not model.built
    assert model.weights == []
    model.fit(np.zeros((6, 3, 2)), np.zeros((6, 2)), verbose=0)
    assert model.built
    assert model.input_shape == (None, 3, 2)


def test_a_model_without_shape_is_built_by_build_or_by_a_call():
    model = Sequential([Dense(4), Dense(2)])
    model.build((None, 3))
    assert [w.shape for w in model.get_weights()] == [(3, 4), (4,), (4, 2), (2,)]
    assert Sequential.from_config(model.get_config()).count_params() == model.count_params()
    late = Sequential([Dense(4), Dense(2)])
    assert K.int_shape(late(Input((3,)))) == (None, 2)


def test_the_config_is_a_name_and_a_list_and_the_bare_list_is_read_too():
    model = Sequential([Dense(2, input_shape=(3,)), Dropout(0.5)], name="s")
    config = model.get_config()
    assert sorted(config) == ["layers", "name"]
    assert [c["class_name"] for c in config["layers"]] == ["Dense", "Dropout"]
    assert Sequential.from_config(config).get_config() == config
    assert Sequential.from_config(config["layers"]).get_config()["layers"] == config["layers"]


def test_predict_classes_of_one_and_of_several_outputs(backend):
    model = Sequential([Dense(3, activation="softmax", input_shape=(3,))])
    model.set_weights([10 * np.eye(3), np.zeros(3)])
    assert model.predict_classes(np.eye(3)).tolist() == [0, 1, 2]
    np.testing.assert_array_equal(model.predict_proba(np.eye(3)), model.predict(np.eye(3)))
    single = Sequential([Dense(1, activation="sigmoid", input_shape=(1,))])
    single.set_weights([[[1.0]], [0.0]])
    assert single.predict_classes(np.array([[-1.0], [1.0]])).tolist() == [[0], [1]]
