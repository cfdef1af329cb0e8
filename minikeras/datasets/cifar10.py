"""CIFAR-10: colour photographs of ten kinds of things, 32 x 32."""

import os

import numpy as np

from ..utils.data_utils import get_file
from .cifar import ORIGIN, arrange, load_batch


def load_data():
    """(x_train, y_train), (x_test, y_test): 50,000 and 10,000 images uint8, labels uint8 [n, 1] from 0 to 9.

    Images are [n, 32, 32, 3], or [n, 3, 32, 32] where the image data format is "channels_first".
    Source: Krizhevsky, Learning Multiple Layers of Features from Tiny Images (2009).
    """
    name = "cifar-10-batches-py"
    digest = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
    folder = get_file(name, origin=ORIGIN + "cifar-10-python.tar.gz", untar=True, file_hash=digest)
    parts = [load_batch(os.path.join(folder, f"data_batch_{i}")) for i in range(1, 6)]
    x, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return arrange(x, y), arrange(*load_batch(os.path.join(folder, "test_batch")))
