"""Fashion-MNIST: articles of clothing, 28 x 28."""

import gzip
import os

import numpy as np

from ..utils.data_utils import get_file
from ._files import ORIGIN

_DIGESTS = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}


def load_data():
    """(x_train, y_train), (x_test, y_test): images uint8 [60000 and 10000, 28, 28], labels uint8 from 0 to 9.

    Source: Xiao, Rasul and Vollgraf (2017), Zalando SE, MIT licence.
    """
    x_train, y_train, x_test, y_test = (_read(name, digest) for name, digest in _DIGESTS.items())
    return (x_train, y_train), (x_test, y_test)


def _read(name, digest):
    """An IDX file: two zeros, the type (8: uint8), the number of axes, each axis as a big-endian int32, the values."""
    folder = os.path.join("datasets", "fashion-mnist")
    with gzip.open(get_file(name, origin=ORIGIN + name, file_hash=digest, cache_subdir=folder)) as file:
        data = file.read()
    shape = np.frombuffer(data, ">i4", count=data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)
