"""Choices made at run time: branches that the learning phase decides, and switches."""

from ..op import Tensors, as_tensor, op, promoted
from ..session import learning_phase
from ..tensor import Tensor, show
from .math import where


@op(prepare=lambda condition, then, otherwise: (condition, *promoted([then, otherwise])))
def choose(condition: Tensor, then: Tensor, otherwise: Tensor):
    """`then` where the scalar condition is nonzero, else `otherwise`.

    Only one of the two is in a program for which the condition is known, as it is for the learning phase.
    """
    return where(condition, then, otherwise)


# The condition itself is attached to what comes back: see the guards in gradients.py.
choose.gradient(None, lambda g, y, *_: g, lambda g, y, *_: g)


def in_train_phase(x, alt, training=None):
    """`x` in training, else `alt`: tensors, or functions without arguments that return them.

    training: whether it is training: None for the learning phase, else a bool, an int or a scalar tensor.
    """
    training = learning_phase() if training is None else training
    if not isinstance(training, Tensor):
        taken = x if training else alt
        return taken() if callable(taken) else taken
    return _zipped(lambda a, b: choose(training, a, b), *(v() if callable(v) else v for v in (x, alt)))


def in_test_phase(x, alt, training=None):
    """`x` in testing, else `alt`: the opposite of `in_train_phase`."""
    return in_train_phase(alt, x, training)


def _zipped(function, x, y):
    """The function of x and y, or of each pair in two lists."""
    if isinstance(x, (list, tuple)):
        return [function(a, b) for a, b in zip(x, y, strict=True)]
    return function(x, y)
