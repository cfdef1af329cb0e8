"""Argument checks and length formulas of convolutions and poolings.

The formulas are those of Dumoulin and Visin, A guide to convolution arithmetic for deep learning (2016), with the
padding in words: "valid" none, "same" as many output elements as strides, "full" kernel - 1 at both ends,
"causal" kernel - 1 at the start.
"""
import numpy as np

from .generic_utils import one_of


def normalize_tuple(value, n, name):
    """`value`, an int or n ints, as a tuple of n ints. `name` is for the ValueError raised when it is neither."""
    whole = (int, np.integer)
    values = (value,) * n if isinstance(value, whole) else tuple(value) if np.iterable(value) else ()
    if len(values) != n or not all(isinstance(v, whole) for v in values):
        raise ValueError(f"The argument {name!r} must be an integer or a tuple of {n} integers, got {value!r}.")
    return tuple(map(int, values))


def normalize_padding(value):
    """The padding in lower case. Raises ValueError unless it is one of 'valid', 'same', 'causal'."""
    padding = value.lower() if isinstance(value, str) else value
    if padding not in ("valid", "same", "causal"):
        raise ValueError(f"The argument 'padding' must be 'valid', 'same' or (Conv1D only) 'causal', got {value!r}.")
    return padding


def conv_output_length(input_length, filter_size, padding, stride, dilation=1):
    """Length that a convolution or pooling gives along one axis; None for an unknown input length."""
    one_of("padding", padding, ("same", "valid", "full", "causal"))
    if input_length is None:
        return None
    reach = (filter_size - 1) * dilation
    length = input_length + {"valid": -reach, "full": reach}.get(padding, 0)
    return (length + stride - 1) // stride


def conv_input_length(output_length, filter_size, padding, stride):
    """The shortest input length from which a convolution gives `output_length`; None for None."""
    one_of("padding", padding, ("same", "valid", "full"))
    if output_length is None:
        return None
    return (output_length - 1) * stride - 2 * _pad(padding, filter_size) + filter_size


def deconv_length(dim_size, stride_size, kernel_size, padding, output_padding, dilation=1):
    """Length that a transposed convolution gives along one axis; None for an unknown `dim_size`.

    output_padding: elements added at the end, or None for the length inferred from the padding alone.
    """
    one_of("padding", padding, ("same", "valid", "full"))
    if dim_size is None:
        return None
    kernel_size = (kernel_size - 1) * dilation + 1
    if output_padding is not None:
        return (dim_size - 1) * stride_size + kernel_size - 2 * _pad(padding, kernel_size) + output_padding
    extra = {"valid": max(kernel_size - stride_size, 0), "full": 2 - stride_size - kernel_size, "same": 0}[padding]
    return dim_size * stride_size + extra


def _pad(padding, kernel_size):
    return {"same": kernel_size // 2, "valid": 0, "full": kernel_size - 1}[padding]


def convert_kernel(kernel):
    """A convolution kernel turned round in its spatial axes: from convolution to cross-correlation or back.

    kernel: array [*spatial, in, out] with 1 to 3 spatial axes. Raises ValueError for other ranks.
    """
    kernel = np.asarray(kernel)
    if not 3 <= kernel.ndim <= 5:
        raise ValueError(f"A convolution kernel has 3 to 5 axes [*spatial, in, out], got shape {kernel.shape}.")
    return np.copy(np.flip(kernel, tuple(range(kernel.ndim - 2))))
