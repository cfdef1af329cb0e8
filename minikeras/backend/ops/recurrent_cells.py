"""LSTM and GRU over a whole sequence: one op each, and one for its way back.

They mean the loops that are written here, and the gradients of these. An engine with something faster carries kernels,
for both ops of a pair or for neither: what the forward op leaves for the backward one, its last outputs, is in a form
that only the two need to agree on. Second derivatives go through the loops.
"""

from ..gradients import pull_back
from ..op import op, promoted, without
from ..tensor import Tensor, show
from .creation import zeros_like
from .joining import concatenate
from .linalg import dot
from .math import tanh
from .nn import bias_add, sigmoid
from .recurrence import _scanned, _time_major


def lstm(x, h, c, kernel, recurrent_kernel, bias=None):
    """Long short-term memory over a sequence. With gates i, f, g, o side by side in the weights:

        z = x . kernel + h . recurrent_kernel + bias
        c' = sigmoid(z_f) * c + sigmoid(z_i) * tanh(z_g)        h' = sigmoid(z_o) * tanh(c')

    x: [batch, time, features]. h, c: the states before the first step, [batch, units]. kernel: [features, 4 * units].
    recurrent_kernel: [units, 4 * units]. bias: [4 * units] or None.
    Returns (all h [batch, time, units], last h, last c). Raises ValueError when the sizes do not agree.
    Source: Hochreiter and Schmidhuber (1997), with the forget gate of Gers et al. (2000).
    """
    x, h, c, kernel, recurrent_kernel, bias = _of_one_dtype(x, h, c, kernel, recurrent_kernel, bias)
    _check("K.lstm", kernel, recurrent_kernel, 4, x)
    outputs, h, c, *_ = _lstm(_time_major(x), h, c, kernel, recurrent_kernel, bias, True)
    return _time_major(outputs), h, c


def gru(x, h, kernel, recurrent_kernel, bias=None, recurrent_bias=None, reset_after=False):
    """Gated recurrent unit over a sequence. With gates z, r, c side by side in the weights, x the input's product with
    its kernel plus bias, s = sigmoid:

        z = s(x_z + h . R_z)    r = s(x_r + h . R_r)    c = tanh(x_c + (r * h) . R_c)    h' = z * h + (1 - z) * c

    x: [batch, time, features]. h: the state before the first step, [batch, units]. kernel: [features, 3 * units].
    recurrent_kernel: [units, 3 * units]. bias: [3 * units] or None. reset_after: c = tanh(x_c + r * (h . R_c + b_c)),
    with recurrent_bias b [3 * units] (or None) added to each product of h.
    Returns (all h [batch, time, units], last h). Raises ValueError when the sizes do not agree.
    Source: Cho et al. (EMNLP, 2014); reset_after: its first version on arXiv, 1406.1078v1.
    """
    recurrent_bias = recurrent_bias if reset_after else None
    tensors = _of_one_dtype(x, h, kernel, recurrent_kernel, bias, recurrent_bias)
    x, h, kernel, recurrent_kernel, bias, recurrent_bias = tensors
    _check("K.gru", kernel, recurrent_kernel, 3, x)
    x = dot(_time_major(x), kernel)
    x = x if bias is None else bias_add(x, bias, "channels_last")
    outputs, h, *_ = _gru(x, h, recurrent_kernel, recurrent_bias, bool(reset_after), True)
    return _time_major(outputs), h


def _of_one_dtype(*tensors):
    made = iter(promoted([t for t in tensors if t is not None]))
    return [None if t is None else next(made) for t in tensors]


def _check(who, kernel, recurrent_kernel, gates, x):
    units, width = recurrent_kernel.shape
    sizes = kernel.shape[0], x.shape[-1]
    known = units is not None and width == kernel.shape[1] == gates * units
    if x.ndim != 3 or not known or (None not in sizes and sizes[0] != sizes[1]):
        raise ValueError(f"{who}: expected x [batch, time, features], kernel [features, {gates} units] and "
                         f"recurrent_kernel [units, {gates} units], got {show(x)}, {show(kernel)} and "
                         f"{show(recurrent_kernel)}.")


def _parts(x, n):
    """The last of two axes cut into n."""
    size = x.shape[1] // n
    return [x[:, i * size : (i + 1) * size] for i in range(n)]


def _gradients(outputs, cotangents, primals):
    """The cotangents of the primals that are not None: pulled back through the loop that the forward op means.

    outputs: the first output of the forward op. Where it is the stand-in for a shape, the answer is one of shapes.
    """
    targets = [p for p in primals if p is not None]
    if outputs.owner is None:
        return targets
    pairs = [(y, g) for y, g in zip(outputs.owner.expansion, cotangents, strict=False) if g is not None]
    found = pull_back([y for y, _ in pairs], [g for _, g in pairs], targets, targets)
    return [zeros_like(t) if g is None else g for t, g in zip(targets, found, strict=True)]


# ---- LSTM ------------------------------------------------------------------------------------------------------------


@op(composite=True)
def _lstm(x: Tensor, h: Tensor, c: Tensor, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor, saved: bool):
    """`lstm` of x [time, batch, features]: (all h [time, batch, units], last h, last c, cells, gates).

    saved: whether the last two are wanted: all c [time, batch, units], and i, f, g, o [time, batch, 4 * units].
    """
    z = dot(x, kernel)
    z = z if bias is None else bias_add(z, bias, "channels_last")

    def step(states, slices):
        h, c = states
        i, f, g, o = _parts(slices[0] + dot(h, recurrent_kernel), 4)
        i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
        c = f * c + i * g
        h = o * tanh(c)
        return [h, c], [h, c, concatenate([i, f, g, o], 1)]

    (h, c), (outputs, cells, gates) = _scanned("K.lstm", step, [h, c], [z])
    return outputs, h, c, cells, gates


@op(composite=True)
def _lstm_gradient(g: Tensor, g_h: Tensor, g_c: Tensor, x: Tensor, h: Tensor, c: Tensor, kernel: Tensor,
                   recurrent_kernel: Tensor, bias: Tensor, outputs: Tensor, cells: Tensor, gates: Tensor, to_x: bool):
    """The cotangents of x (if to_x), h, c, kernel, recurrent_kernel and (if there is one) bias.

    g, g_h, g_c: those of all h, of the last h and of the last c, or None. outputs, cells, gates: results of `_lstm`.
    """
    primals = x, h, c, kernel, recurrent_kernel, bias
    return tuple(_gradients(outputs, (g, g_h, g_c), primals)[0 if to_x else 1 :])


@_lstm.joint_gradient
def _lstm_rule(g, y, x, h, c, kernel, recurrent_kernel, bias, saved):
    outputs, _, _, cells, gates = y
    return _lstm_gradient(*g[:3], x, h, c, kernel, recurrent_kernel, bias, outputs, cells, gates, True)


# ---- GRU -------------------------------------------------------------------------------------------------------------


@op(composite=True)
def _gru(x: Tensor, h: Tensor, recurrent_kernel: Tensor, recurrent_bias: Tensor, reset_after: bool, saved: bool):
    """`gru` of x [time, batch, 3 * units], products of the input: (all h [time, batch, units], last h, inner, gates).

    saved: whether the last two are wanted: r * h, or h . R_c + b_c with reset_after; and z, r, c [time, batch,
    3 * units].
    """
    units = recurrent_kernel.shape[0]

    def product(h):
        y = dot(h, recurrent_kernel)
        return y if recurrent_bias is None else bias_add(y, recurrent_bias, "channels_last")

    def step(states, slices):
        h, (x_z, x_r, x_c) = states[0], _parts(slices[0], 3)
        y = product(h) if reset_after else dot(h, recurrent_kernel[:, : 2 * units])
        z, r = sigmoid(x_z + y[:, :units]), sigmoid(x_r + y[:, units : 2 * units])
        inner = y[:, 2 * units :] if reset_after else r * h
        c = tanh(x_c + (r * inner if reset_after else dot(inner, recurrent_kernel[:, 2 * units :])))
        h = z * h + (1.0 - z) * c
        return [h], [h, inner, concatenate([z, r, c], 1)]

    (h,), (outputs, inner, gates) = _scanned("K.gru", step, [h], [x])
    return outputs, h, inner, gates


@op(composite=True)
def _gru_gradient(g: Tensor, g_h: Tensor, x: Tensor, h: Tensor, recurrent_kernel: Tensor, recurrent_bias: Tensor,
                  outputs: Tensor, inner: Tensor, gates: Tensor, reset_after: bool):
    """The cotangents of x, h, recurrent_kernel and (if there is one) recurrent_bias.

    g, g_h: those of all h and of the last, or None. outputs, inner, gates: results of `_gru`.
    """
    return tuple(_gradients(outputs, (g, g_h), (x, h, recurrent_kernel, recurrent_bias)))


@_gru.joint_gradient
def _gru_rule(g, y, x, h, recurrent_kernel, recurrent_bias, reset_after, saved):
    outputs, _, inner, gates = y
    return _gru_gradient(*g[:2], x, h, recurrent_kernel, recurrent_bias, outputs, inner, gates, reset_after)


# ---- what nobody reads is not computed -------------------------------------------------------------------------------


_lstm.op.prune, _lstm_gradient.op.prune, _gru.op.prune = without(3, 5), without(0, 1), without(2, 4)
