"""NumPy kernels of LSTM and GRU: one product before the loop, one after it, and in it little but ufuncs in place.

The sigmoid of a is (1 + tanh(a / 2)) / 2: so one tanh does for all gates, if what goes into the sigmoids is halved.
"""

import numpy as np


def _rows(x):
    return x.reshape(-1, x.shape[-1])


def _by_gate(x, values):
    """A row vector with one of the values for all columns of each gate."""
    return np.repeat(np.array(values, x.dtype), x.shape[-1] // len(values))


def _parts(x, n):
    """The last axis cut into n: views."""
    size = x.shape[-1] // n
    return [x[..., i * size : (i + 1) * size] for i in range(n)]


def _to_recurrent(h, outputs, g):
    """The sum over the steps of (h before the step)^T . g, without joining the first h to the others."""
    found = h.T @ g[0] if len(g) else np.zeros((h.shape[1], g.shape[2]), g.dtype)
    return found + _rows(outputs[:-1]).T @ _rows(g[1:]) if len(g) > 1 else found


def _lstm(x, h, c, kernel, recurrent_kernel, bias, saved):
    half = _by_gate(kernel, (0.5, 0.5, 1, 0.5))
    rest = 1 - half
    gates = (_rows(x) @ (kernel * half)).reshape(*x.shape[:2], len(half))
    if bias is not None:
        gates += bias * half
    recurrent_kernel = recurrent_kernel * half
    outputs, cells = np.empty((2, len(x), *h.shape), h.dtype)
    product, scratch = np.empty_like(gates[0] if len(x) else x), np.empty_like(h)
    for z, new_h, new_c in zip(gates, outputs, cells, strict=True):
        np.matmul(h, recurrent_kernel, out=product)
        z += product
        np.tanh(z, out=z)
        z *= half
        z += rest
        i, f, g, o = _parts(z, 4)
        np.multiply(f, c, out=new_c)
        new_c += np.multiply(i, g, out=scratch)
        np.multiply(o, np.tanh(new_c, out=scratch), out=new_h)
        h, c = new_h, new_c
    results = outputs, h.copy(), c.copy()
    return (*results, cells, gates) if saved else results


def _lstm_gradient(g, g_h, g_c, x, h, c, kernel, recurrent_kernel, bias, outputs, cells, gates, to_x):
    squares, ones = _by_gate(kernel, (1, 1, 0, 1)), _by_gate(kernel, (0, 0, 1, 0))
    turned = np.ascontiguousarray(recurrent_kernel.T)
    g_h = np.zeros_like(h) if g_h is None else g_h.copy()
    g_c = np.zeros_like(c) if g_c is None else g_c.copy()
    g_z = np.empty_like(gates)
    y, scratch = np.empty_like(h), np.empty_like(h)
    for t in range(len(x) - 1, -1, -1):
        if g is not None:
            g_h += g[t]
        (i, f, candidate, o), slope = _parts(gates[t], 4), g_z[t]
        s_i, s_f, s_g, s_o = _parts(slope, 4)
        np.tanh(cells[t], out=y)
        # The slopes from the values: a (1 - a) of a sigmoid, 1 - a^2 of a tanh.
        np.subtract(squares, gates[t], out=slope)
        slope *= gates[t]
        slope += ones
        s_o *= y
        s_o *= g_h
        np.multiply(y, y, out=y)
        np.subtract(1, y, out=y)
        y *= o
        g_c += np.multiply(y, g_h, out=y)
        s_i *= np.multiply(g_c, candidate, out=scratch)
        s_f *= np.multiply(g_c, cells[t - 1] if t else c, out=scratch)
        s_g *= np.multiply(g_c, i, out=scratch)
        g_c *= f
        np.matmul(slope, turned, out=g_h)
    rows = _rows(g_z)
    found = g_h, g_c, _rows(x).T @ rows, _to_recurrent(h, outputs, g_z), np.add.reduce(rows, 0)
    return ((rows @ kernel.T).reshape(x.shape), *found) if to_x else found


def _gru(x, h, recurrent_kernel, recurrent_bias, reset_after, saved):
    units = h.shape[1]
    gates = x * _by_gate(x, (0.5, 0.5, 1))
    outputs, inner = np.empty((2, len(x), *h.shape), h.dtype)
    step = (_step_with_reset_after if reset_after else _step)(recurrent_kernel, recurrent_bias, h)
    scratch = np.empty_like(h)
    for gate, new_h, kept in zip(gates, outputs, inner, strict=True):
        step(gate, h, kept)
        z, candidate = gate[:, :units], gate[:, 2 * units :]
        np.tanh(candidate, out=candidate)
        # z h + (1 - z) c
        np.subtract(h, candidate, out=scratch)
        scratch *= z
        np.add(scratch, candidate, out=new_h)
        h = new_h
    results = outputs, h.copy()
    return (*results, inner, gates) if saved else results


def _sigmoid_of_twice(x):
    np.tanh(x, out=x)
    x *= 0.5
    x += 0.5


def _step(recurrent_kernel, recurrent_bias, h):
    """Of the cell as published: (gates, h, inner) -> None, which completes z and r, c but for its tanh, and r * h."""
    units = h.shape[1]
    for_gates = recurrent_kernel[:, : 2 * units] * h.dtype.type(0.5)
    for_candidate = np.ascontiguousarray(recurrent_kernel[:, 2 * units :])
    product, small = np.empty((len(h), 2 * units), h.dtype), np.empty_like(h)

    def step(gates, h, inner):
        z_and_r, candidate = gates[:, : 2 * units], gates[:, 2 * units :]
        z_and_r += np.matmul(h, for_gates, out=product)
        _sigmoid_of_twice(z_and_r)
        np.multiply(gates[:, units : 2 * units], h, out=inner)
        candidate += np.matmul(inner, for_candidate, out=small)

    return step


def _step_with_reset_after(recurrent_kernel, recurrent_bias, h):
    """As `_step`, with the reset gate after the product, which is what `inner` is then."""
    units = h.shape[1]
    half = _by_gate(recurrent_kernel, (0.5, 0.5, 1))
    recurrent_kernel = recurrent_kernel * half
    bias = None if recurrent_bias is None else recurrent_bias * half
    product, small = np.empty((len(h), 3 * units), h.dtype), np.empty_like(h)

    def step(gates, h, inner):
        z_and_r, candidate = gates[:, : 2 * units], gates[:, 2 * units :]
        np.matmul(h, recurrent_kernel, out=product)
        if bias is not None:
            np.add(product, bias, out=product)
        z_and_r += product[:, : 2 * units]
        _sigmoid_of_twice(z_and_r)
        inner[...] = product[:, 2 * units :]
        candidate += np.multiply(gates[:, units : 2 * units], inner, out=small)

    return step


def _gru_gradient(g, g_h, x, h, recurrent_kernel, recurrent_bias, outputs, inner, gates, reset_after):
    units, first = h.shape[1], h
    g_x = np.empty_like(gates)
    # What comes to the products of h: with reset_after that of c is scaled by r.
    g_y = np.empty_like(gates) if reset_after else g_x
    back = (_back_with_reset_after if reset_after else _back)(recurrent_kernel, h)
    g_h = np.zeros_like(h) if g_h is None else g_h.copy()
    scratch, kept = np.empty_like(h), np.empty_like(h)
    for t in range(len(x) - 1, -1, -1):
        if g is not None:
            g_h += g[t]
        h, (z, r, c), (s_z, s_r, s_c) = outputs[t - 1] if t else first, _parts(gates[t], 3), _parts(g_x[t], 3)
        np.multiply(g_h, z, out=kept)
        # (1 - z) g to c, times 1 - c^2; g (h - c) z (1 - z) to z
        np.subtract(g_h, kept, out=g_h)
        np.multiply(c, c, out=scratch)
        np.subtract(1, scratch, out=scratch)
        np.multiply(g_h, scratch, out=s_c)
        np.subtract(h, c, out=s_z)
        s_z *= z
        s_z *= g_h
        np.subtract(1, r, out=scratch)
        scratch *= r
        g_h = back(h, inner[t], r, scratch, s_r, s_c, g_x[t], g_y[t])
        g_h += kept
    if reset_after:
        to_kernel = _to_recurrent(first, outputs, g_y)
    else:
        to_candidate = _rows(inner).T @ _rows(g_x)[:, 2 * units :]
        to_kernel = np.concatenate([_to_recurrent(first, outputs, g_x[:, :, : 2 * units]), to_candidate], 1)
    return g_x, g_h, to_kernel, np.add.reduce(_rows(g_y), 0)


def _back(recurrent_kernel, like):
    """(..., slope of r, cotangents of r, of c, of all) -> that of h through the products; fills in that of r."""
    units = like.shape[1]
    from_gates = np.ascontiguousarray(recurrent_kernel[:, : 2 * units].T)
    from_candidate = np.ascontiguousarray(recurrent_kernel[:, 2 * units :].T)
    small, result = np.empty_like(like), np.empty_like(like)

    def back(h, inner, r, slope, s_r, s_c, g_x, g_y):
        np.matmul(s_c, from_candidate, out=small)
        np.multiply(slope, h, out=s_r)
        s_r *= small
        np.matmul(g_x[:, : 2 * units], from_gates, out=result)
        np.add(result, np.multiply(small, r, out=small), out=result)
        return result

    return back


def _back_with_reset_after(recurrent_kernel, like):
    """As `_back`; fills in the cotangents of the products of h, too."""
    units, result = like.shape[1], np.empty_like(like)
    turned = np.ascontiguousarray(recurrent_kernel.T)

    def back(h, inner, r, slope, s_r, s_c, g_x, g_y):
        np.multiply(slope, inner, out=s_r)
        s_r *= s_c
        g_y[:, : 2 * units] = g_x[:, : 2 * units]
        np.multiply(s_c, r, out=g_y[:, 2 * units :])
        return np.matmul(g_y, turned, out=result)

    return back
