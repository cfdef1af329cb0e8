"""PyTorch kernels of the ops that put tensors together."""

import torch


def concat(tensors, axis):
    return torch.cat(tensors, axis)


def stack(x, axis):
    return torch.stack(x, axis)


def tile(x, n):
    return x.repeat(n)


def repeat_elements(x, rep, axis):
    return torch.repeat_interleave(x, rep, axis)


def pad(x, padding, value):
    flat = [n for pair in reversed(padding) for n in pair]
    return torch.nn.functional.pad(x, flat, value=value)
