"""Regularizers: penalties on weights or outputs, added to the loss."""

from . import backend as K
from .utils.generic_utils import Configured, deserialize_keras_object, get_object, serialize_keras_object


class Regularizer(Configured):
    """Base of regularizers."""

    def __call__(self, x):
        """The penalty, a scalar. x: tensor of any shape."""
        return K.constant(0.0)


class L1L2(Regularizer):
    """l1 sum|x| + l2 sum(x^2)."""

    def __init__(self, l1=0.0, l2=0.0):
        self.l1, self.l2 = K.cast_to_floatx(l1), K.cast_to_floatx(l2)

    def __call__(self, x):
        kinds = ((self.l1, K.abs), (self.l2, K.square))
        penalties = [float(factor) * K.sum(size(x)) for factor, size in kinds if factor]
        return sum(penalties[1:], penalties[0]) if penalties else K.constant(0.0)

    def get_config(self):
        """The factors, as floats."""
        return {"l1": float(self.l1), "l2": float(self.l2)}


def l1(l=0.01):  # noqa: E741 (the name that Keras gave it)
    """L1L2(l1=l): the lasso penalty, for sparse weights."""
    return L1L2(l1=l)


def l2(l=0.01):  # noqa: E741
    """L1L2(l2=l): the ridge penalty, or weight decay."""
    return L1L2(l2=l)


def l1_l2(l1=0.01, l2=0.01):
    """L1L2(l1, l2): the elastic net."""
    return L1L2(l1=l1, l2=l2)


_MAKERS = {"L1L2": L1L2, "l1": l1, "l2": l2, "l1_l2": l1_l2}


def serialize(regularizer):
    """{"class_name", "config"} of a regularizer; None for None."""
    return serialize_keras_object(regularizer)


def deserialize(config, custom_objects=None):
    """The regularizer of a config. Raises ValueError for unknown names."""
    return deserialize_keras_object(config, _MAKERS, custom_objects, "regularizer")


def get(identifier):
    """The regularizer of a name or config; None and callables as they are. Raises ValueError for anything else."""
    return get_object(identifier, deserialize, "regularizer")
