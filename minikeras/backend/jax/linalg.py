"""JAX kernels of the products."""

import jax.numpy as jnp

matmul = jnp.matmul
