"""JAX kernels of the products."""

import jax.numpy as jnp

matmul = jnp.matmul


def _einsum(operands, equation):
    return jnp.einsum(equation, *operands)
