"""Steps of a program exchanged for others before it is linked: what the linkers' `fusion` modules are made with."""

from .program import Program, Step, Value


class Call:
    """Stands for an op in a step: a kernel that is known already."""

    family, elementwise, random, prune = "fusion", False, False, None

    def __init__(self, name, kernel):
        self.name, self.kernel = name, kernel


class Uses:
    """Who reads what in a program."""

    def __init__(self, program):
        self.kept = {*program.outputs, *(v for _, v in program.updates)}
        self.count = dict.fromkeys((*self.kept, *program.needed), 2)
        for step in program.steps:
            for value in step.inputs:
                self.count[value] = self.count.get(value, 0) + 1

    def once(self, value):
        """Whether a step makes the value and just one other reads it."""
        return value.kind == "step" and self.count.get(value) == 1


def again(program):
    """The program, after its steps were exchanged."""
    return Program(program.inputs, program.outputs, program.updates, program.phase, program.needed, program.kept)


def exchange(step, call, args, *more):
    """Makes another step give the outputs of `step`, then those of the steps `more`, and returns it."""
    new = Step(call, tuple(args), tuple(a for a in args if isinstance(a, Value)), step.scope)
    new.outputs = tuple(value for s in (step, *more) for value in s.outputs)
    for i, value in enumerate(new.outputs):
        value.source, value.index = new, i
    return new
