"""Steps exchanged for such as XLA runs faster, before a program becomes one jit."""

import jax

from .. import runtime
from ..exchange import Call, again, exchange
from .linalg import matmul

WIDE = 256  # columns


def fused(program, engine):
    """The program with products of a wide matrix transposed, such as gradients of kernels, after the transposition.

    On a CPU XLA makes one product of both, which leaves a core idle for many shapes: it takes 2.4 times as long for
    [128, 512] transposed by [128, 10], 1.3 times for [32, 784] by [32, 128] and [2048, 512] by [2048, 128] (JAX 0.10.2,
    two cores of a Zen 4); up to 1.5 times less for narrow ones.
    engine: the backend package whose kernels are called. A product of its own is left alone.
    """
    if jax.default_backend() != "cpu":
        return program
    steps = [s for s in program.steps if runtime.kernel(engine, s.op) is matmul and _is_wide_transposed(*s.args)]
    for step in steps:
        exchange(step, Call("matmul", _after_transposition), (step.args[0].source.args[0], step.args[1]))
    return again(program) if steps else program


def _is_wide_transposed(x, y):
    return x.op_name == "permute_dimensions" and x.ndim == y.ndim == 2 and x.shape[0] >= max(WIDE, y.shape[1])


def _after_transposition(x, y):
    return matmul(jax.lax.optimization_barrier(x.T), y)
