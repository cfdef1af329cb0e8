"""JAX kernels of CTC: a scan over the steps; decoding runs on the host, called back."""

import jax
import jax.numpy as jnp
from jax import lax

from ..numpy import ctc as host


def _states(labels, blank):
    """The labels with blanks around them, [batch, 2 labels + 1], and where the blank before may be skipped."""
    states = jnp.full((labels.shape[0], 2 * labels.shape[1] + 1), blank, "int32")
    states = states.at[:, 1::2].set(jnp.clip(labels, 0, blank))
    skips = jnp.pad((states[:, 2:] != blank) & (states[:, 2:] != states[:, :-2]), ((0, 0), (2, 0)))
    return states, skips


def _nothing(dtype):
    """The logarithm of a probability of 0: finite, so that differences of two of them are not nan."""
    return jnp.asarray(jnp.finfo(dtype).min / 8, dtype)


def _shifted(a, by):
    """a moved along its last axis, filled up with nothing."""
    return lax.pad(a, _nothing(a.dtype), ((0, 0, 0), (by, -by, 0)))


def _ends(label_length, n_states, dtype):
    """0 in the two states where a sample may end, else nothing."""
    last, state = 2 * label_length[:, None], jnp.arange(n_states)
    return jnp.where((state == last) | ((state == last - 1) & (last > 0)), jnp.zeros((), dtype), _nothing(dtype))


def _emitted(logits, states):
    """Log probabilities of the states, and of the classes: [steps, batch, ...]."""
    log_p = jax.nn.log_softmax(logits)
    return jnp.take_along_axis(log_p, states[:, None], 2).swapaxes(0, 1), log_p


def _sum3(a, b, c):
    return jnp.logaddexp(jnp.logaddexp(a, b), c)


def ctc_loss(logits, labels, input_length, label_length):
    states, skips = _states(labels, logits.shape[2] - 1)
    emitted, _ = _emitted(logits, states)
    nothing = _nothing(logits.dtype)
    first = jnp.where(jnp.arange(states.shape[1]) < 2, emitted[0], nothing)

    def step(a, e):
        a = _sum3(a, _shifted(a, 1), jnp.where(skips, _shifted(a, 2), nothing)) + e
        return a, a

    _, rest = lax.scan(step, first, emitted[1:])
    alpha = jnp.concatenate([first[None], rest]).swapaxes(0, 1)
    final = jnp.take_along_axis(alpha, (input_length - 1)[:, None, None], 1)[:, 0]
    total = jax.nn.logsumexp(final + _ends(label_length, states.shape[1], logits.dtype), 1)
    return jnp.where(total > nothing / 2, -total, jnp.inf), alpha


def ctc_loss_gradient(g, logits, labels, input_length, label_length, loss, alpha):
    n_steps, n_classes = logits.shape[1:]
    states, skips = _states(labels, n_classes - 1)
    emitted, log_p = _emitted(logits, states)
    ends, last = _ends(label_length, states.shape[1], logits.dtype), input_length[:, None] - 1
    nothing = _nothing(logits.dtype)

    def step(ahead, at):
        # ahead: beta of the step after plus what is emitted there
        t, e = at
        beta = _sum3(ahead, _shifted(ahead, -1), _shifted(jnp.where(skips, ahead, nothing), -2))
        beta = jnp.where(last == t, ends, beta)
        return beta + e, beta

    _, beta = lax.scan(step, jnp.full_like(ends, nothing), (jnp.arange(n_steps), emitted), reverse=True)
    occupied = jnp.exp(alpha + beta.swapaxes(0, 1) + loss[:, None, None])
    shares = occupied @ jax.nn.one_hot(states, n_classes, dtype=logits.dtype)
    counts = (jnp.arange(n_steps) <= last) & jnp.isfinite(loss)[:, None]
    return jnp.where(counts[:, :, None], (jnp.exp(log_p) - shares) * g[:, None, None], 0)


def _on_host(kernel, paths, scores, input_length, *args):
    batch, steps, _ = scores.shape
    results = [jax.ShapeDtypeStruct((batch, steps), "int64")] * paths
    results.append(jax.ShapeDtypeStruct((batch, paths), scores.dtype))
    return jax.pure_callback(
        lambda s, n: kernel(jax.device_get(s), jax.device_get(n), *args), tuple(results), scores, input_length
    )


def ctc_greedy(scores, input_length):
    return _on_host(host.ctc_greedy, 1, scores, input_length)


def ctc_beam(scores, input_length, beam_width, top_paths, merge_repeated):
    return _on_host(host.ctc_beam, top_paths, scores, input_length, beam_width, top_paths, merge_repeated)
