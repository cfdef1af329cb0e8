"""Programs: a part of the graph made ready to run, for one learning phase and one set of input shapes.

`specialise` walks back from the outputs and updates (without recursion), and gives every tensor a `Value` with its real
shape. On the way shapes and their arithmetic are evaluated on the host, branches that the learning phase decides are
taken, composites dissolve where the backend has no kernel, constants are folded, rewrites applied and equal steps
merged. What no output needs is dropped. A linker turns the Program into something that runs.
"""

import numpy as np

from . import config, runtime
from .op import OPS, Spec, explained, flat_tensors, host_integers, replaced
from .tensor import Constant, Counter, Placeholder, Tensor, Update, in_order, show
from .variable import Variable

FOLD_LIMIT = 1 << 20  # bytes; larger constants are computed when the program runs


class Value:
    """What a tensor is in a program. kind: 'input', 'variable', 'counter', 'constant' or 'step'.

    source: the input's position, the Variable, the Counter, the NumPy array, or the Step. index: which output of it.
    """

    __slots__ = ("shape", "dtype", "kind", "source", "index")

    def __init__(self, shape, dtype, kind, source, index=0):
        self.shape, self.dtype, self.kind, self.source, self.index = shape, dtype, kind, source, index

    @property
    def ndim(self):
        return len(self.shape)

    @property
    def size(self):
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self):
        return self.size * (2 if self.dtype == "bfloat16" else np.dtype(self.dtype).itemsize)

    @property
    def op_name(self):
        """Name of the op that makes it, or None."""
        return self.source.op.name if self.kind == "step" else None

    def scalar(self):
        """The number that it is, if it is a constant with one element; else None."""
        return self.source.item() if self.kind == "constant" and self.source.size == 1 else None


class Step:
    """One op to run: canonical arguments with Values for tensors, and the Values that come out."""

    __slots__ = ("op", "args", "inputs", "outputs", "scope")

    def __init__(self, op, args, inputs, scope):
        self.op, self.args, self.inputs, self.scope, self.outputs = op, args, inputs, scope, ()


class Program:
    """Steps in order, from inputs and variables to outputs and updates.

    inputs: the Values fed, in order. outputs: Values. updates: (Variable, Value) pairs, executed after all reads.
    kept: how many outputs the caller may keep; it copies the others before it runs the program again.
    counters: the Counters of the random steps, in order. needed: further Values that a linker asks for.
    """

    def __init__(self, inputs, outputs, updates, phase=0, needed=(), kept=None):
        self.inputs, self.outputs, self.updates, self.phase, self.needed = inputs, outputs, updates, phase, needed
        self.kept = len(outputs) if kept is None else kept
        roots = [*outputs, *(value for _, value in updates), *needed]
        # What was asked for last comes first: the gradients of the last layers, before what they hold is gone through.
        self.steps = pruned_steps([*outputs, *reversed(roots[len(outputs) :])])
        read = [*roots, *(v for s in self.steps for v in s.inputs)]
        self.variables = list({**{v.source: None for v in read if v.kind == "variable"}, **dict(updates)})
        self.counters = list(dict.fromkeys(v.source for v in read if v.kind == "counter"))

    @property
    def lasting(self):
        """The outputs that must have memory of their own."""
        return self.outputs[: self.kept]

    @property
    def output_specs(self):
        return tuple(Spec(v.shape, v.dtype) for v in self.outputs)

    def last_uses(self):
        """For each step's Value the index of the last step that reads it; outputs and updates: the number of steps."""
        last = {}
        for i, step in enumerate(self.steps):
            for value in step.outputs:
                last.setdefault(value, i)
            for value in step.inputs:
                last[value] = i
        for value in [*self.outputs, *(v for _, v in self.updates), *self.needed]:
            last[value] = len(self.steps)
        return last

    def __str__(self):
        return render(self)


def live_steps(roots):
    """The steps that the roots need, in an order in which they can run."""
    return in_order(_makers(roots), lambda step: _makers(step.inputs))


def _makers(values):
    return [v.source for v in values if v.kind == "step"]


def pruned_steps(roots):
    """`live_steps`, after steps that can do so have dropped the outputs that nothing reads."""
    steps = live_steps(roots)
    if all(step.op.prune is None for step in steps):
        return steps
    used = set(roots)
    for step in reversed(steps):
        if not used.isdisjoint(step.outputs):
            if step.op.prune is not None:
                step.op.prune(step, used)
            used.update(step.inputs)
    return live_steps(roots)


class NeedsValue(Exception):
    """A shape depends on the values of these inputs (positions): the program has to be specialised to them."""

    def __init__(self, positions):
        self.positions = positions


class Specialiser:
    """One walk over the graph. values: Tensor -> Value for everything seen so far."""

    def __init__(self, backend, phase=0, level=None):
        self.backend, self.phase = backend, phase
        self.level = config.optimize() if level is None else level
        self.values, self.merged, self.updates = {}, {}, {}
        self.scope = None

    # -- leaves

    def feed(self, tensor, spec, position, value=None):
        """Makes the tensor an input of the program; with a value (a host array) it is known to the shape rules."""
        made = Value(spec.shape, spec.dtype, "input", position) if value is None else constant(value)
        self.values[tensor] = made
        return made

    def _leaf(self, tensor):
        if isinstance(tensor, Variable):
            return Value(tensor.shape, tensor.dtype, "variable", tensor)
        if isinstance(tensor, Constant):
            return constant(tensor.value)
        if isinstance(tensor, Counter):
            return Value((), tensor.dtype, "counter", tensor)
        if isinstance(tensor, Placeholder) and tensor.default is not None:
            value = self.phase if tensor.default == "phase" else tensor.default
            return constant(np.asarray(value, dtype=tensor.dtype))
        raise ValueError(f'Placeholder "{tensor.name}" {show(tensor)} must be fed: give it among the inputs of '
                         "K.function, or evaluate a tensor that does not depend on it.")

    # -- the walk

    def run(self, tensor):
        """The Value of the tensor; what it depends on is visited first, on a stack of its own."""
        if tensor not in self.values:
            stack = [self._visit(tensor)]
            while stack:
                needed = next(stack[-1], None)
                if needed is None:
                    stack.pop()
                elif needed not in self.values:
                    stack.append(self._visit(needed))
        return self.values[tensor]

    def _visit(self, tensor):
        """Generator: yields the tensors that it needs first, then enters its own value."""
        if isinstance(tensor, Update):
            yield from tensor.control
            yield tensor.new_value
            self._update(tensor)
            return
        apply = tensor.owner
        if apply is None:
            self.values[tensor] = self._leaf(tensor)
            return
        yield from apply.control
        if apply.op.name == "choose":
            condition, then, otherwise = apply.args
            yield condition
            known = self.values[condition].scalar()
            if known is not None:
                taken = then if known else otherwise
                yield taken
                self.values[tensor] = self.values[taken]
                return
        if apply.expansion and (self.backend is None or runtime.kernel(self.backend, apply.op) is None):
            for outer, meant in zip(apply.outputs, apply.expansion, strict=True):
                yield meant
                self.values[outer] = self.values[meant]
            return
        yield from apply.inputs
        self._apply(apply)

    def _update(self, update):
        new = self.values[update.new_value]
        self.values[update] = new
        before = self.updates.get(update.variable)
        if before is None:
            self.updates[update.variable] = new
        elif update.delta is not None:
            # Two increments in one run: the second adds to what the first gave.
            change = self.emit(OPS["subtract"], new, self.run(update.variable))
            self.updates[update.variable] = self.values[update] = self.emit(OPS["add"], before, change)
        # Of two plain updates the later one in the list holds; `specialise` goes through the list backwards.

    def _apply(self, apply):
        self.scope = apply.scope
        args = [replaced(a, Tensor, self.values.__getitem__) for a in apply.args]
        self.values.update(zip(apply.outputs, self._emit(apply.op, args), strict=False))

    # -- steps

    def emit(self, function, *args):
        """Value(s) of an op applied to Values and canonical static arguments: what rewrites are written with."""
        results = self._emit(getattr(function, "op", function), list(args))
        return results[0] if len(results) == 1 else results

    def _emit(self, op, args):
        for i in op.host_positions:
            if isinstance(args[i], Value):
                args[i] = self._host(args[i])
        if op.host is not None:
            return [constant(op.host(*args))]
        for rule in op.rewrites if self.level else op.always:
            found = rule(self.emit, *args)
            if found is not None:
                return [found] if isinstance(found, Value) else list(found)
        if self.level and op.elementwise:
            spread = self._before_broadcast(op, args)
            if spread is not None:
                return [spread]
        if op.specialise is not None:
            args = op.specialise(self, args)
        specs = self._specs(op, args)
        inputs = flat_tensors(args, op.tensor_positions)
        key = self._key(op, args)
        if key is not None and key in self.merged:
            return self.merged[key]
        outputs = self._folded(op, args, inputs, specs)
        if outputs is None:
            step = Step(op, tuple(args), inputs, self.scope)
            outputs = step.outputs = tuple(Value(tuple(s.shape), s.dtype, "step", step, i) for i, s in enumerate(specs))
            outputs = outputs if op.alike is None else op.alike(step)
        if key is not None:
            self.merged[key] = outputs
        return outputs

    def _before_broadcast(self, op, args):
        """An elementwise op on what was only broadcast: it broadcasts by itself, or its result is broadcast."""
        if not any(isinstance(a, Value) and a.op_name == "broadcast_to" for a in args):
            return None
        narrow = [a.source.args[0] if isinstance(a, Value) and a.op_name == "broadcast_to" else a for a in args]
        shape = self._specs(op, args)[0].shape
        (result,) = self._emit(op, narrow)
        return result if result.shape == shape else self.emit(OPS["broadcast_to"], result, shape)

    def _specs(self, op, args):
        try:
            result = op.spec(*([replaced(a, Value, _stand_in) for a in args] if op.composite else args))
        except (ValueError, TypeError) as error:
            raise explained(error, op, args, self.scope, Value) from error
        if op.composite and runtime.kernel(self.backend, op) is None:
            raise TypeError(f"K.{op.name} is a composite without a kernel here: a rewrite may only emit primitives.")
        return (result,) if isinstance(result, (Spec, Tensor)) else tuple(result)

    def _host(self, value):
        if value.kind != "constant":
            raise NeedsValue(sorted(input_positions(value)))
        return host_integers(value.source)

    def _key(self, op, args):
        if op.random or not self.level:
            return None
        key = (op, *(self._hashable(a) for a in args))
        try:
            hash(key)
        except TypeError:
            return None
        return key

    def _hashable(self, arg):
        if isinstance(arg, Value):
            # Leaves are made once for each tensor, steps once: identity tells them apart, but for small constants.
            array = arg.source
            small = arg.kind == "constant" and array.nbytes <= 64
            return (array.dtype.str, array.shape, array.tobytes()) if small else arg
        if isinstance(arg, tuple):
            return tuple(self._hashable(a) for a in arg)
        return (type(arg), arg)

    def _folded(self, op, args, inputs, specs):
        """The results as constants, if they can be computed now: of constants, and not too large."""
        if op.random or not op.fold or any(v.kind != "constant" for v in inputs):
            return None
        kernel = runtime.kernel(runtime.load("numpy"), op)
        nbytes = sum(Value(s.shape, s.dtype, "", None).nbytes for s in specs)
        if kernel is None or nbytes > (FOLD_LIMIT if self.level else 1024) or any(s.dtype == "bfloat16" for s in specs):
            return None
        with np.errstate(all="ignore"):
            results = kernel(*(replaced(a, Value, lambda value: value.source) for a in args))
        return tuple(constant(r) for r in (results if isinstance(results, (tuple, list)) else (results,)))


def _stand_in(value):
    """A tensor with the shape of a Value, for the body of a composite to be asked what its outputs look like."""
    return Tensor(value.shape, value.dtype)


def constant(array):
    """The Value of a NumPy array."""
    array = np.asarray(array)
    return Value(array.shape, array.dtype.name, "constant", array)


def input_positions(value):
    """Positions of the inputs that a value depends on. Raises ValueError when it depends on a variable."""
    values = in_order([value], lambda v: v.source.inputs if v.kind == "step" else ())
    for leaf in values:
        if leaf.kind in ("variable", "counter"):
            name = getattr(leaf.source, "name", leaf.kind)
            raise ValueError(f'A shape may depend on shapes and on fed values, but this one depends on "{name}".')
    return {v.source for v in values if v.kind == "input"}


def specialise(inputs, specs, outputs, updates, backend, phase=0, known=None, level=None):
    """The Program for one set of input shapes.

    inputs: Tensors that are fed. specs: a Spec for each. outputs: Tensors. updates: Update tensors.
    known: position -> host array, for inputs whose values decide shapes. Raises NeedsValue when one is missing there.
    """
    walk = Specialiser(backend, phase, level)
    fed = [walk.feed(t, s, i, (known or {}).get(i)) for i, (t, s) in enumerate(zip(inputs, specs, strict=True))]
    results = [walk.run(t) for t in outputs]
    # Backwards, since of two plain updates of a variable the later one holds: it is the first that the walk meets.
    for update in reversed(updates):
        walk.run(update)
    order = {u.variable: None for u in updates}
    pairs = [(v, walk.updates[v]) for v in {**order, **walk.updates}]
    return Program(fed, results, pairs, phase)


def render(program):
    """The program as text: a line a step with outputs, op, arguments, shapes and layer scope."""
    names = {}

    def name(value):
        if isinstance(value, tuple):
            return f"({', '.join(name(v) for v in value)})"
        if not isinstance(value, Value):
            return repr(value) if not isinstance(value, Program) else f"<{len(value.steps)} steps>"
        if value.kind == "constant":
            return str(value.source.item()) if value.source.size == 1 else f"constant{list(value.shape)}"
        if value.kind in ("variable", "counter"):
            return value.source.name
        if value.kind == "input":
            return f"input{value.source}"
        return names.setdefault(value, f"t{len(names)}")

    lines = [f"inputs: {', '.join(f'input{i} {show(v)}' for i, v in enumerate(program.inputs))}"]
    for step in program.steps:
        left = ", ".join(f"{name(v)} {show(v)}" for v in step.outputs)
        where = f"    # {step.scope.path[:-1]}" if step.scope else ""
        lines.append(f"{left} = {step.op.name}({', '.join(map(name, step.args))}){where}")
    lines += [f"{variable.name} <- {name(value)}" for variable, value in program.updates]
    lines.append(f"return {', '.join(name(v) for v in program.outputs)}")
    return "\n".join(lines)

