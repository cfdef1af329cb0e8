"""PyTorch kernels of activations and softmax, with the backward kernels that PyTorch has for its own tape."""

import torch
from torch.nn import functional

aten = torch.ops.aten

rectify = torch.relu
sigmoid = torch.sigmoid
sigmoid_gradient = aten.sigmoid_backward
softmax = torch.softmax
log_softmax = torch.log_softmax
leaky_relu = functional.leaky_relu
elu = functional.elu


def rectify_gradient(g, y):
    return aten.threshold_backward(g, y, 0)


def leaky_relu_gradient(g, x, alpha):
    return aten.leaky_relu_backward(g, x, alpha, False)


def elu_gradient(g, x, y, alpha):
    return aten.elu_backward(g, alpha, 1, 1, False, x)


def softplus(x):
    # Beyond the threshold it is taken for x: exp(-40) is below what a float64 near 40 can hold.
    return functional.softplus(x, 1, 40)


def hard_sigmoid(x):
    return torch.mul(x, 0.2).add_(0.5).clamp_(0, 1)


def softmax_gradient(g, y, axis):
    return aten._softmax_backward_data(g, y, axis, g.dtype)


# ---- attention: PyTorch's fused kernel on CPUs hands one number a row to its way back, not the weights ---------------


def _fused(query, value, mask):
    """Whether PyTorch has fused kernels both ways for this."""
    sizes = query.numel() and value.numel() and query.shape[-1] == value.shape[-1]
    return mask is None and query.device.type == "cpu" and sizes


def _heads(*tensors):
    """(the tensors as [batch, heads, rows, features], their leading axes broadcast; these axes)."""
    lead = torch.broadcast_shapes(*(t.shape[:-2] for t in tensors))
    wide = [t.expand(*lead, *t.shape[-2:]) for t in tensors]
    return [t if t.ndim == 4 else t.reshape(-1, 1, *t.shape[-2:]) for t in wide], lead


def _attention(query, key, value, mask, scale):
    if not _fused(query, value, mask):
        y = torch.matmul(_weights(query, key, mask, scale), value)
        return y, y.new_zeros(y.shape[:-1])
    heads, lead = _heads(query, key, value)
    y, log_total = aten._scaled_dot_product_flash_attention_for_cpu(*heads, scale=scale)
    return y.reshape(*lead, *y.shape[-2:]), log_total.reshape(*lead, -1)


def _weights(query, key, mask, scale):
    scores = torch.matmul(query * scale, key.mT)
    # Finite, so that a row where everything is masked gives a mean and no nan.
    return torch.softmax(scores if mask is None else scores.masked_fill(~mask, torch.finfo(scores.dtype).min), -1)


def _attention_gradient(g, y, log_total, query, key, value, mask, scale):
    if _fused(query, value, mask):
        heads, lead = _heads(g, query, key, value, y)
        backward = aten._scaled_dot_product_flash_attention_for_cpu_backward
        pulled = backward(*heads, log_total.reshape(heads[0].shape[:-1]), 0.0, False, scale=scale)
        pulled = [d.reshape(*lead, *d.shape[-2:]) for d in pulled]
    else:
        pulled = _attention_gradient_in_parts(g, query, key, value, mask, scale)
    return tuple(d.sum_to_size(t.shape) for d, t in zip(pulled, (query, key, value), strict=True))


def _attention_gradient_in_parts(g, query, key, value, mask, scale):
    weights = _weights(query, key, mask, scale)
    to_scores = aten._softmax_backward_data(torch.matmul(g, value.mT), weights, -1, weights.dtype) * scale
    if mask is not None:
        to_scores = to_scores.masked_fill_(~mask, 0)
    return to_scores @ key, to_scores.mT @ query, weights.mT @ g
