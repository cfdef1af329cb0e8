"""The `autograd` package: the loss in NumPy terms, its gradient from a tape, the optimizer on one flat vector."""

import autograd.numpy as np
import numpy
from autograd import value_and_grad
from autograd.extend import defvjp, primitive
from autograd.tracer import getval

from ..workloads import BLOCKS, BN_EPSILON, BN_MOMENTUM, DROPOUT, HEADS, LN_EPSILON, STAGES
from . import TrainerBase
from .numpy_planned import Optimizer, Plan

NAME = "autograd"


class Trainer(TrainerBase):
    def __init__(self, workload, check=False):
        self.plan = Plan(workload.weights())
        self.weights = {name: [w for w, _ in views] for name, views in self.plan.views.items()}
        self.optimizer = Optimizer(workload.optimizer, self.plan.flat)
        self.rng = numpy.random.default_rng(0)
        self.rates = (0.0, 0.0) if check else DROPOUT.get(workload.name, ())
        self.net, self.sigmoid, self.training = MODELS[workload.name], workload.classes == 1, True
        self.gradient = value_and_grad(self.loss)

    def loss(self, weights, x, y):
        logits = self.net(self, weights, x)
        return np.mean(np.logaddexp(0, logits) - y * logits) if self.sigmoid else cross_entropy(logits, y)

    def step(self, x, y):
        loss, gradients = self.gradient(self.weights, x, y)
        for name, views in self.plan.views.items():
            for (_, view), g in zip(views, gradients[name], strict=True):
                view[...] = g
        self.optimizer.update(self.plan.gradient)
        return loss

    def outputs(self, x):
        self.training = False
        logits = self.net(self, self.weights, x)
        self.training = True
        return sigmoid(logits) if self.sigmoid else softmax(logits)

    def dropout(self, i, x):
        rate = self.rates[i]
        if not (rate and self.training):
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


def softmax(x):
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def mlp_small(t, w, x):
    return dense(w["out"], relu(dense(w["hidden"], x)))


def mlp(t, w, x):
    h = t.dropout(0, relu(dense(w["hidden1"], x)))
    return dense(w["out"], t.dropout(1, relu(dense(w["hidden2"], h))))


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


def cnn(t, w, x):
    h = relu(conv(w["conv1"][0], x) + w["conv1"][1])
    h = relu(conv(w["conv2"][0], h) + w["conv2"][1])
    h = t.dropout(0, np.max(np.reshape(h, (len(h), 12, 2, 12, 2, 64)), axis=(2, 4)))
    h = t.dropout(1, relu(dense(w["hidden"], np.reshape(h, (len(h), -1)))))
    return dense(w["out"], h)


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


def lstm(t, w, x):
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
    return dense(w["out"], h)


def conv1d(t, w, x):
    kernel, bias = w["conv"]
    h, steps = take(w["embedding"][0], x), x.shape[1] - len(kernel) + 1
    columns = np.concatenate([part(h, numpy.s_[:, k : k + steps]) for k in range(len(kernel))], axis=-1)
    h = np.dot(columns, np.reshape(kernel, (-1, kernel.shape[-1]))) + bias
    return dense(w["out"], relu(dense(w["hidden"], np.max(relu(h), axis=1))))


def layer_norm(weights, x):
    gamma, beta = weights
    centred = x - np.mean(x, axis=-1, keepdims=True)
    variance = np.mean(centred * centred, axis=-1, keepdims=True)
    return centred / np.sqrt(variance + numpy.float32(LN_EPSILON)) * gamma + beta


def transformer(t, w, x):
    batch, time, n = x.shape
    scale = numpy.float32((n // HEADS) ** -0.5)
    for b in BLOCKS:
        into, out = w[f"attention{b}"][:2], w[f"attention{b}"][2:]
        qkv = np.reshape(dense(into, x), (batch, time, 3, HEADS, n // HEADS))
        q, k, v = (np.transpose(part(qkv, numpy.s_[:, :, i]), (0, 2, 1, 3)) for i in range(3))
        a = np.matmul(softmax(np.matmul(q * scale, np.transpose(k, (0, 1, 3, 2)))), v)
        x = layer_norm(w[f"norm{b}a"], x + dense(out, np.reshape(np.transpose(a, (0, 2, 1, 3)), x.shape)))
        f = dense(w[f"outer{b}"], relu(dense(w[f"inner{b}"], x)))
        x = layer_norm(w[f"norm{b}b"], x + f)
    return dense(w["out"], np.mean(x, axis=1))


def norm(t, w, name, x):
    gamma, beta = w[name]
    moving = t.plan.moving[name]
    if not t.training:
        return (x - moving[0]) * (gamma / numpy.sqrt(moving[1] + numpy.float32(BN_EPSILON))) + beta
    mean = np.mean(x, axis=(0, 1, 2))
    centred = x - mean
    variance = np.mean(centred * centred, axis=(0, 1, 2))
    for old, new in zip(moving, (mean, variance), strict=True):
        old += (1 - BN_MOMENTUM) * (getval(new) - old)
    return centred * (gamma / np.sqrt(variance + numpy.float32(BN_EPSILON))) + beta


def resnet20(t, w, x):
    h = relu(norm(t, w, "bn0", conv(w["conv0"][0], x, pad=(1, 1))))
    for stage, block in STAGES:
        tag, strided = f"{stage}{block}", bool(stage and not block)
        r = conv(w[f"conv{tag}a"][0], h, 1 + strided, (0, 1) if strided else (1, 1))
        r = relu(norm(t, w, f"bn{tag}a", r))
        r = norm(t, w, f"bn{tag}b", conv(w[f"conv{tag}b"][0], r, pad=(1, 1)))
        h = relu(r + (conv(w[f"conv{tag}s"][0], h, 2) if strided else h))
    return dense(w["out"], np.mean(h, axis=(1, 2)))


MODELS = {f.__name__: f for f in (mlp_small, mlp, cnn, lstm, resnet20, conv1d, transformer)}
