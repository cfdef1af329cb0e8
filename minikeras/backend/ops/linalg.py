"""Products of matrices and tensors."""

from ..op import Spec, broadcast, op
from ..tensor import Tensor


@op(promote=("x", "y"))
def matmul(x: Tensor, y: Tensor):
    """Matrix product over the last two axes, the others broadcast.

    x: [..., n, k]. y: [..., k, m]. Returns [..., n, m]. Raises ValueError when the two k differ.
    """
    if x.ndim < 2 or y.ndim < 2:
        raise ValueError("both arguments need at least two axes. Use K.dot or K.expand_dims.")
    _agree(x.shape[-1], y.shape[-2])
    return Spec((*broadcast(x.shape[:-2], y.shape[:-2]), x.shape[-2], y.shape[-1]), x.dtype)


def _agree(a, b):
    if a is not None and b is not None and a != b:
        raise ValueError(
            f"the last axis of x and the second-last of y must have one size: {a} != {b}. "
            "Was the layer built on another input?"
        )


def _turned(x):
    from .shape import permute_dimensions

    return permute_dimensions(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def _matmul_gradient(g, z, x, y):
    from .reduction import sum_to

    return sum_to(matmul(g, _turned(y)), x), sum_to(matmul(_turned(x), g), y)


matmul.joint_gradient(_matmul_gradient)
