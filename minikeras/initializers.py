"""Initializers: called with a shape, they give a tensor of initial values.

The values are drawn on the host when a variable that is made of the tensor is first used. An initializer with a seed
gives the same values on every backend; its seed grows by one with each call, so that weights that share the initializer
differ.
"""

import numpy as np

from . import backend as K
from .utils.generic_utils import Configured, deserialize_keras_object, get_object, serialize_keras_object


class Initializer(Configured):
    """Base of initializers. The config is the constructor's arguments, kept under their names."""

    def __call__(self, shape, dtype=None):
        """Tensor of initial values. shape: tuple of ints; dtype: name of a dtype, floatx by default."""
        raise NotImplementedError(f"{type(self).__name__} has to define __call__(shape, dtype=None).")

    @classmethod
    def from_config(cls, config):
        """The initializer of a config. (A dtype, which some versions of Keras store, is not part of it here.)"""
        return cls(**{key: value for key, value in config.items() if key != "dtype"})


def _filled(value, shape, dtype):
    """A tensor with one value everywhere, that takes no memory before it is used; or K.constant of an array."""
    if np.ndim(value) or any(size is None for size in shape):
        return K.constant(value, shape=shape, dtype=dtype)
    return K.host(lambda: np.full(shape, value), shape, dtype)


class Zeros(Initializer):
    """Zeros."""

    def __call__(self, shape, dtype=None):
        return _filled(0, shape, dtype)


class Ones(Initializer):
    """Ones."""

    def __call__(self, shape, dtype=None):
        return _filled(1, shape, dtype)


class Constant(Initializer):
    """`value` everywhere; it may also be an array of the shape that is asked for."""

    def __init__(self, value=0):
        self.value = value

    def __call__(self, shape, dtype=None):
        return _filled(self.value, shape, dtype)


class _Random(Initializer):
    seed = None

    def next_seed(self):
        """The seed of this call, or None."""
        seed = self.seed
        self.seed = None if seed is None else seed + 1
        return seed


class RandomNormal(_Random):
    """Normal distribution."""

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        self.mean, self.stddev, self.seed = mean, stddev, seed

    def __call__(self, shape, dtype=None):
        return K.random_normal(shape, self.mean, self.stddev, dtype=dtype, seed=self.next_seed())


class RandomUniform(_Random):
    """Uniform distribution over [minval, maxval)."""

    def __init__(self, minval=-0.05, maxval=0.05, seed=None):
        self.minval, self.maxval, self.seed = minval, maxval, seed

    def __call__(self, shape, dtype=None):
        return K.random_uniform(shape, self.minval, self.maxval, dtype=dtype, seed=self.next_seed())


class TruncatedNormal(_Random):
    """Normal distribution, where what is further than two `stddev` from the mean is drawn anew."""

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        self.mean, self.stddev, self.seed = mean, stddev, seed

    def __call__(self, shape, dtype=None):
        return K.truncated_normal(shape, self.mean, self.stddev, dtype=dtype, seed=self.next_seed())


# Standard deviation of a standard normal variable that is cut off at 2 in absolute value.
_TRUNCATED_STDDEV = 0.87962566103423978


class VarianceScaling(_Random):
    """Values of variance scale / n, where n is the number of inputs, of outputs, or the mean of the two.

    scale: positive. mode: 'fan_in', 'fan_out' or 'fan_avg'. distribution: 'normal' (truncated at two standard
    deviations) or 'uniform'. Raises ValueError for other values.
    Source: He et al., Delving Deep into Rectifiers (2015).
    """

    def __init__(self, scale=1.0, mode="fan_in", distribution="normal", seed=None):
        mode, distribution = mode.lower(), distribution.lower()
        if scale <= 0:
            raise ValueError(f"VarianceScaling: scale has to be positive; got {scale}.")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"VarianceScaling: mode is 'fan_in', 'fan_out' or 'fan_avg'; got {mode!r}.")
        if distribution not in ("normal", "uniform"):
            raise ValueError(f"VarianceScaling: distribution is 'normal' or 'uniform'; got {distribution!r}.")
        self.scale, self.mode, self.distribution, self.seed = scale, mode, distribution, seed

    def __call__(self, shape, dtype=None):
        fan_in, fan_out = fans(shape)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, n)
        if self.distribution == "normal":
            stddev = variance**0.5 / _TRUNCATED_STDDEV
            return K.truncated_normal(shape, 0.0, stddev, dtype=dtype, seed=self.next_seed())
        limit = (3.0 * variance) ** 0.5
        return K.random_uniform(shape, -limit, limit, dtype=dtype, seed=self.next_seed())


def fans(shape):
    """(inputs, outputs) that meet in one unit of a kernel [..., inputs, outputs]; the leading axes are its window.

    For vectors and scalars, and beyond five axes, both are the square root of the number of elements.
    """
    if not 2 <= len(shape) <= 5:
        return (float(np.prod(shape)) ** 0.5,) * 2
    window = float(np.prod(shape[:-2]))
    return shape[-2] * window, shape[-1] * window


class Orthogonal(_Random):
    """A matrix with orthogonal rows or columns (whichever are fewer) of length `gain`.

    Shape [..., columns], of two axes or more: the leading axes together are the rows.
    Source: Saxe et al., Exact Solutions to the Nonlinear Dynamics of Learning in Deep Linear Networks (2014).
    """

    def __init__(self, gain=1.0, seed=None):
        self.gain, self.seed = gain, seed

    def __call__(self, shape, dtype=None):
        if len(shape) < 2:
            raise ValueError(f"Orthogonal needs a shape of at least two axes; got {tuple(shape)}.")
        seed = self.next_seed()
        seed = np.random.randint(2**31 - 1) if seed is None else seed
        return K.host(lambda: self.gain * _orthogonal(shape, seed), shape, dtype or K.floatx())


def _orthogonal(shape, seed):
    rows, columns = int(np.prod(shape[:-1])), shape[-1]
    draw = np.random.RandomState(seed).normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(draw)
    # With a positive diagonal of r the factorization is unique, and q uniform over the orthogonal matrices.
    q *= np.where(np.diag(r) < 0, -1.0, 1.0)
    return (q if rows >= columns else q.T).reshape(shape)


class Identity(Initializer):
    """`gain` on the diagonal of a matrix, zeros elsewhere. Raises ValueError for other than two axes."""

    def __init__(self, gain=1.0):
        self.gain = gain

    def __call__(self, shape, dtype=None):
        if len(shape) != 2:
            raise ValueError(f"Identity makes matrices, shapes of two axes; got {tuple(shape)}.")
        return K.host(lambda: self.gain * np.eye(*shape), shape, dtype or K.floatx())


def glorot_uniform(seed=None):
    """Uniform over +-sqrt(6 / (fan_in + fan_out)). Source: Glorot and Bengio (2010)."""
    return VarianceScaling(1.0, "fan_avg", "uniform", seed)


def glorot_normal(seed=None):
    """Truncated normal of variance 2 / (fan_in + fan_out). Source: Glorot and Bengio (2010)."""
    return VarianceScaling(1.0, "fan_avg", "normal", seed)


def he_uniform(seed=None):
    """Uniform over +-sqrt(6 / fan_in). Source: He et al. (2015)."""
    return VarianceScaling(2.0, "fan_in", "uniform", seed)


def he_normal(seed=None):
    """Truncated normal of variance 2 / fan_in. Source: He et al. (2015)."""
    return VarianceScaling(2.0, "fan_in", "normal", seed)


def lecun_uniform(seed=None):
    """Uniform over +-sqrt(3 / fan_in). Source: LeCun et al., Efficient BackProp (1998)."""
    return VarianceScaling(1.0, "fan_in", "uniform", seed)


def lecun_normal(seed=None):
    """Truncated normal of variance 1 / fan_in. Source: LeCun et al. (1998); Klambauer et al. (2017)."""
    return VarianceScaling(1.0, "fan_in", "normal", seed)


zero = zeros = Zeros
one = ones = Ones
constant = Constant
uniform = random_uniform = RandomUniform
normal = random_normal = RandomNormal
truncated_normal = TruncatedNormal
identity = Identity
orthogonal = Orthogonal

_MAKERS = {name: value for name, value in globals().items()
           if isinstance(value, type) and issubclass(value, Initializer)}  # fmt: skip
_MAKERS.update({f.__name__: f for f in (glorot_uniform, glorot_normal, he_uniform, he_normal, lecun_uniform,
                                        lecun_normal)})  # fmt: skip


def serialize(initializer):
    """{"class_name", "config"} of an initializer; None for None."""
    return serialize_keras_object(initializer)


def deserialize(config, custom_objects=None):
    """The initializer of a config. Raises ValueError for unknown names."""
    return deserialize_keras_object(config, _MAKERS, custom_objects, "initializer")


def get(identifier):
    """The initializer of a name or config, a class made without arguments; None and other callables as they are.

    Raises ValueError for anything else.
    """
    return get_object(identifier, deserialize, "initializer")
