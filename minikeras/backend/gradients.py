"""Reverse-mode differentiation over the graph. The gradient is graph too: it differentiates again.

Source: Griewank and Walther, Evaluating Derivatives (2008), chapter 3.
"""

import functools

from .op import OPS, as_tensor
from .ops.creation import ones_like, zeros_like
from .tensor import Tensor, Update, building, in_order, is_float


def gradients(loss, variables):
    """Gradient of the sum of `loss` with respect to each of `variables`.

    loss: a tensor of any shape, or a list of them. variables: a list of tensors of any kind (or one): variables,
    placeholders, or anything between them and the loss.
    Returns a list of tensors, each with shape and dtype of its variable; None where the loss does not depend on it, or
    only through functions without a gradient (comparisons, rounding, integers, stop_gradient).
    """
    targets = variables if isinstance(variables, (list, tuple)) else [variables]
    losses = [t for t in (loss if isinstance(loss, (list, tuple)) else [loss]) if is_float(t.dtype)]
    return pull_back(losses, [ones_like(t) for t in losses], targets)


def pull_back(outputs, cotangents, targets, leaves=()):
    """The cotangent of each of `targets`, or None, given those of `outputs`. No path leads through `leaves`."""
    order = _path(outputs, targets, set(leaves))
    found = {}
    for tensor, g in zip(outputs, cotangents, strict=True):
        _add(found, tensor, (), g)
    for node in reversed(order):
        _pull_back_node(node, found, order)
    return [_combined(found.get(t, ())) for t in targets]


def _meaning(tensor):
    """What a tensor stands for in the chain rule, if it is not the result of an op with a rule of its own."""
    if isinstance(tensor, Update):
        return tensor.new_value
    apply = tensor.owner
    if apply is not None and apply.expansion and apply.op.rules is None:
        return apply.expansion[tensor.index]
    return None


def _sources(tensor):
    meaning = _meaning(tensor)
    if meaning is not None:
        return (meaning,)
    apply = tensor.owner
    return () if apply is None or apply.op.rules is None else apply.inputs


def _path(losses, targets, leaves):
    """The applications and aliases between targets and losses, in the order in which they compute.

    A dict: node -> set of those of its inputs that lead to a target. A node is an Apply, or a tensor with a meaning.
    """
    def sources(tensor):
        return () if tensor in leaves else _sources(tensor)

    reaches, order = set(targets), {}
    for tensor in in_order(losses[::-1], lambda t: [s for s in reversed(sources(t)) if is_float(s.dtype)]):
        leading = reaches.intersection(sources(tensor))
        if leading:
            reaches.add(tensor)
            order.setdefault(tensor if _meaning(tensor) is not None else tensor.owner, leading)
    return order


def _pull_back_node(node, found, order):
    leading = order[node]
    outputs = (node,) if isinstance(node, Tensor) else node.outputs
    guards, gs = _totals(found, outputs)
    if all(g is None for g in gs):
        return
    if isinstance(node, Tensor):
        _add(found, _meaning(node), guards, gs[0])
        return
    single = len(outputs) == 1
    outer, building.scope = building.scope, node.scope
    try:
        pairs = _pulled(node, gs[0] if single else gs, outputs[0] if single else outputs, leading)
        for tensor, more, g in pairs:
            inner = _narrowed(guards, more)
            if inner is not None:
                _add(found, tensor, inner, g)
    finally:
        building.scope = outer


def _pulled(node, g, y, leading):
    """(input, guards, cotangent) for the inputs of an application that lead to a target."""
    op = node.op
    rules = op.rules(g, y, *node.args) if op.joint else op.rules
    for position, rule in zip(op.tensor_positions, rules, strict=False):
        arg = node.args[position]
        tensors = arg if isinstance(arg, tuple) else (arg,)
        if rule is None or leading.isdisjoint(tensors):
            continue
        found = rule if op.joint else rule(g, y, *node.args)
        guards = ((node.args[0], position == 1),) if op.name == "choose" else ()
        for tensor, cotangent in zip(tensors, found if isinstance(arg, tuple) else (found,), strict=True):
            if cotangent is not None and tensor in leading:
                yield tensor, guards, _fitted(cotangent, tensor, op)


def _fitted(g, tensor, op):
    """The cotangent in the shape of its tensor: what was broadcast is summed back."""
    g = as_tensor(g, tensor.dtype)
    broadcast = (op.elementwise or op.name == "choose") and (g.shape != tensor.shape or None in g.shape)
    return OPS["sum_to"](g, tensor) if broadcast else g


# ---- sums of cotangents, and the branches they belong to -----------------------------------------------------------
#
# What comes back through one side of K.choose counts only when that side is taken. Such a cotangent carries a guard,
# (condition, side), instead of being set to zero at once: the condition is applied where cotangents of several sides
# meet. So the whole way back through a branch that is not taken is dead code, and goes once the condition is known.


def _add(found, tensor, guards, g):
    found.setdefault(tensor, []).append((guards, g))


def _totals(found, tensors):
    """The guards that hold for all cotangents of the tensors, and the sum for each (None where there is none)."""
    terms = [found.get(t, ()) for t in tensors]
    every = [guards for part in terms for guards, _ in part]
    depth = _common(every) if every else 0
    gs = tuple(_combined([(guards[depth:], g) for guards, g in part]) for part in terms)
    shared = every[0][:depth] if every else ()
    for tensor, part, g in zip(tensors, terms, gs, strict=True):
        if len(part) > 1:  # kept, so that the sum is built once
            found[tensor] = [(shared, g)]
    return shared, gs


def _narrowed(guards, more):
    """All the guards, each once; None when they contradict each other."""
    for condition, side in more:
        if (condition, not side) in guards:
            return None
        if (condition, side) not in guards:
            guards = (*guards, (condition, side))
    return guards


def _common(guards):
    """Number of guards at the start that all agree on."""
    depth = 0
    for level in zip(*guards, strict=False):
        if any(guard != level[0] for guard in level):
            break
        depth += 1
    return depth


def _combined(terms):
    """The sum of guarded cotangents, each counted where its guards hold; None if there is none."""
    sides = {}
    for guards, g in terms:
        if guards:
            (condition, side), *rest = guards
            sides.setdefault(condition, ([], []))[not side].append((tuple(rest), g))
    total = functools.reduce(_plus, _joined([g for guards, g in terms if not guards]), None)
    for condition, (then, otherwise) in sides.items():
        total = _chosen(condition, _plus(total, _combined(then)), _plus(total, _combined(otherwise)))
    return total


def _joined(terms):
    """The terms; where some are the parts into which one axis was cut (a split into gates or heads), as one tensor."""
    parts = {}
    for term in terms:
        at = _cut(term)
        if at is not None:
            parts.setdefault(at[0], {})[at[1:]] = term
    for axis, found in parts.items():
        size, edges = terms[0].shape[axis], sorted(found)
        if len(found) > 1 and [0, *(e[1] for e in edges)] == [*(e[0] for e in edges), size]:
            whole = OPS["concat"]([found[e].owner.args[0] for e in edges], axis)
            return [*(t for t in terms if all(t is not part for part in found.values())), whole]
    return terms


def _cut(term):
    """(axis, start, stop) when the term is the cotangent of a slice along one axis, else None."""
    if term.owner is None or term.owner.op.name != "getitem_gradient":
        return None
    index = term.owner.args[2]
    cut = [(i, e) for i, e in enumerate(index) if e != (None, None, None)]
    if len(cut) != 1 or not isinstance(cut[0][1], tuple) or cut[0][1][2] not in (None, 1):
        return None
    axis, size = cut[0][0], term.shape[cut[0][0]]
    return None if size is None else (axis, *slice(*cut[0][1]).indices(size)[:2])


def _plus(a, b):
    return b if a is None else a if b is None else a + b


def _chosen(condition, then, otherwise):
    then = zeros_like(otherwise) if then is None else then
    return OPS["choose"](condition, then, zeros_like(then) if otherwise is None else otherwise)
