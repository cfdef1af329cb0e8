"""JAX by hand: one jit for the whole step, weights and optimizer state donated, losses left on the device."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..workloads import BLOCKS, BN_EPSILON, BN_MOMENTUM, DROPOUT, HEADS, LN_EPSILON, OPTIMIZERS, STAGES
from . import TrainerBase

NAME = "JAX, one jit"


class Trainer(TrainerBase):
    fetch = staticmethod(lambda loss: float(np.asarray(loss)))  # `float` of a JAX array takes 40 us more

    def __init__(self, workload, check=False):
        rates = (0.0, 0.0) if check else DROPOUT.get(workload.name, ())
        weights = {name: [jnp.array(a) for a in arrays] for name, arrays in workload.weights().items()}
        moving = {name: ws[2:] for name, ws in weights.items() if name.startswith("bn")}
        weights = {name: ws[:2] if name in moving else ws for name, ws in weights.items()}
        weights = {name: joined(ws) if name.startswith("attention") else ws for name, ws in weights.items()}
        self.state = (weights, moving, STATES[workload.optimizer](weights), jax.random.key(0))
        model = MODELS[workload.name]
        self.update = jax.jit(
            partial(step, partial(loss, model, workload.classes == 1), UPDATES[workload.optimizer],
                    OPTIMIZERS[workload.optimizer], rates),
            donate_argnums=0,
        )  # fmt: skip
        self.forward = jax.jit(partial(probabilities, model, workload.classes == 1))

    def step(self, x, y):
        self.state, loss = self.update(self.state, x, y)
        return loss

    def outputs(self, x):
        return self.forward(*self.state[:2], x)


def joined(arrays):
    """Kernel and bias of one product for queries, keys and values; kernel and bias of the output."""
    n = len(arrays[0])
    kernels, biases, (out, out_bias) = arrays[:6:2], arrays[1:6:2], arrays[6:]
    into = [jnp.concatenate([k.reshape(n, n) for k in kernels], 1), jnp.concatenate([b.ravel() for b in biases])]
    return [*into, out.reshape(n, n), out_bias]


def step(loss, update, options, rates, state, x, y):
    weights, moving, slots, key = state
    key, *keys = jax.random.split(key, 3)
    drop = [partial(dropout, k, rate) for k, rate in zip(keys, rates, strict=False)]
    (value, moving), gradients = jax.value_and_grad(loss, has_aux=True)(weights, moving, drop, x, y)
    weights, slots = update(weights, gradients, slots, **options)
    return (weights, moving, slots, key), value


def loss(model, sigmoid, weights, moving, drop, x, y):
    logits, moving = model(weights, moving, drop, x)
    if sigmoid:
        return jnp.mean(jnp.logaddexp(0, logits) - y * logits), moving
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), y, axis=1)), moving


def probabilities(model, sigmoid, weights, moving, x):
    logits, _ = model(weights, moving, None, x)
    return jax.nn.sigmoid(logits) if sigmoid else jax.nn.softmax(logits)


def dropout(key, rate, x):
    return jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x / (1 - rate), 0) if rate else x


# --- optimizers: slots are trees like the weights


def zeros(weights):
    return jax.tree.map(jnp.zeros_like, weights)


STATES = {
    "adam": lambda w: (jnp.zeros((), "float32"), zeros(w), zeros(w)),
    "rmsprop": zeros,
    "adadelta": lambda w: (zeros(w), zeros(w)),
}


def adam(weights, g, slots, lr, beta_1, beta_2, epsilon):
    t, m, v = slots
    t = t + 1
    rate = lr * jnp.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    m = jax.tree.map(lambda m, g: beta_1 * m + (1 - beta_1) * g, m, g)
    v = jax.tree.map(lambda v, g: beta_2 * v + (1 - beta_2) * g * g, v, g)
    weights = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + epsilon), weights, m, v)
    return weights, (t, m, v)


def rmsprop(weights, g, a, lr, rho, epsilon):
    a = jax.tree.map(lambda a, g: rho * a + (1 - rho) * g * g, a, g)
    return jax.tree.map(lambda w, g, a: w - lr * g / (jnp.sqrt(a) + epsilon), weights, g, a), a


def adadelta(weights, g, slots, lr, rho, epsilon):
    a, d = slots
    a = jax.tree.map(lambda a, g: rho * a + (1 - rho) * g * g, a, g)
    u = jax.tree.map(lambda g, a, d: g * jnp.sqrt(d + epsilon) / jnp.sqrt(a + epsilon), g, a, d)
    d = jax.tree.map(lambda d, u: rho * d + (1 - rho) * u * u, d, u)
    return jax.tree.map(lambda w, u: w - lr * u, weights, u), (a, d)


UPDATES = {f.__name__: f for f in (adam, rmsprop, adadelta)}


# --- models: (weights, moving averages, dropouts (None: not in training), x) -> logits, moving averages


def dense(weights, x):
    kernel, bias = weights
    return x @ kernel + bias


def dropped(drop, i, x):
    return drop[i](x) if drop else x


def mlp_small(w, moving, drop, x):
    return dense(w["out"], jax.nn.relu(dense(w["hidden"], x))), moving


def mlp(w, moving, drop, x):
    h = dropped(drop, 0, jax.nn.relu(dense(w["hidden1"], x)))
    return dense(w["out"], dropped(drop, 1, jax.nn.relu(dense(w["hidden2"], h)))), moving


def conv(kernel, x, stride=1, padding="SAME"):
    return lax.conv_general_dilated(x, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def cnn(w, moving, drop, x):
    h = jax.nn.relu(conv(w["conv1"][0], x, padding="VALID") + w["conv1"][1])
    h = jax.nn.relu(conv(w["conv2"][0], h, padding="VALID") + w["conv2"][1])
    h = dropped(drop, 0, lax.reduce_window(h, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"))
    h = dropped(drop, 1, jax.nn.relu(dense(w["hidden"], h.reshape(len(h), -1))))
    return dense(w["out"], h), moving


def lstm(w, moving, drop, x):
    kernel, recurrent, bias = w["lstm"]
    projected = jnp.take(w["embedding"][0], x.T, axis=0) @ kernel + bias  # [time, batch, 4 units]: one product for all

    def cell(carry, z):
        h, c = carry
        i, f, g, o = jnp.split(z + h @ recurrent, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), None

    zero = jnp.zeros((len(x), recurrent.shape[0]), "float32")
    (h, _), _ = lax.scan(cell, (zero, zero), projected)
    return dense(w["out"], h), moving


def conv1d(w, moving, drop, x):
    kernel, bias = w["conv"]
    h = jnp.take(w["embedding"][0], x, axis=0)
    h = lax.conv_general_dilated(h, kernel, (1,), "VALID", dimension_numbers=("NHC", "HIO", "NHC"))
    h = jnp.max(jax.nn.relu(h + bias), axis=1)
    return dense(w["out"], jax.nn.relu(dense(w["hidden"], h))), moving


def layer_norm(weights, x):
    gamma, beta = weights
    mean, variance = jnp.mean(x, -1, keepdims=True), jnp.var(x, -1, keepdims=True)
    return (x - mean) * lax.rsqrt(variance + LN_EPSILON) * gamma + beta


def transformer(w, moving, drop, x):
    batch, time, n = x.shape
    for b in BLOCKS:
        into, out = w[f"attention{b}"][:2], w[f"attention{b}"][2:]
        q, k, v = (p.reshape(batch, time, HEADS, n // HEADS) for p in jnp.split(dense(into, x), 3, axis=-1))
        a = jax.nn.dot_product_attention(q, k, v).reshape(x.shape)
        x = layer_norm(w[f"norm{b}a"], x + dense(out, a))
        f = dense(w[f"outer{b}"], jax.nn.relu(dense(w[f"inner{b}"], x)))
        x = layer_norm(w[f"norm{b}b"], x + f)
    return dense(w["out"], jnp.mean(x, 1)), moving


def resnet20(w, moving, drop, x):
    moving = dict(moving)

    def norm(name, x):
        gamma, beta = w[name]
        if drop is None:
            mean, variance = moving[name]
        else:
            mean, variance = jnp.mean(x, (0, 1, 2)), jnp.var(x, (0, 1, 2))
            moving[name] = [
                BN_MOMENTUM * old + (1 - BN_MOMENTUM) * new
                for old, new in zip(moving[name], (mean, variance), strict=True)
            ]
        return (x - mean) * (gamma * lax.rsqrt(variance + BN_EPSILON)) + beta

    h = jax.nn.relu(norm("bn0", conv(w["conv0"][0], x)))
    for stage, block in STAGES:
        tag, stride = f"{stage}{block}", 2 if stage and not block else 1
        r = jax.nn.relu(norm(f"bn{tag}a", conv(w[f"conv{tag}a"][0], h, stride)))
        r = norm(f"bn{tag}b", conv(w[f"conv{tag}b"][0], r))
        h = jax.nn.relu(r + (conv(w[f"conv{tag}s"][0], h, 2) if stride == 2 else h))
    return dense(w["out"], h.mean((1, 2))), moving


MODELS = {f.__name__: f for f in (mlp_small, mlp, cnn, lstm, resnet20, conv1d, transformer)}
