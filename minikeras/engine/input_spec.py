"""InputSpec: what a layer expects of its inputs; and the check."""

import numpy as np

from .. import backend as K
from .config import who


class InputSpec:
    """Expectations of one input of a layer; None means that anything will do.

    dtype: name of a dtype. shape: tuple with None for any size. ndim, max_ndim, min_ndim: number of axes, the batch
    included. axes: dict of axis -> size. A shape given without ndim fixes ndim.
    """

    def __init__(self, dtype=None, shape=None, ndim=None, max_ndim=None, min_ndim=None, axes=None):
        self.dtype, self.shape = dtype, None if shape is None else tuple(shape)
        self.ndim = ndim if shape is None else len(shape)
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.axes = {int(axis): size for axis, size in (axes or {}).items()}

    def __repr__(self):
        facts = [f"{name}={value}" for name, value in vars(self).items() if value not in (None, {})]
        return f"InputSpec({', '.join(facts)})"


def check_inputs(layer, inputs, specs):
    """Raise ValueError unless the list of tensors `inputs` is what the list `specs` of InputSpec or None asks for."""
    for x in inputs:
        if not K.is_tensor(x):
            what = f"{type(x).__name__} of shape {np.shape(x)}" if hasattr(x, "shape") else repr(x)
            raise ValueError(f"{who(layer)} was called on {what}, which is no symbolic tensor. Call it on the "
                             "output of another layer or of Input(...); to give it data, make a Model, and predict."
                             )  # fmt: skip
    if not specs:
        return
    if len(inputs) != len(specs):
        raise ValueError(f"{who(layer)} expects {len(specs)} inputs, but it got {len(inputs)}: shapes "
                         f"{[K.int_shape(x) for x in inputs]}.")  # fmt: skip
    for index, (x, spec) in enumerate(zip(inputs, specs, strict=True)):
        problem = spec and _mismatch(K.int_shape(x), K.dtype(x), spec)
        if problem:
            raise ValueError(f"Input {index} is incompatible with {who(layer)}: {problem}\n"
                             f"  found: shape {K.int_shape(x)}, dtype {K.dtype(x)}")  # fmt: skip


def _mismatch(shape, dtype, spec):
    """What is wrong, in words, or None."""
    if shape is None:
        return None
    ndim = len(shape)
    if spec.ndim is not None and ndim != spec.ndim:
        wanted = f" {spec.shape}" if spec.shape else ""
        return f"expected ndim={spec.ndim}{wanted}, found ndim={ndim}."
    if spec.max_ndim is not None and ndim > spec.max_ndim:
        return f"expected max_ndim={spec.max_ndim}, found ndim={ndim}."
    if spec.min_ndim is not None and ndim < spec.min_ndim:
        return f"expected min_ndim={spec.min_ndim}, found ndim={ndim}."
    if spec.dtype is not None and dtype != spec.dtype:
        return f"expected dtype={spec.dtype}, found dtype={dtype}."
    return _size_mismatch(shape, spec)


def _size_mismatch(shape, spec):
    for axis, size in spec.axes.items():
        if not -len(shape) <= axis < len(shape):
            return f"expected axis {axis} of size {size}, found only {len(shape)} axes."
        if None not in (size, shape[axis]) and shape[axis] != size:
            return f"expected axis {axis} to have size {size}, found {shape[axis]}."
    for axis, size in enumerate(spec.shape or ()):
        if None not in (size, shape[axis]) and shape[axis] != size:
            return f"expected shape={spec.shape}, found shape={shape}: axis {axis} is {shape[axis]}, not {size}."
    return None
