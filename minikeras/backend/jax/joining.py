"""JAX kernels of the ops that put tensors together."""

import jax.numpy as jnp


def concat(tensors, axis):
    return jnp.concatenate(tensors, axis)


def stack(x, axis):
    return jnp.stack(x, axis)


tile = jnp.tile


def repeat_elements(x, rep, axis):
    return jnp.repeat(x, rep, axis)


def pad(x, padding, value):
    return jnp.pad(x, padding, constant_values=value)
