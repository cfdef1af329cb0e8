"""Gradients of loops and switches: they are loops and switches again.

The gradient of a scan is a scan in the other direction whose body pulls cotangents back through one step. What it
needs of the forward step (states, gates, noise) the forward scan hands out, stacked: nothing is computed twice.

What a captured tensor receives is a sum over all steps. Where a step's share is a matrix product or a sum over the
batch, the factors are stacked, and the sum is taken once after the loop: one large product in place of many small ones.
"""

from .gradients import _plus, pull_back
from .op import OPS
from .ops.control import loop, run_cond
from .ops.creation import zeros_like
from .ops.linalg import matmul
from .ops.reduction import sum as reduce_sum
from .ops.reduction import sum_to
from .ops.shape import permute_dimensions, reshape, sizes_of
from .subgraph import close, parameter_like, trace
from .tensor import Tensor, is_float

# Views and the like: computing them again costs less than stacking them.
CHEAP = {"getitem", "reshape", "permute_dimensions", "expand_dims", "squeeze", "broadcast_like", "broadcast_to"}
# Linear in their first argument, so that they can be applied to the sum over time.
LINEAR = {"getitem", "put", "reshape", "permute_dimensions", "expand_dims", "squeeze", "negative", "cast"}


@OPS["_scan"].joint_gradient
def _scan_gradient(g, y, carry, xs, captured, body, reverse, length):
    """The cotangents of carry, xs and captured, given those of the outputs: a tuple for each."""
    g, y = (g, y) if isinstance(y, tuple) else ((g,), (y,))
    return _ReverseScan(g, y[0].owner, body).cotangents()


class _ReverseScan:
    """The gradient of one scan, while it is put together."""

    def __init__(self, g, apply, body):
        self.g, self.apply, self.body = g, apply, body
        self.carry, self.xs, self.captured, _, self.reverse, self.length = apply.args
        self.n = len(self.carry)
        self.slices = body.parameters[self.n : self.n + len(self.xs)]
        # Cotangents of the states after a step, and of its ys: parameters of the step back.
        self.of_state = {i: parameter_like(t) for i, t in enumerate(body.outputs[: self.n]) if is_float(t.dtype)}
        self.of_output = {j: parameter_like(body.outputs[j]) for j in range(self.n, len(g)) if g[j] is not None
                          and is_float(g[j].dtype)}  # fmt: skip
        self.totals, self.sums = {}, []  # accumulators; (captured, tensors, finish) of sums that are taken afterwards

    def cotangents(self):
        (states, slices, outer), since = trace(self._step_back)
        self._split_sums(outer)
        needed = [t for _, tensors, _ in self.sums for t in tensors if not self.body.owns(t)]
        stacked = list(dict.fromkeys([*slices.values(), *needed]))
        totals = {t: parameter_like(t) for t in self.totals}
        new_totals = [totals[t] + term for t, term in self.totals.items()]
        parameters = (*self.of_state.values(), *totals.values(), *self.of_output.values())
        outputs = [*states.values(), *new_totals, *stacked]
        back, residuals = close(parameters, outputs, since, outside=self.body.captured, recompute=self._of_forward)
        finals, ys = self._run(back, residuals, totals)
        return self._results(finals, dict(zip(stacked, ys, strict=True)), slices)

    def _step_back(self):
        """Cotangents of states, slices and captured tensors for one step: three dicts, without those that are none."""
        body, n = self.body, self.n
        cotangents = {**self.of_state, **self.of_output}
        targets = [t for t in (*body.parameters[:n], *self.slices, *body.captured) if is_float(t.dtype)]
        leaves = (*body.parameters, *body.captured)
        outputs = [body.outputs[i] for i in cotangents]
        pulled = dict(zip(targets, pull_back(outputs, cotangents.values(), targets, leaves), strict=True))
        states = {i: pulled[body.parameters[i]] for i in self.of_state}
        states = {i: zeros_like(self.of_state[i]) if g is None else g for i, g in states.items()}
        return states, *({t: pulled[t] for t in part if pulled.get(t) is not None}
                         for part in (self.slices, body.captured))

    def _split_sums(self, outer):
        for tensor, share in outer.items():
            for term in _addends(share):
                found = _sum_afterwards(term, tensor)
                if found is not None:
                    self.sums.append((tensor, *found))
                else:
                    self.totals[tensor] = _plus(self.totals.get(tensor), term)

    def _of_forward(self, tensor):
        if not self.body.owns(tensor):
            return None
        return tensor not in self.body.parameters and tensor.owner.op.name in CHEAP

    def _run(self, back, residuals, totals):
        actual = dict(zip(self.body.captured, self.captured, strict=True))
        zeros = [zeros_like(self.apply.outputs[i]) if self.g[i] is None else self.g[i] for i in self.of_state]
        carry = [*zeros, *(zeros_like(actual[t]) for t in totals)]
        xs = [*(self.g[j] for j in self.of_output), *(self._history(t) for t in residuals)]
        slices = (*self.of_output.values(), *residuals)
        return loop(back, carry, slices, xs, not self.reverse, self.length, actual)

    def _history(self, tensor):
        """The values of a tensor of the forward body at all steps, [length, ...]."""
        ys = zip(self.body.outputs[self.n :], self.apply.outputs[self.n :], strict=True)
        known = {**dict(ys), **dict(zip(self.slices, self.xs, strict=True))}
        if tensor in known:
            return known[tensor]
        self.body.outputs.append(tensor)
        time = None if isinstance(self.length, Tensor) else self.length
        made = Tensor((time, *tensor.shape), tensor.dtype, None, self.apply, len(self.apply.outputs))
        made._uses_learning_phase = self.apply.outputs[0]._uses_learning_phase
        self.apply.outputs = (*self.apply.outputs, made)
        return made

    def _results(self, finals, stacks, slices):
        of_carry = dict(zip(self.of_state, finals, strict=False))
        of_captured = dict(zip(self.totals, finals[len(self.of_state) :], strict=True))
        for tensor, tensors, finish in self.sums:
            share = finish(*(stacks[t] if t in stacks else self._history(t) for t in tensors))
            of_captured[tensor] = _plus(of_captured.get(tensor), share)
        return (tuple(of_carry.get(i) for i in range(self.n)), tuple(stacks.get(slices.get(t)) for t in self.slices),
                tuple(of_captured.get(t) for t in self.body.captured))


# ---- sums over time that can wait ----------------------------------------------------------------------------------


def _addends(tensor):
    """The tensors of which it is the plain sum."""
    found, stack = [], [tensor]
    while stack:
        term = stack.pop()
        made = term.owner
        if made is not None and made.op.name == "add" and all(t.shape == term.shape for t in made.inputs):
            stack.extend(reversed(made.inputs))
        else:
            found.append(term)
    return found


def _sum_afterwards(term, target):
    """(tensors, finish) such that finish(their values at all steps) is the sum of the term over the steps, or None."""
    linear = []
    while term.owner is not None:
        op, args = term.owner.op, term.owner.args
        if op.name == "sum_to":
            if None in term.shape and args[1] is not target:
                return None
            if args[0].shape != term.shape or None in term.shape:
                return (args[0],), lambda a, like=args[1], of=term.shape: _rewrapped(_sum_to(a, like, of), linear)
            term = args[0]
        elif op.name == "matmul" and args[0].ndim == args[1].ndim == 2:
            turned = args[0].owner
            if turned is None or turned.op.name != "permute_dimensions" or turned.args[1] != (1, 0):
                return None
            return (turned.args[0], args[1]), lambda a, b: _rewrapped(_product_over_time(a, b), linear)
        elif op.name == "convolution_kernel_gradient":
            # Over all steps at once: every step is one more part of the batch.
            return args[:2], lambda a, b, op=op, rest=args[2:]: _rewrapped(
                op.apply((_as_batch(a), _as_batch(b), *rest)), linear)
        elif op.name in LINEAR and not any(isinstance(a, Tensor) for a in args[1:]):
            linear.append((op, args[1:]))
            term = args[0]
        else:
            return None
    return None


def _rewrapped(total, linear):
    for op, rest in reversed(linear):
        total = op.apply((total, *rest))
    return total


def _sum_to(stacked, like, wanted):
    if None in wanted:
        return sum_to(stacked, like)
    lead = stacked.ndim - len(wanted)
    axes = (*range(lead), *(i + lead for i, n in enumerate(wanted) if n == 1))
    return reshape(reduce_sum(stacked, axes), wanted)


def _product_over_time(a, b):
    """The sum over time of transpose(a) @ b. a: [time, batch, n]. b: [time, batch, m]. Returns [n, m]."""
    return matmul(permute_dimensions(_as_batch(a), (1, 0)), _as_batch(b))


def _as_batch(x):
    """[time, batch, ...] as [time * batch, ...]."""
    return reshape(x, (-1, *sizes_of(x, range(2, x.ndim))))


# ---- switches ------------------------------------------------------------------------------------------------------


@OPS["_cond"].joint_gradient
def _cond_gradient(g, y, condition, for_then, for_otherwise, then, otherwise):
    """The cotangents of condition (None) and of what the branches captured: those of the branch that was taken."""
    g = g if isinstance(g, tuple) else (g,)
    targets = [t for t in dict.fromkeys((*then.captured, *otherwise.captured)) if is_float(t.dtype)]
    backs = [_branch_back(body, g, targets) for body in (then, otherwise)]
    found = dict(zip(targets, run_cond(condition, *backs), strict=True)) if targets else {}
    # A tensor that both branches captured gets its cotangent once.
    return None, tuple(found.pop(t, None) for t in then.captured), tuple(found.pop(t, None) for t in otherwise.captured)


def _branch_back(body, g, targets):
    at = [i for i, h in enumerate(g) if h is not None and is_float(h.dtype)]
    outputs, cotangents = [body.outputs[i] for i in at], [g[i] for i in at]

    def back():
        pulled = pull_back(outputs, cotangents, targets, body.captured)
        return [zeros_like(t) if h is None else h for t, h in zip(targets, pulled, strict=True)]

    found, since = trace(back)
    outside = (*body.captured, *cotangents, *targets)
    # The branch runs again: which of its values are needed is not known outside.
    return close((), found, since, lazy=True, outside=outside, recompute=lambda t: body.owns(t) or None)[0]
