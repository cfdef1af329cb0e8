"""JAX kernels of the ops on parts of tensors."""

import jax.numpy as jnp

from ..ops.indexing import python_index

reverse = jnp.flip


def getitem(x, index):
    return x[python_index(index)]


def put(g, shape, index):
    return jnp.zeros(shape, g.dtype).at[python_index(index)].set(g)


def take(x, indices, axis):
    # Negative ones count from the end. Beyond that they are clamped: there is no way to raise from compiled code.
    return jnp.take(x, jnp.where(indices < 0, indices + x.shape[axis], indices), axis, mode="clip")


def scatter_add(updates, indices, like_x, axis):
    index = (slice(None),) * axis + (indices,)
    return jnp.zeros(like_x.shape, updates.dtype).at[index].add(updates)
