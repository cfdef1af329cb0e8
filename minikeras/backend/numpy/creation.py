"""NumPy kernels of the ops that make tensors."""

import numpy as np


def full(shape, value, dtype):
    return np.full(shape, value, dtype)


def _arange(start, stop, step, dtype):
    return np.arange(start, stop, step).astype(dtype)


def one_hot(indices, num_classes, dtype):
    return (indices[..., None] == np.arange(num_classes)).astype(dtype)
