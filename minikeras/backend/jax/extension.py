"""JAX kernel of K.native."""

import jax.numpy as jnp


def native(inputs, function, shape, dtype, gradient):
    return jnp.asarray(function(*inputs), dtype=dtype)
