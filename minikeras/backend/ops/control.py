"""Choices and loops: branches that the learning phase decides, switches, and the scan that all loops are made of."""

from ..function import is_learning_phase
from ..hoisting import hoisted
from ..op import Host, Spec, Tensors, as_tensor, flat_tensors, like, op, promoted
from ..session import learning_phase
from ..subgraph import close, inputs_of, merged_spec, narrowed, trace
from ..tensor import Tensor, show
from .math import where
from .shape import cast, reshape, sizes_of

# ---- one of two ----------------------------------------------------------------------------------------------------


@op(composite=True, prepare=lambda condition, then, otherwise: (condition, *promoted([then, otherwise])))
def choose(condition: Tensor, then: Tensor, otherwise: Tensor):
    """`then` if the scalar condition is nonzero, else `otherwise`.

    Only one of the two is in a program for which the condition is known, as it is for the learning phase.
    """
    return where(condition, then, otherwise)


# The condition itself is attached to what comes back: see the guards in gradients.py.
choose.gradient(None, lambda g, y, *_: g, lambda g, y, *_: g)


def in_train_phase(x, alt, training=None):
    """`x` in training, else `alt`: tensors, or functions without arguments that return them.

    training: whether it is training: None for the learning phase, else a bool, an int or a scalar tensor.
    """
    training = learning_phase() if training is None else training
    if not isinstance(training, Tensor):
        return _value(x if training else alt)
    if is_learning_phase(training):
        return _zipped(lambda a, b: choose(training, a, b), _value(x), _value(alt))
    return switch(training, x, alt)


def in_test_phase(x, alt, training=None):
    """`x` in testing, else `alt`: the opposite of `in_train_phase`."""
    return in_train_phase(alt, x, training)


def switch(condition, then_expression, else_expression):
    """One of two expressions, chosen at run time.

    condition: a scalar tensor, or one whose axes are the first ones of the expressions: then it chooses elementwise,
    and both are computed. then_expression, else_expression: tensors of one shape, or functions without arguments that
    return them; with a scalar condition only the function that is chosen runs.
    Raises ValueError when the condition has more axes than the expressions.
    """
    condition = as_tensor(condition)
    lazy = condition.ndim == 0 and not is_learning_phase(condition)  # the phase is known before anything runs
    if lazy and callable(then_expression) and callable(else_expression):
        return _switch_lazily(condition, then_expression, else_expression)
    pick = choose if condition.ndim == 0 else _where_leading
    return _zipped(lambda a, b: pick(condition, a, b), _value(then_expression), _value(else_expression))


def _value(x):
    return x() if callable(x) else x


def _zipped(function, x, y):
    """The function of x and y, or of each pair in two lists."""
    if isinstance(x, (list, tuple)):
        return [function(a, b) for a, b in zip(x, y, strict=True)]
    return function(x, y)


def _where_leading(condition, x, y):
    x, y = promoted([x, y])
    missing = x.ndim - condition.ndim
    if missing < 0:
        raise ValueError(f"K.switch: the condition {show(condition)} has more axes than the expressions, {show(x)} and "
                         f"{show(y)}.")
    return where(reshape(condition, (*sizes_of(condition), *[1] * missing)) if missing else condition, x, y)


# What is printed is never merged or folded.
@op(spec=lambda x, _: like(x), gradient=[lambda g, *_: g], random=True, prepare=lambda x, message="": (x, str(message)))
def print_tensor(x: Tensor, message: str):
    """x itself; whenever it is computed, its value is printed after the message."""


# ---- branches that run only when they are taken --------------------------------------------------------------------


@op(fold=False)
def _cond(condition: Tensor, for_then: Tensors, for_otherwise: Tensors, then: object, otherwise: object):
    """The outputs of one of two bodies without parameters, given what each captures."""
    what = "the two branches must give the same shape and dtype: {} and {}."
    return tuple(merged_spec(what, a, b) for a, b in zip(then.output_specs, otherwise.output_specs, strict=True))


def _switch_lazily(condition, then, otherwise):
    bodies = []
    for branch in (then, otherwise):
        made, since = trace(branch)
        several = isinstance(made, (list, tuple))
        bodies.append(close((), [as_tensor(t) for t in (made if several else [made])], since, lazy=True)[0])
    results = run_cond(condition, *bodies)
    return list(results) if several else results[0]


def run_cond(condition, then, otherwise):
    """The outputs of one of two bodies."""
    results = _cond(cast(condition, "bool"), then.captured, otherwise.captured, then, otherwise)
    _flag(results, then, otherwise)
    return results


def _flag(results, *bodies):
    if any(body.uses_learning_phase for body in bodies):
        for tensor in results:
            tensor._uses_learning_phase = True


def _cond_programs(walk, args):
    condition, for_then, for_otherwise, then, otherwise = args
    then, for_then = then.program(walk, (), for_then)
    otherwise, for_otherwise = otherwise.program(walk, (), for_otherwise)
    return [condition, for_then, for_otherwise, then, otherwise]


def _prune_cond(step, used):
    condition, for_then, for_otherwise, then, otherwise = step.args
    kept = [i for i, value in enumerate(step.outputs) if value in used]
    if len(kept) < len(step.outputs):
        then, for_then = _pruned_branch(then, for_then, kept)
        otherwise, for_otherwise = _pruned_branch(otherwise, for_otherwise, kept)
        _rebuild(step, (condition, for_then, for_otherwise, then, otherwise), kept)


def _pruned_branch(program, captured, outputs):
    needed = inputs_of([program.outputs[i] for i in outputs])
    inputs = [i for i, value in enumerate(program.inputs) if value in needed]
    return narrowed(program, inputs, outputs), tuple(captured[i] for i in inputs)


def _rebuild(step, args, outputs):
    step.args = args
    step.inputs = flat_tensors(args, step.op.tensor_positions)
    step.outputs = tuple(step.outputs[i] for i in outputs)


_cond.op.specialise, _cond.op.prune = _cond_programs, _prune_cond  # the gradients: loop_gradients.py


# ---- loops ---------------------------------------------------------------------------------------------------------


@op(fold=False)
def _scan(carry: Tensors, xs: Tensors, captured: Tensors, body: object, reverse: bool, length: Host):
    """Runs body(carry, slices of xs) -> (new carry, ys) for each of `length` steps.

    carry: the state before the first step. xs: [length, ...], one slice a step. captured: what else the body reads.
    body: a Body, or its Program; parameters: carry, slices, captured. reverse: from the last slice to the first.
    Returns the carry after all steps, then the ys of all steps, [length, ...], each at the position of its slice.
    """
    what = "the state before a step and after it must have the same shape and dtype: {} and {}."
    specs, n = body.output_specs, len(carry)
    finals = [merged_spec(what, c, s) for c, s in zip(carry, specs, strict=False)]
    time = None if isinstance(length, Tensor) else length
    return (*finals, *(Spec((time, *s.shape), s.dtype) for s in specs[n:]))


def loop(body, carry, slices, xs, reverse, length, actual=None):
    """(final carry, ys) of a body over `length` steps, each a list of tensors.

    slices: the parameters of the body that take slices of xs. actual: captured tensor -> what is fed for it, if not
    itself. What the body computes without its state is taken out of the loop.
    """
    n, outputs = len(carry), list(body.outputs)
    body, more, finished = hoisted(body, slices, xs, n)
    captured = tuple((actual or {}).get(t, t) for t in body.captured)
    results = ()
    if body.outputs:
        results = _scan(tuple(carry), (*xs, *more), captured, body, reverse, length)
        results = results if isinstance(results, tuple) else (results,)
        _flag(results, body)
    rest = iter(results[n:])
    return list(results[:n]), [finished[t] if t in finished else next(rest) for t in outputs[n:]]


def _scan_program(walk, args):
    carry, xs, captured, body, reverse, length = args
    if any(x.shape[0] != length for x in xs):
        raise ValueError(f"all sequences must have {length} steps, they are {', '.join(show(x) for x in xs)}.")
    slices = [Spec(x.shape[1:], x.dtype) for x in xs]
    program, captured = body.program(walk, [*map(like, carry), *slices], captured, len(carry))
    return [carry, xs, captured, program, reverse, length]


def _prune_scan(step, used):
    """Drops ys that nothing reads, states that neither the outside nor a step needs, and inputs that are left over."""
    carry, xs, captured, program, reverse, length = step.args
    n, outputs = len(carry), step.outputs
    ys = [i for i in range(n, len(outputs)) if outputs[i] in used]
    kept = {i for i in range(n) if outputs[i] in used}
    while True:
        needed = inputs_of([program.outputs[i] for i in (*sorted(kept), *ys)])
        more = {i for i in range(n) if program.inputs[i] in needed} - kept
        if not more:
            break
        kept |= more
    inputs = [i for i, value in enumerate(program.inputs) if i in kept or value in needed]
    results = [*sorted(kept), *ys]
    if len(inputs) < len(program.inputs) or len(results) < len(outputs):
        given = (*carry, *xs, *captured)
        parts = [(0, n), (n, n + len(xs)), (n + len(xs), len(given))]
        groups = [tuple(given[i] for i in inputs if start <= i < stop) for start, stop in parts]
        _rebuild(step, (*groups, narrowed(program, inputs, results), reverse, length), results)


def _alike_in_scan(step):
    """What the body computes once is stacked once: what an input gets is often what the sum for a weight wants too."""
    n, program, first = len(step.args[0]), step.args[3], {}
    return tuple(out if i < n else first.setdefault(program.outputs[i], out) for i, out in enumerate(step.outputs))


_scan.op.specialise, _scan.op.prune, _scan.op.alike = _scan_program, _prune_scan, _alike_in_scan
