"""A program as one Python function of native arrays: a kernel call a line, no interpreter between them.

Used by linkers whose engine brings its own memory management (PyTorch runs it, JAX traces it).
"""

from . import runtime
from .program import Program, Value


class Line:
    """The source of `run(x0, ..., v0, ..., counts) -> (outputs, new values of the variables)`, while it is written.

    engine: a backend package with `constant(array)` (a constant as kernels take it) and `VIEWS` (names of ops whose
    result shares the memory of their first argument).
    """

    def __init__(self, program, engine):
        self.program, self.engine = program, engine
        self.lines, self.globals, self.names = [], {}, {}
        self.at = {}  # index of a line -> its step
        self.last = program.last_uses()
        for i, value in enumerate(program.inputs):
            if value.kind == "input":
                self.names[value] = f"x{i}"
        self.variables = {v: f"v{i}" for i, v in enumerate(program.variables)}

    def bind(self, thing, prefix):
        name = f"{prefix}{len(self.globals)}"
        self.globals[name] = thing
        return name

    def spell(self, arg):
        """An argument of a call, as source."""
        if isinstance(arg, Value):
            if arg not in self.names:
                self.names[arg] = self._leaf(arg)
            return self.names[arg]
        if isinstance(arg, tuple) and any(isinstance(a, (Value, tuple)) for a in arg):
            return f"({' '.join(self.spell(a) + ',' for a in arg)})"
        if arg is None or isinstance(arg, (bool, int, str)):
            return repr(arg)
        return self.bind(compiled(arg, self.engine) if isinstance(arg, Program) else arg, "a")

    def _leaf(self, value):
        if value.kind == "variable":
            return self.variables[value.source]
        if value.kind == "counter":
            return f"counts[{self.program.counters.index(value.source)}]"
        return self.bind(self.engine.constant(value.source), "c")

    def add(self, i, step):
        kernel = runtime.kernel(self.engine, step.op)
        if kernel is None:
            raise runtime.missing_kernel(self.engine, step.op)
        arguments = ", ".join(self.spell(a) for a in step.args)
        for value in step.outputs:
            self.names[value] = f"t{i}" + (f"_{value.index}" if len(step.outputs) > 1 else "")
        left = ", ".join(self.names[v] for v in step.outputs)
        self.at[len(self.lines)] = step
        self.lines.append(f"{left} = {self.bind(kernel, f'{step.op.name}_')}({arguments})")
        dead = {v: None for v in (*step.inputs, *step.outputs) if v.kind == "step" and self.last[v] <= i}
        if dead:
            self.lines.append("del " + ", ".join(self.names[v] for v in dead))

    def whole(self, value):
        """What a value is a view of, or itself."""
        while value.kind == "step" and value.source.op.name in self.engine.VIEWS:
            value = value.source.inputs[0]
        return value

    def owned(self, value, stored=()):
        """The value as source, in memory that nobody else holds. stored: values that variables take over."""
        name, whole = self.spell(value), self.whole(value)
        shared = whole.kind != "step" or whole in stored
        return f"{self.bind(self.engine.copy, 'copy')}({name})" if shared else name

    def compile(self, epilogue=None):
        """The function. epilogue: called with this Line to append what runs last, after outputs are safe."""
        for i, step in enumerate(self.program.steps):
            self.add(i, step)
        news, stored = "", set()
        for _, new in self.program.updates:
            news += self.owned(new, stored) + ", "
            stored.add(self.whole(new))
        outputs = "".join(self.owned(v, stored) + ", " for v in self.program.lasting)
        outputs += "".join(self.spell(v) + ", " for v in self.program.outputs[self.program.kept :])
        self.lines.append(f"results = ({outputs}), ({news})")
        if epilogue is not None:
            epilogue(self)
        self.lines.append("return results")
        inputs = [f"x{i}" for i in range(len(self.program.inputs))]
        header = ", ".join([*inputs, *self.variables.values(), "counts"])
        source = f"def run({header}):\n    " + "\n    ".join(self.lines) + "\n"
        exec(compile(source, "<minikeras program>", "exec"), self.globals)
        run = self.globals["run"]
        run.source, run.at = source, self.at
        return run


def straight_line(program, engine, epilogue=None):
    """The function run(*inputs, *variables, counts) -> (outputs, new values)."""
    return Line(program, engine).compile(epilogue)


def compiled(body, engine):
    """A sub-program as a function (*inputs, counts) -> outputs."""
    run = straight_line(body, engine)

    def outputs(*arguments):
        return run(*arguments)[0]

    outputs.output_specs = body.output_specs
    return outputs
