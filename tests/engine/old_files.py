"""Writes HDF5 files in the layouts of other versions of Keras, from configs and arrays, without minikeras."""

import json


def write_weights(group, layers):
    """layers: {name: [(name of the weight, array)]}."""
    group.attrs["layer_names"] = [name.encode() for name in layers]
    for name, weights in layers.items():
        part = group.create_group(name)
        part.attrs["weight_names"] = [weight.encode() for weight, _ in weights]
        for weight, array in weights:
            part.create_dataset(weight, data=array)


def write_model(path, config, layers, version=None, training=None, optimizer=None, backend="tensorflow"):
    """A model file. version: the attribute keras_version, None: there is none, nor a backend, as in Keras 1.

    optimizer: [(name, array)], its weights in their order.
    """
    import h5py

    with h5py.File(path, "w") as file:
        weights = file.create_group("model_weights")
        for group in (file, weights):
            if version:
                group.attrs["keras_version"], group.attrs["backend"] = version.encode(), backend.encode()
        file.attrs["model_config"] = json.dumps(config).encode()
        write_weights(weights, layers)
        if training:
            file.attrs["training_config"] = json.dumps(training).encode()
        if optimizer:
            group = file.create_group("optimizer_weights")
            group.attrs["weight_names"] = [name.encode() for name, _ in optimizer]
            for name, array in optimizer:
                group.create_dataset(name, data=array)
