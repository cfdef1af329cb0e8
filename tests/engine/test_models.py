"""Functions on models: clone_model, split, reading configs."""

import json
import subprocess
import sys

import numpy as np
import pytest

from minikeras import backend as K
from minikeras.layers import Add, Dense, Input, Layer
from minikeras.models import (
    Model,
    Sequential,
    clone_model,
    model_from_config,
    model_from_json,
    model_from_yaml,
    split,
)

X = np.random.RandomState(0).randn(6, 3).astype("float32")


def diamond():
    """x -> stem -> left, right -> sum -> head."""
    x = Input((3,), name="x")
    stem = Dense(4, name="stem")(x)
    joined = Add(name="sum")([Dense(4, name="left")(stem), Dense(4, name="right")(stem)])
    return Model(x, Dense(2, name="head")(joined), name="diamond")


def test_a_clone_has_layers_of_its_own_and_the_same_config(backend):
    model = diamond()
    clone = clone_model(model)
    assert clone.get_config() == model.get_config()
    assert not set(map(id, clone.layers)) & set(map(id, model.layers))
    clone.set_weights(model.get_weights())
    np.testing.assert_allclose(clone.predict(X), model.predict(X), rtol=1e-6)


def test_a_clone_may_begin_at_given_tensors(backend):
    z = Input((3,))
    model = diamond()
    assert clone_model(model, z).inputs == [z]
    with pytest.raises(ValueError, match="has 1 inputs"):
        clone_model(model, [z, z])
    middle = Dense(3)(Input((5,)))
    assert clone_model(model, middle).input_names == ["input_wrapper_for_x"]


def test_sequential_models_are_cloned_built_or_not():
    model = Sequential([Dense(2, input_shape=(3,)), Dense(1)])
    clone = clone_model(model)
    assert isinstance(clone, Sequential)
    assert clone.get_config() == model.get_config()
    assert clone.built
    assert clone_model(model, Input((3,))).output_shape == (None, 1)
    late = clone_model(Sequential([Dense(2), Dense(1)]))
    assert not late.built
    assert len(late.layers) == 2


def test_a_subclassed_model_cannot_be_cloned():
    class Own(Model):
        pass

    with pytest.raises(ValueError, match="cannot be copied"):
        clone_model(Own())


@pytest.mark.parametrize("at", ["stem", "sum", ["left", "right"]])
def test_split_gives_two_models_that_make_up_the_whole(at, backend):
    model = diamond()
    head, tail = split(model, at)
    np.testing.assert_allclose(tail.predict(head.predict(X)), model.predict(X), rtol=1e-5)
    assert {w.name for w in head.weights} | {w.name for w in tail.weights} == {w.name for w in model.weights}
    assert not {w.name for w in head.weights} & {w.name for w in tail.weights}


def test_split_takes_layers_and_tensors_and_says_when_a_cut_does_not_divide():
    model = diamond()
    layer = model.get_layer("stem")
    for at in (layer, layer.output):
        assert K.int_shape(split(model, at)[1].inputs[0]) == (None, 4)
    with pytest.raises(ValueError, match="alone"):
        split(model, "left")
    with pytest.raises(ValueError, match="'other' is not in the graph"):
        split(model, Dense(2, name="other"))


def test_models_come_back_from_json_and_yaml():
    pytest.importorskip("yaml")
    for model in (diamond(), Sequential([Dense(2, input_shape=(3,))])):
        assert model_from_json(model.to_json()).to_json() == model.to_json()
        assert model_from_yaml(model.to_yaml()).to_json() == model.to_json()
    assert json.loads(diamond().to_json())["keras_version"] == "2.3.1"


def test_custom_layers_are_found_in_custom_objects():
    class Twice(Layer):
        def call(self, inputs):
            return 2 * inputs

    x = Input((3,))
    text = Model(x, Twice()(x)).to_json()
    with pytest.raises(ValueError, match=r"'Twice'.*custom_objects"):
        model_from_json(text)
    assert isinstance(model_from_json(text, {"Twice": Twice}).layers[1], Twice)


def test_a_list_is_no_config_of_a_model():
    with pytest.raises(TypeError, match=r"Sequential\.from_config"):
        model_from_config([])


@pytest.mark.parametrize("module", ["metrics", "losses", "callbacks", "layers", "engine", "utils.layer_utils"])
def test_any_module_may_be_imported_first(module):
    subprocess.run([sys.executable, "-c", f"import minikeras.{module}"], check=True)
