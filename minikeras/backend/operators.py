"""Python's operators on tensors, as ops."""

from .ops import indexing, linalg, math
from .tensor import Tensor

BINARY = {
    "add": math.add, "sub": math.subtract, "mul": math.multiply, "truediv": math.divide, "mod": math.mod,
    "floordiv": math.floor_divide, "pow": math.power, "matmul": linalg.matmul,
    "and": math.logical_and, "or": math.logical_or, "xor": math.logical_xor,
}
# == and != stay identity: tensors are keys of dicts and members of lists all over Keras code.
OTHERS = {
    "gt": math.greater, "ge": math.greater_equal, "lt": math.less, "le": math.less_equal,
    "neg": math.negative, "abs": math.abs, "invert": math.logical_not, "getitem": indexing.index_tensor,
}


def _swapped(op):
    return lambda self, other: op(other, self)


for _name, _op in BINARY.items():
    setattr(Tensor, f"__r{_name}__", _swapped(_op))
for _name, _op in {**BINARY, **OTHERS}.items():
    setattr(Tensor, f"__{_name}__", _op)
