import numpy as np
import pytest

from minikeras import backend as K
from minikeras import constraints

W = np.random.RandomState(3).normal(size=(4, 5)).astype("float32") * 2


def applied(constraint, w=W):
    return K.eval(constraint(K.constant(w)))


def norms(w, axis=0):
    return np.sqrt((w**2).sum(axis))


def test_max_norm_shortens_only_long_columns(backend):
    got, before = norms(applied(constraints.MaxNorm(2.0))), norms(W)
    np.testing.assert_allclose(got, np.minimum(before, 2.0), rtol=1e-4)


def test_unit_norm_makes_rows_of_length_one(backend):
    np.testing.assert_allclose(norms(applied(constraints.UnitNorm(axis=1)), 1), 1.0, rtol=1e-4)


def test_norm_over_several_axes(backend):
    w = np.random.normal(size=(3, 3, 2, 4)).astype("float32")
    np.testing.assert_allclose(norms(applied(constraints.UnitNorm([0, 1, 2]), w), (0, 1, 2)), 1.0, rtol=1e-4)


def test_non_neg_sets_negative_elements_to_zero(backend):
    np.testing.assert_array_equal(applied(constraints.NonNeg()), np.maximum(W, 0))


def test_min_max_norm_goes_the_part_rate_of_the_way(backend):
    got = norms(applied(constraints.MinMaxNorm(3.0, 4.0, rate=0.5)))
    np.testing.assert_allclose(got, (np.clip(norms(W), 3, 4) + norms(W)) / 2, rtol=1e-4)


@pytest.mark.parametrize("name", ["max_norm", "maxnorm", "nonneg", "non_neg", "unit_norm", "unitnorm", "min_max_norm"])
def test_constraint_survives_its_config(name):
    config = constraints.serialize(constraints.get(name))
    assert constraints.serialize(constraints.deserialize(config)) == config


def test_config_holds_the_arguments():
    assert constraints.serialize(constraints.MaxNorm(3, axis=[0, 1])) == {
        "class_name": "MaxNorm", "config": {"max_value": 3, "axis": [0, 1]}}  # fmt: skip


def test_get_leaves_none_and_functions():
    assert constraints.get(None) is None
    assert constraints.get(K.abs) is K.abs


def test_get_refuses_unknown_names_and_says_which():
    with pytest.raises(ValueError, match="max_nrom"):
        constraints.get("max_nrom")
