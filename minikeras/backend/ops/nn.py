"""Activations, biases and attention."""

import math as _math

from .. import config
from ..op import Axis, as_tensor, op, promoted
from ..tensor import Tensor, show
from .linalg import _turned, matmul
from .math import abs as _abs
from .math import add, cast_like, clip, erf, exp, float_like, greater, less_equal, number_like, rsqrt, tanh, where
from .reduction import logsumexp, sum_to
from .reduction import sum as _sum
from .shape import cast, reshape, shape, sizes_of

# ---- rectifiers ------------------------------------------------------------------------------------------------------


@op(spec=number_like, gradient=[lambda g, y, x: rectify_gradient(g, y)])
def rectify(x: Tensor):
    """max(x, 0). The gradient at 0 is 0."""


@op(composite=True)
def rectify_gradient(g: Tensor, y: Tensor):
    """g where y > 0, else 0."""
    return g * cast_like(greater(y, 0.0), g)


@op(composite=True, gradient=[lambda g, y, x, alpha: leaky_relu_gradient(g, x, alpha)])
def leaky_relu(x: Tensor, alpha: float):
    """x where x > 0, else alpha x."""
    float_like(x)
    return where(greater(x, 0.0), x, x * alpha)


@op(composite=True)
def leaky_relu_gradient(g: Tensor, x: Tensor, alpha: float):
    """g where x > 0, else alpha g."""
    return where(greater(x, 0.0), g, g * alpha)


def relu(x, alpha=0.0, max_value=None, threshold=0.0):
    """The rectifier with a slope, a ceiling and a threshold: x above the threshold, alpha (x - threshold) up to it.

    x: a tensor of floats. alpha: slope below. max_value: values above it, and with it those below 0, are cut off before
    the slope is added. Source: Nair and Hinton (2010); Maas et al. (2013) for alpha.
    """
    x = as_tensor(x)
    alpha, threshold = float(alpha), float(threshold)
    if max_value is None and threshold == 0.0:
        return leaky_relu(x, alpha) if alpha else rectify(x)
    y = where(greater(x, threshold), x, 0.0) if threshold else rectify(x)
    if max_value is not None:
        y = clip(y, 0.0, float(max_value))
    return y - alpha * rectify(threshold - x) if alpha else y


@op(gradient=[lambda g, y, x, alpha: elu_gradient(g, x, y, alpha)], prepare=lambda x, alpha=1.0: (x, float(alpha)))
def elu(x: Tensor, alpha: float):
    """x where x > 0, else alpha (exp(x) - 1). Source: Clevert et al. (2016)."""
    return float_like(x)


@op(composite=True)
def elu_gradient(g: Tensor, x: Tensor, y: Tensor, alpha: float):
    """g where x > 0, else g (y + alpha), which is g alpha exp(x)."""
    return where(greater(x, 0.0), g, g * (y + alpha))


# ---- smooth activations ----------------------------------------------------------------------------------------------


@op(spec=float_like, gradient=[lambda g, y, x: sigmoid_gradient(g, y)])
def sigmoid(x: Tensor):
    """1 / (1 + exp(-x))."""


@op(composite=True)
def sigmoid_gradient(g: Tensor, y: Tensor):
    """g y (1 - y)."""
    return g * y * (1.0 - y)


@op(spec=float_like, gradient=[lambda g, y, x: g * sigmoid(x)])
def softplus(x: Tensor):
    """log(1 + exp(x)), without overflow."""


@op(composite=True)
def softsign(x: Tensor):
    """x / (1 + |x|)."""
    return x / (1.0 + _abs(x))


@op(composite=True, gradient=[lambda g, y, x: where(less_equal(_abs(x), 2.5), g * 0.2, 0.0)])
def hard_sigmoid(x: Tensor):
    """Piecewise linear sigmoid: 0 below -2.5, 1 above 2.5, 0.2 x + 0.5 between."""
    return clip(x * 0.2 + 0.5, 0.0, 1.0)


@op(composite=True)
def swish(x: Tensor):
    """x sigmoid(x). Source: Ramachandran et al., Searching for Activation Functions (2017)."""
    return x * sigmoid(x)


@op(composite=True)
def gelu(x: Tensor, approximate: bool = True):
    """x times the normal distribution function of x, or its approximation with tanh.

    Source: Hendrycks and Gimpel, Gaussian Error Linear Units (2016).
    """
    if approximate:
        return 0.5 * x * (1.0 + tanh(_math.sqrt(2.0 / _math.pi) * (x + 0.044715 * x * x * x)))
    return 0.5 * x * (1.0 + erf(x * _math.sqrt(0.5)))


# ---- softmax ---------------------------------------------------------------------------------------------------------


@op(gradient=[lambda g, y, x, axis: softmax_gradient(g, y, axis)])
def softmax(x: Tensor, axis: Axis = -1):
    """exp(x) / sum(exp(x)) over `axis`, without overflow."""
    return float_like(x)


@op(composite=True)
def softmax_gradient(g: Tensor, y: Tensor, axis: int):
    """y (g - sum(g y)): how a cotangent comes back through a softmax with the value y."""
    return (g - _sum(g * y, axis, True)) * y


@op(gradient=[lambda g, y, x, axis: g - exp(y) * _sum(g, axis, True)])
def log_softmax(x: Tensor, axis: Axis = -1):
    """x - log(sum(exp(x))) over `axis`: the logarithm of the softmax, exact where that is tiny."""
    return float_like(x)


# ---- biases ----------------------------------------------------------------------------------------------------------


def _bias_arguments(x, bias, data_format=None):
    x = as_tensor(x)
    return x, as_tensor(bias, x.dtype), config.normalize_data_format(data_format)


@op(composite=True, prepare=_bias_arguments)
def bias_add(x: Tensor, bias: Tensor, data_format: str):
    """x + bias.

    x: [batch, ..., channels], or [batch, channels, ...] when data_format is 'channels_first' and there are 3 to 5 axes.
    bias: [channels], or one for each place, [..., channels] in either format.
    Raises ValueError when the bias has another number of axes.
    """
    if bias.ndim not in (1, x.ndim - 1):
        raise ValueError(f"the bias must have 1 axis or {x.ndim - 1}, it is {show(bias)}.")
    if data_format == "channels_last" or not 3 <= x.ndim <= 5:
        return add(x, bias)
    # A bias for each place is taken in memory order, as in Keras 2: it is reshaped, not transposed.
    sizes = sizes_of(bias)
    places = sizes[:-1] if bias.ndim > 1 else (1,) * (x.ndim - 2)
    return add(x, reshape(bias, (1, sizes[-1], *places)))


# ---- attention -------------------------------------------------------------------------------------------------------


def scaled_dot_product_attention(query, key, value, mask=None, scale=None):
    """softmax(query key^T scale) value.

    query: [..., n, d]. key: [..., m, d]. value: [..., m, v]. mask: bools that broadcast to [..., n, m], False where
    nothing is to be looked at. scale: 1 / sqrt(d) by default. Returns [..., n, v].
    Source: Vaswani et al., Attention Is All You Need (2017), equation 1.
    """
    query, key, value = promoted([query, key, value])
    if scale is None:
        size = query.shape[-1]
        scale = 1.0 if size is None else 1.0 / _math.sqrt(max(size, 1))
        query = query * rsqrt(cast(shape(query)[-1], query.dtype)) if size is None else query
    return _attention(query, key, value, None if mask is None else cast(mask, "bool"), float(scale))[0]


def _scores(query, key, mask, scale):
    """How much each query looks at each key, before the softmax."""
    scores = matmul(query * scale, _turned(key))
    # Finite, so that a row where everything is masked gives a mean and no nan.
    return scores if mask is None else where(mask, scores, -6e4 if scores.dtype == "float16" else -1e9)


@op(composite=True)
def _attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor, scale: float):
    """softmax(query key^T scale) value; and log(sum(exp(query key^T scale))), which kernels keep for the way back."""
    float_like(query)
    scores = _scores(query, key, mask, scale)
    return matmul(softmax(scores, -1), value), logsumexp(scores, -1)


@op(composite=True)
def _attention_gradient(g: Tensor, y: Tensor, log_total: Tensor, query: Tensor, key: Tensor, value: Tensor,
                        mask: Tensor, scale: float):
    """The cotangents of query, key and value."""
    weights = softmax(_scores(query, key, mask, scale), -1)
    to_scores = softmax_gradient(matmul(g, _turned(value)), weights, weights.ndim - 1) * scale
    if mask is not None:
        to_scores = where(mask, to_scores, 0.0)
    products = matmul(to_scores, key), matmul(_turned(to_scores), query), matmul(_turned(weights), g)
    return tuple(sum_to(g, x) for g, x in zip(products, (query, key, value), strict=True))


_attention.joint_gradient(lambda g, y, *args: _attention_gradient(g[0], *y, *args))
