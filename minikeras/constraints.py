"""Constraints on weights: functions that an optimizer applies to a weight after each update.

The norms are Euclidean, over `axis`: 0 for the kernel of a Dense layer [inputs, units] limits the weights into each
unit; [0, 1, 2] does so for a kernel of Conv2D [rows, columns, inputs, filters].
"""

from . import backend as K
from .utils.generic_utils import Configured, deserialize_keras_object, get_object, serialize_keras_object


class Constraint(Configured):
    """Base of constraints. The config is the constructor's arguments, kept under their names."""

    def __call__(self, w):
        """The weight as it shall be. w: any shape; returns that shape."""
        return w


def _norm(w, axis):
    return K.sqrt(K.sum(K.square(w), axis=axis, keepdims=True))


def _rescaled(w, norm, wanted):
    return w * (wanted / (K.epsilon() + norm))


class MaxNorm(Constraint):
    """Norms are at most `max_value`. Source: Srivastava et al., Dropout (2014)."""

    def __init__(self, max_value=2, axis=0):
        self.max_value, self.axis = max_value, axis

    def __call__(self, w):
        norm = _norm(w, self.axis)
        return _rescaled(w, norm, K.clip(norm, 0, self.max_value))


class NonNeg(Constraint):
    """Negative elements become 0."""

    def __call__(self, w):
        return w * K.cast(w >= 0.0, K.dtype(w))


class UnitNorm(Constraint):
    """Norms are 1."""

    def __init__(self, axis=0):
        self.axis = axis

    def __call__(self, w):
        return w / (K.epsilon() + _norm(w, self.axis))


class MinMaxNorm(Constraint):
    """Norms are moved into [min_value, max_value]; by the part `rate` of the way there in each update."""

    def __init__(self, min_value=0.0, max_value=1.0, rate=1.0, axis=0):
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w):
        norm = _norm(w, self.axis)
        wanted = self.rate * K.clip(norm, self.min_value, self.max_value) + (1 - self.rate) * norm
        return _rescaled(w, norm, wanted)


max_norm = maxnorm = MaxNorm
non_neg = nonneg = NonNeg
unit_norm = unitnorm = UnitNorm
min_max_norm = MinMaxNorm

_CLASSES = {name: value for name, value in globals().items()
            if isinstance(value, type) and issubclass(value, Constraint)}  # fmt: skip


def serialize(constraint):
    """{"class_name", "config"} of a constraint; None for None."""
    return serialize_keras_object(constraint)


def deserialize(config, custom_objects=None):
    """The constraint of a config. Raises ValueError for unknown names."""
    return deserialize_keras_object(config, _CLASSES, custom_objects, "constraint")


def get(identifier):
    """The constraint of a name or config; None and callables as they are. Raises ValueError for anything else."""
    return get_object(identifier, deserialize, "constraint")
