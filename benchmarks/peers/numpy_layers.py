"""Layers for the NumPy peer: all buffers allocated once, `out=` wherever there is one.

A layer has `forward(x)` and `backward(g)`, both of which return a buffer of its own, and writes the gradients of its
weights into the views that its plan gives it.
"""

import numpy as np

from ..workloads import BN_EPSILON, BN_MOMENTUM


def empty(*shape):
    return np.empty(shape, "float32")


class Chain:
    def __init__(self, *layers):
        self.layers = layers

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, g):
        for layer in reversed(self.layers):
            g = layer.backward(g)
        return g


class Dense:
    """Over the last axis; shape: of the input, or the batch size. first: nobody asks for the gradient of the input."""

    def __init__(self, plan, name, shape, first=False):
        (self.w, self.b), (self.gw, self.gb) = plan[name]
        self.lead = shape[:-1] if isinstance(shape, tuple) else (shape,)
        rows = int(np.prod(self.lead))
        self.y = empty(rows, self.w.shape[1])
        self.gx = None if first else empty(rows, self.w.shape[0])

    def forward(self, x):
        self.x = x.reshape(len(self.y), -1)
        np.matmul(self.x, self.w, out=self.y)
        return np.add(self.y, self.b, out=self.y).reshape(*self.lead, -1)

    def backward(self, g):
        g = g.reshape(self.y.shape)
        np.matmul(self.x.T, g, out=self.gw)
        np.sum(g, axis=0, out=self.gb)
        return None if self.gx is None else np.matmul(g, self.w.T, out=self.gx).reshape(*self.lead, -1)


class Relu:
    """In place, on both ways."""

    def __init__(self, shape):
        self.on = np.empty(shape, bool)

    def forward(self, x):
        self.y = x
        return np.maximum(x, 0, out=x)

    def backward(self, g):
        np.greater(self.y, 0, out=self.on)
        return np.multiply(g, self.on, out=g)


class Dropout:
    """In place."""

    def __init__(self, shape, rate):
        self.rate, self.rng = rate, np.random.default_rng(0)
        self.noise, self.kept, self.scale = empty(*shape), np.empty(shape, bool), np.float32(1 / (1 - rate))

    def forward(self, x):
        if not self.rate:
            return x
        self.rng.random(out=self.noise, dtype="float32")
        np.greater_equal(self.noise, self.rate, out=self.kept)
        np.multiply(self.kept, self.scale, out=self.noise)
        return np.multiply(x, self.noise, out=x)

    def backward(self, g):
        return np.multiply(g, self.noise, out=g) if self.rate else g


class Conv:
    """Windows copied into columns, then one product; "same" padding as TensorFlow has it."""

    def __init__(self, plan, name, shape, stride=1, same=False, first=False):
        (self.w, *bias), (self.gw, *gradient) = plan[name]
        self.bias = (bias[0], gradient[0]) if bias else None
        batch, height, width, n_in = shape
        size, n_out = self.w.shape[0], self.w.shape[-1]
        out = [(n - 1) // stride + 1 if same else (n - size) // stride + 1 for n in (height, width)]
        pad = [max(0, (o - 1) * stride + size - n) if same else 0 for o, n in zip(out, (height, width), strict=True)]
        self.padded = np.zeros((batch, height + pad[0], width + pad[1], n_in), "float32") if any(pad) else None
        self.inner = np.s_[:, pad[0] // 2 : pad[0] // 2 + height, pad[1] // 2 : pad[1] // 2 + width]
        self.windows = [
            np.s_[:, i : i + (out[0] - 1) * stride + 1 : stride, j : j + (out[1] - 1) * stride + 1 : stride]
            for i in range(size)
            for j in range(size)
        ]
        self.columns = empty(batch, *out, size * size, n_in)
        self.y = empty(batch, *out, n_out)
        self.gcolumns = None if first else np.empty_like(self.columns)
        self.gx = None if first else empty(batch, height + pad[0], width + pad[1], n_in)

    def flat(self, columns):
        return columns.reshape(-1, columns.shape[-2] * columns.shape[-1])

    def forward(self, x):
        if self.padded is not None:
            self.padded[self.inner] = x
            x = self.padded
        for k, window in enumerate(self.windows):
            self.columns[:, :, :, k] = x[window]
        n_out = self.w.shape[-1]
        np.matmul(self.flat(self.columns), self.w.reshape(-1, n_out), out=self.y.reshape(-1, n_out))
        return np.add(self.y, self.bias[0], out=self.y) if self.bias else self.y

    def backward(self, g):
        n_out = self.w.shape[-1]
        g = g.reshape(-1, n_out)
        np.matmul(self.flat(self.columns).T, g, out=self.gw.reshape(-1, n_out))
        if self.bias:
            np.sum(g, axis=0, out=self.bias[1])
        if self.gx is None:
            return None
        np.matmul(g, self.w.reshape(-1, n_out).T, out=self.flat(self.gcolumns))
        self.gx[...] = 0
        for k, window in enumerate(self.windows):
            self.gx[window] += self.gcolumns[:, :, :, k]
        return self.gx[self.inner]


class MaxPool:
    """2 x 2, on even sizes. Where values tie all get the gradient; after a relu only zeros do, which pass none on."""

    def __init__(self, shape):
        batch, height, width, n = shape
        self.y, self.gx = empty(batch, height // 2, width // 2, n), empty(*shape)
        self.best = np.empty(self.y.shape, bool)
        self.parts = [np.s_[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]

    def forward(self, x):
        self.x = x
        np.maximum(x[self.parts[0]], x[self.parts[1]], out=self.y)
        for part in self.parts[2:]:
            np.maximum(self.y, x[part], out=self.y)
        return self.y

    def backward(self, g):
        for part in self.parts:
            np.equal(self.x[part], self.y, out=self.best)
            np.multiply(g, self.best, out=self.gx[part])
        return self.gx


class Flatten:
    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, g):
        return g.reshape(self.shape)


class MeanPool:
    def __init__(self, shape):
        self.gx = empty(*shape)

    def forward(self, x):
        return x.mean(axis=(1, 2))

    def backward(self, g):
        self.gx[...] = (g / (self.gx.shape[1] * self.gx.shape[2]))[:, None, None]
        return self.gx


class BatchNorm:
    def __init__(self, plan, name, shape):
        (self.gamma, self.beta), (self.ggamma, self.gbeta) = plan[name]
        self.mean, self.variance = plan.moving[name]
        self.training = plan.training
        self.normal, self.y, self.n = empty(*shape), empty(*shape), np.float32(np.prod(shape[:-1]))

    def forward(self, x):
        if not self.training:
            scale = self.gamma / np.sqrt(self.variance + np.float32(BN_EPSILON))
            np.multiply(x, scale, out=self.y)
            return np.add(self.y, self.beta - self.mean * scale, out=self.y)
        flat, normal = x.reshape(-1, x.shape[-1]), self.normal.reshape(-1, x.shape[-1])
        mean = flat.mean(axis=0)
        np.subtract(flat, mean, out=normal)
        variance = np.einsum("ij,ij->j", normal, normal) / self.n
        self.scale = 1 / np.sqrt(variance + np.float32(BN_EPSILON))
        self.normal *= self.scale
        for old, new in ((self.mean, mean), (self.variance, variance)):
            old += (1 - BN_MOMENTUM) * (new - old)
        np.multiply(self.normal, self.gamma, out=self.y)
        return np.add(self.y, self.beta, out=self.y)

    def backward(self, g):
        flat, normal = g.reshape(-1, g.shape[-1]), self.normal.reshape(-1, g.shape[-1])
        np.sum(flat, axis=0, out=self.gbeta)
        np.einsum("ij,ij->j", flat, normal, out=self.ggamma)
        gx = self.y
        np.multiply(self.normal, self.ggamma / self.n, out=gx)
        np.subtract(g, gx, out=gx)
        gx -= self.gbeta / self.n
        return np.multiply(gx, self.gamma * self.scale, out=gx)


class Residual:
    """relu(branch(x) + shortcut(x)); no shortcut is the identity."""

    def __init__(self, branch, shortcut, shape):
        self.branch, self.shortcut, self.relu = branch, shortcut, Relu(shape)
        self.y, self.g = empty(*shape), empty(*shape)

    def forward(self, x):
        short = self.shortcut.forward(x) if self.shortcut else x
        np.add(self.branch.forward(x), short, out=self.y)
        return self.relu.forward(self.y)

    def backward(self, g):
        np.copyto(self.g, self.relu.backward(g))
        through = self.shortcut.backward(self.g) if self.shortcut else self.g
        gx = self.branch.backward(self.g)
        return np.add(gx, through, out=gx)


class Embedding:
    """Tokens [batch, time] -> [time, batch, features]."""

    def __init__(self, plan, name, shape):
        (self.table,), (self.gtable,) = plan[name]
        self.y = empty(shape[1], shape[0], self.table.shape[1])

    def forward(self, x):
        self.index = x.T.ravel()
        np.take(self.table, self.index, axis=0, out=self.y.reshape(-1, self.table.shape[1]), mode="clip")
        return self.y

    def backward(self, g):
        order = np.argsort(self.index.astype("uint16"), kind="stable")  # by radix
        index, g = self.index[order], g.reshape(-1, g.shape[-1])
        starts = np.flatnonzero(np.r_[True, index[1:] != index[:-1]])
        counts = np.diff(starts, append=len(index))
        self.gtable[...] = 0
        self.gtable[index[starts]] = g[order[starts]]
        for k in range(1, counts.max()):
            more = starts[counts > k]
            self.gtable[index[more]] += g[order[more + k]]


class Lstm:
    """[time, batch, features] -> the last state [batch, units]. The products with inputs are one, outside the loop."""

    def __init__(self, plan, name, time, batch):
        (self.w, self.u, self.b), (self.gw, self.gu, self.gb) = plan[name]
        n = self.n = self.u.shape[0]
        self.gates, self.ggates = empty(time, batch, 4 * n), empty(time, batch, 4 * n)
        self.h, self.c = np.zeros((2, time + 1, batch, n), "float32")
        self.tanh_c, self.product, self.work = empty(time, batch, n), empty(batch, 4 * n), empty(3, batch, n)
        self.gx = empty(time, batch, self.w.shape[0])

    def parts(self, gates):
        return (gates[:, k * self.n : (k + 1) * self.n] for k in range(4))

    def forward(self, x):
        self.x = x.reshape(-1, x.shape[-1])
        np.matmul(self.x, self.w, out=self.gates.reshape(-1, 4 * self.n))
        self.gates += self.b
        work = self.work[0]
        for t, gates in enumerate(self.gates):
            gates += np.matmul(self.h[t], self.u, out=self.product)
            i, f, g, o = self.parts(gates)
            sigmoid(gates[:, : 2 * self.n])
            sigmoid(o)
            np.tanh(g, out=g)
            c = np.multiply(f, self.c[t], out=self.c[t + 1])
            c += np.multiply(i, g, out=work)
            np.multiply(o, np.tanh(c, out=self.tanh_c[t]), out=self.h[t + 1])
        return self.h[-1]

    def backward(self, gh):
        gc, work, state = self.work
        gc[...] = 0
        np.copyto(state, gh)
        for t in reversed(range(len(self.gates))):
            i, f, g, o = self.parts(self.gates[t])
            gi, gf, gg, go = self.parts(self.ggates[t])
            tanh_c = self.tanh_c[t]
            np.multiply(np.multiply(state, tanh_c, out=go), slope(o, work), out=go)
            np.multiply(tanh_c, tanh_c, out=work)
            np.subtract(1, work, out=work)
            work *= o
            gc += np.multiply(work, state, out=work)
            np.multiply(np.multiply(gc, g, out=gi), slope(i, work), out=gi)
            np.multiply(np.multiply(gc, self.c[t], out=gf), slope(f, work), out=gf)
            np.multiply(g, g, out=gg)
            np.subtract(1, gg, out=gg)
            gg *= np.multiply(gc, i, out=work)
            gc *= f
            np.matmul(self.ggates[t], self.u.T, out=state)
        flat = self.ggates.reshape(-1, 4 * self.n)
        np.matmul(self.x.T, flat, out=self.gw)
        np.matmul(self.h[:-1].reshape(-1, self.n).T, flat, out=self.gu)
        np.sum(flat, axis=0, out=self.gb)
        return np.matmul(flat, self.w.T, out=self.gx.reshape(-1, self.w.shape[0]))


def sigmoid(x):
    """In place, as (1 + tanh(x / 2)) / 2."""
    x *= np.float32(0.5)
    np.tanh(x, out=x)
    x += 1
    x *= np.float32(0.5)


def slope(y, out):
    """y (1 - y), the derivative of the sigmoid from its value."""
    np.subtract(1, y, out=out)
    return np.multiply(out, y, out=out)


def softmax(x, out):
    np.subtract(x, x.max(axis=-1, keepdims=True), out=out)
    np.exp(out, out=out)
    return np.divide(out, out.sum(axis=-1, keepdims=True), out=out)


class SoftmaxLoss:
    def __init__(self, shape):
        self.p, self.rows = empty(*shape), np.arange(shape[0])

    def forward(self, logits, y):
        self.y = y[:, 0]
        np.subtract(logits, logits.max(axis=1, keepdims=True), out=self.p)
        picked = self.p[self.rows, self.y]
        np.exp(self.p, out=self.p)
        total = self.p.sum(axis=1)
        self.p /= total[:, None]
        return np.mean(np.log(total) - picked)

    def outputs(self, logits):
        return softmax(logits, self.p)

    def backward(self):
        self.p[self.rows, self.y] -= 1
        self.p /= np.float32(len(self.p))
        return self.p


class SigmoidLoss:
    def __init__(self, shape):
        self.p = empty(*shape)

    def forward(self, logits, y):
        np.copyto(self.p, logits)
        sigmoid(self.p)
        self.y = y
        return np.mean(np.logaddexp(0, logits) - y * logits)

    def outputs(self, logits):
        np.copyto(self.p, logits)
        sigmoid(self.p)
        return self.p

    def backward(self):
        self.p -= self.y
        self.p /= np.float32(len(self.p))
        return self.p
