"""Runs programs with PyTorch: a straight line of kernel calls, without a tape; optimizer steps as update groups."""

import functools

import torch

from .. import config, runtime
from ..chain import Chain
from ..exchange import Uses, again
from ..grouping import flat_memory, group_updates
from ..memory import keep_freed
from ..straight_line import straight_line
from . import device
from .fused import adam, adam_step, on_host
from .fusion import fused, in_place, writes_out, written

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
        keep_freed()
        with torch.inference_mode():
            if config.optimize():
                groups, program = group_updates(program, lambda op: writes_out(runtime.kernel(engine, op)))
                program = fused(program)
                uses = Uses(program)
                groups = [Memory(g, uses, engine) for g in groups]
                program.needed = [v for g in groups for v in g.needed()]
                program = again(program)
                in_place(program, engine)
            self.program, self.counters = program, program.counters
            self.variables, self.updated = program.variables, [v for v, _ in program.updates]
            for variable in self.variables:
                variable.native()
            self.line = straight_line(program, engine, functools.partial(_add_groups, groups))

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


def _add_groups(groups, line):
    """Appends the groups to a line. What one reads may be a view of what another one changes: all is read first."""
    for group in groups:
        group.join(line)
    for group in groups:
        group.run(line)


class Memory:
    """An update group and the flat memory that it works on: variables by role, and all gradients of a kind."""

    def __init__(self, group, uses, engine):
        self.group, self.adam = group, adam(group)
        self.host = on_host(group.scalars) if self.adam else None
        self.flats = [flat_memory(role, empty)[0] for role in zip(*group.variables, strict=True)]
        self.views, self.values = [], []  # where gradients have to be copied, and which
        for values in zip(*group.gradients, strict=True):
            joined = empty(len(self.flats[0]), values[0].dtype)
            self.flats.append(joined)
            for value, view in zip(values, joined.split([v.size for v in values]), strict=True):
                if not written(value, view, uses, engine):
                    self.views.append(view.view(value.shape))
                    self.values.append(value)

    def needed(self):
        """The Values that the group reads from the program."""
        return [v for values in self.group.gradients for v in values] + ([] if self.host else self.group.scalars)

    def join(self, line):
        """Appends to a line what brings the gradients that lie elsewhere together."""
        if self.values:
            places, values = line.bind(self.views, "places"), ", ".join(line.spell(v) for v in self.values)
            line.lines.append(f"{line.bind(torch._foreach_copy_, 'join')}({places}, [{values}])")

    def run(self, line):
        """Appends the group's step to a line."""
        flats = self.flats
        if self.adam:
            run = adam_step(self.adam)
        else:
            chain = Chain(self.group, lambda op: runtime.kernel(line.engine, op), constant, FUSED)
            flats = [*flats, *(empty(len(flats[0]), dtype) for dtype in chain.scratch)]
            run = chain.compile(lambda target, source: target.copy_(source), loop=True)
        scalars = map(line.spell, self.group.scalars)
        if self.host:
            scalars = [f"*{line.bind(self.host, 'host')}()"]
        arguments = [line.bind([tuple(flats)], "memory"), *scalars]
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
