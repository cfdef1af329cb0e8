"""JAX kernels of the ops on parts of tensors."""

import jax.numpy as jnp
from jax import lax

from ..ops.indexing import python_index

reverse = jnp.flip


def getitem(x, index):
    return x[python_index(index)]


def put(g, shape, index):
    # Padding, not scattering: XLA fuses it, and aborts where it turns what was scattered round.
    ranges = [range(n)[part] for n, part in zip(shape, python_index(index), strict=True)]
    ends = [(r.start, n - r[-1] - 1, r.step - 1) if r else (0, n, 0) for n, r in zip(shape, ranges, strict=True)]
    return lax.pad(g, jnp.zeros((), g.dtype), ends)


def take(x, indices, axis):
    # Negative ones count from the end. Beyond that they are clamped: there is no way to raise from compiled code.
    return jnp.take(x, jnp.where(indices < 0, indices + x.shape[axis], indices), axis, mode="clip")


def scatter_add(updates, indices, like_x, axis):
    index = (slice(None),) * axis + (indices,)
    return jnp.zeros(like_x.shape, updates.dtype).at[index].add(updates)
