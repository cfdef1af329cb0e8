"""Runs programs with PyTorch: a straight line of kernel calls, without a tape; optimizer steps as update groups."""

import types

import torch

from .. import config, runtime
from ..chain import Chain
from ..grouping import flat_memory, group_updates
from ..straight_line import straight_line
from . import device

# x + a b, x - a b, x + a / b, x - a / b in one call.
FUSED = {
    ("add", "multiply"): (torch.addcmul, ""),
    ("subtract", "multiply"): (torch.addcmul, "value=-1, "),
    ("add", "true_divide"): (torch.addcdiv, ""),
    ("subtract", "true_divide"): (torch.addcdiv, "value=-1, "),
}


class Linked:
    """A program ready to run. New values of variables replace the old tensors, or are written into common memory."""

    def __init__(self, program):
        from . import package

        groups = ()
        with torch.inference_mode():
            if config.optimize():
                groups, program = group_updates(program, writes_out)
            self.program, self.counters = program, program.counters
            self.variables, self.updated = program.variables, [v for v, _ in program.updates]
            for variable in self.variables:
                variable.native()
            self.line = straight_line(program, package(), lambda line: [run_group(line, g) for g in groups])

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


def writes_out(op):
    """Whether the kernel is one of PyTorch's own, which take `out`."""
    return isinstance(runtime.kernel(runtime.load("torch"), op), types.BuiltinFunctionType)


def run_group(line, group):
    """Appends an update group to a line: its gradients are joined, then its chain runs on the flat memory."""
    chain = Chain(group, lambda op: runtime.kernel(line.engine, op), constant, FUSED)
    flats = [flat_memory(role, empty)[0] for role in zip(*group.variables, strict=True)]
    names = [line.bind(flat, "flat") for flat in flats]
    for values in zip(*group.gradients, strict=True):
        parts = ", ".join(f"{line.spell(v)}.reshape(-1)" for v in values)
        if len(values) > 1:
            joined = line.bind(empty(sum(v.size for v in values), values[0].dtype), "joined")
            line.lines.append(f"{line.bind(torch.cat, 'cat')}(({parts}), out={joined})")
            parts = joined
        names.append(parts)
    names += [line.bind(empty(len(flats[0]), dtype), "scratch") for dtype in chain.scratch]
    names += [line.spell(v) for v in group.scalars]
    run = chain.compile(lambda target, source: target.copy_(source))
    line.lines.append(f"{line.bind(run, 'update')}({', '.join(names)})")


def empty(n, dtype):
    """Flat memory on the device."""
    return torch.empty(n, dtype=device.DTYPES[dtype], device=device.current())


def constant(array):
    """A constant of the program on the device; single numbers stay on the host, where every device takes them from."""
    dtype = device.DTYPES[array.dtype.name]
    if array.ndim == 0:
        return torch.tensor(array.item(), dtype=dtype)
    return torch.from_numpy(array.copy()).to(device.current())
