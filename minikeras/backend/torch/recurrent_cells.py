"""PyTorch kernels of LSTM and GRU: oneDNN's LSTM where there is one, else a loop of kernels that write in place."""

import torch

aten = torch.ops.aten


def _rows(x):
    return x.reshape(-1, x.shape[-1])


def _to_recurrent(h, outputs, g):
    """The sum over the steps of (h before the step)^T . g."""
    return _rows(torch.cat((h.unsqueeze(0), outputs))[:-1]).t() @ _rows(g)


def _steps(x, n):
    """The last axis cut into n parts, each as a tuple over the steps."""
    return [part.unbind(0) for part in x.chunk(n, -1)]


# ---- LSTM ------------------------------------------------------------------------------------------------------------


def _by_onednn(x):
    """Whether PyTorch's own LSTM for the CPU takes it. Its `gates` are a workspace, and its `cells` the last c."""
    suits = x.device.type == "cpu" and x.dtype is torch.float32 and x.numel() > 0
    return suits and torch.backends.mkldnn.is_available()


LSTM = 2  # the mode of oneDNN's recurrent layers


def _onednn_weights(kernel, recurrent_kernel, bias):
    bias = kernel.new_zeros(kernel.shape[1]) if bias is None else bias
    return kernel.t().contiguous(), recurrent_kernel.t().contiguous(), bias, torch.zeros_like(bias)


def _lstm(x, h, c, kernel, recurrent_kernel, bias, saved):
    if _by_onednn(x):
        # There is a workspace only where a tape could run; nothing here asks for one.
        with torch.set_grad_enabled(saved):
            outputs, h, c, workspace = aten.mkldnn_rnn_layer(
                x.contiguous(), *_onednn_weights(kernel, recurrent_kernel, bias), h.contiguous(), c.contiguous(), False,
                [], LSTM, h.shape[1], 1, True, False, False, saved,
            )  # fmt: skip
        return (outputs, h, c, c, workspace) if saved else (outputs, h, c)
    return _lstm_by_steps(x, h, c, kernel, recurrent_kernel, bias, saved)


def _lstm_by_steps(x, h, c, kernel, recurrent_kernel, bias, saved):
    z = x @ kernel if bias is None else torch.addmm(bias, _rows(x), kernel)
    gates = z.view(*x.shape[:2], kernel.shape[1])
    outputs, cells = h.new_empty((2, len(x), *h.shape)).unbind(0)
    i, f, g, o = _steps(gates, 4)
    y = torch.empty_like(h)
    for t, (z, new_h, new_c) in enumerate(zip(gates.unbind(0), outputs.unbind(0), cells.unbind(0), strict=True)):
        z.addmm_(h, recurrent_kernel)
        i[t].sigmoid_(), f[t].sigmoid_(), g[t].tanh_(), o[t].sigmoid_()
        torch.mul(f[t], c, out=new_c).addcmul_(i[t], g[t])
        torch.mul(o[t], torch.tanh(new_c, out=y), out=new_h)
        h, c = new_h, new_c
    results = outputs, h.clone(), c.clone()
    return (*results, cells, gates) if saved else results


def _lstm_gradient(g, g_h, g_c, x, h, c, kernel, recurrent_kernel, bias, outputs, cells, gates, to_x):
    if _by_onednn(x):
        weights = _onednn_weights(kernel, recurrent_kernel, bias)
        to_input, to_kernel, to_recurrent, to_bias, _, to_h, to_c = aten.mkldnn_rnn_layer_backward(
            x.contiguous(), *weights, h.contiguous(), c.contiguous(), outputs, outputs[-1], cells, _given(g, outputs),
            _given(g_h, h), _given(g_c, c), False, LSTM, h.shape[1], 1, True, True, False, [], False, gates,
        )  # fmt: skip
        found = to_input, to_h.view(h.shape), to_c.view(c.shape), to_kernel.t(), to_recurrent.t(), to_bias
        return _wanted(found, bias, to_x)
    g_h, g_c, g_z = _lstm_back(g, _given(g_h, h).clone(), _given(g_c, c).clone(), c, recurrent_kernel, cells, gates)
    rows = _rows(g_z)
    found = g_z @ kernel.t(), g_h, g_c, _rows(x).t() @ rows, _to_recurrent(h, outputs, g_z), rows.sum(0)
    return _wanted(found, bias, to_x)


def _wanted(found, bias, to_x):
    return found[0 if to_x else 1 : len(found) - (bias is None)]


def _given(g, like):
    return torch.zeros_like(like) if g is None else g


def _lstm_back(g, g_h, g_c, c, recurrent_kernel, cells, gates):
    """Cotangents of the first states and of all gates before their activations."""
    factors, through = _lstm_factors(c, cells, gates)
    to_c, to_h = factors[..., : 3 * c.shape[1]].unflatten(-1, (3, c.shape[1])).unbind(0), _steps(factors, 4)[3]
    steps, f, turned, g = factors.unbind(0), _steps(gates, 4)[1], recurrent_kernel.t().contiguous(), _unbound(g)
    each = g_c.unsqueeze(1)
    for t in range(len(steps) - 1, -1, -1):
        if g is not None:
            g_h.add_(g[t])
        g_c.addcmul_(g_h, through[t])
        to_c[t].mul_(each)
        to_h[t].mul_(g_h)
        g_c.mul_(f[t])
        torch.mm(steps[t], turned, out=g_h)
    return g_h, g_c, factors


def _unbound(g):
    return None if g is None else g.unbind(0)


def _lstm_factors(c, cells, gates):
    """What the cotangents of c (for i, f, g) and h (for o) are multiplied by, and of c by that of h: for all steps."""
    i, f, g, o = gates.chunk(4, -1)
    y, before = cells.tanh(), torch.cat((c.unsqueeze(0), cells))[:-1]
    slope, tangent = aten.sigmoid_backward, aten.tanh_backward
    factors = torch.cat((slope(g, i), slope(before, f), tangent(i, g), slope(y, o)), -1)
    return factors, tangent(o, y).unbind(0)


# ---- GRU -------------------------------------------------------------------------------------------------------------


def _gru(x, h, recurrent_kernel, recurrent_bias, reset_after, saved):
    units = h.shape[1]
    gates = x.clone(memory_format=torch.contiguous_format)
    outputs, inner = h.new_empty((2, len(x), *h.shape)).unbind(0)
    if not reset_after:
        for_gates, for_candidate = (part.contiguous() for part in recurrent_kernel.split((2 * units, units), 1))
    both, candidates = (part.unbind(0) for part in gates.split((2 * units, units), -1))
    z, r, _ = _steps(gates, 3)
    for t, (new_h, kept) in enumerate(zip(outputs.unbind(0), inner.unbind(0), strict=True)):
        if reset_after:
            y = h @ recurrent_kernel if recurrent_bias is None else torch.addmm(recurrent_bias, h, recurrent_kernel)
            both[t].add_(y[:, : 2 * units]).sigmoid_()
            kept.copy_(y[:, 2 * units :])
            candidates[t].addcmul_(r[t], kept).tanh_()
        else:
            both[t].addmm_(h, for_gates).sigmoid_()
            torch.mul(r[t], h, out=kept)
            candidates[t].addmm_(kept, for_candidate).tanh_()
        h = torch.lerp(candidates[t], h, z[t], out=new_h)
    results = outputs, h.clone()
    return (*results, inner, gates) if saved else results


def _gru_gradient(g, g_h, x, h, recurrent_kernel, recurrent_bias, outputs, inner, gates, reset_after):
    units, g = h.shape[1], _unbound(g)
    before = torch.cat((h.unsqueeze(0), outputs))[:-1]
    g_h, factors, g_y = _given(g_h, h).clone(), *_gru_factors(before, inner, gates, reset_after)
    turned = recurrent_kernel.t().contiguous()
    from_gates, from_candidate = turned.split((2 * units, units))
    (to_z, to_r, to_c), (z, r, _) = _steps(factors, 3), _steps(gates, 3)
    both, whole = factors[..., : 2 * units].unbind(0), g_y.unbind(0)
    for t in range(len(whole) - 1, -1, -1):
        if g is not None:
            g_h.add_(g[t])
        to_z[t].mul_(g_h)
        to_c[t].mul_(g_h)
        kept = g_h.mul_(z[t])
        if reset_after:
            to_r[t].mul_(to_c[t])
            whole[t][:, : 2 * units] = both[t]
            torch.mul(to_c[t], r[t], out=whole[t][:, 2 * units :])
            kept.addmm_(whole[t], turned)
        else:
            y = to_c[t] @ from_candidate
            to_r[t].mul_(y)
            kept.addcmul_(y, r[t]).addmm_(both[t], from_gates)
    rows, before = _rows(g_y), _rows(before).t()
    if reset_after:
        found = factors, g_h, before @ rows, rows.sum(0)
    else:
        to_candidate = _rows(inner).t() @ rows[:, 2 * units :]
        found = factors, g_h, torch.cat((before @ rows[:, : 2 * units], to_candidate), 1)
    return found[: 3 + (recurrent_bias is not None)]


def _gru_factors(before, inner, gates, reset_after):
    """What the cotangents of h (for z and c) and of r's product (for r) are multiplied by, for all steps; and memory
    for those of the products of h: the same but with reset_after.
    """
    z, r, c = gates.chunk(3, -1)
    factors = torch.cat(
        (
            aten.sigmoid_backward(before - c, z),
            aten.sigmoid_backward(inner if reset_after else before, r),
            aten.tanh_backward(1 - z, c),
        ),
        -1,
    )
    return factors, torch.empty_like(factors) if reset_after else factors
