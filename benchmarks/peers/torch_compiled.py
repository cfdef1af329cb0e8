"""PyTorch by hand under torch.compile (the forward and backward pass; needs a C++ compiler on a CPU)."""

from . import torch_eager
from .torch_eager import Trainer

NAME = "PyTorch, torch.compile"
torch_eager.COMPILE = True

__all__ = ["NAME", "Trainer"]
