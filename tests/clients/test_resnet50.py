"""ResNet50, as the keras-applications package builds it: sub-models, cut open in the middle, saved and loaded."""

import warnings

import numpy as np
import pytest

from minikeras import backend as K
from minikeras import layers, models, utils
from minikeras.layers import Input
from minikeras.models import Model, load_model, split

pytestmark = pytest.mark.clients
resnet50 = pytest.importorskip("keras_applications.resnet50")


@pytest.fixture(scope="module")
def whole():
    """The model with random weights, images, and what it gives for them on NumPy."""
    K.clear_session()
    np.random.seed(0)
    model = resnet50.ResNet50(weights=None, input_shape=(40, 40, 3), classes=10,
                              backend=K, layers=layers, models=models, utils=utils)  # fmt: skip
    images = np.random.rand(2, 40, 40, 3).astype("float32")
    return model, images, model.predict(images)


def assert_same(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_it_has_the_layers_and_weights_of_the_paper(whole):
    model, _, _ = whole
    assert model.count_params() == 23_608_202
    assert len(model.layers) == 177
    assert {"res5a_branch1", "activation_47", "add_15"} <= {layer.name for layer in model.layers}


def test_submodels_give_intermediate_outputs(whole, backend):
    model, images, expected = whole
    names = ["res5a_branch1", "activation_47"]
    inner = Model(model.inputs, [model.get_layer(name).output for name in names] + model.outputs)
    branch, activation, output = inner.predict(images)
    assert branch.shape == (2, 2, 2, 2048)
    assert activation.shape == (2, 2, 2, 512)
    assert activation.min() == 0
    assert_same(output, expected)


def test_cut_open_at_a_residual_join_its_parts_make_up_the_whole(whole, backend):
    model, images, expected = whole
    head, tail = split(model, "add_15")
    middle = head.predict(images)
    assert_same(tail.predict(middle), expected)

    layer = model.get_layer("add_15")
    opened = Model(model.inputs, model.outputs)
    opened.inputs, opened._input_layers = [layer.output], [layer]
    opened._layers = model.layers[model.layers.index(layer) :]
    start = Input(K.int_shape(layer.output)[1:])
    assert_same(Model(start, opened(start)).predict(middle), expected)


def test_it_comes_back_from_its_file_exactly(whole, tmp_path):
    model, images, expected = whole
    model.save(tmp_path / "resnet50.h5")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it was not compiled
        again = load_model(tmp_path / "resnet50.h5")
    assert again.to_json() == model.to_json()
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(again.predict(images), expected)
