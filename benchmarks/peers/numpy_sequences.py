"""More layers for the NumPy peer, in the manner of `numpy_layers`: those of the text CNN and of the transformer."""

import numpy as np

from ..workloads import LN_EPSILON
from .numpy_layers import Chain, empty, softmax


class BatchFirst:
    """An embedding's [time, batch, features], as [batch, time, features]."""

    def forward(self, x):
        return x.transpose(1, 0, 2)

    def backward(self, g):
        return np.ascontiguousarray(g.transpose(1, 0, 2))


class Conv1D:
    """"valid", stride 1: windows copied into columns, then one product."""

    def __init__(self, plan, name, shape):
        (self.w, self.b), (self.gw, self.gb) = plan[name]
        batch, time, n_in = shape
        size, n_out = len(self.w), self.w.shape[-1]
        self.steps = time - size + 1
        self.columns = empty(batch, self.steps, size, n_in)
        self.gcolumns, self.gx = np.empty_like(self.columns), empty(*shape)
        self.y = empty(batch, self.steps, n_out)

    def forward(self, x):
        for k in range(len(self.w)):
            self.columns[:, :, k] = x[:, k : k + self.steps]
        n_out = self.w.shape[-1]
        columns, kernel = self.columns.reshape(-1, self.w.size // n_out), self.w.reshape(-1, n_out)
        np.matmul(columns, kernel, out=self.y.reshape(-1, n_out))
        return np.add(self.y, self.b, out=self.y)

    def backward(self, g):
        n_out = self.w.shape[-1]
        g, kernel = g.reshape(-1, n_out), self.w.reshape(-1, n_out)
        columns, gcolumns = (c.reshape(-1, len(kernel)) for c in (self.columns, self.gcolumns))
        np.matmul(columns.T, g, out=self.gw.reshape(-1, n_out))
        np.sum(g, axis=0, out=self.gb)
        np.matmul(g, kernel.T, out=gcolumns)
        self.gx[...] = 0
        for k in range(len(self.w)):
            self.gx[:, k : k + self.steps] += self.gcolumns[:, :, k]
        return self.gx


class ReluMax:
    """The greatest of each channel over time, and of zero."""

    def __init__(self, shape):
        batch, _, n = shape
        self.gx, self.at = np.zeros(shape, "float32"), np.zeros((batch, n), "int64")
        self.rows, self.columns = np.arange(batch)[:, None], np.arange(n)

    def forward(self, x):
        np.argmax(x, axis=1, out=self.at)
        self.y = np.maximum(x[self.rows, self.at, self.columns], 0)
        return self.y

    def backward(self, g):
        self.gx[...] = 0
        self.gx[self.rows, self.at, self.columns] = g * (self.y > 0)
        return self.gx


class LayerNorm:
    """Over the last axis."""

    def __init__(self, plan, name, shape):
        (self.gamma, self.beta), (self.ggamma, self.gbeta) = plan[name]
        self.normal, self.y = empty(np.prod(shape[:-1]), shape[-1]), empty(np.prod(shape[:-1]), shape[-1])

    def forward(self, x):
        flat = x.reshape(self.y.shape)
        np.subtract(flat, flat.mean(axis=1, keepdims=True), out=self.normal)
        variance = np.einsum("ij,ij->i", self.normal, self.normal) / np.float32(flat.shape[1])
        self.scale = (1 / np.sqrt(variance + np.float32(LN_EPSILON)))[:, None]
        self.normal *= self.scale
        np.multiply(self.normal, self.gamma, out=self.y)
        return np.add(self.y, self.beta, out=self.y).reshape(x.shape)

    def backward(self, g):
        flat, n = g.reshape(self.y.shape), np.float32(g.shape[-1])
        np.sum(flat, axis=0, out=self.gbeta)
        np.einsum("ij,ij->j", flat, self.normal, out=self.ggamma)
        gx = np.multiply(flat, self.gamma, out=self.y)
        along = np.einsum("ij,ij->i", gx, self.normal)[:, None] / n
        gx -= gx.mean(axis=1, keepdims=True)
        self.normal *= along
        gx -= self.normal
        gx *= self.scale
        return gx.reshape(g.shape)


class Attention:
    """Self-attention of some heads; queries, keys and values come from one product."""

    def __init__(self, plan, name, shape, heads):
        (self.w, self.b, self.wo, self.bo), (self.gw, self.gb, self.gwo, self.gbo) = plan[name]
        batch, time, n = self.shape = shape
        rows = batch * time
        self.split = (batch, time, 3, heads, n // heads)
        self.qkv, self.gqkv = empty(rows, 3 * n), empty(rows, 3 * n)
        self.p, self.gp = empty(batch, heads, time, time), empty(batch, heads, time, time)
        self.a, self.ga = empty(batch, time, heads, n // heads), empty(rows, n)
        self.y, self.gx = empty(rows, n), empty(rows, n)
        self.scale = np.float32((n // heads) ** -0.5)

    def parts(self, qkv):
        """Queries, keys, values: [batch, heads, time, size] each, views."""
        return qkv.reshape(self.split).transpose(2, 0, 3, 1, 4)

    def forward(self, x):
        self.x = x.reshape(self.y.shape)
        np.matmul(self.x, self.w, out=self.qkv)
        self.qkv += self.b
        q, k, v = self.parts(self.qkv)
        q *= self.scale
        np.matmul(q, k.swapaxes(2, 3), out=self.p)
        softmax(self.p, self.p)
        np.matmul(self.p, v, out=self.a.transpose(0, 2, 1, 3))
        np.matmul(self.a.reshape(self.y.shape), self.wo, out=self.y)
        return np.add(self.y, self.bo, out=self.y).reshape(self.shape)

    def backward(self, g):
        g, a = g.reshape(self.y.shape), self.a.reshape(self.y.shape)
        np.matmul(a.T, g, out=self.gwo)
        np.sum(g, axis=0, out=self.gbo)
        ga = np.matmul(g, self.wo.T, out=self.ga).reshape(self.a.shape).transpose(0, 2, 1, 3)
        (q, k, v), (gq, gk, gv) = self.parts(self.qkv), self.parts(self.gqkv)
        np.matmul(self.p.swapaxes(2, 3), ga, out=gv)
        np.matmul(ga, v.swapaxes(2, 3), out=self.gp)
        self.gp -= np.einsum("bhij,bhij->bhi", self.gp, self.p)[..., None]
        self.gp *= self.p
        np.matmul(self.gp, k, out=gq)
        gq *= self.scale
        np.matmul(self.gp.swapaxes(2, 3), q, out=gk)  # q has been scaled
        np.matmul(self.x.T, self.gqkv, out=self.gw)
        np.sum(self.gqkv, axis=0, out=self.gb)
        return np.matmul(self.gqkv, self.w.T, out=self.gx).reshape(self.shape)


class Skip:
    """x + branch(x)."""

    def __init__(self, *branch):
        self.branch = Chain(*branch)

    def forward(self, x):
        y = self.branch.forward(x)
        return np.add(y, x, out=y)

    def backward(self, g):
        gx = self.branch.backward(g)
        return np.add(gx, g, out=gx)


class MeanTime:
    def __init__(self, shape):
        self.gx = empty(*shape)

    def forward(self, x):
        return x.mean(axis=1)

    def backward(self, g):
        self.gx[...] = (g / np.float32(self.gx.shape[1]))[:, None]
        return self.gx
