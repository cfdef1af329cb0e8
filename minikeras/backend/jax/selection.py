"""JAX kernels of order, selection and scattering."""

import jax
import jax.numpy as jnp
from jax import lax

from ..ops.selection import _not_finite

isfinite = jnp.isfinite


def _sort(x, axis, descending):
    order = jnp.argsort(x, axis, stable=True, descending=descending).astype("int32")
    return jnp.take_along_axis(x, order, axis), order


def _topk(x, k, axis):
    values, order = lax.top_k(jnp.moveaxis(x, axis, -1), k)
    return jnp.moveaxis(values, -1, axis), jnp.moveaxis(order, -1, axis)


# Out of range indices are clamped: there is no way to raise from compiled code.
def take_along_axis(x, indices, axis):
    return jnp.take_along_axis(x, indices, axis, mode="clip")


def add_along_axis(updates, indices, like_x, axis):
    places = list(jnp.ogrid[tuple(slice(n) for n in indices.shape)])
    places[axis] = indices
    return jnp.zeros(like_x.shape, updates.dtype).at[tuple(places)].add(updates)


def _places(indices):
    """Index vectors as JAX takes them: an array for each axis."""
    return tuple(indices[..., i] for i in range(indices.shape[-1]))


def gather_nd(x, indices):
    return jnp.asarray(x).at[_places(indices)].get(mode="clip")


def scatter(indices, updates, shape):
    return jnp.zeros(shape, updates.dtype).at[_places(indices)].add(updates)


def scatter_update(x, indices, updates):
    return jnp.asarray(x).at[_places(indices)].set(updates)


# ---- check_numerics: compiled code cannot stop, so that what it found waits here until someone looks -----------------

_found = []


def check_numerics(x, message):
    counts = jnp.isnan(x).sum(), jnp.isinf(x).sum()

    def report():
        jax.debug.callback(lambda nans, infinite: _found.append((message, int(nans), int(infinite), x.size)), *counts)

    lax.cond(jnp.isfinite(x).all(), lambda: None, report)
    return x


def raise_found():
    """Raises the error of a check that failed in a program that has run, if there is one."""
    if _found:
        first = _found[0]
        _found.clear()
        raise _not_finite(*first)
