"""Whether a product of matrices goes to oneDNN rather than to the BLAS that PyTorch calls by itself, on CPUs.

That BLAS is MKL in most builds, which leaves half of the wide registers of other makers' processors unused.
"""

import functools
import time

import torch

from . import device

WORTH = 1 << 19  # multiplications: from here on a product pays for oneDNN's dearer call
LONGEST = 1 << 12  # oneDNN is slow in reading long transposed matrices
# Far ahead, that is: so that noise cannot change the answer from one process to the next, and with it the last bits.
AHEAD = 1.5


def by_onednn(x, w):
    """Whether the product of two Values goes there."""
    if x.ndim != 2 or w.ndim != 2 or x.dtype != "float32" or x.size * w.shape[1] < WORTH:
        return False
    if x.op_name == "permute_dimensions" and max(x.shape) > LONGEST:
        return False
    return device.on_cpu() and torch.backends.mkldnn.is_available() and is_far_ahead()


def linear(x, w, bias=None, activation="none"):
    """x [n, k] . w [k, m] + bias [m] or None by oneDNN; activation: "none" or "relu"."""
    return torch.ops.mkldnn._linear_pointwise.default(x, w.t(), bias, activation, [], "")


@functools.cache
def is_far_ahead():
    """Whether oneDNN takes less than 1 / AHEAD of BLAS's time here, measured on matrices of 384 x 384."""
    x = torch.ones(384, 384)
    return AHEAD * _seconds(lambda: linear(x, x.t())) < _seconds(lambda: torch.mm(x, x))


def _seconds(action):
    found = []
    for _ in range(5):
        start = time.perf_counter()
        action()
        found.append(time.perf_counter() - start)
    return min(found)
