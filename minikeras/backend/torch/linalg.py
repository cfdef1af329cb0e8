"""PyTorch kernels of the products."""

import torch

matmul = torch.matmul


def _einsum(operands, equation):
    return torch.einsum(equation, *operands)
