"""The steps of an update group as one function that works in place on flat memory.

Every instruction writes into given memory: into the variable whose new value it is, as soon as nothing reads the old
one, else into a scratch run. Shared by the engines whose kernels take `out`.
"""

import copy
from typing import NamedTuple

from .grouping import Instruction, Ref


class Chain:
    """Source of `chain(variables, gradients, scalars, scratch)` for a group. kernel: op -> callable that takes `out=`.

    scratch: dtypes of the scratch runs that it needs, by index. fused: (outer op, inner op) -> (kernel, its keywords)
    for engines that have x + a * b and the like in one call.
    """

    def __init__(self, group, kernel, constant, fused=None):
        self.group, self.scratch, self.globals = group, [], {}
        if fused:
            group = self.group = _fuse(group, fused)
        self.last, self.place = group.reads(), {}
        self.root = {index: role for role, index in group.roots.items()}
        self.constants = [constant(c) for c in group.constants]
        self.lines = [self._line(i, step, kernel) for i, step in enumerate(group.instructions)]
        late = [(role, i) for role, i in group.roots.items() if self.place[i] != f"v{role}"]
        self.lines += [f"copyto(v{role}, {self.place[i]})" for role, i in late]

    def _line(self, i, step, kernel):
        name = f"k{i}"
        self.globals[name] = kernel(step.op)
        arguments = "".join(f"{self._spell(arg, i)}, " for arg in step.args) + getattr(step.op, "keywords", "")
        self.place[i] = self._target(i, step)
        return f"{name}({arguments}out={self.place[i]})"

    def _spell(self, arg, i):
        if not isinstance(arg, Ref):
            return repr(arg)
        if arg.kind == "result":
            return self.place[arg.index]
        if arg.kind == "constant":
            self.globals[f"c{arg.index}"] = self.constants[arg.index]
        return {"variable": "v", "gradient": "g", "scalar": "s", "constant": "c"}[arg.kind] + str(arg.index)

    def _target(self, i, step):
        role = self.root.get(i)
        if role is not None and self.last.get(Ref("variable", role), -1) <= i:
            return f"v{role}"
        for arg in step.args:  # in place of what ends here
            if isinstance(arg, Ref) and arg.kind == "result" and self._ends(arg.index, i, step.dtype):
                return self.place[arg.index]
            if isinstance(arg, Ref) and arg.kind == "variable" and self._makes_room(arg, i):
                return f"v{arg.index}"
        held = {self.place[j] for j in range(i) if self.last.get(Ref("result", j), -1) >= i or j in self.root}
        for k, dtype in enumerate(self.scratch):
            if dtype == step.dtype and f"b{k}" not in held:
                return f"b{k}"
        self.scratch.append(step.dtype)
        return f"b{len(self.scratch) - 1}"

    def _makes_room(self, variable, i):
        """Whether the memory of a variable that step i is the last to read can hold its result: until the new value."""
        if i in self.root or self.last[variable] != i:
            return False
        return self.last[Ref("result", i)] <= self.group.roots.get(variable.index, -1)

    def _ends(self, j, i, dtype):
        own = self.place[j].startswith("b") and self.scratch[int(self.place[j][1:])] == dtype
        return own and self.last[Ref("result", j)] == i and j not in self.root

    def compile(self, copyto, loop=False):
        """The function; loop: it takes lists of blocks and goes through them."""
        group = self.group
        roles = [f"v{i}" for i in range(len(group.variables[0]))] + [f"g{i}" for i in range(len(group.gradients[0]))]
        shared = [f"s{i}" for i in range(len(group.scalars))]
        blocks = [*roles, *(f"b{k}" for k in range(len(self.scratch)))]
        head, indent = f"def chain({', '.join([*(['blocks'] if loop else blocks), *shared])}):\n", "    "
        if loop:
            head, indent = f"{head}    for {', '.join(blocks)}, in blocks:\n", "        "
        source = head + "".join(f"{indent}{line}\n" for line in self.lines)
        scope = {**self.globals, "copyto": copyto}
        exec(compile(source, "<minikeras update>", "exec"), scope)
        scope["chain"].source = source
        return scope["chain"]


class Fused(NamedTuple):
    """A call that does the work of two instructions."""

    kernel: object
    keywords: str = ""


def _fuse(group, fused):
    """A copy of the group in which x op (a op' b) is one instruction where `fused` knows one."""
    fused_group = copy.copy(group)
    steps, reads = list(group.instructions), {}
    for step in steps:
        for ref in step.args:
            if isinstance(ref, Ref) and ref.kind == "result":
                reads[ref.index] = reads.get(ref.index, 0) + 1
    dropped = set()
    for i, step in enumerate(steps):
        for inner, x in ((1, 0), (0, 1)) if step.op.name == "add" else ((1, 0),):
            if len(step.args) != 2 or not _only_here(step.args[inner], reads, group.roots):
                continue
            source = steps[step.args[inner].index]
            found = fused.get((step.op.name, source.op.name)) if not isinstance(source.op, Fused) else None
            if found and step.args[x] != step.args[inner] and step.args[x].kind != "scalar":
                steps[i] = Instruction(Fused(*found), (step.args[x], *source.args), step.dtype)
                dropped.add(step.args[inner].index)
                break
    places = {j: k for k, j in enumerate(j for j in range(len(steps)) if j not in dropped)}
    fused_group.instructions = [steps[j]._replace(args=tuple(_moved(a, places) for a in steps[j].args))
                                for j in places]  # fmt: skip
    fused_group.roots = {role: places[j] for role, j in group.roots.items()}
    return fused_group


def _only_here(ref, reads, roots):
    return isinstance(ref, Ref) and ref.kind == "result" and reads[ref.index] == 1 and ref.index not in roots.values()


def _moved(arg, places):
    return Ref("result", places[arg.index]) if isinstance(arg, Ref) and arg.kind == "result" else arg
