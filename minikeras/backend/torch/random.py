"""PyTorch kernels of the random ops: a generator on the device, seeded anew by (seed, count, step) for each draw.

With portable noise the NumPy kernels draw; uniform bits they draw on every CPU, several times faster than PyTorch.
"""

import functools
import math

import torch

from ..numpy import random as host
from ..ops.random import _threshold, rng
from .device import DTYPES, current, on_cpu

_SIGNED = {16: torch.int16, 32: torch.int32}


def _mixed(seed, count, step):
    """The three numbers as one of 63 bits. Source: Steele, Lea and Flood (2014), the finisher of SplitMix64."""
    z = 0
    for word in (seed, int(count), int(step)):
        z = (z + word + 0x9E3779B97F4A7C15) % 2**64
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
        z ^= z >> 31
    return z >> 1


def _generator(count, step, seed):
    # A new one costs microseconds, and threads do not get in each other's way.
    return torch.Generator(current()).manual_seed(_mixed(seed, count, step))


def _drawn(kernel):
    """The kernel, or NumPy's of the same name: where noise has to be portable, and for bits on every CPU."""
    numpy_kernel, bits = getattr(host, kernel.__name__), kernel.__name__ in ("bernoulli", "kept")

    @functools.wraps(kernel)
    def draw(*args):
        if rng() == "native" and not (bits and on_cpu()):
            return kernel(*args)
        return torch.from_numpy(numpy_kernel(*args)).to(current())

    return draw


def _empty(shape, dtype):
    return torch.empty(shape, dtype=DTYPES[dtype], device=current())


@_drawn
def uniform(count, step, shape, low, high, dtype, seed):
    source = _generator(count, step, seed)
    made = _empty(shape, dtype)
    if made.dtype.is_floating_point:
        return made.uniform_(low, high, generator=source)
    return made.random_(low, high, generator=source)


@_drawn
def normal(count, step, shape, mean, stddev, dtype, seed):
    return _empty(shape, dtype).normal_(mean, stddev, generator=_generator(count, step, seed))


@_drawn
def clipped_normal(count, step, shape, mean, stddev, dtype, seed):
    made = _empty(shape, dtype)
    torch.nn.init.trunc_normal_(made, 0.0, 1.0, -2.0, 2.0, generator=_generator(count, step, seed))
    return made.mul_(stddev).add_(mean)


def _bits(width, shape, source):
    """Random bits as signed integers; with `_limit` a draw of bools, far faster than Tensor.bernoulli_ on a CPU."""
    size = math.prod(shape)
    words = torch.empty(-(-size * width // 64), dtype=torch.int64, device=current())
    return words.random_(-(2**63), None, generator=source).view(_SIGNED[width])[:size].view(shape)


def _limit(p, width):
    """What signed random bits are below with probability p."""
    return _threshold(p, width) - 2 ** (width - 1)


@_drawn
def bernoulli(count, step, shape, p, seed):
    return _bits(32, shape, _generator(count, step, seed)) < _limit(p, 32)


@_drawn
def kept(count, step, shape, level, seed):
    return _bits(16, shape, _generator(count, step, seed)) >= _limit(level, 16)


def keep(x, kept, scale):
    # Bytes are widened in half the time that bools take, and before a product rather than in it, or in torch.where.
    return torch.addcmul(_zero(x.dtype), x, kept.view(torch.int8).to(x.dtype), value=scale)


@functools.cache
def _zero(dtype):
    with torch.inference_mode():
        return torch.zeros((), dtype=dtype, device=current())
