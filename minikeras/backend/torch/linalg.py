"""PyTorch kernels of the products."""

import torch

matmul = torch.matmul
