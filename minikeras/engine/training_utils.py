"""What stands between the arguments of compile, fit, evaluate and predict and the functions that run."""

from .batches import *
from .compile_arguments import *
from .standardize import *


def get_input_shape_and_dtype(layer):
    """(shape with the batch, dtype) that a layer, or the first one of a nested model, was given, or (None, None)."""
    while getattr(layer, "layers", None):
        layer = layer.layers[0]
    if hasattr(layer, "batch_input_shape"):
        return layer.batch_input_shape, layer.dtype
    return None, None


def get_static_batch_size(layer):
    """The size of the batch that a layer's input has by its definition, or None."""
    shape, _ = get_input_shape_and_dtype(layer)
    return None if shape is None else shape[0]


def should_run_validation(validation_freq, epoch):
    """Whether there is a validation after this epoch, counted from 0.

    validation_freq: every so many epochs; or a collection of the epochs, counted from 1.
    """
    if not isinstance(validation_freq, int):
        return epoch + 1 in validation_freq
    if validation_freq < 1:
        raise ValueError(f"validation_freq has to be at least 1, got {validation_freq}.")
    return (epoch + 1) % validation_freq == 0
