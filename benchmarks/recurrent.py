"""LSTM and GRU alone: training steps of ours and of each engine's own way, turn about, from the same weights.

    python -m benchmarks.recurrent [--backends NAME ...] [--sizes BATCH TIME FEATURES UNITS] [--rounds N] [--cpu]

The loss is the mean squared error of all outputs, the optimizer plain gradient descent. Peers: torch.nn.LSTM and GRU;
lax.scan under one jit, with the input products before the loop; the same loop in NumPy terms under `autograd`.
"""

import argparse
import os
import time
from statistics import median

import numpy as np

RATE, CHECKED = 0.1, 3


def ours(name):
    """(kind, units, x, y) -> (initial weights, step): a model of one layer on the backend `name`."""

    def made(kind, units, x, y):
        import minikeras as keras
        from minikeras import backend as K

        K.set_backend(name)
        options = {"reset_after": True} if kind == "GRU" else {}
        layer = getattr(keras.layers, kind)(units, return_sequences=True, input_shape=x.shape[1:], **options)
        model = keras.models.Sequential([layer])
        model.compile(keras.optimizers.SGD(RATE), "mse")
        weights = model.get_weights()
        return weights, lambda: float(model.train_on_batch(x, y))

    return made


def torch_step(kind, weights, x, y):
    """torch.nn.LSTM or GRU (gates r, z, n), batch first."""
    import torch

    kernel, recurrent, bias = weights
    bias = np.stack([bias, 0 * bias]) if bias.ndim == 1 else bias
    arrays = [kernel.T, recurrent.T, *bias]
    if kind == "GRU":
        arrays = [np.concatenate([np.split(a, 3)[i] for i in (1, 0, 2)]) for a in arrays]
    module = getattr(torch.nn, kind)(kernel.shape[0], recurrent.shape[0], batch_first=True)
    with torch.no_grad():
        for parameter, array in zip(module.parameters(), arrays, strict=True):
            parameter.copy_(torch.from_numpy(array))
    module.bias_hh_l0.requires_grad_(kind == "GRU")  # Keras has one bias: two would take twice the step
    optimizer = torch.optim.SGD([p for p in module.parameters() if p.requires_grad], RATE)
    x, y = torch.from_numpy(x), torch.from_numpy(y)

    def step():
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(module(x)[0], y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def cell(np, sigmoid, kind, cut, recurrent, bias):
    """(states, input product) -> states, in terms of the module `np`; cut: (z, n) -> n parts."""

    def lstm(states, z):
        h, c = states
        i, f, g, o = cut(z + np.dot(h, recurrent), 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c

    def gru(states, x):
        h = states[0]
        (x_z, x_r, x_c), (h_z, h_r, h_c) = cut(x, 3), cut(np.dot(h, recurrent) + bias, 3)
        z = sigmoid(x_z + h_z)
        return (z * h + (1 - z) * np.tanh(x_c + sigmoid(x_r + h_r) * h_c),)

    return lstm if kind == "LSTM" else gru


def jax_step(kind, weights, x, y):
    """lax.scan, one jit around value_and_grad and the update, the weights donated."""
    import jax
    import jax.numpy as jnp

    def loss(weights, x, y):
        kernel, recurrent, bias = weights
        bias, recurrent_bias = (bias, None) if kind == "LSTM" else bias
        one = cell(jnp, jax.nn.sigmoid, kind, lambda z, n: jnp.split(z, n, 1), recurrent, recurrent_bias)
        zero = jnp.zeros((len(x), recurrent.shape[0]), "float32")

        def step(states, z):
            states = one(states, z)
            return states, states[0]

        products = jnp.swapaxes(x, 0, 1) @ kernel + bias
        _, outputs = jax.lax.scan(step, (zero, zero)[: 2 if kind == "LSTM" else 1], products)
        return jnp.mean((jnp.swapaxes(outputs, 0, 1) - y) ** 2)

    def update(weights, x, y):
        value, gradients = jax.value_and_grad(loss)(weights, x, y)
        return value, [w - RATE * g for w, g in zip(weights, gradients, strict=True)]

    update = jax.jit(update, donate_argnums=0)
    state = [jnp.array(w) for w in weights]

    def step():
        nonlocal state
        value, state = update(state, x, y)
        return float(value)

    return step


def autograd_step(kind, weights, x, y):
    """The loop on a tape; slices by a primitive of the benchmark, since autograd's own rule for them is slow."""
    import autograd.numpy as anp
    from autograd import value_and_grad

    from .peers.autograd_tape import part, sigmoid

    def cut(z, n):
        size = z.shape[1] // n
        return [part(z, np.s_[:, i * size : (i + 1) * size]) for i in range(n)]

    def loss(weights, x, y):
        kernel, recurrent, bias = weights
        bias, recurrent_bias = (bias, None) if kind == "LSTM" else (part(bias, 0), part(bias, 1))
        one = cell(anp, sigmoid, kind, cut, recurrent, recurrent_bias)
        time_major = np.ascontiguousarray(x.swapaxes(0, 1))
        products = anp.dot(time_major.reshape(-1, x.shape[2]), kernel) + bias
        products = anp.reshape(products, (*time_major.shape[:2], -1))
        states, outputs = (np.zeros((len(x), recurrent.shape[0]), "float32"),) * 2, []
        for t in range(x.shape[1]):
            states = one(states, part(products, t))
            outputs.append(states[0])
        return anp.mean((anp.stack(outputs, 1) - y) ** 2)

    gradient, state = value_and_grad(loss), [w.copy() for w in weights]

    def step():
        value, gradients = gradient(state, x, y)
        for w, g in zip(state, gradients, strict=True):
            w -= RATE * g
        return float(value)

    return step


PEERS = {
    "numpy": ("autograd", autograd_step), "jax": ("lax.scan", jax_step), "torch": ("torch.nn", torch_step),
}  # fmt: skip


def seconds(step, clock):
    start = clock()
    step()
    return clock() - start


def compare(kind, name, sizes, rounds, clock):
    """(our milliseconds, the peer's, the median of ours / theirs) of a step, after a check that the losses agree."""
    batch, steps, features, units = sizes
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, steps, features)).astype("float32")
    y = rng.normal(size=(batch, steps, units)).astype("float32")
    weights, mine = ours(name)(kind, units, x, y)
    theirs = PEERS[name][1](kind, weights, x, y)
    losses = [[step() for _ in range(CHECKED)] for step in (mine, theirs)]
    np.testing.assert_allclose(*losses, rtol=1e-4)
    pairs = []
    for i in range(rounds):
        first = seconds(mine, clock) if i % 2 else None
        peer = seconds(theirs, clock)
        pairs.append((first or seconds(mine, clock), peer))
    ours_ms, peer_ms = (1e3 * median(values) for values in zip(*pairs, strict=True))
    return ours_ms, peer_ms, median(a / b for a, b in pairs)


def main():
    parser = argparse.ArgumentParser("python -m benchmarks.recurrent", description="LSTM and GRU against their peers.")
    parser.add_argument("--backends", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--sizes", nargs=4, type=int, default=[32, 80, 128, 128], help="batch, steps, features, units")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--cpu", action="store_true", help="processor time: for a busy machine, with one thread")
    options = parser.parse_args()
    clock = time.process_time if options.cpu else time.perf_counter
    what = "processor time" if options.cpu else "wall time"
    print(f"sizes {options.sizes}, {what}, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS')}")
    for name in options.backends:
        for kind in ("LSTM", "GRU"):
            mine, theirs, ratio = compare(kind, name, options.sizes, options.rounds, clock)
            peer = PEERS[name][0]
            print(f"{kind:4}  {name:5} {mine:8.1f} ms   {peer:8} {theirs:8.1f} ms   ours / theirs {ratio:.2f}")


if __name__ == "__main__":
    main()
