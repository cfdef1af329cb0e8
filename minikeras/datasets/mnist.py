"""MNIST: handwritten digits, 28 x 28."""

import numpy as np

from ..utils.data_utils import get_file
from ._files import ORIGIN


def load_data(path="mnist.npz"):
    """(x_train, y_train), (x_test, y_test): images uint8 [60000 and 10000, 28, 28], labels uint8 from 0 to 9.

    path: the name of the file in the folder of data sets. Source: LeCun, Cortes and Burges (1998), CC BY-SA 3.0.
    """
    digest = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
    with np.load(get_file(path, origin=ORIGIN + "mnist.npz", file_hash=digest), allow_pickle=False) as data:
        return (data["x_train"], data["y_train"]), (data["x_test"], data["y_test"])
