"""Sub-programs: a function of tensors, traced once into a graph that is closed.

A `Body` depends on its parameters and on what it captures, nothing else: tensors from outside that are used inside.
They are inputs of the op that runs the body, so that whatever does not change inside is computed once, outside, and
cotangents find their way out. For given shapes a Body becomes a `Program`.
"""

import threading

from .op import OPS, Spec
from .program import NeedsValue, Program, Specialiser, input_positions, live_steps
from .tensor import Constant, Placeholder, Update, building, compatible, in_order, serials, show

# Numbers the steps of nested loops apart: an outer step advances the count by this prime.
STEPS_APART = 1_000_003


class _Tracing(threading.local):
    steps = ()


_tracing = _Tracing()


def current_step():
    """The number of the step of the loop that is being traced: an int32 scalar tensor, or None outside of loops.

    Random ops draw by it, so that each step has its own noise. Nested loops give one number for all their steps.
    """
    total = None
    for step in _tracing.steps:
        total = step if total is None else total * STEPS_APART + step
    return total


class Body:
    """A traced function.

    parameters: Tensors that are fed, placeholders or others. outputs: a list; gradients may append to it.
    nodes: the applications inside. captured: the Tensors from outside, in the order in which they are fed.
    """

    def __init__(self, parameters, outputs, nodes, captured):
        self.parameters, self.outputs = tuple(parameters), list(outputs)
        self.nodes, self.captured = nodes, tuple(captured)
        self._own = set(self.parameters)

    def owns(self, tensor):
        """Whether the tensor belongs to the inside."""
        return tensor in self._own or tensor.owner in self.nodes

    @property
    def output_specs(self):
        return tuple(Spec(t.shape, t.dtype) for t in self.outputs)

    @property
    def uses_learning_phase(self):
        return any(t._uses_learning_phase for t in self.outputs)

    def program(self, walk, specs, captured, kept=None):
        """(the Program for parameters of these specs, the captured Values that it takes as further inputs).

        captured: the Values of what is captured; constants among them become constants of the program.
        kept: see Program.
        """
        inner = Specialiser(walk.backend, walk.phase, walk.level)
        fed = [inner.feed(t, spec, i) for i, (t, spec) in enumerate(zip(self.parameters, specs, strict=True))]
        taken = []
        for tensor, value in zip(self.captured, captured, strict=True):
            if value.kind == "constant":
                inner.values[tensor] = value
            elif value.op_name == "broadcast_to" and value.source.args[0].kind == "constant":
                # One number everywhere, such as the mask of a dropout in testing: rewrites can make use of it.
                inner.values[tensor] = inner.emit(OPS["broadcast_to"], *value.source.args)
            else:
                fed.append(inner.feed(tensor, Spec(value.shape, value.dtype), len(fed)))
                taken.append(value)
        try:
            outputs = [inner.run(t) for t in self.outputs]
        except NeedsValue as needs:
            raise NeedsValue(self._outer_positions(needs, taken)) from None
        return Program(fed, outputs, [], walk.phase, kept=kept), tuple(taken)

    def _outer_positions(self, needs, taken):
        inside = len(self.parameters)
        if any(p < inside for p in needs.positions):
            raise ValueError("A shape inside of a loop depends on values that change from step to step.")
        return sorted({outer for p in needs.positions for outer in input_positions(taken[p - inside])})


def trace(function, step=None):
    """What `function()` returns, and the serial number at which its applications begin.

    Inside, `current_step` counts with `step`. Updates that the surroundings wait for are not waited for step by step.
    """
    outer_steps, outer_control = _tracing.steps, building.control
    if step is not None:
        _tracing.steps = (*outer_steps, step)
    building.control = ()
    since = next(serials)
    try:
        return function(), since
    finally:
        _tracing.steps, building.control = outer_steps, outer_control


def close(parameters, outputs, since, lazy=False, outside=(), recompute=None):
    """The Body of what `outputs` depend on, and the Tensors of another body that it takes over as parameters.

    since: applications with a lower serial number are outside. lazy: all others are inside, even if they do not depend
    on the parameters. outside: Tensors that are captured in any case.
    recompute: (tensor) -> None for a tensor of no interest, False for one of the other body, True for one of it that is
    computed again.
    """
    taken, sources = {}, {}

    def needs(tensor):
        again = None if recompute is None else recompute(tensor)
        if again is False:
            taken[tensor] = None
        elif again or isinstance(tensor, Update) or (tensor.owner is not None and tensor.owner.serial > since):
            sources[tensor] = _sources(tensor)
        return sources.get(tensor, ())

    order = [t for t in in_order(outputs, needs, skip=(*parameters, *outside)) if t in sources]
    inner, nodes = {*parameters, *taken}, {}
    for tensor in order:
        if lazy or not inner.isdisjoint(sources[tensor]):
            if isinstance(tensor, Update):
                raise ValueError(f'The variable "{tensor.variable.name}" cannot be updated inside of a loop or branch. '
                                 "Return the new value as a state or result, and update the variable with it outside.")
            inner.add(tensor)
            nodes[tensor.owner] = None
    used = dict.fromkeys([*outputs, *(s for t in order if t.owner in nodes for s in sources[t])])
    captured = [t for t in used if t not in inner and not _needs_no_feed(t)]
    return Body((*parameters, *taken), outputs, nodes, captured), tuple(taken)


def _sources(tensor):
    if isinstance(tensor, Update):
        return (*tensor.control, tensor.new_value)
    apply = tensor.owner
    return (*apply.control, *apply.inputs, *(apply.expansion or ()))


def _needs_no_feed(tensor):
    # Nobody holds a literal, so nobody asks for its gradient; that of a named K.constant can be asked for.
    literal = isinstance(tensor, Constant) and tensor._name is None
    return literal or (isinstance(tensor, Placeholder) and tensor.default is not None)


# ---- what programs of bodies share ---------------------------------------------------------------------------------


def inputs_of(values):
    """The inputs of a program that the values depend on."""
    steps = live_steps(values)
    return {v for v in (*values, *(v for s in steps for v in s.inputs)) if v.kind == "input"}


def narrowed(program, inputs, outputs):
    """The program with some of its inputs and outputs (positions)."""
    return Program([program.inputs[i] for i in inputs], [program.outputs[i] for i in outputs], [], program.phase,
                   kept=sum(i < program.kept for i in outputs))


def merged_spec(what, first, second):
    """The Spec that is known from both. Raises ValueError (`what`, with {} for each) when they cannot be the same."""
    if first.dtype != second.dtype or not compatible(first.shape, second.shape):
        raise ValueError(what.format(show(first), show(second)))
    return Spec(tuple(b if a is None else a for a, b in zip(first.shape, second.shape, strict=True)), first.dtype)


def parameter_like(tensor, shape=None, name="slice"):
    """A placeholder for values like the tensor's (of another shape)."""
    made = Placeholder(tensor.shape if shape is None else shape, tensor.dtype, f"{name}:0")
    made._uses_learning_phase = tensor._uses_learning_phase
    return made
