"""Handwritten digits, 8 x 8: a data set small enough to be part of the package."""

from pathlib import Path

import numpy as np

_FILE = Path(__file__).parent / "data" / "digits.npz"


def load_data(test_split=0.2, seed=0):
    """The 1,797 images of the UCI "optical recognition of handwritten digits" test set.

    test_split: the share that is held out. seed: of the shuffle before the split; the same seed gives the same split
        everywhere (NumPy guarantees the stream of `RandomState`).
    Returns (x_train, y_train), (x_test, y_test): images uint8 [n, 8, 8], 0 (paper) to 16 (ink); labels uint8 [n].
    Source: E. Alpaydin and C. Kaynak (1998), UCI Machine Learning Repository, doi:10.24432/C50P49, CC BY 4.0.
    """
    with np.load(_FILE, allow_pickle=False) as data:
        order = np.random.RandomState(seed).permutation(len(data["y"]))
        x, y = data["x"][order], data["y"][order]
    n_train = len(x) - round(len(x) * test_split)
    return (x[:n_train], y[:n_train]), (x[n_train:], y[n_train:])
