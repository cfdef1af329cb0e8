"""Weights in HDF5 groups, layer by layer; and weights of older files brought into today's layout."""
import warnings

import numpy as np

from .. import backend as K
from ..utils.files import DamagedFileError
from ..utils.io_utils import H5Dict, read_list, write_list
from .config import unique_name, who
from .saving_layouts import preprocess_weights_for_loading

# The version whose format is written, and whose readers have to be able to load it.
KERAS_VERSION = "2.3.1"


def save_attributes_to_hdf5_group(group, name, data):
    """Write a list of names as an attribute of an h5py group, or as several where it is too long for one."""
    write_list(group.attrs, name, data)


def load_attributes_from_hdf5_group(group, name):
    """The list of names, as str, that an h5py group or H5Dict has as an attribute; [] where there is none."""
    values = group.get(name, []) if isinstance(group, H5Dict) else read_list(group.attrs, name)
    return [v.decode("utf8") if isinstance(v, bytes) else v for v in values or []]


def _as_h5dict(group, mode):
    return group if isinstance(group, H5Dict) else H5Dict(group, mode)


def write_weights(group, variables):
    """Write variables as datasets of an H5Dict, and their names, made unique, as its list weight_names."""
    arrays = {}
    for i, (variable, value) in enumerate(zip(variables, K.batch_get_value(variables), strict=True)):
        arrays[unique_name(getattr(variable, "name", None) or f"param_{i}", arrays)] = np.asarray(value)
    group["weight_names"] = list(arrays)
    for name, array in arrays.items():
        group[name] = array


def save_weights_to_hdf5_group(group, layers):
    """Write the weights of layers into an h5py group or H5Dict, a group a layer."""
    group = _as_h5dict(group, "w")
    group["layer_names"] = [layer.name for layer in layers]
    group["backend"], group["keras_version"] = "tensorflow", KERAS_VERSION
    for layer in layers:
        write_weights(group[layer.name], layer.weights)


class _SavedLayers:
    """The layers of a file: their names, those of their weights, and what wrote it."""

    def __init__(self, group):
        self.group = _as_h5dict(group, "r")
        self.keras_version, self.backend = _text(self.group.get("keras_version", "1")), _text(self.group.get("backend"))
        if "layer_names" not in self.group:
            raise ValueError("No weights found: there are no layer_names. Was the file written by Keras?")
        names = load_attributes_from_hdf5_group(self.group, "layer_names")
        self.weight_names = {n: load_attributes_from_hdf5_group(self.group[n], "weight_names") for n in names}

    def pairs(self, name, layer, reshape):
        """(variable, array) of each weight of `layer`, from layer `name` of the file. Raises ValueError unless they
        fit."""
        arrays = [self.group[name][weight] for weight in self.weight_names[name]]
        arrays = preprocess_weights_for_loading(layer, arrays, self.keras_version, self.backend, reshape=reshape)
        both = f'{who(layer)} and "{name}" of the file'
        weights = layer.weights
        if len(arrays) != len(weights):
            raise ValueError(f"{both}: the layer has {len(weights)} weights, the file {len(arrays)}: "
                             f"{[tuple(K.int_shape(w)) for w in weights]} and {[np.shape(a) for a in arrays]}.")
        for weight, array in zip(weights, arrays, strict=True):
            shape = tuple(K.int_shape(weight))
            if shape != np.shape(array):
                raise ValueError(f"{both}: {weight.name} has shape {shape}, but the file has {np.shape(array)}.")
        return list(zip(weights, arrays, strict=True))


def _text(value):
    return value.decode("utf8") if isinstance(value, bytes) else value


def load_weights_from_hdf5_group(f, layers, reshape=False):
    """Load weights into layers by order. f: h5py group or H5Dict.

    reshape: give kernels the shape that the layer wants, where only the shape differs.
    Raises ValueError, and changes nothing, when numbers of layers, of weights or shapes differ.
    """
    saved = _SavedLayers(f)
    layers = [layer for layer in layers if layer.weights]
    names = [name for name, weights in saved.weight_names.items() if weights]
    if names and not layers:
        raise ValueError(f"The file has weights for {len(names)} layers ({_some(names)}), but the model has none yet. "
                         f"Call a subclassed model on an Input, or fit it on data, before weights are loaded.")
    if len(names) != len(layers):
        raise ValueError(f"The file has weights for {len(names)} layers ({_some(names)}), but the model has "
                         f"{len(layers)} layers with weights ({_some([layer.name for layer in layers])}). "
                         f"Load into the same architecture, or use by_name=True.")
    fitting = zip(names, layers, strict=True)
    K.batch_set_value([pair for name, layer in fitting for pair in saved.pairs(name, layer, reshape)])


def load_weights_from_hdf5_group_by_name(f, layers, skip_mismatch=False, reshape=False):
    """Load weights into the layers that have the names of saved ones. f: h5py group or H5Dict.

    skip_mismatch: warn about a layer that does not fit, and leave it, instead of raising ValueError.
    """
    saved = _SavedLayers(f)
    pairs = []
    for layer in layers:
        if not saved.weight_names.get(layer.name):
            continue
        try:
            pairs += saved.pairs(layer.name, layer, reshape)
        except ValueError as error:
            if not skip_mismatch or isinstance(error, DamagedFileError):
                raise
            warnings.warn(f"Skipped: {error}", stacklevel=4)
    K.batch_set_value(pairs)


def _some(names):
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
