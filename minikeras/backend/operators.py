"""Python's operators on tensors, as ops."""

from .ops import indexing, linalg, math
from .tensor import Tensor

BINARY = {
    "add": math.add,
    "sub": math.subtract,
    "mul": math.multiply,
    "truediv": math.divide,
    "floordiv": math.floor_divide,
    "mod": math.mod,
    "pow": math.power,
    "matmul": linalg.matmul,
    "and": math.logical_and,
    "or": math.logical_or,
    "xor": math.logical_xor,
}
# == and != stay identity: tensors are keys of dicts and members of lists all over Keras code.
COMPARISON = {"gt": math.greater, "ge": math.greater_equal, "lt": math.less, "le": math.less_equal}
UNARY = {"neg": math.negative, "abs": math.abs, "invert": math.logical_not}


def _method(op, swapped=False):
    if swapped:
        return lambda self, other: op(other, self)
    return lambda self, other: op(self, other)


def _unary(op):
    return lambda self: op(self)


def install():
    """Gives the Tensor class its operators."""
    for name, op in BINARY.items():
        setattr(Tensor, f"__{name}__", _method(op))
        setattr(Tensor, f"__r{name}__", _method(op, swapped=True))
    for name, op in COMPARISON.items():
        setattr(Tensor, f"__{name}__", _method(op))
    for name, op in UNARY.items():
        setattr(Tensor, f"__{name}__", _unary(op))
    Tensor.__getitem__ = indexing.index_tensor


install()
