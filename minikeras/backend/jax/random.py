"""JAX kernels of the random ops: counter-based keys made from (seed, count, step).

With portable noise the NumPy kernels draw, called back from the running program.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..numpy import random as host
from ..ops.random import _threshold, rng


def _key(count, step, seed):
    # A named generator: the one that the user has set up for other work does not matter.
    key = jax.random.key(np.uint32(seed % 2**32), impl="threefry2x32")
    return jax.random.fold_in(jax.random.fold_in(key, count), step)


def _drawn(kernel):
    """The kernel, or NumPy's of the same name where noise has to be portable."""
    numpy_kernel = getattr(host, kernel.__name__)

    @functools.wraps(kernel)
    def draw(count, step, shape, *args):
        if rng() == "native":
            return kernel(count, step, shape, *args)
        dtype = args[-2] if isinstance(args[-2], str) else "bool"
        result = jax.ShapeDtypeStruct(shape, np.dtype(dtype))
        return jax.pure_callback(lambda c, s: numpy_kernel(c, s, shape, *args), result, count, step)

    return draw


@_drawn
def uniform(count, step, shape, low, high, dtype, seed):
    key = _key(count, step, seed)
    if jnp.issubdtype(dtype, jnp.integer):
        return jax.random.randint(key, shape, low, high, dtype)
    return jax.random.uniform(key, shape, dtype, low, high)


@_drawn
def normal(count, step, shape, mean, stddev, dtype, seed):
    return jax.random.normal(_key(count, step, seed), shape, dtype) * stddev + mean


@_drawn
def clipped_normal(count, step, shape, mean, stddev, dtype, seed):
    return jax.random.truncated_normal(_key(count, step, seed), -2, 2, shape, dtype) * stddev + mean


@_drawn
def bernoulli(count, step, shape, p, seed):
    return jax.random.bits(_key(count, step, seed), shape, "uint32") < np.uint32(_threshold(p, 32))


def _hashed(h):
    """A bijection of 32-bit words without visible structure. Source: Wellons, Hash Prospector (2018), lowbias32."""
    h = (h ^ (h >> 16)) * np.uint32(0x7FEB352D)
    h = (h ^ (h >> 15)) * np.uint32(0x846CA68B)
    return h ^ (h >> 16)


@_drawn
def kept(count, step, shape, level, seed):
    # Places hashed with two random words: good enough for a mask, and many times faster than Threefry on a CPU.
    first, second = jax.random.bits(_key(count, step, seed), (2,), "uint32")
    places = lax.iota("uint32", math.prod(shape)).reshape(shape)
    return _hashed(_hashed(places ^ first) + second) >= np.uint32(_threshold(level, 32))


def keep(x, kept, scale):
    return jnp.where(kept, x * jnp.asarray(scale, x.dtype), jnp.zeros((), x.dtype))
