"""Neighbouring steps as one call, and results written into memory that is there already.

`fused` rewrites a program before it becomes a straight line: a product and its bias are one call, an activation and
the like overwrite what they alone read, a largest pool leaves the places of its elements to its gradient. `written`
makes a step write where an optimizer will read. The numbers stay those of the single steps.
"""

import functools
import inspect
import types

import torch

from .. import runtime
from ..exchange import Call, Uses, again, exchange
from ..program import Step, Value
from . import device
from .convolution import _convolution_and_bias, _normalized_convolution, split
from .onednn import by_onednn, linear
from .pooling import _pool_and_places, _pulled_to_places

aten = torch.ops.aten
LARGE = 1 << 20  # elements: more than a cache holds
WEIGHTS = 2  # results for each weight: from here on a pass over the weights is cheaper than one over the results
WITHOUT_OUT = {torch.relu, torch.flip, torch.isfinite, torch.isinf, torch.isnan}


def writes_out(kernel):
    """Whether the kernel is one of PyTorch's own, which take `out` but for a few."""
    return isinstance(kernel, types.BuiltinFunctionType) and kernel not in WITHOUT_OUT


def takes_out(kernel):
    """Whether the kernel writes into given memory: PyTorch's own do, ours have a parameter for it."""
    return writes_out(kernel) or (inspect.isfunction(kernel) and "out" in inspect.signature(kernel).parameters)


def fused(program):
    """The program with fewer steps. Its Values stay; what makes them changes."""
    uses = Uses(program)
    for step in program.steps:
        if step.op.name == "add":
            _with_bias(step, uses)
        elif step.op.name == "batch_normalization":
            _with_normalization(step, uses)
        elif step.op.name == "rectify":
            _with_rectify(step, uses)
    for step in program.steps:
        if step.op.name == "matmul" and by_onednn(*step.args):
            exchange(step, Call("matmul", linear), step.args)
    _keep_places(program)
    return again(program)


# ---- products with bias and activation -------------------------------------------------------------------------------


def _through_reshape(value, uses):
    """(what was reshaped, the step that did it), for a reshape that keeps the last axis and has one reader."""
    if value.op_name == "reshape" and uses.once(value):
        inner = value.source.args[0]
        if uses.once(inner) and inner.shape and inner.shape[-1:] == value.shape[-1:] and inner.size:
            return inner, value.source
    return value, None


def _renewed(step, uses, reshaped, call, args):
    """`call` gives what `step` gave, through the reshape that stood between."""
    if reshaped is None:
        exchange(step, call, args)
        return
    inner = reshaped.args[0]
    value = Value(inner.shape, inner.dtype, "step", None)
    new = Step(call, tuple(args), tuple(a for a in args if isinstance(a, Value)), step.scope)
    value.source, new.outputs, uses.count[value] = new, (value,), 1
    exchange(step, reshaped.op, (value, step.outputs[0].shape))


def _with_bias(step, uses):
    for product, bias in (step.args, step.args[::-1]):
        if not isinstance(product, Value) or not isinstance(bias, Value) or not uses.once(product):
            continue
        inner, reshaped = _through_reshape(product, uses)
        if inner.op_name not in ("matmul", "convolution") or bias.shape != inner.shape[-1:]:
            continue
        if not inner.source.args[1].size:  # the kernels know sums over nothing, but no bias then
            continue
        if step.outputs[0].shape == product.shape and inner.size and bias.dtype == inner.dtype:
            source = inner.source
            if source.op.name == "convolution":
                call = Call("convolution", _convolution_and_bias)
            elif source.args[0].ndim == source.args[1].ndim == 2:
                call = Call("linear", _linear(*source.args[:2], ""))
            else:
                continue
            _renewed(step, uses, reshaped, call, (*source.args, bias))
            return


def _with_rectify(step, uses):
    inner, reshaped = _through_reshape(step.args[0], uses)
    if uses.once(step.args[0]) and inner.op_name == "linear":
        args = inner.source.args
        _renewed(step, uses, reshaped, Call("linear", _linear(*args[:2], "relu")), args)
    elif reshaped is None and uses.once(inner) and _rectifies(inner):
        kernel, args = _known(inner.source)
        exchange(step, Call("convolution", functools.partial(kernel, rectified=True)), args)


def _known(step):
    """(kernel, arguments) of a convolution, those of one with a bias."""
    if isinstance(step.op, Call):
        return step.op.kernel, step.args
    return _convolution_and_bias, (*step.args, None)


def _rectifies(value):
    """Whether oneDNN is to rectify what it convolves: that pays for what is larger than a cache."""
    if value.op_name != "convolution" or value.size < LARGE:
        return False
    x, kernel, _, padding, _, depthwise, *_ = value.source.args
    return (x.ndim == 4 and x.dtype == kernel.dtype == "float32" and not depthwise and split(padding)[1] is None
            and device.on_cpu() and torch.backends.mkldnn.is_available())  # fmt: skip


def _with_normalization(step, uses):
    """A convolution that is normalized by given numbers is a convolution with other weights."""
    x, *vectors, axis, epsilon = step.args
    if x.op_name != "convolution" or not uses.once(x) or axis != x.ndim - 1:
        return
    kernel, args = _known(x.source)
    if kernel is not _convolution_and_bias or args[5] or not 0 < WEIGHTS * args[1].size < x.size:
        return
    if all(v is None or (v.shape, v.dtype) == (x.shape[-1:], x.dtype) for v in (args[6], *vectors)):
        exchange(step, Call("convolution", _normalized_convolution), (*args, *vectors, epsilon))


def _linear(x, w, activation):
    """The kernel of x [n, k] . w [k, m] + bias [m], rectified with the activation "relu"."""
    if by_onednn(x, w):
        return functools.partial(linear, activation=activation or "none")
    if activation:
        return lambda x, w, bias: torch.addmm(bias, x, w).relu_()
    return lambda x, w, bias: torch.addmm(bias, x, w)


# ---- pooling ---------------------------------------------------------------------------------------------------------


def _keep_places(program):
    """Largest pools hand the places of their elements to their gradients."""
    pools = {(s.args[0], *s.args[1:]): s for s in program.steps if s.op.name == "max_pooling" and s.args[0].size}
    for step in program.steps:
        if step.op.name == "max_pooling_gradient":
            g, x, _, *geometry = step.args
            pool = pools.get((x, *geometry))
            if pool is None:
                continue
            if len(pool.outputs) == 1:
                y = pool.outputs[0]
                exchange(pool, Call("max_pooling", _pool_and_places), pool.args)
                pool = y.source
                pool.outputs = (y, Value(y.shape, "int64", "step", pool, 1))
                pools[(x, *geometry)] = pool
            exchange(step, Call("max_pooling_gradient", _pulled_to_places), (g, x, pool.outputs[1], *geometry))


# ---- in place --------------------------------------------------------------------------------------------------------


def _rectified_back(g, y):
    return aten.threshold_backward.grad_input(g, y, 0, grad_input=g)


_INTO_FIRST = {name: getattr(torch.Tensor, method) for name, method in {
    "add": "add_", "subtract": "sub_", "multiply": "mul_", "true_divide": "div_", "negative": "neg_",
    "rectify": "relu_", "sigmoid": "sigmoid_", "tanh": "tanh_", "exp": "exp_", "square": "square_",
    "true_sqrt": "sqrt_", "log": "log_",
}.items()} | {"rectify_gradient": _rectified_back}  # fmt: skip
_EITHER = {"add", "multiply"}
# Kernels whose results nobody else holds.
_FRESH = {
    "matmul", "linear", "convolution", "convolution_input_gradient", "batch_moments", "batch_moments_gradient", "keep",
    "max_pooling", "max_pooling_gradient", "batch_normalization", "row_moments", "row_moments_gradient", *_INTO_FIRST,
}  # fmt: skip
SMALL = 1 << 12  # elements: below this, new memory costs nothing


def in_place(program, engine):
    """Elementwise steps overwrite an argument that nothing reads later. The program keeps its order from here on."""
    last = program.last_uses()
    for step in reversed(program.steps):  # views keep what they look at
        if step.op.name in engine.VIEWS:
            base = step.inputs[0]
            last[base] = max(last[base], last[step.outputs[0]])
    for i, step in enumerate(program.steps):
        into = _INTO_FIRST.get(step.op.name)
        if into is None or isinstance(step.op, Call) or step.outputs[0].size < SMALL:
            continue
        out, places = step.outputs[0], (0, 1) if step.op.name in _EITHER else (0,)
        for k in places:
            value = step.args[k]
            free = value.op_name in _FRESH and last[value] == i and step.inputs.count(value) == 1
            if free and (value.shape, value.dtype) == (out.shape, out.dtype):
                rest = [a for j, a in enumerate(step.args) if j != k]
                program.steps[i] = exchange(step, Call(step.op.name, into), (value, *rest))
                break


# ---- into the optimizer's memory -------------------------------------------------------------------------------------


def written(value, view, uses, engine):
    """Makes the step behind a gradient write into `view`, flat memory of its size. Returns whether it does.

    Nothing but an optimizer may read the value: what others keep needs memory of its own.
    """
    if value in uses.kept or uses.count[value] != 2:
        return False
    while value.op_name == "reshape" and uses.once(value.source.args[0]):
        value = value.source.args[0]
    if value.kind != "step" or len(value.source.outputs) > 1 or not value.size:
        return False
    step, view = value.source, view.view(value.shape)
    if isinstance(step.op, Call) or step.op.name in engine.VIEWS:
        return False
    if step.op.name == "scatter_add" and step.args[3] == 0:
        exchange(step, Call("scatter_add", _Rows(view)), step.args)
        return True
    kernel = runtime.kernel(engine, step.op)
    if not takes_out(kernel) or (step.op.name == "matmul" and value.ndim != 2):
        return False
    exchange(step, Call(step.op.name, functools.partial(kernel, out=view)), step.args)
    return True


class _Rows:
    """`scatter_add` along the first axis into memory that stays: only rows written before are cleared."""

    def __init__(self, view):
        self.view, self.rows = view.zero_(), None

    def __call__(self, updates, indices, like_x, axis):
        if self.rows is not None:
            self.view.index_fill_(0, self.rows, 0)
        self.rows = torch.where(indices < 0, indices + self.view.shape[0], indices).reshape(-1).long()
        return self.view.index_add_(0, self.rows, updates.reshape(-1, *self.view.shape[1:]))
