"""Runs programs with PyTorch: a straight line of kernel calls, without a tape; optimizer steps as update groups."""

import functools
import types

import torch

from .. import config, runtime
from ..chain import Chain
from ..grouping import flat_memory, group_updates
from ..straight_line import straight_line
from . import device
from .fused import adam, adam_step

# x + a b, x - a b, x + a / b, x - a / b in one call.
FUSED = {
    ("add", "multiply"): (torch.addcmul, ""),
    ("subtract", "multiply"): (torch.addcmul, "value=-1, "),
    ("add", "true_divide"): (torch.addcdiv, ""),
    ("subtract", "true_divide"): (torch.addcdiv, "value=-1, "),
}


class Linked:
    """A program ready to run. New values of variables replace the old tensors, or are written into common memory.

    engine: the backend package whose kernels are called, if not this one.
    """

    def __init__(self, program, engine=None):
        from . import package

        groups, engine = (), engine or package()
        with torch.inference_mode():
            if config.optimize():
                groups, program = group_updates(program, functools.partial(writes_out, engine))
            self.program, self.counters = program, program.counters
            self.variables, self.updated = program.variables, [v for v, _ in program.updates]
            for variable in self.variables:
                variable.native()
            self.line = straight_line(program, engine, lambda line: [run_group(line, g) for g in groups])

    def __call__(self, inputs):
        counts = [c.value for c in self.counters]
        with torch.inference_mode():
            outputs, news = self.line(*inputs, *[v._native for v in self.variables], counts)
            for variable, new in zip(self.updated, news, strict=True):
                if variable.run is None:
                    variable._native = new
                else:
                    variable._native.copy_(new)
        for counter in self.counters:
            counter.value += 1
        return outputs


def writes_out(engine, op):
    """Whether the kernel is one of PyTorch's own, which take `out`."""
    return isinstance(runtime.kernel(engine, op), types.BuiltinFunctionType)


def run_group(line, group):
    """Appends an update group to a line: its gradients are joined, then its step runs on the flat memory."""
    flats = [flat_memory(role, empty)[0] for role in zip(*group.variables, strict=True)]
    for values in zip(*group.gradients, strict=True):
        parts = "".join(f"{line.spell(v)}.reshape(-1), " for v in values)
        joined = empty(len(flats[0]), values[0].dtype)
        line.lines.append(f"{line.bind(torch.cat, 'cat')}(({parts}), out={line.bind(joined, 'joined')})")
        flats.append(joined)
    known = adam(group)
    if known is not None and flats[0].dtype in (torch.float32, torch.float64):
        run = adam_step(known)
    else:
        chain = Chain(group, lambda op: runtime.kernel(line.engine, op), constant, FUSED)
        flats += [empty(len(flats[0]), dtype) for dtype in chain.scratch]
        run = chain.compile(lambda target, source: target.copy_(source), loop=True)
    arguments = [line.bind([tuple(flats)], "memory"), *(line.spell(v) for v in group.scalars)]
    line.lines.append(f"{line.bind(run, 'update')}({', '.join(arguments)})")


def empty(n, dtype):
    """Flat memory on the device."""
    return torch.empty(n, dtype=device.DTYPES[dtype], device=device.current())


def constant(array):
    """A constant of the program on the device; single numbers stay on the host, where every device takes them from."""
    dtype = device.DTYPES[array.dtype.name]
    if array.ndim == 0:
        return torch.tensor(array.item(), dtype=dtype)
    return torch.from_numpy(array.copy()).to(device.current())
