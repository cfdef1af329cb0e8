"""What the loaders share: where the files are, and how to read Python objects in them without running code."""

import io
import pickle
import zipfile

import numpy as np

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"

# All that pickled arrays need. `numpy.core` has been `numpy._core` since NumPy 2; Python 3 writes the bytes of an array
# for Python 2 as text and `_codecs.encode`.
_ALLOWED = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): lambda text, encoding: text.encode("latin1"),
}
_RECONSTRUCT = np.zeros(0).__reduce__()[0]
_ALLOWED |= {(f"numpy.{core}.multiarray", "_reconstruct"): _RECONSTRUCT for core in ("core", "_core")}


class DataUnpickler(pickle.Unpickler):
    """Reads containers, numbers, strings and NumPy arrays; everything else in a pickle is refused."""

    def find_class(self, module, name):
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"The data file asks for {module}.{name}: it is not the file it should be.")
        return _ALLOWED[module, name]


def load_npz(path):
    """{name: array} of an .npz file, whose arrays may hold lists of numbers (dtype object)."""
    with zipfile.ZipFile(path) as archive:
        return {name.removesuffix(".npy"): _read_array(archive.read(name)) for name in archive.namelist()}


def _read_array(data):
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    shape, _, dtype = read_header(stream)
    if dtype.hasobject:
        return DataUnpickler(stream, encoding="latin1").load().reshape(shape)
    return np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
