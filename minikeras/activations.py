"""Activation functions: tensor in, tensor of the same shape and dtype out. Many are the ops of their names in K."""

import warnings

from . import backend as K
from .backend import elu, hard_sigmoid, relu, sigmoid, softplus, softsign, swish, tanh
from .utils.generic_utils import deserialize_keras_object

# Klambauer et al., Self-Normalizing Neural Networks (2017), equations 14: the fixed point (mean 0, variance 1).
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def softmax(x, axis=-1):
    """exp(x) / sum(exp(x)) over `axis`.

    x: at least two axes. `axis` holds for three axes and more; for two it is the last one, as in Keras 2.
    Raises ValueError for fewer axes.
    """
    if K.ndim(x) < 2:
        raise ValueError(f"softmax needs at least two axes, [batch, ..., classes]; got shape {K.int_shape(x)}.")
    if K.ndim(x) == 2:
        return K.softmax(x)
    # In Keras 2 crossentropies recognise the softmax of a matrix only; for others they clip the probabilities, and
    # samples whose targets are all 0 (padding) give no gradient. Behind an identity it is not recognised.
    return K.identity(K.softmax(x, axis=axis))


def selu(x):
    """Scaled elu that drives activations to mean 0 and variance 1; for kernels from lecun_normal, and AlphaDropout.

    Source: Klambauer et al., Self-Normalizing Neural Networks (2017).
    """
    return SELU_SCALE * K.elu(x, SELU_ALPHA)


def exponential(x):
    """exp(x)."""
    return K.exp(x)


def linear(x):
    """x itself."""
    return x


def gelu(x, approximate=False):
    """x Phi(x), Phi the normal distribution function; approximate: with tanh.

    Source: Hendrycks and Gimpel, Gaussian Error Linear Units (2016).
    """
    return K.gelu(x, approximate=approximate)


silu = swish

_FUNCTIONS = {f.__name__: f for f in (elu, exponential, gelu, hard_sigmoid, linear, relu, selu, sigmoid, softmax,
                                      softplus, softsign, swish, tanh)}  # fmt: skip
_FUNCTIONS["silu"] = silu


def serialize(activation):
    """The name of an activation function."""
    return activation.__name__


def deserialize(name, custom_objects=None):
    """The activation function of a name (or of the config of a layer). Raises ValueError for unknown names."""
    return deserialize_keras_object(name, _FUNCTIONS, custom_objects, "activation function")


def get(identifier):
    """The function of a name or config, `linear` for None; a callable is returned as it is.

    Raises ValueError for anything else.
    """
    if identifier is None:
        return linear
    if isinstance(identifier, (str, dict)):
        return deserialize(identifier)
    if not callable(identifier):
        raise ValueError(f"Cannot read {identifier!r} as an activation: give a name, a function or None.")
    if hasattr(identifier, "_inbound_nodes"):
        warnings.warn(
            f"The activation {type(identifier).__name__} is a layer: as an argument it would be hidden from the model. "
            "Add it after the layer instead.",
            stacklevel=2,
        )
    return identifier
