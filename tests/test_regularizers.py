import numpy as np
import pytest

from minikeras import backend as K
from minikeras import regularizers

X = np.array([[1.0, -2.0], [3.0, 0.5]], "float32")


@pytest.mark.parametrize(
    ("regularizer", "penalty"),
    [
        (regularizers.l1(0.1), 0.65),
        (regularizers.l2(0.1), 1.425),
        (regularizers.l1_l2(0.1, 0.2), 0.65 + 2.85),
        (regularizers.L1L2(), 0.0),
    ],
)
def test_penalty(regularizer, penalty, backend):
    np.testing.assert_allclose(K.eval(regularizer(K.constant(X))), penalty, rtol=1e-5)


def test_gradient_of_the_penalty_is_sign_and_twice_the_weight(backend):
    x = K.variable(X)
    gradient = K.gradients(regularizers.l1_l2(0.1, 0.2)(x), [x])[0]
    np.testing.assert_allclose(K.eval(gradient), 0.1 * np.sign(X) + 0.4 * X, rtol=1e-5)


@pytest.mark.parametrize("name", ["l1", "l2", "l1_l2"])
def test_regularizer_survives_its_config(name):
    config = regularizers.serialize(regularizers.get(name))
    assert config["class_name"] == "L1L2"
    assert regularizers.serialize(regularizers.deserialize(config)) == config


def test_get_knows_names_none_and_functions():
    assert isinstance(regularizers.get("l2"), regularizers.L1L2)
    assert regularizers.get(None) is None
    assert regularizers.get(K.sum) is K.sum


def test_get_refuses_what_is_no_regularizer():
    with pytest.raises(ValueError, match="regularizer"):
        regularizers.get(0.01)
