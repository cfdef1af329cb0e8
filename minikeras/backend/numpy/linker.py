"""Runs programs with NumPy: a straight line of calls on memory that was planned beforehand.

Every step whose kernel takes `out` gets a buffer when the program is linked; buffers are reused as soon as nothing
reads them, an elementwise step may write over an argument that it is the last to read, views are made at link time, and
the new value of a variable is written into the variable itself where nothing reads the old one later. What is left at
run time are calls of ufuncs and BLAS on arrays that are already there.

Outputs are never planned buffers: the caller may keep them.
"""

import functools
import heapq
import inspect
import sys
import threading

import numpy as np

from .. import config, runtime
from ..chain import Chain
from ..grouping import flat_memory, group_updates
from ..memory import give_back, keep_freed
from ..op import replaced
from ..program import Program, Value
from .arena import Arena
from .fusion import fused

LENT = 64  # gradients in whose memory values may lie before: so few that looking through them costs nothing
BLOCK = 1 << 22  # bytes of all that an update group touches at a time: what fits the caches, in few calls


def view(kernel):
    """Marks a kernel whose result shares the memory of its first argument."""
    kernel.is_view = True
    return kernel


def elementwise(kernel):
    """Marks a kernel that may write its result over an argument of the same shape and dtype."""
    kernel.in_place = True
    return kernel


def takes_out(kernel):
    """Whether the kernel writes into a given buffer."""
    if isinstance(kernel, np.ufunc):
        return True
    try:
        return "out" in inspect.signature(kernel).parameters
    except (TypeError, ValueError):
        return False


def in_place(kernel):
    """Whether the result may overwrite an argument."""
    return isinstance(kernel, np.ufunc) or getattr(kernel, "in_place", False)


def takes_outs(kernel):
    """Whether the kernel, of several outputs, writes into given buffers: a list `outs`, None where it makes its own."""
    return inspect.isfunction(kernel) and "outs" in inspect.signature(kernel).parameters


def shaped(block, value):
    """A block as an array for the value."""
    return block[: value.nbytes].view(value.dtype).reshape(value.shape)


class Plan:
    """The linked form of a program while it is made: source lines, and the arrays that they name.

    engine: the backend package whose kernels are called.
    """

    def __init__(self, program, engine, groups=()):
        self.program, self.engine, self.lines, self.names, self.at = program, engine, [], {}, {}
        self.direct = {}  # Value -> where it is needed: its part of a group's flat gradient
        self.late = []  # (that part, Value) where it is made elsewhere and has to be copied
        self.place = {}  # Value -> an array that stays the same from run to run, or the name of a local variable
        self.block = {}  # Value -> the arena's block that holds it
        self.readers = {}  # id of a block -> index of the last step that reads it
        self.arena = Arena()
        self.written = {}  # Variable -> True once its memory holds the new value
        self._leaves()
        self.index = {step: i for i, step in enumerate(program.steps)}
        self.last = self._last_reads()
        self._claims(groups)
        self.chains = [self._chain(group) for group in groups]
        for value, part in heapq.nlargest(LENT, self.direct.items(), key=lambda item: item[1].nbytes):
            self.arena.lend(part.reshape(-1).view(np.uint8), self.index[value.source])

    def bind(self, thing, prefix):
        """A global name of the generated function for an object."""
        name = f"{prefix}{len(self.names)}"
        self.names[name] = thing
        return name

    def _leaves(self):
        for i, value in enumerate(self.program.inputs):
            if value.kind == "input":
                self.place[value] = f"x{i}"

    def _last_reads(self):
        """Last reading step of each value; views keep what they look at."""
        last = self.program.last_uses()
        for step in reversed(self.program.steps):
            kernel = self.kernel(step)
            if getattr(kernel, "is_view", False):
                base, out = step.inputs[0], step.outputs[0]
                last[base] = max(last.get(base, -1), last[out])
        return last

    def _claims(self, groups):
        """Which steps may write straight into the variable that they update: Value -> Variable.

        Groups and outputs come after all steps: what they read must not have changed by then.
        """
        leaf = {v.source: v for s in self.program.steps for v in s.inputs if v.kind == "variable"}
        later = {v for group in groups for member in group.variables for v in member}
        later.update(v.source for v in (*self.program.needed, *self.program.outputs) if v.kind == "variable")
        taken, self.claim = set(self.program.outputs), {}
        for variable, value in self.program.updates:
            if value.kind != "step" or value in taken or value.shape != variable.shape or variable in later:
                continue
            read = leaf.get(variable)
            own = self.index[value.source]
            free = read is None or self.last.get(read, -1) < own
            own_read = read is not None and self.last.get(read, -1) == own and self._may_overwrite(value.source, read)
            if (free or own_read) and takes_out(self.kernel(value.source)) and len(value.source.outputs) == 1:
                self.claim[value] = variable
                taken.add(value)

    def _may_overwrite(self, step, read):
        same = [v for v in step.inputs if v is read]
        return (
            in_place(self.kernel(step))
            and bool(same)
            and read.shape == step.outputs[0].shape
            and all(not self._looks_at(v, read) for v in step.inputs if v is not read)
        )

    def _looks_at(self, value, base):
        while value.kind == "step" and getattr(self.kernel(value.source), "is_view", False):
            value = value.source.inputs[0]
        return value is base

    def kernel(self, step):
        """The kernel of a step."""
        return op_kernel(self.engine, step.op)

    # -- arguments

    def fixed(self, value):
        """The array of a value that stays the same from run to run, or None."""
        if value not in self.place:
            if value.kind == "constant":
                self.place[value] = value.source
            elif value.kind == "variable":
                self.place[value] = value.source.native()
            else:
                return None
        place = self.place[value]
        return None if isinstance(place, str) else place

    def spell(self, arg):
        """An argument of a call, as source."""
        if isinstance(arg, Value):
            if arg.kind == "counter":
                return f"counts[{self.program.counters.index(arg.source)}]"
            array = self.fixed(arg)
            if array is None:
                return self.place[arg]
            name = f"{arg.kind[0]}_{id(array)}"
            self.names[name] = array
            return name
        if isinstance(arg, tuple) and any(isinstance(a, (Value, tuple)) for a in arg):
            return f"({' '.join(self.spell(a) + ',' for a in arg)})"
        if arg is None or isinstance(arg, (bool, int, str)):
            return repr(arg)
        if isinstance(arg, Program):
            return self.bind(run_body(arg, self.engine), "body")
        return self.bind(arg, "a")

    # -- steps

    def add(self, i, step):
        kernel = self.kernel(step)
        self.at[len(self.lines)] = step
        if getattr(kernel, "is_view", False) and self._view(step, kernel):
            pass
        elif takes_out(kernel) and len(step.outputs) == 1 and step.outputs[0].dtype != "bfloat16":
            self._planned(i, step, kernel)
        elif takes_outs(kernel):
            self._planned_several(step, kernel)
        else:
            self._call(step, kernel)
        self._release(i, step)

    def _view(self, step, kernel):
        base, out = step.inputs[0], step.outputs[0]
        array = self.fixed(base)
        if array is None or out in self.program.lasting:
            return False
        looked = kernel(*(self.fixed(a) if isinstance(a, Value) else a for a in step.args))
        if not np.may_share_memory(looked, array) and out.size:
            return False
        self.place[out] = looked
        if base in self.block:
            self.block[out] = self.block[base]
        return True

    def _planned(self, i, step, kernel):
        out = step.outputs[0]
        arguments = ", ".join(self.spell(a) for a in step.args)
        call = f"{self.bind(kernel, 'k')}({arguments}"
        if any(out is o for o in self.program.lasting):
            self.place[out] = self.local(out)
            # A 0-d result is a NumPy scalar without `out`; as an argument it is slower, but it is only an output.
            self.lines.append(f"{self.place[out]} = {call})")
            return
        self.place[out] = target = self._target(i, step, kernel)
        self.names[f"s_{id(target)}"] = target
        positional = isinstance(kernel, np.ufunc) and kernel not in (np.maximum, np.minimum)  # deprecated for these
        self.lines.append(f"{call}, {'' if positional else 'out='}s_{id(target)})")

    def _target(self, i, step, kernel):
        """Where the step writes: its variable, an argument that ends here, or a block of the arena."""
        out = step.outputs[0]
        if out in self.direct:
            return self.direct[out]
        variable = self.claim.get(out)
        if variable is not None:
            self.written[variable] = True
            return variable.native()
        if in_place(kernel):
            for value in step.inputs:
                block = self.block.get(value)
                if (
                    block is not None
                    and self._ends(block, i)
                    and self.arena.lasts(block, self.last[out])
                    and value.shape == out.shape
                    and value.dtype == out.dtype
                    and self.fixed(value).flags.c_contiguous
                    and self._alone(value, step)
                ):
                    self._hold(out, block)
                    return shaped(block, out)
        return self._buffer(out)

    def _buffer(self, out):
        """A block of the arena for a value, as an array."""
        block = self.arena.take(out.nbytes, self.last[out])
        self._hold(out, block)
        return shaped(block, out)

    def _hold(self, out, block):
        self.block[out] = block
        self.readers[id(block)] = self.last[out]

    def _alone(self, value, step):
        """No other argument looks at the same block in another order."""
        block = self.block[value]
        return all(self.block.get(v) is not block or self.place[v] is self.place[value] for v in step.inputs)

    def _ends(self, block, i):
        return self.readers[id(block)] <= i

    def _call(self, step, kernel):
        names = [self.local(v) for v in step.outputs]
        for value, name in zip(step.outputs, names, strict=True):
            self.place[value] = name
        arguments = ", ".join(self.spell(a) for a in step.args)
        left = names[0] if len(names) == 1 else ", ".join(names)
        self.lines.append(f"{left} = {self.bind(kernel, 'k')}({arguments})")

    def _planned_several(self, step, kernel):
        arguments = ", ".join(self.spell(a) for a in step.args)
        outs, names = [], []
        for value in step.outputs:
            own = value in self.program.lasting or value.dtype == "bfloat16"
            outs.append(None if own else self.direct[value] if value in self.direct else self._buffer(value))
            names.append(self.local(value) if own else "_")
            self.place[value] = names[-1] if own else outs[-1]
        call = f"{self.bind(kernel, 'k')}({arguments}, {self.bind(outs, 'outs')})"
        self.lines.append(f"{', '.join(names)} = {call}")

    def local(self, value):
        """A fresh local name."""
        return f"t{len(self.lines)}_{value.index}"

    def _release(self, i, step):
        for value in {*step.inputs, *step.outputs}:
            block = self.block.get(value)
            if block is not None and self._ends(block, i) and self.readers.pop(id(block), None) is not None:
                self.readers[id(block)] = len(self.program.steps) + 1
                self.arena.give(block)
        dead = [
            v for v in {*step.inputs} if isinstance(self.place.get(v), str) and self.last[v] <= i and v.kind == "step"
        ]
        if dead:
            self.lines.append("del " + ", ".join(sorted({self.place[v] for v in dead})))

    # -- update groups

    def _chain(self, group):
        """The group's function, and the blocks of memory that it goes through."""
        made = Chain(group, lambda op: op_kernel(self.engine, op), lambda array: array)
        flats = [flat_memory(role, np.empty)[0] for role in zip(*group.variables, strict=True)]
        for k in range(len(group.gradients[0])):
            flats.append(self._flat_gradient([g[k] for g in group.gradients]))
        itemsize = max((f.itemsize for f in flats), default=4)
        size = BLOCK // (itemsize * (len(flats) + len(made.scratch)))
        scratch = [np.empty(size, dtype) for dtype in made.scratch]
        blocks = []
        for start in range(0, len(flats[0]), size):
            views = [f[start : start + size] for f in flats]
            blocks.append((*views, *(b[: len(views[0])] for b in scratch)))
        return made.compile(np.copyto, loop=True), blocks, group

    def _writes(self, step):
        """Whether the step's outputs can be told where to go."""
        kernel = self.kernel(step)
        return takes_outs(kernel) or (len(step.outputs) == 1 and takes_out(kernel))

    def _flat_gradient(self, values):
        """Memory for the gradients of a group; those that steps can write there are written there."""
        flat, start, outputs = np.empty(sum(v.size for v in values), values[0].dtype), 0, set(self.program.outputs)
        for value in values:
            part = flat[start : start + value.size].reshape(value.shape)
            start += value.size
            ready = value.kind == "step" and value not in outputs and value not in self.direct
            if ready and self._writes(value.source):
                self.direct[value] = part
            else:
                self.late.append((part, value))
        return flat

    # -- the end

    def finish(self):
        pending = [(v, value) for v, value in self.program.updates if not self.written.get(v)]
        for i, (_, value) in enumerate(pending):
            self.lines.append(f"new{i} = copy({self.spell(value)})")
        kept, outputs = self.program.kept, self.program.outputs
        outputs = "".join(
            f"{name}, " for name in [*map(self._output, outputs[:kept]), *map(self.spell, outputs[kept:])]
        )
        # Outputs that look at variables are copied before the groups change them.
        self.lines.append(f"outputs = ({outputs})")
        for part, value in self.late:
            self.lines.append(f"copyto({self.bind(part, 'part')}, {self.spell(value)})")
        for run, blocks, group in self.chains:
            arguments = [self.bind(blocks, "blocks"), *(self.spell(v) for v in group.scalars)]
            self.lines.append(f"{self.bind(run, 'update')}({', '.join(arguments)})")
        for i, (variable, _) in enumerate(pending):
            self.lines.append(f"copyto({self.bind(variable.native(), 'w')}, new{i})")
        self.lines.append("return outputs")

    def _output(self, value):
        name = self.spell(value)
        owned = value.kind == "step" and isinstance(self.place[value], str) and not self._is_view(value)
        return f"asarray({name})" if owned else f"array({name})"

    def _is_view(self, value):
        return getattr(self.kernel(value.source), "is_view", False)

    def compile(self):
        """The function (x0, x1, ..., counts) -> outputs."""
        header = ", ".join([*(f"x{i}" for i in range(len(self.program.inputs))), "counts"])
        body = "\n    ".join(self.lines)
        source = f"def run({header}):\n    {body}\n"
        scope = {**self.names, "copyto": np.copyto, "array": np.array, "asarray": np.asarray, "copy": np.array}
        exec(compile(source, "<minikeras program>", "exec"), scope)
        run = scope["run"]
        run.source, run.at = source, self.at
        return run


def op_kernel(engine, op):
    """The kernel of an op in a backend package; raises NotImplementedError naming op and backend."""
    kernel = runtime.kernel(engine, op)
    if kernel is None:
        raise runtime.missing_kernel(engine, op)
    return kernel


def own_package():
    """The package of this backend."""
    return sys.modules[__package__]


def plan(program, engine, groups=()):
    """The compiled straight line of a program."""
    made = Plan(program, engine, groups)
    for i, step in enumerate(program.steps):
        made.add(i, step)
    made.finish()
    return made.compile()


def run_body(program, engine):
    """A sub-program as a function of its inputs: callable(*inputs, counts) -> outputs."""
    run = plan(program, engine)
    run.output_specs = program.output_specs
    return run


@functools.cache
def touch_blas():
    """Lets BLAS touch its memory for packed operands: 2 ms, once a process.

    OpenBLAS prefetches beyond what it has packed. Where that memory was never touched, every prefetch is a walk through
    the page tables in vain, and products of some hundred rows run at half their speed for as long as the process lives.
    With more columns than a block has (320 to 450) the rows are packed into memory that smaller products do not reach.
    """
    np.matmul(np.zeros((64, 384), "float32"), np.zeros((384, 768), "float32"))


class Linked:
    """A program ready to run. One run at a time: the buffers are its own.

    engine: the backend package whose kernels are called, if not this one.
    """

    def __init__(self, program, engine=None):
        touch_blas()
        keep_freed()
        groups, engine = (), engine or own_package()
        if config.optimize():
            groups, program = group_updates(program, lambda op: in_place(op_kernel(engine, op)))
            program = fused(program, engine)
        before = [v._native for v in program.variables]
        self.program, self.counters = program, program.counters
        self.line = plan(program, engine, groups)
        self.lock = threading.Lock()
        moved = any(v._native is not b for v, b in zip(program.variables, before, strict=True) if v.home is not None)
        if moved:
            # Variables moved into common memory: programs that were linked before look at the old one.
            runtime.Active.epoch += 1
            del before
            give_back()

    def __call__(self, inputs):
        with self.lock, np.errstate(all="ignore"):
            counts = [c.value for c in self.counters]
            outputs = self.line(*inputs, counts)
            for counter in self.counters:
                counter.value += 1
            return outputs


def run_once(program):
    """The outputs of a program without inputs, computed step by step without a plan."""
    values, engine = {}, own_package()

    def look(arg):
        if isinstance(arg, Program):
            return run_body(arg, engine)
        if arg.kind == "step":
            return values[arg]
        if arg.kind == "counter":
            return arg.source.value
        return arg.source if arg.kind == "constant" else arg.source.numpy()

    with np.errstate(all="ignore"):
        for step in program.steps:
            results = op_kernel(engine, step.op)(*(replaced(a, (Value, Program), look) for a in step.args))
            results = results if isinstance(results, (tuple, list)) else (results,)
            values.update(zip(step.outputs, results, strict=True))
    for counter in program.counters:
        counter.value += 1
    return [np.asarray(look(v)) for v in program.outputs]
