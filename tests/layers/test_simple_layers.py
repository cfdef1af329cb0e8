"""Activations with parameters, noise, embeddings."""

import numpy as np
import pytest

from minikeras import backend as K
from minikeras import layers as L
from tests.layers.harness import close, data, inputs_for, mask_of, run

FORMULAS = [
    (L.LeakyReLU(0.2), lambda x: np.where(x > 0, x, 0.2 * x)),
    (L.ELU(0.5), lambda x: np.where(x > 0, x, 0.5 * (np.exp(x) - 1))),
    (L.ThresholdedReLU(0.3), lambda x: np.where(x > 0.3, x, 0.0)),
    (L.ReLU(0.8, 0.1, 0.2), lambda x: np.where(x >= 0.2, np.minimum(x, 0.8), 0.1 * (x - 0.2))),
    (L.Softmax(1), lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
]


@pytest.mark.parametrize(("layer", "formula"), FORMULAS, ids=lambda v: type(v).__name__)
def test_activation_layer_is_its_formula(backend, layer, formula):
    x = data(3, 4, 5, low=-2, high=2)
    close(run(type(layer).from_config(layer.get_config()), x)[0], formula(x))


@pytest.mark.parametrize(("shared", "shape"), [(None, (4, 5)), ([1], (1, 5)), (2, (4, 1))])
def test_prelu_learns_a_slope_for_each_element_that_is_not_shared(backend, shared, shape):
    x = data(3, 4, 5)
    y, (alpha,) = run(L.PReLU(shared_axes=shared), x)
    assert alpha.shape == shape
    close(y, np.where(x > 0, x, alpha * x))


NOISES = [
    (L.GaussianNoise(0.5), 1.0, 0.5),
    (L.GaussianDropout(0.5), 1.0, 1.0),
]


@pytest.mark.parametrize(("layer", "mean", "std"), NOISES, ids=lambda v: type(v).__name__)
def test_noise_has_its_moments_in_training_and_is_off_at_test_time(backend, layer, mean, std):
    x = np.ones((100, 100), "float32")
    layer = type(layer).from_config(layer.get_config())
    close(run(layer, x)[0], x)
    y, _ = run(layer, x, training=1)
    assert abs(y.mean() - mean) < 0.05
    assert abs(y.std() - std) < 0.05


def test_alpha_dropout_keeps_mean_and_variance(backend):
    x = np.random.normal(size=(200, 200)).astype("float32")
    y, _ = run(L.AlphaDropout(0.3), x, training=1)
    assert abs(y.mean()) < 0.05
    assert abs(y.std() - 1) < 0.05


def test_embedding_looks_up_rows(backend):
    x = np.array([[1, 0, 2], [2, 2, 4]], "int32")
    y, (table,) = run(L.Embedding(5, 3), x)
    close(y, table[x])
    y, (table,) = run(L.Embedding(5, 3), x.astype("float32"))
    close(y, table[x])


def test_embedding_masks_zeros_if_asked(backend):
    x = np.array([[1, 0, 2]], "int32")
    assert mask_of(L.Embedding(5, 3, mask_zero=True), x).tolist() == [[True, False, True]]
    layer = L.Embedding(5, 3)
    layer(*inputs_for([x]))
    assert layer.output_mask is None


def test_embedding_refuses_another_length_than_it_was_made_for():
    layer = L.Embedding(5, 3, input_length=4)
    assert layer.compute_output_shape((None, None)) == (None, 4, 3)
    with pytest.raises(ValueError, match="input_length 4"):
        layer(L.Input(shape=(5,)))


def test_embedding_gradient_adds_up_rows_that_occur_twice(backend):
    x = np.array([[1, 1, 2]], "int32")
    (given,) = inputs_for([x])
    layer = L.Embedding(4, 2)
    (grad,) = K.gradients(K.sum(layer(given)), layer.weights)
    close(K.function([given], [grad])([x])[0], np.array([[0, 0], [2, 2], [1, 1], [0, 0]]))
