"""Reverse-mode differentiation over the graph. The gradient is graph too: it differentiates again.

Source: Griewank and Walther, Evaluating Derivatives (2008), chapter 3.
"""

from .op import Tensors, as_tensor
from .tensor import Tensor, Update, building, is_float


def gradients(loss, variables):
    """Gradient of the sum of `loss` with respect to each of `variables`.

    loss: a tensor of any shape. variables: a list of tensors of any kind (or one): variables, placeholders, or
    anything between them and the loss.
    Returns a list of tensors, each with shape and dtype of its variable; None where the loss does not depend on it, or
    only through functions without a gradient (comparisons, rounding, integers, stop_gradient).
    """
    targets = list(variables) if isinstance(variables, (list, tuple)) else [variables]
    losses = list(loss) if isinstance(loss, (list, tuple)) else [loss]
    order = _path(losses, targets)
    cotangents = {}
    from .ops.shape import ones_like

    for tensor in losses:
        if is_float(tensor.dtype):
            _add(cotangents, tensor, ones_like(tensor))
    for node in reversed(order):
        _pull_back(node, cotangents, order)
    return [_total(cotangents, t) for t in targets]


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


def _path(losses, targets):
    """The applications and aliases between targets and losses, in the order in which they compute.

    A dict: node -> set of those of its inputs that lead to a target. A node is an Apply, or a tensor with a meaning.
    """
    reaches, seen, order = set(targets), set(), {}
    stack = [(tensor, False) for tensor in losses]
    while stack:
        tensor, done = stack.pop()
        if not done:
            if tensor in seen or not is_float(tensor.dtype):
                continue
            seen.add(tensor)
            stack.append((tensor, True))
            stack.extend((t, False) for t in _sources(tensor) if t not in seen)
            continue
        leading = {t for t in _sources(tensor) if t in reaches}
        if leading:
            reaches.add(tensor)
            node = tensor if _meaning(tensor) is not None else tensor.owner
            order.setdefault(node, leading)
    return order


def _pull_back(node, cotangents, order):
    leading = order[node]
    if isinstance(node, Tensor):
        g = _total(cotangents, node)
        if g is not None:
            _add(cotangents, _meaning(node), g)
        return
    gs = tuple(_total(cotangents, t) for t in node.outputs)
    if all(g is None for g in gs):
        return
    single = len(node.outputs) == 1
    outer, building.scope = building.scope, node.scope
    try:
        _apply_rules(node, gs[0] if single else gs, node.outputs[0] if single else node.outputs, leading, cotangents)
    finally:
        building.scope = outer


def _apply_rules(node, g, y, leading, cotangents):
    op = node.op
    joint = op.rules(g, y, *node.args) if op.joint else None
    if op.joint and len(op.tensor_positions) == 1:
        joint = (joint,) if not isinstance(joint, tuple) or op.annotations[op.tensor_positions[0]] is Tensors else joint
    for k, position in enumerate(op.tensor_positions):
        arg = node.args[position]
        wanted = [t for t in (arg if isinstance(arg, tuple) else (arg,)) if t is not None and t in leading]
        rule = None if op.joint or k >= len(op.rules) else op.rules[k]
        if not wanted or (joint is None and rule is None):
            continue
        found = joint[k] if joint is not None else rule(g, y, *node.args)
        pairs = zip(arg, found, strict=True) if isinstance(arg, tuple) else ((arg, found),)
        for tensor, cotangent in pairs:
            if cotangent is not None and tensor in leading:
                _add(cotangents, tensor, _fitted(cotangent, tensor, op))


def _fitted(g, tensor, op):
    """The cotangent in the shape of its tensor: what was broadcast is summed back."""
    g = as_tensor(g, tensor.dtype)
    if op.elementwise and (g.shape != tensor.shape or None in g.shape):
        from .ops.reduction import sum_to

        return sum_to(g, tensor)
    return g


def _add(cotangents, tensor, g):
    cotangents.setdefault(tensor, []).append(g)


def _total(cotangents, tensor):
    """The sum of all cotangents of a tensor (kept, so that it is built once)."""
    terms = cotangents.get(tensor)
    if not terms:
        return None
    if len(terms) > 1:
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        cotangents[tensor] = terms = [total]
    return terms[0]
