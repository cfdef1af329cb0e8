"""Elementwise arithmetic, comparison and logic. Tensors are brought to one dtype and broadcast."""

import builtins
import math as _math

from .. import config
from ..op import OPS, Spec, as_tensor, broadcast, elementwise, like, op, promoted
from ..tensor import Tensor, is_float
from .shape import cast


def cast_like(x, y):
    """x in the dtype of y."""
    return cast(x, y.dtype)


# ---- shape rules: the dtype of an op's arguments, and that of the result ---------------------------------------------


def float_like(x):
    """The Spec of a function of real numbers. Raises TypeError for integers."""
    if not is_float(x.dtype):
        raise TypeError(f"x must be of a float dtype, not {x.dtype}. Convert it with K.cast.")
    return like(x)


def number_like(x):
    """The Spec of a function of numbers. Raises TypeError for bools."""
    if x.dtype == "bool":
        raise TypeError("x must be of numbers, not bool. Convert it with K.cast, or use K.logical_not and its kin.")
    return like(x)


def binary(x, y):
    """The Spec of an elementwise op on two tensors of one dtype."""
    return Spec(broadcast(x.shape, y.shape), x.dtype)


def _numbers(x, y):
    return binary(number_like(x), y)


def _floats(x, y):
    return binary(float_like(x), y)


def _question(*tensors):
    """The Spec of a question about each element."""
    return Spec(broadcast(*(t.shape for t in tensors)), "bool")


# ---- arithmetic ------------------------------------------------------------------------------------------------------


@elementwise(binary, lambda g, z, x, y: g, lambda g, z, x, y: g)
def add(x: Tensor, y: Tensor):
    """x + y, broadcast."""


@elementwise(_numbers, lambda g, z, x, y: g, lambda g, z, x, y: negative(g))
def subtract(x: Tensor, y: Tensor):
    """x - y, broadcast."""


@elementwise(binary, lambda g, z, x, y: g * y, lambda g, z, x, y: g * x)
def multiply(x: Tensor, y: Tensor):
    """x * y, broadcast."""


@elementwise(_floats, lambda g, z, x, y: g / y, lambda g, z, x, y: negative(g * z / y))
def true_divide(x: Tensor, y: Tensor):
    """x / y of floats, broadcast. IEEE: x / 0 is inf or nan."""


@elementwise(_numbers)
def floor_divide(x: Tensor, y: Tensor):
    """The largest integer not above x / y, broadcast. No gradient."""


@elementwise(_numbers, lambda g, z, x, y: g, lambda g, z, x, y: negative(g * floor_divide(x, y)))
def mod(x: Tensor, y: Tensor):
    """x - y * floor(x / y): the remainder with the sign of y, broadcast."""


@elementwise(_numbers)
def power(x: Tensor, y: Tensor):
    """x to the power y, broadcast."""


@elementwise(binary)
def maximum(x: Tensor, y: Tensor):
    """The larger of x and y, elementwise and broadcast. Where they are equal the gradient goes to x."""


@elementwise(binary)
def minimum(x: Tensor, y: Tensor):
    """The smaller of x and y, elementwise and broadcast. Where they are equal the gradient goes to x."""


def divide(x, y):
    """x / y, broadcast. Bools and integers are divided as floatx."""
    if not builtins.any(isinstance(t, Tensor) and is_float(t.dtype) for t in (x, y)):
        x, y = (cast(as_tensor(t), config.floatx()) for t in (x, y))
    return true_divide(*promoted([x, y]))


power.gradient(
    lambda g, z, x, y: g * y * power(x, y - 1.0),
    # d/dy x^y = x^y log x; at x = 0 it is 0 for y > 0, and there is no log to take.
    lambda g, z, x, y: g * where(greater(x, 0.0), z * log(where(greater(x, 0.0), x, 1.0)), 0.0),
)
# Chosen, not multiplied by 0 or 1: behind a root of 0 there is an infinite cotangent, and it goes one way only.
maximum.gradient(lambda g, z, x, y: where(greater_equal(x, y), g, 0.0), lambda g, z, x, y: where(less(x, y), g, 0.0))
minimum.gradient(lambda g, z, x, y: where(less_equal(x, y), g, 0.0), lambda g, z, x, y: where(greater(x, y), g, 0.0))


def neutral(number, right_only=False):
    """A rewrite: an operand that is the constant `number` changes nothing, if it does not broadcast either."""

    def rule(emit, x, y):
        shape = broadcast(x.shape, y.shape)
        if y.scalar() == number and x.shape == shape:
            return x
        if not right_only and x.scalar() == number and y.shape == shape:
            return y
        return None

    return rule


add.rewrite(neutral(0))
subtract.rewrite(neutral(0, right_only=True))
multiply.rewrite(neutral(1))
true_divide.rewrite(neutral(1, right_only=True))
power.rewrite(neutral(1, right_only=True))


@multiply.rewrite
def _scale_once(emit, x, y):
    """Of two constant factors in a row one is enough."""
    factor, other = (x, y) if x.scalar() is not None else (y, x)
    if factor.scalar() is None or factor.ndim or other.op_name != "multiply" or not is_float(factor.dtype):
        return None
    for inner, rest in (other.source.args, other.source.args[::-1]):
        if inner.scalar() is not None and not inner.ndim:
            return emit(multiply, emit(multiply, factor, inner), rest)
    return None


@multiply.rewrite
def _minus_one(emit, x, y):
    for number, other in ((x, y), (y, x)):
        if number.scalar() == -1 and other.shape == broadcast(x.shape, y.shape) and other.dtype != "bool":
            return emit(negative, other)
    return None


@power.rewrite
def _common_powers(emit, x, y):
    exponent = y.scalar()
    if exponent is None or y.ndim > x.ndim:
        return None
    if exponent == 2:
        return emit(square, x)
    # The root of negative numbers is nan either way; K.sqrt, which takes them for 0, is another op.
    return emit(true_sqrt, x) if exponent == 0.5 and is_float(x.dtype) else None


# ---- one argument ----------------------------------------------------------------------------------------------------


@elementwise(number_like, lambda g, y, x: negative(g))
def negative(x: Tensor):
    """-x."""


@elementwise(number_like, lambda g, y, x: g * sign(x))
def abs(x: Tensor):
    """The absolute value. The gradient at 0 is 0."""


@elementwise(number_like)
def sign(x: Tensor):
    """-1, 0 or 1. No gradient."""


@elementwise(number_like, lambda g, y, x: g * (2.0 * x))
def square(x: Tensor):
    """x * x."""


@elementwise(float_like, lambda g, y, x: g * 0.5 / y)
def true_sqrt(x: Tensor):
    """The square root; nan below 0."""


def sqrt(x):
    """The square root, elementwise; negative elements count as 0."""
    return true_sqrt(maximum(as_tensor(x), 0.0))


@elementwise(float_like, lambda g, y, x: g * -0.5 * y / x)
def rsqrt(x: Tensor):
    """1 / sqrt(x)."""


@elementwise(float_like, lambda g, y, x: g * y)
def exp(x: Tensor):
    """e to the power x."""


@elementwise(float_like, lambda g, y, x: g * (y + 1.0))
def expm1(x: Tensor):
    """exp(x) - 1, exact near 0."""


@elementwise(float_like, lambda g, y, x: g / x)
def log(x: Tensor):
    """The natural logarithm: -inf at 0, nan below."""


@elementwise(float_like, lambda g, y, x: g / (1.0 + x))
def log1p(x: Tensor):
    """log(1 + x), exact near 0."""


@elementwise(float_like, lambda g, y, x: g * cos(x))
def sin(x: Tensor):
    """The sine of x radians."""


@elementwise(float_like, lambda g, y, x: negative(g * sin(x)))
def cos(x: Tensor):
    """The cosine of x radians."""


@elementwise(float_like, lambda g, y, x: g * (1.0 - y * y))
def tanh(x: Tensor):
    """The hyperbolic tangent."""


@elementwise(float_like, lambda g, y, x: g * (2.0 / _math.sqrt(_math.pi)) * exp(-(x * x)))
def erf(x: Tensor):
    """The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""


@elementwise(number_like)
def floor(x: Tensor):
    """The largest integer not above x. No gradient."""


@elementwise(number_like)
def round(x: Tensor):
    """The nearest integer; halves go to the even one. No gradient."""




negative.rewrite(lambda emit, x: x.source.args[0] if x.op_name == "negative" else None)


def pow(x, a):
    """x to the power a, elementwise. a: number or tensor."""
    return power(x, a)


def _clip_arguments(x, min_value, max_value):
    low = -_math.inf if min_value is None else min_value
    high = _math.inf if max_value is None else max_value
    bounds_known = not builtins.any(isinstance(v, Tensor) for v in (low, high))
    return x, low, builtins.max(high, low) if bounds_known else maximum(high, low)


@op(elementwise=True, prepare=_clip_arguments)
def clip(x: Tensor, min_value: Tensor, max_value: Tensor):
    """x limited to [min_value, max_value]. A maximum below the minimum counts as the minimum.

    min_value, max_value: numbers or tensors that broadcast. The gradient is 0 outside, 1 on the limits.
    """
    return Spec(broadcast(x.shape, min_value.shape, max_value.shape), x.dtype)


clip.gradient(
    lambda g, y, x, low, high: where(logical_and(greater_equal(x, low), less_equal(x, high)), g, 0.0),
    lambda g, y, x, low, high: where(less(x, low), g, 0.0),
    lambda g, y, x, low, high: where(greater(x, high), g, 0.0),
)


# ---- questions -------------------------------------------------------------------------------------------------------


@elementwise(_question)
def equal(x: Tensor, y: Tensor):
    """Whether x = y, elementwise: a bool tensor."""


@elementwise(_question)
def not_equal(x: Tensor, y: Tensor):
    """Whether x differs from y, elementwise: a bool tensor."""


@elementwise(_question)
def greater(x: Tensor, y: Tensor):
    """Whether x > y, elementwise: a bool tensor."""


@elementwise(_question)
def greater_equal(x: Tensor, y: Tensor):
    """Whether x >= y, elementwise: a bool tensor."""


@elementwise(_question)
def less(x: Tensor, y: Tensor):
    """Whether x < y, elementwise: a bool tensor."""


@elementwise(_question)
def less_equal(x: Tensor, y: Tensor):
    """Whether x <= y, elementwise: a bool tensor."""


def _bools(x, y):
    return cast(x, "bool"), cast(y, "bool")


@elementwise(_question, prepare=_bools)
def logical_and(x: Tensor, y: Tensor):
    """x and y, elementwise; nonzero counts as true."""


@elementwise(_question, prepare=_bools)
def logical_or(x: Tensor, y: Tensor):
    """x or y, elementwise; nonzero counts as true."""


@op(spec=like, prepare=lambda x: (cast(x, "bool"),))
def logical_not(x: Tensor):
    """Not x, elementwise; nonzero counts as true."""


def logical_xor(x, y):
    """Either x or y but not both, elementwise; nonzero counts as true."""
    return not_equal(*_bools(x, y))


@elementwise(_question)
def isnan(x: Tensor):
    """Where x is not a number."""


@elementwise(_question)
def isinf(x: Tensor):
    """Where x is plus or minus infinity."""


@op(promote=("x", "y"), prepare=lambda condition, x, y: (cast(condition, "bool"), x, y))
def where(condition: Tensor, x: Tensor, y: Tensor):
    """x where the condition holds, else y; all three broadcast. The gradient reaches only the element taken."""
    return Spec(broadcast(condition.shape, x.shape, y.shape), x.dtype)


where.gradient(
    None,
    lambda g, z, condition, x, y: OPS["sum_to"](where(condition, g, 0.0), x),
    lambda g, z, condition, x, y: OPS["sum_to"](where(condition, 0.0, g), y),
)


@where.rewrite
def _where_known(emit, condition, x, y):
    known = condition.scalar()
    if known is None:
        return None
    taken = x if known else y
    return taken if taken.shape == broadcast(condition.shape, x.shape, y.shape) else None
