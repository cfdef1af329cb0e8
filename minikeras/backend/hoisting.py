"""What a loop computes from its sequences alone, without its state, is computed for all steps at once before the loop.

The product of each input with a kernel is the case that matters: one large product in place of one a step.
"""

from .ops.shape import reshape, sizes_of
from .subgraph import close

# Ops that treat the rows of the first axis of their first argument each for itself.
ROW_BY_ROW = {"matmul", "convolution", "bias_add"}


def hoisted(body, slices, xs, n):
    """(body, further xs, finished): the body without what could be hoisted.

    slices: the parameters of the body that take slices of xs. n: the number of states. The results of what was hoisted
    become parameters, which take slices of `further xs`. finished: output -> its values at all steps, for outputs
    (other than states) that were hoisted whole.
    """
    given = dict(zip(slices, xs, strict=True))
    lifted = dict(given)
    for apply in body.nodes:
        made = _for_all_steps(apply, lifted, body)
        if made is not None:
            lifted[apply.outputs[0]] = made
    used = {t: None for apply in body.nodes if apply.outputs[0] not in lifted for t in _read(apply)}
    frontier = [t for t in used if t in lifted and t not in given]
    finished = {t: lifted[t] for t in body.outputs[n:] if t in lifted}
    frontier += [t for t in body.outputs[:n] if t in lifted and t not in given and t not in used]
    if not frontier and not finished:
        return body, [], {}
    outputs = [*body.outputs[:n], *(t for t in body.outputs[n:] if t not in finished)]
    parameters = (*body.parameters, *frontier)
    inner, _ = close(parameters, outputs, float("inf"), recompute=lambda t: t.owner in body.nodes or None)
    return inner, [lifted[t] for t in frontier], finished


def _read(apply):
    return (*apply.inputs, *(apply.expansion or ()))


def _for_all_steps(apply, lifted, body):
    """The output of an application at all steps, [length, ...], if it can be had at once; else None."""
    op, args = apply.op, apply.args
    moving = [t for t in apply.inputs if t in lifted]
    if not moving or len(apply.outputs) != 1 or any(t not in lifted and body.owns(t) for t in apply.inputs):
        return None
    if op.elementwise:
        # With as many axes as the result, the new first axis meets nothing.
        fits = all(t.ndim == apply.outputs[0].ndim for t in moving)
        return op.apply([lifted.get(a, a) if a in moving else a for a in args]) if fits else None
    if op.name in ROW_BY_ROW and moving == [args[0]] and args[0] not in args[1:]:
        return None if op.name == "matmul" and args[1].ndim != 2 else _row_by_row(op, lifted[args[0]], args[1:])
    return None


def _row_by_row(op, x, rest):
    rows = op.apply((reshape(x, (-1, *sizes_of(x, range(2, x.ndim)))), *rest))
    return reshape(rows, (*sizes_of(x, (0, 1)), *sizes_of(rows, range(1, rows.ndim))))
