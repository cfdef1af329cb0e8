"""PyTorch kernels of the ops that make tensors."""

import torch

from .device import DTYPES, current


def full(shape, value, dtype):
    return torch.full(shape, value, dtype=DTYPES[dtype], device=current())


def _arange(start, stop, step, dtype):
    return torch.arange(
        start, max(start, stop) if step > 0 else min(start, stop), step, dtype=DTYPES[dtype], device=current()
    )


def one_hot(indices, num_classes, dtype):
    classes = torch.arange(num_classes, device=indices.device)
    return (indices.unsqueeze(-1) == classes).to(DTYPES[dtype])
