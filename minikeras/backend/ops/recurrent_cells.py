"""LSTM and GRU over a whole sequence: one op each, and one for its way back.

A backend may carry kernels: an input product for all steps before the loop, products for the gradients of the weights
after it, and in between what depends on the state. It carries both of a pair or neither, because what the forward op
leaves for the backward one (its outputs `cells` and `gates`, `inner` and `gates`) is in the form that the two agree on.
Elsewhere they are the loops that are written here.
"""

from ..gradients import pull_back
from ..op import op, promoted
from ..tensor import Tensor, show
from .linalg import dot
from .math import tanh
from .nn import bias_add, sigmoid
from .recurrence import _length, _scanned, _time_major
from .reduction import sum as _sum
from .shape import concatenate, expand_dims, reshape, transpose, zeros_like


def lstm(x, h, c, kernel, recurrent_kernel, bias=None):
    """Long short-term memory over a sequence. With gates i, f, g, o side by side in the weights:

        z = x . kernel + h . recurrent_kernel + bias
        c' = sigmoid(z_f) * c + sigmoid(z_i) * tanh(z_g)        h' = sigmoid(z_o) * tanh(c')

    x: [batch, time, features]. h, c: the states before the first step, [batch, units]. kernel: [features, 4 * units].
    recurrent_kernel: [units, 4 * units]. bias: [4 * units] or None.
    Returns (all h [batch, time, units], last h, last c). Raises ValueError when the sizes do not agree.
    Source: Hochreiter and Schmidhuber (1997), with the forget gate of Gers et al. (2000).
    """
    bias, *arguments = _of_one_dtype(bias, x, h, c, kernel, recurrent_kernel)
    x, *weights = arguments
    _check("K.lstm", weights[-2], weights[-1], 4, x)
    outputs, h, c, *_ = _lstm(_time_major(x), *weights, bias, True)
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
    bias, x, h, kernel, recurrent_kernel = _of_one_dtype(bias, x, h, kernel, recurrent_kernel)
    _check("K.gru", kernel, recurrent_kernel, 3, x)
    x = dot(_time_major(x), kernel)
    x = x if bias is None else bias_add(x, bias, "channels_last")
    outputs, h, *_ = _gru(x, h, recurrent_kernel, recurrent_bias if reset_after else None, bool(reset_after), True)
    return _time_major(outputs), h


def _of_one_dtype(bias, *tensors):
    made = promoted([*tensors, *(() if bias is None else (bias,))])
    return (made[-1] if bias is not None else None, *made[: len(tensors)])


def _check(who, kernel, recurrent_kernel, gates, x):
    units = recurrent_kernel.shape[0]
    if x.ndim != 3 or recurrent_kernel.shape != (units, gates * units) or kernel.shape != (x.shape[2], gates * units):
        raise ValueError(
            f"{who}: expected x [batch, time, features], kernel [features, {gates} units] and recurrent_kernel "
            f"[units, {gates} units], got {show(x)}, {show(kernel)} and {show(recurrent_kernel)}."
        )


def _parts(x, n):
    """The last of two axes cut into n."""
    size = x.shape[1] // n
    return [x[:, i * size : (i + 1) * size] for i in range(n)]


def _rows(x):
    return reshape(x, (-1, x.shape[-1]))


def _before(first, later):
    """The states before each step: `first`, then those after each step but the last."""
    return concatenate([expand_dims(first, 0), later], 0)[:-1]


def _plus(total, more):
    return total if more is None else total + more


# ---- LSTM ------------------------------------------------------------------------------------------------------------


@op(composite=True)
def _lstm(
    x: Tensor, h: Tensor, c: Tensor, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor, saved: bool
):  # fmt: skip
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

    (h, c), (outputs, cells, gates) = _scanned("K.lstm", step, [h, c], [z], _length(x, 0))
    return outputs, h, c, cells, gates


@op(composite=True)
def _lstm_gradient(
    g: Tensor, g_h: Tensor, g_c: Tensor, x: Tensor, h: Tensor, c: Tensor, kernel: Tensor, recurrent_kernel: Tensor,
    bias: Tensor, outputs: Tensor, cells: Tensor, gates: Tensor, to_x: bool,
):  # fmt: skip
    """The cotangents of x (if to_x), h, c, kernel, recurrent_kernel and bias.

    g, g_h, g_c: those of all h, of the last h and of the last c, or None. outputs, cells, gates: results of `_lstm`.
    """
    turned = transpose(recurrent_kernel)

    def step(states, slices):
        (g_h, g_c), (before, cell, all_gates, *more) = states, slices
        g_h = _plus(g_h, *more) if more else g_h
        i, f, g, o = _parts(all_gates, 4)
        y = tanh(cell)
        g_c = g_c + g_h * o * (1.0 - y * y)
        g_z = concatenate(
            [g_c * g * i * (1.0 - i), g_c * before * f * (1.0 - f), g_c * i * (1.0 - g * g), g_h * y * o * (1.0 - o)], 1
        )
        return [dot(g_z, turned), g_c * f], [g_z]

    last = [zeros_like(state) if to is None else to for to, state in ((g_h, h), (g_c, c))]
    slices = [_before(c, cells), cells, gates, *(() if g is None else (g,))]
    (g_h, g_c), (g_z,) = _scanned("K.lstm", step, last, slices, _length(x, 0), backwards=True)
    rows = _rows(g_z)
    found = g_h, g_c, dot(transpose(_rows(x)), rows), dot(transpose(_rows(_before(h, outputs))), rows), _sum(rows, 0)
    return (dot(g_z, transpose(kernel)), *found) if to_x else found


@_lstm.joint_gradient
def _lstm_rule(g, y, x, h, c, kernel, recurrent_kernel, bias, saved):
    outputs, _, _, cells, gates = y
    found = _lstm_gradient(*g[:3], x, h, c, kernel, recurrent_kernel, bias, outputs, cells, gates, True)
    return found if bias is not None else (*found[:-1], None)


@_lstm_gradient.joint_gradient
def _lstm_second(g, y, g_outputs, g_h, g_c, x, h, c, kernel, recurrent_kernel, bias, outputs, cells, gates, to_x):
    found = _through_meaning(_lstm, g, (g_outputs, g_h, g_c), (x, h, c, kernel, recurrent_kernel, bias), (True,))
    return (*found, None, None, None)


def _through_meaning(forward, g, cotangents, primals, options):
    """Cotangents of `cotangents` and `primals`, given those (g) of the first gradients: all through the loop itself.

    What a kernel left for its backward kernel has a form of its own, so the way forward is written out once more.
    """
    meant = forward.op.function(*primals, *options)
    pairs = [(y, to) for y, to in zip(meant, cotangents, strict=False) if to is not None]
    leaves = [t for t in (*cotangents, *primals) if t is not None]
    sources = [p for p in primals if p is not None]
    first = iter(pull_back([y for y, _ in pairs], [to for _, to in pairs], sources, leaves))
    first = [None if p is None else next(first) for p in primals]
    pairs = [(f, to) for f, to in zip(first, g, strict=True) if f is not None and to is not None]
    second = iter(pull_back([f for f, _ in pairs], [to for _, to in pairs], leaves, leaves))
    return tuple(None if t is None else next(second) for t in (*cotangents, *primals))


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

    (h,), (outputs, inner, gates) = _scanned("K.gru", step, [h], [x], _length(x, 0))
    return outputs, h, inner, gates


@op(composite=True)
def _gru_gradient(
    g: Tensor, g_h: Tensor, x: Tensor, h: Tensor, recurrent_kernel: Tensor, recurrent_bias: Tensor, outputs: Tensor,
    inner: Tensor, gates: Tensor, reset_after: bool,
):  # fmt: skip
    """The cotangents of x, h, recurrent_kernel and recurrent_bias. g, g_h: those of all h and of the last, or None."""
    units = recurrent_kernel.shape[0]
    turned = transpose(recurrent_kernel)

    def step(states, slices):
        (g_h,), (h, inner, all_gates, *more) = states, slices
        g_h = _plus(g_h, *more) if more else g_h
        z, r, c = _parts(all_gates, 3)
        g_z, g_c = g_h * (h - c) * z * (1.0 - z), g_h * (1.0 - z) * (1.0 - c * c)
        if reset_after:
            g_r = g_c * inner * r * (1.0 - r)
            back = dot(concatenate([g_z, g_r, g_c * r], 1), turned)
        else:
            to_inner = dot(g_c, turned[2 * units :])
            g_r = to_inner * h * r * (1.0 - r)
            back = to_inner * r + dot(concatenate([g_z, g_r], 1), turned[: 2 * units])
        return [g_h * z + back], [concatenate([g_z, g_r, g_c], 1)]

    before = _before(h, outputs)
    slices = [before, inner, gates, *(() if g is None else (g,))]
    last = zeros_like(h) if g_h is None else g_h
    (g_h,), (g_x,) = _scanned("K.gru", step, [last], slices, _length(x, 0), backwards=True)
    g_y = g_x
    if reset_after:
        g_y = concatenate([g_x[:, :, : 2 * units], g_x[:, :, 2 * units :] * gates[:, :, units : 2 * units]], 2)
    g_y, before = _rows(g_y), transpose(_rows(before))
    if reset_after:
        to_kernel = dot(before, g_y)
    else:
        to_candidate = dot(transpose(_rows(inner)), g_y[:, 2 * units :])
        to_kernel = concatenate([dot(before, g_y[:, : 2 * units]), to_candidate], 1)
    return g_x, g_h, to_kernel, _sum(g_y, 0)


@_gru.joint_gradient
def _gru_rule(g, y, x, h, recurrent_kernel, recurrent_bias, reset_after, saved):
    outputs, _, inner, gates = y
    found = _gru_gradient(*g[:2], x, h, recurrent_kernel, recurrent_bias, outputs, inner, gates, reset_after)
    return found if recurrent_bias is not None else (*found[:-1], None)


@_gru_gradient.joint_gradient
def _gru_second(g, y, g_outputs, g_h, x, h, recurrent_kernel, recurrent_bias, outputs, inner, gates, reset_after):
    primals = x, h, recurrent_kernel, recurrent_bias
    return (*_through_meaning(_gru, g, (g_outputs, g_h), primals, (reset_after, True)), None, None, None)


# ---- what nobody reads is not computed -------------------------------------------------------------------------------


def _without(first, stop):
    """A `prune` that clears the op's last argument, a flag, when the outputs from `first` up to `stop` go unread."""

    def prune(step, used):
        if step.args[-1] and used.isdisjoint(step.outputs[first:stop]):
            step.args = (*step.args[:-1], False)
            step.outputs = (*step.outputs[:first], *step.outputs[stop:])

    return prune


_lstm.op.prune, _lstm_gradient.op.prune, _gru.op.prune = _without(3, 5), _without(0, 1), _without(2, 4)
