"""Reductions over axes. `axis`: an int, several, or None for all; `keepdims` keeps them with size 1."""

import builtins
import math

import numpy as np

from .. import config
from ..op import Axes, Axis, Spec, as_tensor, op, reduced
from ..tensor import Tensor
from .creation import full
from .indexing import along, getitem, part, reverse
from .joining import pad
from .math import add, cast_like, equal, exp, float_like, multiply, number_like, square, true_sqrt
from .shape import broadcast_like, broadcast_to, cast, expand_dims, merge_axes, permute_dimensions, reshape, sizes_of


def _floats(x, kinds=("bool",)):
    """Bools count as floatx where numbers are needed, as do other dtypes that start as `kinds` say."""
    x = as_tensor(x)
    return cast(x, config.floatx()) if x.dtype.startswith(kinds) else x


def spread(g, x, axis, keepdims):
    """A cotangent of a reduction, back in the shape of x."""
    return broadcast_like(restore(g, axis, keepdims), x)


def restore(y, axis, keepdims):
    """The result of a reduction with its axes kept."""
    for i in () if keepdims else axis:
        y = expand_dims(y, i)
    return y


def _numbers(x, axis=None, keepdims=False):
    return _floats(x), axis, keepdims


@op(spec=reduced, gradient=[lambda g, y, x, axis, keepdims: spread(g, x, axis, keepdims)], prepare=_numbers)
def sum(x: Tensor, axis: Axes, keepdims: bool):
    """Sum of the elements over `axis`; 0 for none. Bools count as floatx."""


@sum.rewrite
def _sum_of_what_was_broadcast(emit, x, axis, keepdims):
    """Along axes over which numbers were only broadcast it is a product."""
    if x.op_name != "broadcast_to":
        return None
    narrow, count = x.source.args[0], math.prod(x.shape[i] for i in axis)
    shape = (1,) * (x.ndim - narrow.ndim) + narrow.shape
    if builtins.any(shape[i] != 1 for i in axis):
        return None
    total = emit(multiply, narrow, emit(full, (), count, x.dtype))
    if not keepdims:
        total = emit(reshape, total, tuple(n for i, n in enumerate(shape) if i not in axis))
    return emit(broadcast_to, total, reduced(x, axis, keepdims).shape)


@op(spec=reduced, prepare=_numbers)
def mean(x: Tensor, axis: Axes, keepdims: bool):
    """Mean of the elements over `axis`. Bools count as floatx; the mean of integers is rounded towards 0."""


@op(spec=reduced)
def prod(x: Tensor, axis: Axes = None, keepdims: bool = False):
    """Product of the elements over `axis`; 1 for none."""


@op(spec=reduced)
def max(x: Tensor, axis: Axes = None, keepdims: bool = False):
    """Largest element over `axis`. The gradient is shared by elements that tie."""


@op(spec=reduced)
def min(x: Tensor, axis: Axes = None, keepdims: bool = False):
    """Smallest element over `axis`. The gradient is shared by elements that tie."""


def _bools(x, axis=None, keepdims=False):
    return cast(x, "bool"), axis, keepdims


@op(spec=reduced, prepare=_bools)
def any(x: Tensor, axis: Axes, keepdims: bool):
    """Whether any element over `axis` is nonzero."""


@op(spec=reduced, prepare=_bools)
def all(x: Tensor, axis: Axes, keepdims: bool):
    """Whether all elements over `axis` are nonzero."""


def _position(x, axis):
    return reduced(x, (axis,), False, "int64")


@op(spec=_position)
def argmax(x: Tensor, axis: Axis = -1):
    """Position of the largest element along `axis`, the first of equal ones: int64. No gradient."""


@op(spec=_position)
def argmin(x: Tensor, axis: Axis = -1):
    """Position of the smallest element along `axis`, the first of equal ones: int64. No gradient."""


@op
def logsumexp(x: Tensor, axis: Axes = None, keepdims: bool = False):
    """log(sum(exp(x))) over `axis`, without overflow."""
    return reduced(float_like(x), axis, keepdims)


def var(x, axis=None, keepdims=False):
    """Variance over `axis`: the mean of the squared distances from the mean. Bools and integers count as floatx."""
    x = _floats(x, ("bool", "int", "uint"))
    return mean(square(x - mean(x, axis, True)), axis, keepdims)


def std(x, axis=None, keepdims=False):
    """Standard deviation over `axis`, the root of `var`."""
    return true_sqrt(var(x, axis, keepdims))


@op(spec=lambda x, axis: number_like(x))
def cumsum(x: Tensor, axis: Axis = 0):
    """Running sum along `axis`."""


@op(spec=lambda x, axis: number_like(x))
def cumprod(x: Tensor, axis: Axis = 0):
    """Running product along `axis`."""


def _count(x, axis):
    """The number of elements that a reduction takes together, in the dtype of x."""
    count = math.prod(sizes_of(x, axis))
    return cast(count, x.dtype) if isinstance(count, Tensor) else as_tensor(float(count), x.dtype)


@op(composite=True)
def extremum_gradient(g: Tensor, x: Tensor, y: Tensor, axis: Axes):
    """g where x is y, its extremum over `axis`, in equal parts where elements tie. g, y: with these axes kept."""
    hit = cast_like(equal(x, y), x)
    return hit * g / sum(hit, axis, True)


def _shared(g, y, x, axis, keepdims):
    return extremum_gradient(restore(g, axis, keepdims), x, restore(y, axis, keepdims), axis)


def _prod_gradient(g, y, x, axis, keepdims):
    """Each element's cofactor: what stands before it, times what stands behind it. No division: x may be 0."""
    kept = [i for i in range(x.ndim) if i not in axis]
    order, last = (*kept, *axis), len(kept)
    line = merge_axes(permute_dimensions(x, order), [*([i] for i in range(last)), range(last, x.ndim)])
    before = _before(cumprod(line, last), last)
    behind = reverse(_before(cumprod(reverse(line, last), last), last), last)
    cofactor = permute_dimensions(reshape(before * behind, sizes_of(x, order)), np.argsort(order))
    return cofactor * restore(g, axis, keepdims)


def _before(x, axis, first=1.0):
    """x moved by one place along `axis`: each element is that before it."""
    return part(pad(x, along(axis, (1, 0), x.ndim, (0, 0)), first), axis, None, -1)


@op
def _linear_recurrence(a: Tensor, b: Tensor, axis: Axis):
    """y[i] = a[i] * y[i - 1] + b[i] along `axis`, from y[-1] = 0."""
    return Spec(b.shape, b.dtype)


def _recurrence_backwards(a, b, axis):
    """y[i] = a[i + 1] * y[i + 1] + b[i]."""
    return reverse(_linear_recurrence(_before(reverse(a, axis), axis), reverse(b, axis), axis), axis)


@_linear_recurrence.meaning
def _doubled(emit, a, b, axis):
    # Spans of 1, 2, 4, ... places are joined. Source: Hillis and Steele, Data parallel algorithms (1986).
    def at(x, start, stop):
        return emit(getitem, x, along(axis, (start, stop, None), x.ndim))

    n, span = b.shape[axis], 1
    while span < n:
        widths, tail = along(axis, (span, 0), b.ndim, (0, 0)), at(a, span, None)
        b = emit(add, b, emit(pad, emit(multiply, tail, at(b, None, -span)), widths, 0.0))
        a = emit(pad, emit(multiply, tail, at(a, None, -span)), widths, 0.0)
        span *= 2
    return b


@_linear_recurrence.joint_gradient
def _recurrence_gradient(h, y, a, b, axis):
    of_b = _recurrence_backwards(a, h, axis)
    return of_b * _before(y, axis, 0.0), of_b


def reverse_cumsum(x, axis):
    """Running sum along `axis` from the end."""
    return reverse(cumsum(reverse(x, axis), axis), axis)


mean.gradient(lambda g, y, x, axis, keepdims: spread(g / _count(x, axis), x, axis, keepdims))
prod.gradient(_prod_gradient)
max.gradient(_shared)
min.gradient(_shared)
logsumexp.gradient(lambda g, y, x, axis, keepdims: restore(g, axis, keepdims) * exp(x - restore(y, axis, keepdims)))
cumsum.gradient(lambda g, y, x, axis: reverse_cumsum(g, axis))
cumprod.gradient(lambda g, y, x, axis: _before(y, axis) * _recurrence_backwards(x, g, axis))


@op(gradient=[lambda h, y, g, x: broadcast_like(h, g)])
def sum_to(g: Tensor, x: Tensor):
    """g summed over the axes along which x was broadcast to it: the shape of x, the dtype of g."""
    return Spec(x.shape, g.dtype)


@sum_to.meaning
def _sum_to_known_shape(emit, g, x):
    if g.shape == x.shape:
        return g
    lead = g.ndim - x.ndim
    axes = tuple(range(lead)) + tuple(i + lead for i, n in enumerate(x.shape) if n == 1 and g.shape[i + lead] != 1)
    total = emit(sum, g, axes, False) if axes else g
    return total if total.shape == x.shape else emit(reshape, total, x.shape)
