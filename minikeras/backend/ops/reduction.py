"""Reductions over axes. `axis`: an int, several, or None for all; `keepdims` keeps them with size 1."""

import numpy as np

from .. import config
from ..op import Axes, Axis, Spec, as_tensor, op, reduced
from ..tensor import Tensor
from . import math as _math
from .math import cast_like, equal, exp, float_like, logical_not, square, true_sqrt


def _floats(x):
    """Bools count as floatx where numbers are needed."""
    from .shape import cast

    x = as_tensor(x)
    return cast(x, config.floatx()) if x.dtype == "bool" else x


def spread(g, x, axis, keepdims):
    """A cotangent of a reduction, back in the shape of x."""
    from .shape import broadcast_like, expand_dims

    if not keepdims:
        for i in axis:
            g = expand_dims(g, i)
    return broadcast_like(g, x)


def restore(y, axis, keepdims):
    """The result of a reduction with its axes kept."""
    from .shape import expand_dims

    if not keepdims:
        for i in axis:
            y = expand_dims(y, i)
    return y


@op
def sum(x: Tensor, axis: Axes = None, keepdims: bool = False):
    """Sum of the elements over `axis`; 0 for none."""
    return reduced(x, axis, keepdims)


@op(prepare=lambda x, axis=None, keepdims=False: (_floats(x), axis, keepdims))
def mean(x: Tensor, axis: Axes, keepdims: bool):
    """Mean of the elements over `axis`. Bools count as floatx; the mean of integers is rounded towards 0."""
    return reduced(x, axis, keepdims)


@op
def prod(x: Tensor, axis: Axes = None, keepdims: bool = False):
    """Product of the elements over `axis`; 1 for none."""
    return reduced(x, axis, keepdims)


@op
def max(x: Tensor, axis: Axes = None, keepdims: bool = False):
    """Largest element over `axis`. The gradient is shared by elements that tie."""
    return reduced(x, axis, keepdims)


@op
def min(x: Tensor, axis: Axes = None, keepdims: bool = False):
    """Smallest element over `axis`. The gradient is shared by elements that tie."""
    return reduced(x, axis, keepdims)


def _bools(x, axis=None, keepdims=False):
    from .shape import cast

    return cast(x, "bool"), axis, keepdims


@op(prepare=_bools)
def any(x: Tensor, axis: Axes, keepdims: bool):
    """Whether any element over `axis` is nonzero."""
    return reduced(x, axis, keepdims)


@op(prepare=_bools)
def all(x: Tensor, axis: Axes, keepdims: bool):
    """Whether all elements over `axis` are nonzero."""
    return reduced(x, axis, keepdims)


@op
def argmax(x: Tensor, axis: Axis = -1):
    """Position of the largest element along `axis`, the first of equal ones: int64. No gradient."""
    return reduced(x, (axis,), False, "int64")


@op
def argmin(x: Tensor, axis: Axis = -1):
    """Position of the smallest element along `axis`, the first of equal ones: int64. No gradient."""
    return reduced(x, (axis,), False, "int64")


@op
def logsumexp(x: Tensor, axis: Axes = None, keepdims: bool = False):
    """log(sum(exp(x))) over `axis`, without overflow."""
    return reduced(float_like(x), axis, keepdims)


def var(x, axis=None, keepdims=False):
    """Variance over `axis`: the mean of the squared distances from the mean."""
    x = _floats(x)
    return mean(square(x - mean(x, axis, True)), axis, keepdims)


def std(x, axis=None, keepdims=False):
    """Standard deviation over `axis`, the root of `var`."""
    return true_sqrt(var(x, axis, keepdims))


@op
def cumsum(x: Tensor, axis: Axis = 0):
    """Running sum along `axis`."""
    return Spec(x.shape, x.dtype)


@op
def cumprod(x: Tensor, axis: Axis = 0):
    """Running product along `axis`."""
    return Spec(x.shape, x.dtype)


def _count(x, axis):
    """The number of elements that a reduction takes together, in the dtype of x."""
    from .shape import cast, shape

    known = [x.shape[i] for i in axis]
    if None not in known:
        return as_tensor(float(np.prod(known, dtype=np.float64)), x.dtype)
    sizes = shape(x)
    count = 1
    for i in axis:
        count = sizes[i] * count
    return cast(count, x.dtype)


@op(composite=True)
def extremum_gradient(g: Tensor, x: Tensor, y: Tensor, axis: Axes):
    """g where x is y, its extremum over `axis`, in equal parts where elements tie. g, y: with these axes kept."""
    hit = cast_like(equal(x, y), x)
    return hit * g / sum(hit, axis, True)


def _shared(g, y, x, axis, keepdims):
    return extremum_gradient(restore(g, axis, keepdims), x, restore(y, axis, keepdims), axis)


def _prod_gradient(g, y, x, axis, keepdims):
    """Each element's cofactor is y / x where x is not 0; where it is, the product of all the others."""
    from .creation import ones_like

    zero = equal(x, 0.0)
    safe = _math.where(zero, ones_like(x), x)
    others = prod(safe, axis, True)
    zeros = sum(cast_like(zero, x), axis, True)
    alone = _math.logical_and(zero, equal(zeros, 1.0))
    cofactor = _math.where(alone, others, _math.where(equal(zeros, 0.0), others / safe, 0.0))
    return cofactor * restore(g, axis, keepdims)


def _cumprod_gradient(g, y, x, axis):
    """sum over later positions of g * y / x, with the products that lead through a zero taken apart.

    Before the first zero y / x is exact. At the first zero the products that go on from it are formed with 1 in its
    place. After it all products contain that zero.
    """
    zero = equal(x, 0.0)
    count = cumsum(cast_like(zero, x), axis)
    first = _math.logical_and(zero, equal(count, 1.0))
    safe = _math.where(zero, 1.0, x)
    up_to = _math.where(first, 1.0, x)
    before = reverse_cumsum(g * y, axis) / safe
    through = reverse_cumsum(g * cumprod(up_to, axis) * cast_like(_math.greater_equal(count, 1.0), x), axis)
    return _math.where(first, through, before * cast_like(logical_not(_math.greater_equal(count, 1.0)), x))


def reverse_cumsum(x, axis):
    """Running sum along `axis` from the end."""
    from .indexing import reverse

    return reverse(cumsum(reverse(x, axis), axis), axis)


sum.gradient(lambda g, y, x, axis, keepdims: spread(g, x, axis, keepdims))
mean.gradient(lambda g, y, x, axis, keepdims: spread(g / _count(x, axis), x, axis, keepdims))
prod.gradient(_prod_gradient)
max.gradient(_shared)
min.gradient(_shared)
logsumexp.gradient(
    lambda g, y, x, axis, keepdims: restore(g, axis, keepdims) * exp(x - restore(y, axis, keepdims))
)
cumsum.gradient(lambda g, y, x, axis: reverse_cumsum(g, axis))
cumprod.gradient(_cumprod_gradient)


@op
def sum_to(g: Tensor, x: Tensor):
    """g summed over the axes along which x was broadcast to it: the shape of x, the dtype of g."""
    return Spec(x.shape, g.dtype)


sum_to.joint_gradient(lambda h, y, g, x: (_broadcast_to(h, g), None))


def _broadcast_to(h, g):
    from .shape import broadcast_like

    return broadcast_like(h, g)


@sum_to.meaning
def _sum_to_known_shape(emit, g, x):
    from .shape import reshape

    if g.shape == x.shape:
        return g
    lead = g.ndim - x.ndim
    axes = tuple(range(lead)) + tuple(i + lead for i, n in enumerate(x.shape) if n == 1 and g.shape[i + lead] != 1)
    total = emit(sum, g, axes, False) if axes else g
    return total if total.shape == x.shape else emit(reshape, total, x.shape)
