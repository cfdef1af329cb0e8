"""Runs programs with PyTorch: a straight line of kernel calls, without a tape."""

import torch

from ..straight_line import straight_line
from . import device


class Linked:
    """A program ready to run. New values of variables replace the old tensors: nothing is copied."""

    def __init__(self, program):
        from . import package

        self.program, self.counters = program, program.counters
        self.variables, self.updated = program.variables, [v for v, _ in program.updates]
        with torch.inference_mode():
            for variable in self.variables:
                variable.native()
            self.line = straight_line(program, package())

    def __call__(self, inputs):
        counts = [c.value for c in self.counters]
        with torch.inference_mode():
            outputs, news = self.line(*inputs, *[v._native for v in self.variables], counts)
        for variable, new in zip(self.updated, news, strict=True):
            variable._native = new
        for counter in self.counters:
            counter.value += 1
        return outputs


def constant(array):
    """A constant of the program on the device; single numbers stay on the host, where every device takes them from."""
    tensor = torch.from_numpy(array.copy()) if array.ndim else torch.tensor(array.item(), dtype=device.DTYPES[array.dtype.name])
    return tensor.to(device.current()) if array.ndim else tensor
