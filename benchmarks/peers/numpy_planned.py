"""NumPy by hand: all buffers allocated once, `out=` wherever there is one, weights in one flat vector."""

import numpy as np

from ..workloads import BLOCKS, DROPOUT, HEADS, INNER, OPTIMIZERS, STAGES
from . import TrainerBase
from .numpy_layers import (
    BatchNorm,
    Chain,
    Conv,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Lstm,
    MaxPool,
    MeanPool,
    Relu,
    Residual,
    SigmoidLoss,
    SoftmaxLoss,
    empty,
)
from .numpy_sequences import Attention, BatchFirst, Conv1D, LayerNorm, MeanTime, ReluMax, Skip

NAME = "NumPy, planned by hand"


class Trainer(TrainerBase):
    def __init__(self, workload, check=False):
        self.workload, self.plan = workload, Plan(workload.weights())
        rates = (0.0, 0.0) if check else DROPOUT.get(workload.name, ())
        self.net, self.loss = self.network(workload.batch, rates)
        self.optimizer = Optimizer(workload.optimizer, self.plan.flat)
        self.predicting = {}

    def network(self, rows, rates):
        w = self.workload
        loss = (SigmoidLoss if w.classes == 1 else SoftmaxLoss)((rows, w.classes))
        return MODELS[w.name](self.plan, (rows, *w.shape), rates), loss

    def step(self, x, y):
        loss = self.loss.forward(self.net.forward(x), y)
        self.net.backward(self.loss.backward())
        self.optimizer.update(self.plan.gradient)
        return loss

    def outputs(self, x):
        """A buffer that the next call fills anew."""
        if len(x) not in self.predicting:
            self.plan.training = False
            self.predicting[len(x)] = self.network(len(x), (0.0, 0.0))
            self.plan.training = True
        net, loss = self.predicting[len(x)]
        return loss.outputs(net.forward(x))


class Plan:
    """The weights by layer name as views of one vector `flat`, their gradients as views of `gradient`.

    moving: means and variances of batch norms. training: what the layers are built for.
    """

    def __init__(self, weights):
        weights = {k: joined(ws) if k.startswith("attention") else ws for k, ws in weights.items()}
        self.moving = {name: ws[2:] for name, ws in weights.items() if name.startswith("bn")}
        self.training = True
        trained = {name: ws[:2] if name in self.moving else ws for name, ws in weights.items()}
        size = sum(w.size for ws in trained.values() for w in ws)
        self.flat, self.gradient = np.empty(size, "float32"), np.zeros(size, "float32")
        self.views, start = {}, 0
        for name, arrays in trained.items():
            self.views[name] = []
            for array in arrays:
                part = slice(start, start := start + array.size)
                self.flat[part] = array.ravel()
                self.views[name].append([v[part].reshape(array.shape) for v in (self.flat, self.gradient)])

    def __getitem__(self, name):
        """(weights, gradients) of a layer."""
        return zip(*self.views[name], strict=True)


def joined(arrays):
    """Kernel and bias of one product for queries, keys and values; kernel and bias of the output."""
    n = len(arrays[0])
    kernels, biases, (out, out_bias) = arrays[:6:2], arrays[1:6:2], arrays[6:]
    into = [np.concatenate([k.reshape(n, n) for k in kernels], 1), np.concatenate([b.ravel() for b in biases])]
    return [*into, out.reshape(n, n), out_bias]


class Optimizer:
    """Keras's formulas on one vector, in place, block by block so that a block's slots stay in the cache."""

    BLOCK = 1 << 17

    def __init__(self, name, flat):
        self.flat, self.options, self.t = flat, OPTIMIZERS[name], 0
        self.rule = getattr(self, name)
        self.a, self.b = np.zeros((2, flat.size), "float32")
        self.work = empty(2, min(flat.size, self.BLOCK))

    def update(self, gradient):
        self.t += 1
        for start in range(0, self.flat.size, self.BLOCK):
            part = slice(start, start + self.BLOCK)
            w = self.flat[part]
            self.rule(w, gradient[part], self.a[part], self.b[part], *self.work[:, : w.size], **self.options)

    def decay(self, slot, rate, g, work):
        """slot = rate slot + (1 - rate) g"""
        slot *= np.float32(rate)
        slot += np.multiply(g, np.float32(1 - rate), out=work)

    def adam(self, w, g, m, v, work, square, lr, beta_1, beta_2, epsilon):
        rate = lr * (1 - beta_2**self.t) ** 0.5 / (1 - beta_1**self.t)
        self.decay(m, beta_1, g, work)
        self.decay(v, beta_2, np.multiply(g, g, out=square), work)
        np.sqrt(v, out=work)
        work += np.float32(epsilon)
        np.divide(m, work, out=work)
        work *= np.float32(rate)
        w -= work

    def rmsprop(self, w, g, a, _, work, square, lr, rho, epsilon):
        self.decay(a, rho, np.multiply(g, g, out=square), work)
        np.sqrt(a, out=work)
        work += np.float32(epsilon)
        np.divide(g, work, out=work)
        work *= np.float32(lr)
        w -= work

    def adadelta(self, w, g, a, d, work, square, lr, rho, epsilon):
        self.decay(a, rho, np.multiply(g, g, out=square), work)
        np.add(a, np.float32(epsilon), out=work)
        np.add(d, np.float32(epsilon), out=square)
        np.divide(square, work, out=work)
        np.sqrt(work, out=work)
        work *= g
        self.decay(d, rho, np.multiply(work, work, out=square), square)
        work *= np.float32(lr)
        w -= work


def mlp_small(plan, shape, rates):
    return Chain(Dense(plan, "hidden", shape[0], first=True), Relu((shape[0], 128)), Dense(plan, "out", shape[0]))


def mlp(plan, shape, rates):
    hidden = (shape[0], 512)
    return Chain(
        Dense(plan, "hidden1", shape[0], first=True), Relu(hidden), Dropout(hidden, rates[0]),
        Dense(plan, "hidden2", shape[0]), Relu(hidden), Dropout(hidden, rates[1]),
        Dense(plan, "out", shape[0]),
    )  # fmt: skip


def cnn(plan, shape, rates):
    n = shape[0]
    return Chain(
        Conv(plan, "conv1", shape, first=True), Relu((n, 26, 26, 32)),
        Conv(plan, "conv2", (n, 26, 26, 32)), Relu((n, 24, 24, 64)),
        MaxPool((n, 24, 24, 64)), Dropout((n, 12, 12, 64), rates[0]), Flatten(),
        Dense(plan, "hidden", n), Relu((n, 128)), Dropout((n, 128), rates[1]),
        Dense(plan, "out", n),
    )  # fmt: skip


def lstm(plan, shape, rates):
    batch, time = shape
    return Chain(Embedding(plan, "embedding", shape), Lstm(plan, "lstm", time, batch), Dense(plan, "out", batch))


def resnet20(plan, shape, rates):
    n = shape[0]
    layers = [Conv(plan, "conv0", shape, same=True, first=True), BatchNorm(plan, "bn0", (n, 32, 32, 16))]
    layers.append(Relu((n, 32, 32, 16)))
    before = (n, 32, 32, 16)
    for stage, block in STAGES:
        tag, stride, size = f"{stage}{block}", 2 if stage and not block else 1, 32 >> stage
        after = (n, size, size, 16 << stage)
        branch = Chain(
            Conv(plan, f"conv{tag}a", before, stride, same=True), BatchNorm(plan, f"bn{tag}a", after), Relu(after),
            Conv(plan, f"conv{tag}b", after, same=True), BatchNorm(plan, f"bn{tag}b", after),
        )  # fmt: skip
        shortcut = Conv(plan, f"conv{tag}s", before, stride, same=True) if stride == 2 else None
        layers.append(Residual(branch, shortcut, after))
        before = after
    return Chain(*layers, MeanPool(before), Dense(plan, "out", n))


def conv1d(plan, shape, rates):
    n, time = shape
    return Chain(
        Embedding(plan, "embedding", shape), BatchFirst(), Conv1D(plan, "conv", (n, time, 50)),
        ReluMax((n, time - 2, 250)), Dense(plan, "hidden", n), Relu((n, 250)), Dense(plan, "out", n),
    )  # fmt: skip


def transformer(plan, shape, rates):
    inner, layers = (*shape[:-1], INNER), []
    for b in BLOCKS:
        layers += [
            Skip(Attention(plan, f"attention{b}", shape, HEADS)), LayerNorm(plan, f"norm{b}a", shape),
            Skip(Dense(plan, f"inner{b}", shape), Relu(inner), Dense(plan, f"outer{b}", inner)),
            LayerNorm(plan, f"norm{b}b", shape),
        ]  # fmt: skip
    return Chain(*layers, MeanTime(shape), Dense(plan, "out", shape[0]))


MODELS = {f.__name__: f for f in (mlp_small, mlp, cnn, lstm, resnet20, conv1d, transformer)}
