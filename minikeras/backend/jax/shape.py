"""JAX kernels of the ops on shapes."""

import jax.numpy as jnp

from ..ops.shape import python_index


def cast(x, dtype):
    return x != 0 if dtype == "bool" else x.astype(dtype)


reshape = jnp.reshape
permute_dimensions = jnp.transpose
broadcast_to = jnp.broadcast_to
reverse = jnp.flip


def getitem(x, index):
    return x[python_index(index)]


def put(g, shape, index):
    return jnp.zeros(shape, g.dtype).at[python_index(index)].set(g)


# Out of range indices are clamped: there is no way to raise from compiled code.
def take(x, indices, axis):
    return jnp.take(x, indices, axis, mode="clip")


def scatter_add(updates, indices, like_x, axis):
    index = (slice(None),) * axis + (indices,)
    return jnp.zeros(like_x.shape, updates.dtype).at[index].add(updates)


def concat(tensors, axis):
    return jnp.concatenate(tensors, axis)


def stack(x, axis):
    return jnp.stack(x, axis)


tile = jnp.tile


def repeat_elements(x, rep, axis):
    return jnp.repeat(x, rep, axis)


def pad(x, padding, value):
    return jnp.pad(x, padding, constant_values=value)


def full(shape, value, dtype):
    return jnp.full(shape, value, dtype)


def _arange(start, stop, step, dtype):
    return jnp.arange(start, stop, step, dtype=dtype)


def one_hot(indices, num_classes, dtype):
    return (indices[..., None] == jnp.arange(num_classes, dtype=indices.dtype)).astype(dtype)
