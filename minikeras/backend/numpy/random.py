"""NumPy kernels of the random ops: SFC64, seeded anew by (seed, count, step) for each draw."""

import math
import threading

import numpy as np

from ..ops.random import _threshold

ROUNDS = 18  # that PractRand, where SFC64 comes from, lets it run after seeding it with three words
_own = threading.local()


def generator(count, step, seed):
    """The generator of one draw."""
    words = (seed % 2**64, int(count) % 2**64, int(step) % 2**64)
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(words)))


def _source(count, step, seed):
    """The bits of one draw: a generator that is there already, with another state, in a third of the time."""
    if not hasattr(_own, "source"):
        _own.source = np.random.SFC64(0)
    words = np.array([seed % 2**64, int(count) % 2**64, int(step) % 2**64, 1], "uint64")
    _own.source.state = {"bit_generator": "SFC64", "state": {"state": words}, "has_uint32": 0, "uinteger": 0}
    _own.source.random_raw(ROUNDS, output=False)
    return _own.source


def _bits(source, shape, dtype):
    """Random bits as unsigned integers: raw output of the generator, several times faster than its `integers`."""
    size, width = math.prod(shape), np.dtype(dtype).itemsize
    words = source.random_raw(-(-size * width // 8))
    return words.view(dtype)[:size].reshape(shape)


def uniform(count, step, shape, low, high, dtype, seed):
    source = generator(count, step, seed)
    if np.dtype(dtype).kind in "iu":
        return source.integers(low, high, shape, dtype=dtype)
    if dtype == "float64":
        drawn = source.random(shape)
    else:
        # 24 bits: all that a float32 in [0, 1) can hold.
        drawn = np.right_shift(_bits(source.bit_generator, shape, "uint32"), 8).astype("float32")
        drawn *= np.float32(2**-24)
    drawn *= drawn.dtype.type(high - low)
    drawn += drawn.dtype.type(low)
    return drawn.astype(dtype, copy=False)


def normal(count, step, shape, mean, stddev, dtype, seed):
    return _scaled(_normal(generator(count, step, seed), shape, dtype), mean, stddev, dtype)


def _normal(source, shape, dtype):
    return source.standard_normal(shape, dtype="float64" if dtype == "float64" else "float32")


def _scaled(drawn, mean, stddev, dtype):
    drawn *= drawn.dtype.type(stddev)
    drawn += drawn.dtype.type(mean)
    return drawn.astype(dtype, copy=False)


def clipped_normal(count, step, shape, mean, stddev, dtype, seed):
    source = generator(count, step, seed)
    drawn = _normal(source, math.prod(shape), dtype)
    far = np.flatnonzero(np.abs(drawn) > 2)
    while far.size:
        again = _normal(source, far.size, dtype)
        drawn[far] = again
        far = far[np.abs(again) > 2]
    return _scaled(drawn.reshape(shape), mean, stddev, dtype)


def bernoulli(count, step, shape, p, seed):
    return _bits(_source(count, step, seed), shape, "uint32") < _threshold(p, 32)


def kept(count, step, shape, level, seed, out=None):
    """Which elements dropout keeps. 16 bits give the level to within 1e-5, for half the work of 32."""
    source, limit = _source(count, step, seed), _threshold(level, 16)
    return np.greater_equal(_bits(source, shape, "uint16"), limit, out=out)


def keep(x, kept, scale, out=None):
    if kept.shape != x.shape:
        return np.multiply(x, kept * x.dtype.type(scale), out=out)
    # Widening the mask first is faster than a product of floats and bools.
    out = np.empty(x.shape, x.dtype) if out is None else out
    np.copyto(out, kept)
    np.multiply(out, x.dtype.type(scale), out=out)
    return np.multiply(out, x, out=out)
