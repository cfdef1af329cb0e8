"""JAX kernels of the LSTM: products inside the loop on its way there, gradients by formula on its way back."""

import jax
import jax.numpy as jnp
from jax import lax


def _before(first, states):
    """The states that the steps began with."""
    return jnp.concatenate([first[None], states])[:-1]


def _lstm(x, h, c, kernel, recurrent_kernel, bias, saved):
    # One product of [x, h] a step beats a product of all x before the loop: what it makes is still in the cache.
    weights = jnp.concatenate([kernel, recurrent_kernel])

    def step(states, x):
        h, c = states
        z = jnp.concatenate([x, h], 1) @ weights
        i, f, g, o = jnp.split(z if bias is None else z + bias, 4, axis=1)
        i, f, g, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
        c = f * c + i * g
        h = o * jnp.tanh(c)
        return (h, c), (h, c, jnp.concatenate([i, f, g, o], 1)) if saved else (h,)

    (h, c), (outputs, *kept) = lax.scan(step, (h, c), x)
    return outputs, h, c, *kept


def _lstm_gradient(g, g_h, g_c, x, h, c, kernel, recurrent_kernel, bias, outputs, cells, gates, to_x):
    turned = recurrent_kernel.T

    def step(cotangents, slices):
        g_h, g_c = cotangents
        cell, before, gates, *g = slices
        i, f, candidate, o = jnp.split(gates, 4, axis=1)
        y = jnp.tanh(cell)
        g_h = g_h + g[0] if g else g_h
        g_c = g_c + g_h * o * (1 - y * y)
        g_z = jnp.concatenate([g_c * candidate * i * (1 - i), g_c * before * f * (1 - f),
                               g_c * i * (1 - candidate * candidate), g_h * y * o * (1 - o)], 1)  # fmt: skip
        return (g_z @ turned, g_c * f), g_z

    first = jnp.zeros_like(h) if g_h is None else g_h, jnp.zeros_like(c) if g_c is None else g_c
    slices = (cells, _before(c, cells), gates, *([] if g is None else [g]))
    (g_h, g_c), g_z = lax.scan(step, first, slices, reverse=True)
    to_kernel, to_recurrent = (jnp.tensordot(a, g_z, ((0, 1), (0, 1))) for a in (x, _before(h, outputs)))
    found = g_z @ kernel.T if to_x else None, g_h, g_c, to_kernel, to_recurrent, g_z.sum((0, 1))
    return found[0 if to_x else 1 : 5 if bias is None else 6]
