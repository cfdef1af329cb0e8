"""House prices around Boston, with 13 numbers about each of 506 places."""

import numpy as np

from ..utils.data_utils import get_file
from ._files import ORIGIN


def load_data(path="boston_housing.npz", test_split=0.2, seed=113):
    """(x_train, y_train), (x_test, y_test): x float64 [n, 13], y float64 [n], prices in thousands of dollars.

    path: the name of the file in the folder of data sets. test_split: the share held out, from 0 to below 1.
    seed: of the shuffle before the split. Source: Harrison and Rubinfeld (1978), StatLib. One column is about
    race: a set to learn regression on, not to draw conclusions from.
    """
    if not 0 <= test_split < 1:
        raise ValueError(f"boston_housing.load_data: test_split must be in [0, 1), not {test_split}.")
    digest = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"
    with np.load(get_file(path, origin=ORIGIN + "boston_housing.npz", file_hash=digest), allow_pickle=False) as data:
        order = np.arange(len(data["x"]))
        np.random.RandomState(seed).shuffle(order)
        x, y = data["x"][order], data["y"][order]
    n_train = int(len(x) * (1 - test_split))
    return (x[:n_train], y[:n_train]), (x[n_train:], y[n_train:])
