"""Names of layers and of their weights, and configs read off the signature of the constructor."""

import inspect
import re
from importlib import import_module

import numpy as np

from .sharing import entry

_PLAIN = (str, bool, int, float, type(None))


def snake_case(name):
    """'BatchNormalization' -> 'batch_normalization', 'Conv2DTranspose' -> 'conv2d_transpose', 'LSTM' -> 'lstm'."""
    words = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    words = re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()
    return "private" + words if words.startswith("_") else words


def who(layer):
    """A layer in messages: 'layer "dense_1" (Dense)'."""
    return f'layer "{layer.name}" ({type(layer).__name__})'


def unique_name(name, taken):
    """`name`, with _1, _2, ... behind it (before the :0 of a variable) if it is taken."""
    base, colon, index = name.partition(":")
    number = 0
    while name in taken:
        number += 1
        name = f"{base}_{number}{colon}{index}"
    return name


def constructor_arguments(cls, stop):
    """Names of the constructor's parameters, and, as long as **kwargs hands on the rest, of those of the bases.

    cls: a class. stop: the base whose parameters, and those of its bases, do not count.
    """
    names = []
    for base in cls.__mro__:
        if base is stop:
            break
        if "__init__" not in vars(base):
            continue
        parameters = list(inspect.signature(base.__init__).parameters.values())[1:]
        names += [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return list(dict.fromkeys(names))


def serialized(name, value):
    """The config form of the value of the constructor's argument `name`. Raises TypeError when there is none."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return type(value)([serialized(name, item) for item in value])
    if isinstance(value, dict):
        return {key: serialized(name, item) for key, item in value.items()}
    for kind in ("initializer", "regularizer", "constraint", "activation"):
        if name == kind or name.endswith("_" + kind):
            return import_module(f"..{kind}s", __package__).serialize(value)
    if hasattr(value, "get_config"):
        return entry(value)
    raise TypeError(f"{name}: {value!r} has no form that a config can hold.")
