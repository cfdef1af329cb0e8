"""Update groups that PyTorch has one kernel for, on a CPU: Adam and RMSprop, in a fraction of their single steps."""

import operator
from types import SimpleNamespace

import numpy as np
import torch

from ..exchange import Call
from ..grouping import Ref
from ..program import Program, Step, Value, live_steps
from ..straight_line import straight_line
from . import device

# With so many steps behind it the kernel's own bias corrections are exactly 1: Keras's are in the learning rate.
_FAR = 1e9


def adam(group):
    """What `adam_step` wants to know of a group if it is Adam's step, or RMSprop's, which is Adam's with beta_1 = 0.

    m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, p = p - lr m / (sqrt(v) + epsilon). Else None.
    """
    if not device.on_cpu() or len(group.roots) not in (2, 3) or len(group.gradients[0]) != 1:
        return None
    if group.gradients[0][0].dtype not in ("float32", "float64"):
        return None
    trees = {role: _tree(group, Ref("result", i)) for role, i in group.roots.items()}
    for p, tree in trees.items():
        match tree:
            case (
                ("subtract", Ref("variable", own), ("true_divide", ("multiply", Ref("scalar", lr), mean),
                 ("add", ("true_sqrt", square), Ref("constant", epsilon))))
            ) if own == p:  # fmt: skip
                first, second = _moment(group, trees, mean, _GRADIENT), _moment(group, trees, square, _SQUARE)
                if second and (first or (mean == _GRADIENT and len(trees) == 2)):
                    return p, first, second, lr, float(group.constants[epsilon])
    return None


_GRADIENT = Ref("gradient", 0)
_SQUARE = ("square", _GRADIENT)


def _moment(group, trees, tree, of):
    """(role, scalar b) of a running mean b m + (1 - b) `of` that is kept as the role's new value, or None."""
    match tree:
        case ("add", ("multiply", b, Ref("variable", role)), ("multiply", rest, new)):
            if new == of and trees.get(role) == tree and _rest(group, rest, b):
                return role, b.index
    return None


def _tree(group, ref):
    """The expression of a result, as nested tuples with Refs as leaves."""
    if ref.kind != "result":
        return ref
    step = group.instructions[ref.index]
    return (step.op.name, *(_tree(group, a) if isinstance(a, Ref) else a for a in step.args))


def _rest(group, rest, whole):
    """Whether the scalar `rest` is 1 - `whole`."""
    if rest.kind != "scalar" or whole.kind != "scalar":
        return False
    value = group.scalars[rest.index]
    return value.op_name == "subtract" and value.source.args[0].scalar() == 1 and (
        value.source.args[1] is group.scalars[whole.index]
    )


def adam_step(found):
    """A function (blocks, *scalars) that does the step `found` by `adam`. The gradient comes last in a block."""
    p, first, (v, b2), lr, epsilon = found
    m, b1 = first or (-1, None)  # without a mean the gradient is its own: 0 g + 1 g
    far = [torch.tensor(_FAR)]

    def step(blocks, *scalars):
        beta_1 = 0.0 if b1 is None else scalars[b1].item()
        for roles in blocks:
            torch._fused_adam_(
                [roles[p]], [roles[-1]], [roles[m]], [roles[v]], [], far, lr=scalars[lr].item(), beta1=beta_1,
                beta2=scalars[b2].item(), weight_decay=0.0, eps=epsilon, amsgrad=False, maximize=False,
            )  # fmt: skip

    return step


# ---- numbers on the host ---------------------------------------------------------------------------------------------

# A tensor of one number takes PyTorch microseconds a step, NumPy's scalars a tenth of one.
_HOST = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "true_divide": operator.truediv,
    "power": operator.pow, "maximum": max, "minimum": min, "true_sqrt": np.sqrt,
    "cast": lambda x, dtype: np.dtype(dtype).type(x),
}  # fmt: skip
_SCALARS = SimpleNamespace(constant=lambda array: array[()], copy=lambda x: x, VIEWS=frozenset())


def on_host(scalars):
    """A function without arguments that computes the Values from variables of one number, on the host; or None."""
    made = {}

    def turned(arg):
        return made.get(arg, arg) if isinstance(arg, Value) else arg

    for step in live_steps(scalars):
        if step.op.name not in _HOST or any(v.shape != () or v.kind == "input" for v in step.inputs):
            return None
        args = tuple(turned(a) for a in step.args)
        new = Step(Call(step.op.name, _HOST[step.op.name]), args, tuple(turned(v) for v in step.inputs), step.scope)
        (old,) = step.outputs
        made[old] = Value((), old.dtype, "step", new)
        new.outputs = (made[old],)
    program = Program([], [turned(v) for v in scalars], [])
    if program.counters or any(v.kind == "input" for v in scalars):
        return None
    line, variables = straight_line(program, _SCALARS), program.variables
    for variable in variables:
        variable.native()
    reads = [(v, np.dtype(v.dtype).type) for v in variables]

    def values():
        with np.errstate(all="ignore"):
            return line(*[number(v._native.item()) for v, number in reads], ())[0]  # a third of the time of `numpy()`

    return values
