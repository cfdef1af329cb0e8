"""JAX kernels of the cross-entropies."""

import jax
import jax.numpy as jnp


def softmax_crossentropy(target, logits):
    log_p = jax.nn.log_softmax(logits)
    return -jnp.sum(target * log_p, -1), jnp.exp(log_p)


def sparse_softmax_crossentropy(target, logits):
    log_p = jax.nn.log_softmax(logits)
    # A program cannot raise: labels that are no class give nan.
    labels = jnp.where(target < 0, logits.shape[-1], target)[..., None]
    loss = jnp.take_along_axis(log_p, labels, -1, mode="fill", fill_value=jnp.nan)[..., 0]
    return -loss, jnp.exp(log_p)
