"""What stands between the arguments of compile, fit, evaluate and predict and the functions that run."""

from .batches import (
    batch_shuffle,
    is_generator_or_sequence,
    is_sequence,
    is_stream,
    iter_sequence_infinite,
    make_batches,  # fmt: skip
)
from .compile_arguments import (
    call_metric_function,
    collect_per_output_metric_info,
    get_loss_function,
    get_metric_function,
    get_metric_name,
    get_output_sample_weight_and_mode,
    prepare_loss_functions,
    prepare_loss_weights,
    prepare_sample_weights,
    weighted_masked_objective,  # fmt: skip
)
from .standardize import (
    check_array_length_consistency,
    check_generator_arguments,
    check_loss_and_target_compatibility,
    check_num_samples,
    standardize_class_weights,
    standardize_input_data,
    standardize_sample_or_class_weights,
    standardize_sample_weights,
    standardize_single_array,
    standardize_weights,  # fmt: skip
)

__all__ = [
    "batch_shuffle", "call_metric_function", "check_array_length_consistency", "check_generator_arguments",
    "check_loss_and_target_compatibility", "check_num_samples", "collect_per_output_metric_info",
    "get_input_shape_and_dtype", "get_loss_function", "get_metric_function", "get_metric_name",
    "get_output_sample_weight_and_mode", "get_static_batch_size", "is_generator_or_sequence", "is_sequence",
    "is_stream", "iter_sequence_infinite", "make_batches", "prepare_loss_functions", "prepare_loss_weights",
    "prepare_sample_weights", "should_run_validation", "standardize_class_weights", "standardize_input_data",
    "standardize_sample_or_class_weights", "standardize_sample_weights", "standardize_single_array",
    "standardize_weights", "weighted_masked_objective",
]  # fmt: skip


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
