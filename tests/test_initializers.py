import numpy as np
import pytest

from minikeras import backend as K
from minikeras import initializers

RANDOM = ["RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", "Orthogonal", "glorot_uniform",
          "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal"]  # fmt: skip


def drawn(initializer, shape, dtype=None):
    return K.eval(K.variable(initializer(shape, dtype=dtype), dtype=dtype))


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("glorot_uniform", 2 / 700), ("glorot_normal", 2 / 700), ("he_uniform", 2 / 400), ("he_normal", 2 / 400),
        ("lecun_uniform", 1 / 400), ("lecun_normal", 1 / 400),
    ],
)  # fmt: skip
def test_variance_is_scaled_by_the_fans(name, variance):
    value = drawn(getattr(initializers, name)(), (400, 300))
    assert abs(value.mean()) < 1e-3
    np.testing.assert_allclose(value.var(), variance, rtol=0.03)


def test_window_of_a_kernel_counts_in_its_fans():
    assert initializers.fans((3, 3, 10, 20)) == (90, 180)
    assert initializers.fans((7,)) == (7**0.5, 7**0.5)


@pytest.mark.parametrize("shape", [(5, 4), (3, 5), (2, 3, 2, 4)])
def test_orthogonal_has_orthogonal_rows_or_columns_of_length_gain(shape):
    flat = drawn(initializers.Orthogonal(gain=2.0), shape).reshape(-1, shape[-1])
    gram = flat.T @ flat if flat.shape[0] >= flat.shape[1] else flat @ flat.T
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-5)


def test_truncated_normal_stays_within_two_deviations():
    value = drawn(initializers.TruncatedNormal(stddev=1.0), (100, 100))
    assert 1.9 < np.abs(value).max() <= 2.0


def test_identity_may_be_oblong():
    np.testing.assert_array_equal(drawn(initializers.Identity(0.5), (2, 3)), 0.5 * np.eye(2, 3))


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2)])
def test_identity_refuses_other_than_matrices(shape):
    with pytest.raises(ValueError, match="two axes"):
        initializers.Identity()(shape)


def test_constants(backend):
    np.testing.assert_array_equal(drawn(initializers.Zeros(), (2, 3)), np.zeros((2, 3)))
    np.testing.assert_array_equal(drawn(initializers.Ones(), (2, 3)), np.ones((2, 3)))
    np.testing.assert_array_equal(drawn(initializers.Constant(0.5), (2,)), [0.5, 0.5])


@pytest.mark.parametrize("name", RANDOM)
def test_seed_gives_the_same_values_on_every_backend(name, backend):
    value = drawn(getattr(initializers, name)(seed=7), (6, 5))
    K.set_backend("numpy")
    np.testing.assert_array_equal(value, drawn(getattr(initializers, name)(seed=7), (6, 5)))


@pytest.mark.parametrize("name", RANDOM)
def test_numpy_seed_fixes_what_has_no_seed(name):
    def draw():
        np.random.seed(5)
        return drawn(getattr(initializers, name)(), (6, 5))

    np.testing.assert_array_equal(draw(), draw())


@pytest.mark.parametrize("name", RANDOM)
def test_two_weights_of_one_initializer_differ(name):
    for seed in (None, 3):
        initializer = getattr(initializers, name)(seed=seed)
        assert not np.array_equal(drawn(initializer, (6, 5)), drawn(initializer, (6, 5)))


@pytest.mark.parametrize("name", [*RANDOM, "Zeros", "Identity"])
def test_dtype_is_the_one_asked_for(name):
    assert drawn(getattr(initializers, name)(), (4, 4), "float64").dtype == "float64"


@pytest.mark.parametrize("name", [*RANDOM, "zeros", "ones", "constant", "identity", "uniform", "normal", "zero", "one"])
def test_initializer_survives_its_config(name):
    config = initializers.serialize(initializers.get(name))
    assert initializers.serialize(initializers.deserialize(config)) == config


def test_config_may_hold_a_dtype():
    assert initializers.deserialize({"class_name": "Zeros", "config": {"dtype": "float32"}}).get_config() == {}


@pytest.mark.parametrize("arguments", [{"scale": 0}, {"mode": "fan"}, {"distribution": "beta"}])
def test_variance_scaling_refuses_what_it_does_not_know(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        initializers.VarianceScaling(**arguments)


def test_get_makes_an_object_of_a_class():
    assert isinstance(initializers.get(initializers.Ones), initializers.Ones)
    assert initializers.get(None) is None
