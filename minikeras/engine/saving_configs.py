"""Configs as JSON text, models of them, and configs of other versions of Keras in today's terms.

A newer version writes arguments that did not exist before; as long as such a key only states what was always the case,
it is dropped. A key that says more is left in place, and the constructor refuses it by name.
"""
import functools
import inspect
import json
import math
import re
import sys
import warnings

import numpy as np

from .. import backend as K
from ..legacy.interfaces import modern_config
from ..utils.files import damages
from ..utils.generic_utils import get_custom_objects
from .config import constructor_arguments
from .sharing import KEY


def to_json(config):
    """JSON text of a config: NumPy values as numbers and lists, objects by class and config, functions by name."""
    return json.dumps(config, default=json_form)


def json_form(value):
    """JSON for what configs hold: NumPy numbers and arrays, objects by class and config, functions by name."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if hasattr(value, "get_config"):
        return {"class_name": type(value).__name__, "config": value.get_config()}
    if hasattr(value, "__name__"):
        return value.__name__
    todo = "give it a get_config or a name"
    if K.is_tensor(value):
        todo = "if the function of a Lambda layer takes it from outside, make it an input of the layer"
    raise TypeError(f"{value!r} of type {type(value).__name__} has no JSON form: {todo}.")


def yaml_module():
    """PyYAML; ImportError, which says what to install, without it."""
    try:
        import yaml
    except ImportError as error:
        raise ImportError("YAML needs PyYAML: pip install 'minikeras-multibackend[yaml]'. Or use JSON.") from error
    return yaml


def model_from_config(config, custom_objects=None):
    """The model (or layer) of {"class_name", "config"}, with new weights.

    custom_objects: dict of name -> class or function that the config uses. Configs of Keras 1 and 2 and of tf.keras 2
    are read. Raises ValueError for unknown names.
    """
    from ..layers import deserialize

    if not isinstance(config, dict):
        raise TypeError("model_from_config: expected a dict with the keys class_name and config, got a list. For the "
                        "config of a Sequential model use Sequential.from_config.")  # fmt: skip
    modern = current_config(config, config.get("keras_version"), custom_objects or ())
    return deserialize(modern, custom_objects=custom_objects)


def _model_from_text(what, parse, text, custom_objects):
    with damages(what):
        config = parse(text)
    # Errors of the caller's own classes are the caller's.
    with damages(what, Exception if custom_objects else (ImportError, ValueError)):
        return model_from_config(config, custom_objects)


def model_from_json(json_string, custom_objects=None):
    """The model of `model.to_json()`, with new weights. custom_objects: as in `model_from_config`."""
    return _model_from_text("The JSON text", json.loads, json_string, custom_objects)


def model_from_yaml(yaml_string, custom_objects=None):
    """The model of `model.to_yaml()`, with new weights. Only plain data are read: no Python objects. Needs PyYAML."""
    yaml = yaml_module()

    class Loader(yaml.SafeLoader):
        """Plain data, and the tuples that Keras wrote; no merging of dicts, which can double what is there."""

        def flatten_mapping(self, node):
            pass

    Loader.add_constructor("tag:yaml.org,2002:python/tuple", Loader.construct_yaml_seq)

    def parse(text):
        config = yaml.load(text, Loader)
        if _items(config, {}) > 1e6:
            raise ValueError("it refers to its own parts, which would grow without end")
        return config

    return _model_from_text("The YAML text", parse, yaml_string, custom_objects)


def _items(value, found):
    """How many items a value has in all, when what is shared counts each time; infinite, when it has itself in it."""
    if not isinstance(value, (dict, list)):
        return 1
    if id(value) not in found:
        found[id(value)] = math.inf
        found[id(value)] = 1 + sum(_items(v, found) for v in (value.values() if isinstance(value, dict) else value))
    return found[id(value)]


def own_objects(model):
    """{name: class or function} of what the config and training config of a model name and minikeras does not have."""
    found = {}

    def look(value):
        if isinstance(value, (list, tuple, dict)):
            for item in value.values() if isinstance(value, dict) else value:
                look(item)
        elif inspect.isfunction(value) and not _is_ours(value):
            found[value.__name__] = value
        elif hasattr(value, "get_config") and not _is_ours(type(value)):
            found[type(value).__name__] = type(value)

    def look_into(layer):
        if hasattr(layer, "stored_graph"):              # a Lambda
            function, name = layer.function, getattr(layer.function, "__name__", "<lambda>")
            at_home = getattr(sys.modules.get(getattr(function, "__module__", None)), name, None) is function
            if at_home or layer.stored_graph() is None:
                found[layer.name if name == "<lambda>" else name] = function
            return
        look([layer, *(value for key, value in vars(layer).items() if key not in ("_losses", "_updates"))])
        for part in layer._layers:
            look_into(part)

    look_into(model)
    return found


def _is_ours(thing):
    return getattr(thing, "__module__", "").startswith(__name__.partition(".")[0] + ".")


_ANY = object()
# Arguments that Keras 2.3.1 does not have, and the value that says what it does anyway; so does None.
_NEW_ARGUMENTS = {
    # layers
    "ragged": False, "groups": 1, "time_major": False, "zero_output_for_mask": False, "keepdims": False,
    "renorm": False, "renorm_clipping": None, "renorm_momentum": _ANY, "fused": _ANY, "virtual_batch_size": None,
    "adjustment": None, "synchronized": False, "autocast": True, "optional": False, "sparse": False, "seed": None,
    "dtype": _ANY, "noise_shape": None, "experimental_autocast": True, "quantization_config": None, "rng_type": None,
    "kernel_initializer": _ANY, "kernel_regularizer": None, "kernel_constraint": None, "unroll": False,
    "dynamic": False, "implementation": 1, "query_shape": _ANY, "key_shape": _ANY, "value_shape": _ANY,
    "attention_axes": [1],
    # optimizers
    "name": _ANY, "jit_compile": _ANY, "is_legacy_optimizer": _ANY, "weight_decay": None, "loss_scale_factor": None,
    "centered": False, "momentum": 0.0, "initial_accumulator_value": _ANY, "decay": 0.0,
    # losses and metrics
    "axis": -1, "fn": _ANY, "ignore_class": None, "multi_label": False, "num_labels": None, "label_weights": None,
    "from_logits": False, "sparse_y_true": True, "sparse_y_pred": True,
}  # fmt: skip
_RENAMED = {"Functional": "Model", "BatchNormalizationV1": "BatchNormalization", "BatchNormalizationV2":
            "BatchNormalization", "LSTMV2": "LSTM", "GRUV2": "GRU", "UnifiedLSTM": "LSTM", "UnifiedGRU": "GRU",
            "L1": "L1L2", "L2": "L1L2", "GlorotUniform": "glorot_uniform", "GlorotNormal": "glorot_normal",
            "HeUniform": "he_uniform", "HeNormal": "he_normal", "LecunUniform": "lecun_uniform",
            "LecunNormal": "lecun_normal"}  # fmt: skip
_RENAMED_ARGUMENTS = {"InputLayer": ("batch_shape", "batch_input_shape"), "Nadam": ("decay", "schedule_decay")}
_DISTRIBUTIONS = {"truncated_normal": "normal", "untruncated_normal": "normal"}
_OF_ONE_KERNEL = {"kernel_initializer", "kernel_regularizer", "kernel_constraint"}
_OF_EVERY_LAYER = {"name", "trainable", "dtype", "batch_input_shape", "input_shape", "batch_size", "weights",
                   "input_dtype", "activity_regularizer"}


def is_tf_keras(version):
    """Whether a file or config of this `keras_version` is of tf.keras: '2.2.4-tf', or what came after Keras 2.3."""
    numbers = re.match(r"(\d+)\.(\d+)", str(version or ""))
    return bool(numbers) and ("-tf" in str(version) or tuple(map(int, numbers.groups())) >= (2, 4))


def current_config(config, version=None, custom=()):
    """The config of a model or layer (what JSON gives), written by Keras 1, 2 or tf.keras 2, for Keras 2.3.1.

    version: the `keras_version` of what wrote it. custom: names that the caller has classes of his own for: their
    configs come back unchanged, as do those of 2.3.1. Raises ValueError for what there is no equivalent of.
    """
    return _Reader(is_tf_keras(version), {*custom, *get_custom_objects()}).read(config)


class _Reader:
    """tf_keras: whether the config is of tf.keras. custom: names of classes that are not ours."""

    def __init__(self, tf_keras, custom):
        self.tf_keras, self.custom = tf_keras, custom

    def read(self, config):
        if isinstance(config, list):
            return [self.read(item) for item in config]
        if not isinstance(config, dict):
            return config
        name, content = config.get("class_name"), config.get("config")
        if name == "__tuple__":
            return self.read(config.get("items"))
        if name == "function" and isinstance(content, str):
            return content
        if isinstance(name, str) and isinstance(content, (dict, list)):
            return self._object(name, config)
        return {key: self.read(value) for key, value in config.items()}

    def _object(self, name, config):
        # tf.keras adds the module, the name under which a class was registered, the shapes it was built on, ...
        kept = {key: config[key] for key in ("name", "inbound_nodes", "graph", KEY) if key in config}
        arguments = self.read(config["config"])
        if ">" in name and name not in self.custom:  # package>class
            name = name.rpartition(">")[2]
        if name not in self.custom and isinstance(arguments, dict):
            who = f'{name} "{arguments["name"]}"' if "name" in arguments else name
            name = _RENAMED.get(name, name)
            try:
                name, arguments = modern_config(name, arguments)
                arguments = self._arguments(name, arguments, who)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{who}: {error}") from error
        elif name == "Sequential" and isinstance(arguments, list) and "name" in config:
            arguments = {"name": config["name"], "layers": arguments}  # as up to Keras 2.2.2, inside of a model
        return {**kept, "class_name": name, "config": arguments}

    def _arguments(self, name, arguments, who):
        if isinstance(arguments.get("dtype"), dict):
            arguments["dtype"] = _dtype_of_policy(arguments["dtype"], who)
        old, new = _RENAMED_ARGUMENTS.get(name, (None, None))
        if old in arguments:
            arguments.setdefault(new, arguments.pop(old))
        if name == "BatchNormalization" and isinstance(arguments.get("axis"), list) and len(arguments["axis"]) == 1:
            arguments["axis"] = arguments["axis"][0]
        if name == "VarianceScaling":
            arguments["distribution"] = _DISTRIBUTIONS.get(arguments.get("distribution"), arguments.get("distribution"))
        if name == "Model":
            for key in ("input_layers", "output_layers"):
                arguments[key] = _list_of_tensors(arguments.get(key))
        if self.tf_keras:
            _check_meaning(name, arguments)
        return _without_new_defaults(name, arguments)


def _dtype_of_policy(policy, who):
    """The dtype of the weights of a policy {"class_name": "Policy", "config": {"name": ...}}; None: the default."""
    config = policy.get("config", policy)
    name = config.get("name") if isinstance(config, dict) else None
    if not isinstance(name, str) or "infer" in name:
        return None
    if name.startswith("mixed_"):
        warnings.warn(f"{who}: dtype policy {name!r}: there are no mixed policies here; it computes in float32, the "
                      "dtype of its weights.", stacklevel=2)  # fmt: skip
        return "float32"
    return name


def _check_meaning(name, arguments):
    """Put arguments of tf.keras that have the names of Keras 2.3.1's and another meaning into its terms, or raise
    ValueError."""
    if name == "UpSampling2D" and arguments.get("interpolation") == "bilinear":
        arguments["interpolation"] = "bilinear_half_pixel"
    if arguments.get("clipnorm") is not None:
        raise ValueError(f"clipnorm={arguments['clipnorm']} of tf.keras clips the gradient of each weight by itself, "
                         "here it is the norm of all together.")  # fmt: skip
    if "global_clipnorm" in arguments:
        arguments["clipnorm"] = arguments.pop("global_clipnorm")


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
            if key in known or key not in _NEW_ARGUMENTS or not (value is None or _NEW_ARGUMENTS[key] in (_ANY, value))}


@functools.cache
def _known_arguments(name):
    """The arguments that our classes of this name take; None for models and for classes that are not ours."""
    from .. import constraints, initializers, layers, losses, metrics, optimizers, regularizers

    known = None
    for module in (layers, initializers, regularizers, constraints, losses, optimizers, metrics):
        found = getattr(module, name, None)
        if name in ("Model", "Sequential") or not callable(found):
            continue
        names = constructor_arguments(found, object) if inspect.isclass(found) else inspect.signature(found).parameters
        known = {*(known or ()), *names, *(_OF_EVERY_LAYER if module is layers else ())}
        if "depthwise_initializer" in known:
            # Separable convolutions have two kernels, and take nothing for a third one from their base.
            known -= _OF_ONE_KERNEL
    return known
