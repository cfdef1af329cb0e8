import math

import numpy as np
import pytest

from minikeras import activations
from minikeras import backend as K
from minikeras.layers import GELU

X = np.linspace(-4.0, 4.0, 23).astype("float32")

FORMULAS = {
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "softsign": lambda x: x / (1 + abs(x)),
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "exponential": np.exp,
    "linear": lambda x: x,
    "swish": lambda x: x / (1 + np.exp(-x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_activation_is_its_formula(name, backend):
    got = K.eval(activations.get(name)(K.constant(X)))
    np.testing.assert_allclose(got, FORMULAS[name](X.astype("float64")), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [*FORMULAS, "gelu", "softmax"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_dtypes_are_kept_and_no_samples_are_fine(name, dtype, backend):
    for x in (np.ones((2, 3)), np.ones((0, 3))):
        got = K.eval(activations.get(name)(K.constant(x, dtype=dtype)))
        assert (got.dtype, got.shape) == (dtype, x.shape)


@pytest.mark.parametrize(("approximate", "tolerance"), [(False, 1e-6), (True, 1e-3)])
def test_gelu_is_x_times_the_normal_distribution(backend, approximate, tolerance):
    normal = [0.5 * (1 + math.erf(x / math.sqrt(2))) for x in X.tolist()]
    got = K.eval(activations.gelu(K.constant(X), approximate))
    np.testing.assert_allclose(got, X * normal, atol=tolerance)
    layer = GELU(approximate)
    np.testing.assert_array_equal(K.eval(layer(K.constant(X[None])))[0], got)


def test_relu_has_slope_ceiling_and_threshold(backend):
    got = K.eval(activations.relu(K.constant(X), alpha=0.1, max_value=2.0, threshold=0.5))
    expected = np.where(X >= 0.5, np.minimum(X, 2.0), 0.1 * (X - 0.5))
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax_sums_to_one_along_its_axis(axis, backend):
    x = np.random.normal(size=(2, 4, 3)).astype("float32")
    np.testing.assert_allclose(K.eval(activations.softmax(K.constant(x), axis=axis)).sum(axis), 1.0, rtol=1e-5)


def test_softmax_of_a_matrix_is_over_the_last_axis(backend):
    x = np.random.normal(size=(2, 4)).astype("float32")
    np.testing.assert_allclose(K.eval(activations.softmax(K.constant(x), axis=0)).sum(1), 1.0, rtol=1e-5)


def test_targets_of_zeros_give_no_gradient_through_a_softmax_of_sequences(backend):
    x = K.placeholder((1, 2, 3))
    targets = K.constant([[[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]])
    loss = K.categorical_crossentropy(targets, activations.softmax(x))
    g = K.function([x], K.gradients(loss, [x]))([np.zeros((1, 2, 3))])[0]
    np.testing.assert_allclose(g, [[[1 / 3, -2 / 3, 1 / 3], [0, 0, 0]]], atol=1e-5)


def test_softmax_of_a_vector_is_refused_with_its_shape():
    with pytest.raises(ValueError, match=r"\(3,\)"):
        activations.softmax(K.placeholder((3,)))


def test_get_knows_names_functions_and_none():
    assert activations.get(None) is activations.linear
    assert activations.get("relu") is activations.relu
    assert activations.get(np.tanh) is np.tanh
    assert activations.get(activations.serialize(activations.selu)) is activations.selu


@pytest.mark.parametrize("wrong", ["no_such", 3])
def test_get_refuses_what_is_no_activation(wrong):
    with pytest.raises(ValueError, match=str(wrong)):
        activations.get(wrong)
