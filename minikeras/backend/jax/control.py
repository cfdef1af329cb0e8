"""JAX kernels of choices and loops: lax traces the body."""

import jax
from jax import lax


def print_tensor(x, message):
    jax.debug.print("{} {}", message, x)
    return x


def _cond(condition, for_then, for_otherwise, then, otherwise):
    results = lax.cond(condition, lambda: then(*for_then, None), lambda: otherwise(*for_otherwise, None))
    return results if len(results) > 1 else results[0]


def _scan(carry, xs, captured, body, reverse, length):
    n = len(carry)

    def step(carry, slices):
        results = body(*carry, *slices, *captured, None)
        return tuple(results[:n]), tuple(results[n:])

    carry, stacks = lax.scan(step, tuple(carry), tuple(xs), length, reverse)
    results = (*carry, *stacks)
    return results if len(results) > 1 else results[0]
