"""The PyTorch backend: kernels by family, and a linker that runs programs as straight lines without a tape."""

import sys

import numpy as np
import torch

from .device import DTYPES, NAMES, current, on_cpu
from .linker import Linked as link
from .linker import constant

NAME = "torch"
# Ops whose result shares the memory of their first argument.
VIEWS = frozenset("reshape permute_dimensions getitem broadcast_to".split())
__all__ = ["NAME", "VIEWS", "assign", "constant", "copy", "from_feed", "link", "package", "to_native", "to_numpy"]


def package():
    """This package, as linkers of straight lines take it."""
    return sys.modules[__name__]


def copy(tensor):
    """The tensor in memory of its own."""
    return tensor.clone()


def to_native(array):
    """A copy of a NumPy array on the device."""
    with torch.inference_mode():
        return torch.from_numpy(np.array(array)).to(current())


def to_numpy(value):
    """A tensor as a NumPy array; waits for the device."""
    if isinstance(value, torch.Tensor):
        return (value.float() if value.dtype is torch.bfloat16 else value).numpy(force=True)
    return np.asarray(value)


def from_feed(value, dtype):
    """What a user fed, as a tensor of that dtype on the device; no copy where it is one already."""
    if isinstance(value, torch.Tensor):
        if NAMES.get(value.dtype) == dtype and value.device.type == current().type:
            return value
        return value.detach().to(device=current(), dtype=DTYPES[dtype])
    if type(value) is not np.ndarray or value.dtype != dtype:  # `dtype.name` takes microseconds
        value = np.asarray(value, dtype=dtype)
    if not value.flags.writeable or min(value.strides, default=0) < 0:
        value = value.copy()  # PyTorch takes neither kind
    tensor = torch.from_numpy(value)
    return tensor if on_cpu() else tensor.to(current(), non_blocking=True)


def assign(native, array):
    """Stores a NumPy array in a tensor, in place: it may lie in common memory. Returns the tensor."""
    with torch.inference_mode():
        return native.copy_(torch.from_numpy(array))
