"""Models and weights in files of Keras 2's HDF5 format, and weights in files of safetensors.

A model file holds the model's config and training config as JSON text, the weights layer by layer, and the state of the
optimizer. Nothing in a file is ever run: it holds text and numbers, and names that are looked up among known classes.
"""

import contextlib
import io
import json
import os
from functools import wraps

from ..utils.files import DamagedFileError, Steady, atomic_file, damages
from ..utils.io_utils import (
    H5Dict,
    ask_to_proceed_with_overwrite,
    import_h5py,
    load_from_binary_h5py,
    open_group,
    save_to_binary_h5py,
)
from .saving_configs import model_from_config, model_from_json, model_from_yaml, own_objects, to_json
from .saving_safetensors import read_safetensors, write_safetensors
from .saving_training import compile_as_saved, training_config
from .saving_weights import (
    KERAS_VERSION,
    load_attributes_from_hdf5_group,
    load_weights_from_hdf5_group,
    load_weights_from_hdf5_group_by_name,
    preprocess_weights_for_loading,
    save_attributes_to_hdf5_group,
    save_weights_to_hdf5_group,
    write_weights,
)

__all__ = ["H5Dict", "allow_read_from_gcs", "allow_write_to_gcs", "ask_to_proceed_with_overwrite",
           "load_attributes_from_hdf5_group", "load_from_binary_h5py", "load_model", "load_weights",
           "load_weights_from_hdf5_group", "load_weights_from_hdf5_group_by_name", "model_from_config",
           "model_from_json", "model_from_yaml", "pickle_model", "preprocess_weights_for_loading",
           "save_attributes_to_hdf5_group", "save_model", "save_to_binary_h5py", "save_weights",
           "save_weights_to_hdf5_group", "unpickle_model"]


def save_model(model, filepath, overwrite=True, include_optimizer=True):
    """Save a model: its architecture, weights, training configuration and the state of its optimizer.

    filepath: name of a file, an h5py.Group, a dict, or a binary stream. A file is replaced whole, when all is written.
    overwrite: whether to replace an existing file without asking. include_optimizer: whether to save its state.
    """
    _write(filepath, overwrite, lambda group: _write_model(model, group, include_optimizer))


def load_model(filepath, custom_objects=None, compile=True, trusted=False):
    """The model that save_model wrote.

    filepath: as for save_model. custom_objects: dict from names to the classes and functions of the caller that the
    model uses. compile: whether to compile it as it was. trusted: read the file by h5py, which knows more compressions
    and layouts than pyfive, but can crash on damaged files, and has no limits on what they claim.
    Raises ValueError when the file holds no model, or none that fits its weights; OSError when it cannot be read;
    DamagedFileError, which is both, when it is damaged.
    """
    return _read(filepath, lambda group: _read_model(group, custom_objects, compile), trusted, bool(custom_objects))


def save_weights(model, filepath, overwrite=True):
    """Save the weights of a model alone, in a file of safetensors if the name says so. Arguments as for save_model."""
    def write(group):
        save_weights_to_hdf5_group(group, model.layers)

    if not _is_safetensors(filepath):
        _write(filepath, overwrite, write)
    elif _may_write(filepath, overwrite):
        with atomic_file(os.fsdecode(filepath)) as file:
            weights = {}
            write(H5Dict(weights))
            write_safetensors(file, weights)


def load_weights(model, filepath, by_name=False, skip_mismatch=False, reshape=False, trusted=False):
    """Load weights that save_weights or save_model wrote into a model. filepath, trusted: as for load_model.

    by_name: match layers by name rather than by order. skip_mismatch: with by_name, leave out what does not fit.
    reshape: give kernels of convolutions the shape that the layer wants, where only the shape differs.
    """
    if skip_mismatch and not by_name:
        raise ValueError("load_weights: skip_mismatch=True needs by_name=True.")

    def read(group):
        if "layer_names" not in group and "model_weights" in group:
            group = group["model_weights"]
        if by_name:
            load_weights_from_hdf5_group_by_name(group, model.layers, skip_mismatch, reshape)
        else:
            load_weights_from_hdf5_group(group, model.layers, reshape)

    if _is_safetensors(filepath):
        with open(filepath, "rb") as file:
            return read(H5Dict(read_safetensors(file, os.fsdecode(filepath)), "r"))
    _read(filepath, read, trusted)


def _is_path(value):
    return isinstance(value, (str, bytes, os.PathLike))


def _is_safetensors(path):
    return _is_path(path) and os.fsdecode(path).endswith(".safetensors")


def _may_write(path, overwrite):
    _refuse_buckets(path)
    return overwrite or not os.path.isfile(path) or ask_to_proceed_with_overwrite(path)


def _write(target, overwrite, write):
    """Call `write` with an H5Dict on the target."""
    if _is_path(target):
        h5py = import_h5py()
        if _may_write(target, overwrite):
            with (
                atomic_file(os.fsdecode(target)) as stream,
                Steady(stream) as steady,
                h5py.File(steady, "w") as file,
            ):
                write(H5Dict(file, "w"))
    elif H5Dict.is_supported_type(target):
        write(H5Dict(target, "w"))
    elif callable(getattr(target, "write", None)):
        save_to_binary_h5py(lambda file: write(H5Dict(file, "w")), target)
    else:
        raise ValueError(f"Cannot save to {target!r} of type {type(target).__name__}: expected the name of a file, an "
                         f"h5py.Group, a dict, or a binary stream.")


def _read(source, read, trusted=False, custom=False):
    """What `read` returns for an H5Dict on the source. custom: whether errors may be those of the caller's classes."""
    name = os.fsdecode(source) if _is_path(source) else f"the {type(source).__name__}"
    opened = contextlib.nullcontext(source)
    if _is_path(source):
        _refuse_buckets(source)
        if not os.path.exists(source):
            raise OSError(f"There is no file {name}.")
        opened = contextlib.closing(open_group(source, name, trusted))
    elif callable(getattr(source, "read", None)):
        opened = contextlib.closing(open_group(io.BytesIO(source.read()), name, trusted))
    elif not H5Dict.is_supported_type(source):
        raise ValueError(f"Cannot load from {source!r} of type {type(source).__name__}: expected the name of a file, "
                         f"an h5py.Group, a dict, or a binary stream.")
    with opened as group, damages(name, Exception if custom else (ImportError, OSError, ValueError)):
        return read(H5Dict(group, "r"))


def _refuse_buckets(path):
    if os.fsdecode(path).startswith("gs://"):
        raise ValueError(f"{path}: Google Cloud Storage is not reached from here. Save to or load from a local file "
                         f"and copy it, or pass a binary stream such as gcsfs opens.")


def allow_write_to_gcs(save_function):
    """A decorator for functions (obj, filepath, ...): refuses addresses gs://... and says what to do instead."""
    @wraps(save_function)
    def save(obj, filepath, *args, **kwargs):
        _refuse_buckets(filepath)
        return save_function(obj, filepath, *args, **kwargs)
    return save


def allow_read_from_gcs(load_function):
    """A decorator for functions (filepath, ...): refuses addresses gs://... and says what to do instead."""
    @wraps(load_function)
    def load(filepath, *args, **kwargs):
        _refuse_buckets(filepath)
        return load_function(filepath, *args, **kwargs)
    return load


def _write_model(model, group, include_optimizer):
    group["keras_version"], group["backend"] = KERAS_VERSION, "tensorflow"
    group["model_config"] = to_json({"class_name": type(model).__name__, "config": model.get_config()})
    save_weights_to_hdf5_group(group["model_weights"], model.layers)
    if include_optimizer and getattr(model, "optimizer", None) is not None:
        group["training_config"] = to_json(training_config(model))
        if model.optimizer.weights:
            write_weights(group["optimizer_weights"], model.optimizer.weights)


def _read_json(group, name):
    text = group.get(name)
    if text is None:
        return None
    if not isinstance(text, (str, bytes)):
        raise DamagedFileError(f"{name} is no JSON text: the file was not written by Keras.")
    with damages(name):
        return json.loads(text)


def _read_model(group, custom_objects, compile):
    config = _read_json(group, "model_config")
    if config is None:
        raise ValueError("No model found: there is no model_config. A file of weights alone is for model.load_weights.")
    version = group.get("keras_version")
    version = version.decode("utf8", "replace") if isinstance(version, bytes) else version
    if isinstance(config, dict):
        config.setdefault("keras_version", version)
    model = model_from_config(config, custom_objects=custom_objects)
    load_weights_from_hdf5_group(group["model_weights"], model.layers)
    if compile:
        training = _read_json(group, "training_config")
        compile_as_saved(model, training, version, group.get("optimizer_weights"), custom_objects or {})
    return model


def pickle_model(model):
    """The state of a model for `pickle`: a dict of text and arrays, and of the user's own classes and functions."""
    state = {}
    save_model(model, state)
    return {"model": state, "custom_objects": own_objects(model)}


def unpickle_model(state):
    """The model of such a state."""
    return load_model(state["model"], state["custom_objects"], compile="training_config" in state["model"])
