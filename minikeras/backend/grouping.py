"""Updates of many variables as one: what an optimizer does to each weight is the same few elementwise steps.

Updates whose expressions have the same form are taken out of the program and made one `Group`. Its variables get places
in common flat memory, a run for each role (weights, first moments, ...), and the steps run over the whole run at once:
a dozen calls a training step rather than a dozen a weight, in place, in blocks that stay in the cache where that pays.
"""

import math
from typing import NamedTuple

from .program import Program, Value
from .tensor import in_order, is_float


class Instruction(NamedTuple):
    """One elementwise step of a group. args: Refs, or static arguments."""

    op: object
    args: tuple
    dtype: str


class Ref(NamedTuple):
    """What an instruction reads. kind: 'variable', 'gradient', 'scalar', 'constant', 'result'; index: which of them."""

    kind: str
    index: int


class Group:
    """Members that are updated alike.

    instructions: in order. roots: role -> index of the instruction whose result is the role's new value.
    variables: a list of Variables for each member, by role. gradients: a list of Values for each member, by role.
    scalars: Values shared by all. constants: arrays.
    """

    def __init__(self, form, members):
        self.instructions, self.roots, self.scalars, self.constants = form
        self.variables = [m.variables for m in members]
        self.gradients = [m.gradients for m in members]

    def reads(self):
        """Index of the last instruction that reads each Ref."""
        return {ref: i for i, step in enumerate(self.instructions) for ref in step.args if isinstance(ref, Ref)}


class _Member:
    """One variable's updates and what they read, on the way to a canonical form."""

    def __init__(self, updates, local):
        self.variables, self.gradients, self.scalars, self.constants = [], [], [], []
        self.instructions, self.refs = [], {}

        def inputs(value):
            return value.source.inputs if value.kind == "step" and value.source in local else ()

        for value in in_order([value for _, value in updates], inputs):
            self.refs[value] = self._instruction(value) if inputs(value) else self._leaf(value)
        self.variables += [v for v, _ in updates if v not in self.variables]
        roles = {v: i for i, v in enumerate(self.variables)}
        self.roots = tuple(sorted((roles[v], self.refs[value].index) for v, value in updates))

    def _instruction(self, value):
        args = tuple(self.refs[a] if isinstance(a, Value) else a for a in value.source.args)
        self.instructions.append(Instruction(value.source.op, args, value.dtype))
        return Ref("result", len(self.instructions) - 1)

    def _leaf(self, value):
        if value.shape == ():
            kind = "constant" if value.kind == "constant" else "scalar"
        else:
            kind = "variable" if value.kind == "variable" else "gradient"
        found = getattr(self, f"{kind}s")
        found.append(value.source if kind == value.kind else value)
        return Ref(kind, len(found) - 1)

    def key(self):
        """Members with equal keys are updated alike."""
        constants = tuple((c.dtype.str, c.tobytes()) for c in self.constants)
        return tuple(self.instructions), self.roots, tuple(self.scalars), constants, len(self.variables)


def group_updates(program, has_out):
    """(groups, the program without them). has_out: op -> whether its kernel can write into given memory.

    A variable is in one group only; updates that fit no group stay in the program.
    """
    local = _local_steps(program, has_out)
    members = _members(program, local)
    forms = {}
    for updates in members:
        member = _Member(updates, local)
        if len(set(member.variables)) == len(member.variables):
            forms.setdefault(member.key(), []).append((member, updates))
    groups, grouped, seen = [], set(), set()
    for found in forms.values():
        found = [(m, u) for m, u in found if not seen.intersection(m.variables)]
        if not found:
            continue
        seen.update(v for m, _ in found for v in m.variables)
        grouped.update(variable for _, updates in found for variable, _ in updates)
        groups += _groups([m for m, _ in found])
    if not groups:
        return [], program
    kept = [(v, value) for v, value in program.updates if v not in grouped]
    needed = [v for g in groups for v in (*g.scalars, *(x for gradients in g.gradients for x in gradients))]
    return groups, Program(program.inputs, program.outputs, kept, program.phase, needed)


def _groups(members):
    """Members of one form as groups: those that lie in the same runs together, or each alone."""
    first, by_run = members[0], {}
    form = (first.instructions, dict(first.roots), first.scalars, first.constants)
    for member in members:
        by_run.setdefault(tuple(v.run for v in member.variables), []).append(member)
    groups = []
    for together in by_run.values():
        parts = [together] if feasible([m.variables for m in together]) else [[m] for m in together]
        groups += [Group(form, part) for part in parts]
    return groups


def _local_steps(program, has_out):
    """Elementwise steps in the shape of a variable that serve nothing but updates."""
    updated = {value: variable for variable, value in program.updates}
    readers = {}
    for step in program.steps:
        for value in step.inputs:
            readers.setdefault(value, []).append(step)
    outputs, local = set(program.outputs), set()
    for step in reversed(program.steps):
        out = step.outputs[0]
        used_by = readers.get(out, [])
        if (step.op.elementwise and len(step.outputs) == 1 and out.shape != () and is_float(out.dtype)
            and out not in outputs and (used_by or out in updated) and all(s in local for s in used_by)
            and all(v.shape == out.shape and v.dtype == out.dtype or v.shape == () for v in step.inputs)
            and has_out(step.op)):  # fmt: skip
            local.add(step)
    return local


def _members(program, local):
    """Lists of (variable, value) whose local steps hang together."""
    owner = {}

    def root(x):
        while owner.setdefault(x, x) is not x:
            x = owner[x]
        return x

    def local_inputs(step):
        return [v.source for v in step.inputs if v.kind == "step" and v.source in local]

    fitting = [(variable, value) for variable, value in program.updates if value.kind == "step"
               and value.source in local and value.dtype == variable.dtype and value.shape == variable.shape]
    for _, value in fitting:
        for step in in_order([value.source], local_inputs):
            owner[root(step)] = root(value.source)
    found = {}
    for variable, value in fitting:
        found.setdefault(root(value.source), []).append((variable, value))
    return list(found.values())


# ---- common memory ---------------------------------------------------------------------------------------------------


class Run:
    """Flat memory in which variables lie one after the other."""

    def __init__(self, variables, flat):
        self.variables, self.flat = variables, flat


def feasible(member_variables):
    """Whether the variables can lie in common memory by role: in no run yet, or exactly in one."""
    for role in zip(*member_variables, strict=True):
        found = {v.run for v in role}
        if len(role) > 1 and found != {None} and not (len(found) == 1 and role[0].run.variables == role):
            return False
    return True


def flat_memory(role, empty):
    """(flat memory of the variables, whether they were moved there). empty: (size, dtype) -> memory of the engine."""
    natives = [v.native() for v in role]
    run = role[0].run
    if run is not None and run.variables == role:
        return run.flat, False
    if len(role) == 1:
        flat = natives[0].reshape(-1)
        if run is None:
            role[0].run = Run(role, flat)
        return flat, False
    sizes = [math.prod(v.shape) for v in role]
    run, start = Run(role, empty(sum(sizes), role[0].dtype)), 0
    for variable, native, n in zip(role, natives, sizes, strict=True):
        view = run.flat[start : start + n].reshape(variable.shape)
        view[...] = native
        variable._native, variable.run = view, run
        start += n
    return run.flat, True
