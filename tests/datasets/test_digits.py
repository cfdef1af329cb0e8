import numpy as np

from minikeras.datasets import digits


def test_a_fifth_of_the_1797_images_is_held_out():
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert x_train.shape == (1438, 8, 8)
    assert x_test.shape == (359, 8, 8)
    assert y_train.shape == (1438,)
    assert y_test.shape == (359,)


def test_images_are_bytes_from_0_to_16_and_labels_from_0_to_9():
    (x, y), _ = digits.load_data(test_split=0)
    assert (x.dtype, x.min(), x.max()) == (np.uint8, 0, 16)
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_the_split_is_the_same_each_time_and_moves_with_the_seed():
    (_, first), _ = digits.load_data()
    (_, again), _ = digits.load_data()
    (_, other), _ = digits.load_data(seed=1)
    assert np.array_equal(first, again)
    assert first[:10].tolist() == [2, 8, 2, 6, 6, 7, 1, 9, 8, 5]
    assert not np.array_equal(first, other)
