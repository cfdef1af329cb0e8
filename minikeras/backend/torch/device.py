"""Where PyTorch keeps its tensors: the first CUDA device, or the CPU. MINIKERAS_DEVICE overrides."""

import functools
import os

import torch

DTYPES = {
    name: getattr(torch, name)
    for name in ("bool uint8 int8 int16 int32 int64 uint16 uint32 uint64 float16 bfloat16 float32 float64".split())
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


@functools.cache
def current():
    """The torch.device that everything runs on."""
    wanted = os.environ.get("MINIKERAS_DEVICE")
    if wanted:
        return torch.device(wanted)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@functools.cache
def on_cpu():
    """Whether that is the CPU."""
    return current().type == "cpu"
