"""The `autograd` package: the loss in NumPy terms, its gradient from a tape, the optimizer on one flat vector."""

import autograd.numpy as np
import numpy
from autograd import value_and_grad
from autograd.extend import defvjp, primitive

from ..workloads import BN_EPSILON, DROPOUT, STAGES
from . import TrainerBase
from .numpy_planned import Optimizer, Plan

NAME = "autograd"
WORKLOADS = ("mlp_small", "mlp", "cnn", "lstm", "resnet20")


class Trainer(TrainerBase):
    def __init__(self, workload, check=False):
        self.plan = Plan(workload.weights(), workload.batch)
        self.weights = {name: [w for w, _ in views] for name, views in self.plan.views.items()}
        self.optimizer = Optimizer(workload.optimizer, self.plan.flat)
        self.rng = numpy.random.default_rng(0)
        self.rates = (0.0, 0.0) if check else DROPOUT.get(workload.name, ())
        self.loss = value_and_grad(MODELS[workload.name], argnum=1)

    def step(self, x, y):
        loss, gradients = self.loss(self, self.weights, x, y)
        for name, views in self.plan.views.items():
            for (_, view), g in zip(views, gradients[name], strict=True):
                view[...] = g
        self.optimizer.update(self.plan.gradient)
        return loss

    def dropout(self, i, x):
        rate = self.rates[i]
        if not rate:
            return x
        return x * (self.rng.random(x.shape, dtype="float32") >= rate) * numpy.float32(1 / (1 - rate))


def relu(x):
    return np.maximum(x, 0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def dense(weights, x):
    return np.dot(x, weights[0]) + weights[1]


def cross_entropy(logits, y):
    logits = logits - np.max(logits, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(logits), axis=1)) - logits[numpy.arange(len(y)), y[:, 0]])


def mlp_small(t, w, x, y):
    return cross_entropy(dense(w["out"], relu(dense(w["hidden"], x))), y)


def mlp(t, w, x, y):
    h = t.dropout(0, relu(dense(w["hidden1"], x)))
    return cross_entropy(dense(w["out"], t.dropout(1, relu(dense(w["hidden2"], h)))), y)


@primitive
def part(x, index):
    """x[index], for slices: autograd's own rule adds with `ufunc.at`, which takes many times longer."""
    return x[index]


def _place(ans, x, index):
    def vjp(g):
        out = numpy.zeros_like(x)
        out[index] = g
        return out

    return vjp


defvjp(part, _place, argnums=(0,))


def conv(kernel, x, stride=1, pad=(0, 0)):
    """A sum over the kernel's positions of (strided window of x) @ (kernel there)."""
    if any(pad):
        x = np.pad(x, ((0, 0), pad, pad, (0, 0)), "constant")
    size, (height, width) = kernel.shape[0], x.shape[1:3]
    rows = range(size)
    windows = [
        part(x, numpy.s_[:, i : height - size + 1 + i : stride, j : width - size + 1 + j : stride])
        for i in rows
        for j in rows
    ]
    columns = np.concatenate(windows, axis=-1)
    product = np.dot(np.reshape(columns, (-1, columns.shape[-1])), np.reshape(kernel, (columns.shape[-1], -1)))
    return np.reshape(product, (*columns.shape[:-1], -1))


def cnn(t, w, x, y):
    h = relu(conv(w["conv1"][0], x) + w["conv1"][1])
    h = relu(conv(w["conv2"][0], h) + w["conv2"][1])
    h = t.dropout(0, np.max(np.reshape(h, (len(h), 12, 2, 12, 2, 64)), axis=(2, 4)))
    h = t.dropout(1, relu(dense(w["hidden"], np.reshape(h, (len(h), -1)))))
    return cross_entropy(dense(w["out"], h), y)


@primitive
def take(table, index):
    return table[index]


def _scatter(ans, table, index):
    def vjp(g):
        out = numpy.zeros_like(table)
        numpy.add.at(out, index, g)
        return out

    return vjp


defvjp(take, _scatter, argnums=(0,))


def lstm(t, w, x, y):
    kernel, recurrent, bias = w["lstm"]
    units = recurrent.shape[0]
    embedded = take(w["embedding"][0], x.T)
    projected = np.dot(np.reshape(embedded, (-1, embedded.shape[-1])), kernel) + bias
    projected = np.reshape(projected, (*x.T.shape, 4 * units))
    h = c = numpy.zeros((len(x), units), "float32")
    columns = [numpy.s_[:, k * units : (k + 1) * units] for k in range(4)]
    for step in range(x.shape[1]):
        z = part(projected, step) + np.dot(h, recurrent)
        i, f, g, o = (part(z, column) for column in columns)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    logits = dense(w["out"], h)
    return np.mean(np.logaddexp(0, logits) - y * logits)


def norm(weights, x):
    gamma, beta = weights
    mean = np.mean(x, axis=(0, 1, 2))
    centred = x - mean
    variance = np.mean(centred * centred, axis=(0, 1, 2))
    return centred * (gamma / np.sqrt(variance + numpy.float32(BN_EPSILON))) + beta


def resnet20(t, w, x, y):
    """Without the moving averages, which no loss depends on."""
    h = relu(norm(w["bn0"], conv(w["conv0"][0], x, pad=(1, 1))))
    for stage, block in STAGES:
        tag, strided = f"{stage}{block}", bool(stage and not block)
        r = conv(w[f"conv{tag}a"][0], h, 1 + strided, (0, 1) if strided else (1, 1))
        r = relu(norm(w[f"bn{tag}a"], r))
        r = norm(w[f"bn{tag}b"], conv(w[f"conv{tag}b"][0], r, pad=(1, 1)))
        h = relu(r + (conv(w[f"conv{tag}s"][0], h, 2) if strided else h))
    return cross_entropy(dense(w["out"], np.mean(h, axis=(1, 2))), y)


MODELS = {f.__name__: f for f in (mlp_small, mlp, cnn, lstm, resnet20)}
