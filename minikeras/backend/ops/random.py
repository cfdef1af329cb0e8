"""Random numbers. What an op draws is a function of its seed and of how often it has drawn: that is all of its state.

`count` is that number, `step` the index of the time step inside a loop (else 0), so that the backward pass of a loop
sees the noise of the forward pass.
"""

import numpy as np

from .. import runtime
from ..op import DType, Host, Spec, as_tensor, op
from ..subgraph import current_step
from ..tensor import Counter, Tensor, dtype_name, is_float
from ..variable import Variable
from .math import cast_like, float_like, greater_equal
from .shape import cast, identity, shape_of, sizes_of, static


class _Source:
    """Where the noise comes from: 'native' (each backend's generator) or 'portable' (NumPy's, on every backend)."""

    mode = "native"


def set_rng(mode):
    """Chooses where noise is drawn.

    mode: 'native', by each backend, on its device; or 'portable', on the host by NumPy, so that the same seeds give the
    same noise, and training runs the same way, on every backend. Initial weights are always portable.
    """
    if mode not in ("native", "portable"):
        raise ValueError(f"K.set_rng: expected 'native' or 'portable', got {mode!r}.")
    _Source.mode = mode
    runtime.Active.epoch += 1  # compiled functions have the old choice in them


def rng():
    """Where noise is drawn: 'native' or 'portable'."""
    return _Source.mode


def _state(seed):
    """Count, step and seed of a new draw. Without a seed NumPy's global generator gives one."""
    step = current_step()
    seed = np.random.randint(10**7) if seed is None else int(seed)
    return Counter(), as_tensor(0) if step is None else step, seed


def _floats(count, step, shape, mean, stddev, dtype, seed):
    """The Spec of a draw of floats."""
    if not is_float(dtype):
        raise TypeError(f"dtype must be a float type, not {dtype}.")
    return Spec(static(shape), dtype)


def _threshold(p, bits):
    """The number that unsigned integers of so many random bits are below with probability p."""
    return min(round(p * 2**bits), 2**bits - 1)


# ---- distributions ---------------------------------------------------------------------------------------------------


@op(random=True)
def uniform(count: Tensor, step: Tensor, shape: Host, low: float, high: float, dtype: DType, seed: int):
    """Uniform over [low, high): floats or integers."""
    return Spec(static(shape), dtype)


@op(spec=_floats, random=True)
def normal(count: Tensor, step: Tensor, shape: Host, mean: float, stddev: float, dtype: DType, seed: int):
    """Normal distribution."""


@op(spec=_floats, random=True)
def clipped_normal(count: Tensor, step: Tensor, shape: Host, mean: float, stddev: float, dtype: DType, seed: int):
    """Normal distribution without what is further than two standard deviations from the mean."""


@op(random=True)
def bernoulli(count: Tensor, step: Tensor, shape: Host, p: float, seed: int):
    """True with probability p."""
    return Spec(static(shape), "bool")


def _scaled(draw, shape, offset, scale, dtype, seed):
    """A standard draw, scaled by numbers or tensors."""
    count, step, seed = _state(seed)
    if isinstance(offset, Tensor) or isinstance(scale, Tensor):
        return draw(count, step, shape, 0.0, 1.0, dtype, seed) * scale + offset
    return draw(count, step, shape, float(offset), float(scale), dtype, seed)


def random_uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    """A tensor drawn uniformly over [minval, maxval), anew at each run.

    shape: ints, or an integer tensor (K.shape(x)). minval, maxval: numbers or tensors. dtype: floatx by default; an
    integer type draws integers. seed: int; by default one from NumPy's global generator.
    """
    if isinstance(minval, Tensor) or isinstance(maxval, Tensor):
        return _scaled(uniform, shape, minval, maxval - minval, dtype, seed)
    count, step, seed = _state(seed)
    number = float if is_float(dtype_name(dtype)) else int
    return uniform(count, step, shape, number(minval), number(maxval), dtype, seed)


def random_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """A tensor drawn from a normal distribution, anew at each run. Arguments as for `random_uniform`."""
    return _scaled(normal, shape, mean, stddev, dtype, seed)


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """As `random_normal`, but what is further than two `stddev` from the mean is drawn again."""
    return _scaled(clipped_normal, shape, mean, stddev, dtype, seed)


def random_binomial(shape, p=0.0, dtype=None, seed=None):
    """A tensor of ones with probability `p`, else zeros, anew at each run. Arguments as for `random_uniform`."""
    if isinstance(p, Tensor):
        return cast(greater_equal(p, random_uniform(shape, dtype=p.dtype, seed=seed)), dtype)
    count, step, seed = _state(seed)
    return cast(bernoulli(count, step, shape, float(p), seed), dtype)


def random_uniform_variable(shape, low, high, dtype=None, name=None, seed=None):
    """A variable whose initial value is drawn uniformly over [low, high)."""
    return _variable(random_uniform(tuple(shape), low, high, dtype, seed), name)


def random_normal_variable(shape, mean, scale, dtype=None, name=None, seed=None):
    """A variable whose initial value is drawn from a normal distribution with standard deviation `scale`."""
    return _variable(random_normal(tuple(shape), mean, scale, dtype, seed), name)


def _variable(value, name):
    made = Variable(value, value.dtype, name)
    made._keras_shape = made.shape
    return made


# ---- dropout ---------------------------------------------------------------------------------------------------------


@op(random=True)
def kept(count: Tensor, step: Tensor, shape: Host, level: float, seed: int):
    """Which elements a dropout keeps: False with probability `level`."""
    return Spec(static(shape), "bool")


@op(composite=True, gradient=[lambda g, y, x, kept, scale: keep(g, kept, scale)])
def keep(x: Tensor, kept: Tensor, scale: float):
    """x times `scale` where kept, else 0; `kept` broadcasts to x."""
    float_like(x)
    return x * (cast_like(kept, x) * scale)


def dropout(x, level, noise_shape=None, seed=None):
    """x with a share `level` of its elements set to 0, anew at each run, and the others divided by 1 - level.

    level: a number in [0, 1), or a scalar tensor. noise_shape: shape of the mask, broadcast to x: ints, None for the
    size that x has, or tensors. seed: int; by default one from NumPy's global generator.
    Source: Srivastava et al., Dropout (2014).
    """
    x = as_tensor(x)
    noise_shape = _noise_shape(x, noise_shape)
    if isinstance(level, Tensor):
        noise = random_uniform(noise_shape, dtype=x.dtype, seed=seed)
        return x * cast_like(greater_equal(noise, level), x) / (1.0 - level)
    if not 0.0 <= level < 1.0:
        raise ValueError(f"K.dropout: level is the share that is dropped, a number in [0, 1); got {level}.")
    if level == 0.0:
        return identity(x)
    count, step, seed = _state(seed)
    return keep(x, kept(count, step, noise_shape, float(level), seed), 1.0 / (1.0 - level))


def _noise_shape(x, noise_shape):
    """The shape with x's own sizes for None."""
    if noise_shape is None or isinstance(noise_shape, Tensor):
        return shape_of(x) if noise_shape is None else noise_shape
    if len(noise_shape) != x.ndim:
        raise ValueError(f"K.dropout: noise_shape {tuple(noise_shape)} must have the {x.ndim} axes of {x!r}.")
    return [n if s is None else s for n, s in zip(sizes_of(x), noise_shape, strict=True)]
