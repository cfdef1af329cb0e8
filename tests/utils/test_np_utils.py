"""to_categorical and normalize."""
import numpy as np
import pytest

from minikeras.utils import normalize, to_categorical


@pytest.mark.parametrize(("shape", "expected"), [((3,), (3, 5)), ((4, 3), (4, 3, 5)), ((3, 1), (3, 5)),
                                                 ((3, 2, 1), (3, 2, 5)), ((0,), (0, 5)), ((), (5,))])
def test_to_categorical_adds_an_axis_of_classes(shape, expected):
    labels = np.random.randint(0, 5, shape)
    one_hot = to_categorical(labels, 5)
    assert one_hot.shape == expected
    assert one_hot.dtype == "float32"
    np.testing.assert_array_equal(one_hot.argmax(-1).ravel(), labels.ravel())
    np.testing.assert_array_equal(one_hot.sum(-1), 1)


def test_to_categorical_counts_the_classes_and_takes_a_dtype():
    assert to_categorical([0, 3, 1], dtype="int8").shape == (3, 4)
    assert to_categorical([0, 3, 1], dtype="int8").dtype == "int8"


def test_to_categorical_refuses_labels_out_of_range():
    with pytest.raises(ValueError, match="range from 0 to 3"):
        to_categorical([0, 3], 3)


@pytest.mark.parametrize(("axis", "order"), [(-1, 2), (0, 1), (1, np.inf)])
def test_normalize_gives_norm_one_and_leaves_zeros(axis, order):
    x = np.random.random((3, 4))
    x[:, 2] = 0
    x[1] = 0
    norms = np.linalg.norm(normalize(x, axis, order), order, axis)
    np.testing.assert_allclose(norms, np.linalg.norm(x, order, axis) > 0)
