"""PyTorch kernels of the ops on shapes."""

import torch

from .device import DTYPES


def cast(x, dtype):
    return x != 0 if dtype == "bool" else x.to(DTYPES[dtype])


reshape = torch.reshape
permute_dimensions = torch.permute
broadcast_to = torch.broadcast_to
