"""Configs as JSON text, and configs of other versions of Keras in today's terms.

A newer version writes arguments that did not exist before; as long as such a key only states what was always the case,
it is dropped. A key that says more is left in place, and the constructor refuses it by name.
"""
import functools
import inspect
import json

import numpy as np

from .config import constructor_arguments


def to_json(config):
    """JSON text of a config: NumPy values as numbers and lists, objects by class and config, functions by name."""
    return json.dumps(config, default=_jsonable)


def _jsonable(value):
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if hasattr(value, "get_config"):
        return {"class_name": type(value).__name__, "config": value.get_config()}
    if hasattr(value, "__name__"):
        return value.__name__
    raise TypeError(f"{value!r} of type {type(value).__name__} has no JSON form: give it a get_config or a name.")


_ANY = object()
# Arguments that Keras 2.3.1 does not have, and the value that says what it does anyway.
_NEW_ARGUMENTS = {
    # layers
    "ragged": False, "groups": 1, "time_major": False, "zero_output_for_mask": False, "keepdims": False,
    "renorm": False, "renorm_clipping": None, "renorm_momentum": _ANY, "fused": _ANY, "virtual_batch_size": None,
    "adjustment": None, "synchronized": False, "autocast": True, "optional": False, "sparse": False, "seed": None,
    "dtype": _ANY, "noise_shape": None, "experimental_autocast": True, "quantization_config": None,
    "kernel_initializer": _ANY, "kernel_regularizer": None, "kernel_constraint": None,
    # optimizers
    "name": _ANY, "jit_compile": _ANY, "is_legacy_optimizer": _ANY, "use_ema": False, "ema_momentum": _ANY,
    "ema_overwrite_frequency": None, "weight_decay": None, "clipnorm": None, "clipvalue": None, "global_clipnorm": None,
    "centered": False, "momentum": 0.0, "initial_accumulator_value": _ANY, "decay": 0.0,
    # losses
    "axis": -1, "fn": _ANY, "ignore_class": None,
}
_RENAMED = {"Functional": "Model", "BatchNormalizationV1": "BatchNormalization", "BatchNormalizationV2":
            "BatchNormalization", "LSTMV2": "LSTM", "GRUV2": "GRU", "UnifiedLSTM": "LSTM", "UnifiedGRU": "GRU",
            "L1": "L1L2", "L2": "L1L2", "GlorotUniform": "glorot_uniform", "GlorotNormal": "glorot_normal",
            "HeUniform": "he_uniform", "HeNormal": "he_normal", "LecunUniform": "lecun_uniform",
            "LecunNormal": "lecun_normal"}
_DISTRIBUTIONS = {"truncated_normal": "normal", "untruncated_normal": "normal"}
_OF_ONE_KERNEL = {"kernel_initializer", "kernel_regularizer", "kernel_constraint"}
_OF_EVERY_LAYER = {"name", "trainable", "dtype", "batch_input_shape", "input_shape", "batch_size", "weights",
                   "input_dtype", "activity_regularizer"}


def current_config(config):
    """The config of a model or layer (what JSON gives), written by Keras 2.0 to 2.3 or tf.keras 2, for Keras 2.3.1.

    Configs of 2.3.1, and of classes that are not ours, come back unchanged.
    """
    if isinstance(config, list):
        return [current_config(item) for item in config]
    if not isinstance(config, dict):
        return config
    if "class_name" in config and isinstance(config.get("config"), (dict, list)):
        return _current_object(config)
    return {key: current_config(value) for key, value in config.items()}


def _current_object(config):
    name = _RENAMED.get(config["class_name"], config["class_name"])
    # tf.keras adds the module, the name under which a class was registered, the shapes it was built on, ...
    kept = {key: config[key] for key in ("name", "inbound_nodes", "shared_object_id") if key in config}
    arguments = current_config(config["config"])
    if isinstance(arguments, dict):
        arguments = _current_arguments(name, arguments)
    return {**kept, "class_name": name, "config": arguments}


def _current_arguments(name, arguments):
    if isinstance(arguments.get("dtype"), dict):        # a policy: for now of one dtype
        arguments["dtype"] = arguments["dtype"]["config"]["name"]
    if name == "BatchNormalization" and isinstance(arguments.get("axis"), list) and len(arguments["axis"]) == 1:
        arguments["axis"] = arguments["axis"][0]
    if name == "VarianceScaling":
        arguments["distribution"] = _DISTRIBUTIONS.get(arguments.get("distribution"), arguments.get("distribution"))
    if name == "Model":
        for key in ("input_layers", "output_layers"):
            arguments[key] = _list_of_tensors(arguments.get(key))
    return _without_new_defaults(name, arguments)


def _list_of_tensors(tensors):
    """[["input_1", 0, 0]] also where a lone tensor stands bare, or where several have names."""
    if isinstance(tensors, dict):
        return list(tensors.values())
    return [tensors] if tensors and isinstance(tensors[0], str) else tensors


def _without_new_defaults(name, arguments):
    known = _known_arguments(name)
    if known is None:
        return arguments
    return {key: value for key, value in arguments.items()
            if key in known or key not in _NEW_ARGUMENTS or _NEW_ARGUMENTS[key] not in (_ANY, value)}


@functools.cache
def _known_arguments(name):
    """The arguments that our class of this name takes; None for models and for classes that are not ours."""
    from .. import constraints, initializers, layers, losses, optimizers, regularizers
    if name in ("Model", "Sequential"):
        return None
    for module in (layers, initializers, regularizers, constraints, losses, optimizers):
        found = getattr(module, name, None)
        if inspect.isclass(found):
            known = {*constructor_arguments(found, object), *(_OF_EVERY_LAYER if module is layers else ())}
            # Separable convolutions have two kernels, and take nothing for a third one from their base.
            return known - _OF_ONE_KERNEL if "depthwise_initializer" in known else known
        if inspect.isfunction(found):
            return set(inspect.signature(found).parameters)
    return None


def current_training_config(config):
    """The training config of a file, written by Keras 2 or tf.keras 2, for Keras 2.3.1."""
    config = current_config(config)
    loss = config.get("loss")
    return {**config, "loss": _current_loss(loss),
            "metrics": _current_metrics(config.get("metrics")),
            "weighted_metrics": _current_metrics(config.get("weighted_metrics"))}


def _current_loss(loss):
    if isinstance(loss, list):
        return [_current_loss(item) for item in loss]
    if not isinstance(loss, dict):
        return loss
    if "class_name" not in loss:
        return {name: _current_loss(item) for name, item in loss.items()}
    arguments = dict(loss["config"])
    if arguments.get("reduction") == "auto":
        arguments["reduction"] = "sum_over_batch_size"
    if loss["class_name"] == "LossFunctionWrapper":
        return arguments["fn"]
    return {"class_name": loss["class_name"], "config": arguments}


def _current_metrics(metrics):
    if isinstance(metrics, list):
        return [_current_metrics(item) for item in metrics]
    if not isinstance(metrics, dict):
        return metrics
    if "class_name" not in metrics:
        return {name: _current_metrics(item) for name, item in metrics.items()}
    if metrics["class_name"] == "MeanMetricWrapper":
        # "accuracy" means the one that fits the loss, and gives the name under which it is logged.
        arguments = metrics["config"]
        return arguments["name"] if arguments.get("name") in ("accuracy", "acc") else arguments["fn"]
    return metrics
