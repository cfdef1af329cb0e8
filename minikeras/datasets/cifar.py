"""The file format that CIFAR-10 and CIFAR-100 share."""

import numpy as np

from .. import backend as K
from ._files import DataUnpickler

ORIGIN = "https://www.cs.toronto.edu/~kriz/"


def load_batch(fpath, label_key="labels"):
    """(images uint8 [n, 3, 32, 32], list of labels) of one file. label_key: the entry that has the labels."""
    with open(fpath, "rb") as file:
        batch = DataUnpickler(file, encoding="latin1").load()
    return batch["data"].reshape(-1, 3, 32, 32), batch[label_key]


def arrange(x, y):
    """The images in the image data format of the settings, the labels as a column."""
    if K.image_data_format() == "channels_last":
        x = x.transpose(0, 2, 3, 1)
    return x, np.reshape(y, (-1, 1)).astype("uint8")
