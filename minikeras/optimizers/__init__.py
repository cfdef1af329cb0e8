"""Optimizers: from the gradients of a loss to updates of the weights; and schedules of the learning rate."""

from ..utils.generic_utils import deserialize_keras_object, serialize_keras_object
from . import schedules
from .base import Optimizer, clip_norm
from .methods import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Lion, Nadam, RMSprop, TFOptimizer

sgd, rmsprop, adagrad, adadelta, adam, adamax, nadam = SGD, RMSprop, Adagrad, Adadelta, Adam, Adamax, Nadam

_CLASSES = {c.__name__: c for c in (SGD, RMSprop, Adagrad, Adadelta, Adam, AdamW, Adamax, Nadam, Lion, TFOptimizer)}


def serialize(optimizer):
    """{"class_name", "config"} of an optimizer."""
    return serialize_keras_object(optimizer)


def deserialize(config, custom_objects=None):
    """The optimizer of a config; the names of its classes are known in capitals or not.

    Raises ValueError for unknown names.
    """
    names = {**_CLASSES, **{name.lower(): value for name, value in _CLASSES.items()}}
    name = config.get("class_name")
    if isinstance(name, str) and name.lower() in names and name not in (custom_objects or {}):
        config = {**config, "class_name": name.lower()}
    return deserialize_keras_object(config, names, custom_objects, "optimizer")


def get(identifier):
    """The optimizer of a name (with the default arguments) or config; an optimizer as it is.

    Raises ValueError for anything else.
    """
    if isinstance(identifier, str):
        identifier = {"class_name": identifier, "config": {}}
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, Optimizer) or hasattr(identifier, "get_updates"):
        return identifier
    raise ValueError(f"Cannot read {identifier!r} as an optimizer: give a name, a config or an Optimizer.")
