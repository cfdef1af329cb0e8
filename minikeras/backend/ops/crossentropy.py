"""Cross-entropies, from probabilities and from logits."""

from .. import config
from ..op import Spec, as_tensor, like, one_axis, op
from ..tensor import Tensor, compatible, is_float, show
from .creation import arange
from .math import abs as _abs
from .math import cast_like, clip, equal, exp, float_like, greater, less, log, log1p, logical_and, negative, where
from .nn import rectify, sigmoid, softmax_gradient
from .reduction import all as _all
from .reduction import max as _max
from .reduction import sum as _sum
from .shape import cast, expand_dims, permute_dimensions, reshape, sizes_of


def _origin(output, name):
    """What a softmax or sigmoid took, if `output` is its direct result; else None.

    Crossentropies use it instead of clipped probabilities, as Keras does on TensorFlow: saturated outputs still learn.
    A cast to the dtype that it already has counts as nothing.
    """
    made = output.owner
    while made is not None and made.op.name == "cast" and made.args[0].dtype == output.dtype:
        made = made.args[0].owner
    if made is None or made.op.name != name:
        return None
    x = made.args[0]
    # Along another axis TensorFlow transposes after the softmax, and the transposed tensor is not recognised.
    return x if name == "sigmoid" or made.args[1] == x.ndim - 1 else None


def _pair(target, output):
    """The two as tensors of one dtype. Raises ValueError when their shapes cannot agree."""
    output = as_tensor(output)
    target = as_tensor(target, output.dtype)
    if not compatible(target.shape, output.shape):
        raise ValueError(f"Crossentropy: target {show(target)} and output {show(output)} must have one shape. Integer "
                         "labels go to the sparse_categorical_crossentropy.")
    return target if target.dtype == output.dtype else cast(target, output.dtype), output


def _clipped(output):
    return clip(output, config.epsilon(), 1.0 - config.epsilon())


def _hits(labels, scores):
    """Where the class is the label: bools in the shape of the scores [..., classes]."""
    (classes,) = sizes_of(scores, [-1])
    return equal(expand_dims(labels, -1), arange(classes, dtype=labels.dtype))


def _axis_last(x, axis):
    return permute_dimensions(x, (*range(axis), *range(axis + 1, x.ndim), axis)) if axis < x.ndim - 1 else x


# ---- categorical -----------------------------------------------------------------------------------------------------


def _loss_and_probabilities(target, logits):
    return Spec(logits.shape[:-1], float_like(logits).dtype), like(logits)


@op(promote=("target", "logits"), spec=_loss_and_probabilities)
def softmax_crossentropy(target: Tensor, logits: Tensor):
    """-sum(target log(softmax(logits))) over the last axis.

    target, logits: [..., classes]. Returns the loss [...] and, for the gradient, the probabilities [..., classes].
    The gradient to the logits takes the targets of a sample to sum to 1.
    """


@op(composite=True)
def softmax_crossentropy_gradient(g: Tensor, probabilities: Tensor, target: Tensor):
    """g (probabilities - target), g: [...] given to each class."""
    return expand_dims(g, -1) * (probabilities - target)


def _to_logits(through_loss, g, y, target):
    """What comes back to the logits: through the loss (by the op named), and from the probabilities, if any does."""
    g_loss, g_probabilities = g
    found = None if g_loss is None else through_loss(g_loss, y[1], target)
    if g_probabilities is None:
        return found
    more = softmax_gradient(g_probabilities, y[1], y[1].ndim - 1)
    return more if found is None else found + more


softmax_crossentropy.gradient(
    lambda g, y, target, logits: None if g[0] is None else negative(expand_dims(g[0], -1) * log(y[1])),
    lambda g, y, target, logits: _to_logits(softmax_crossentropy_gradient, g, y, target))


def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-sum(target log(p)) over `axis`, in nats, one value a sample.

    target: [batch, ..., classes], probabilities that sum to 1 over `axis`. output: the same shape; probabilities, which
    are scaled to sum to 1 and then clipped to [epsilon, 1 - epsilon], or logits. Returns the shape without `axis`.
    If the output comes directly from a softmax over its last axis, its logits are used, and nothing is clipped.
    Raises ValueError when the shapes differ.
    """
    target, output = _pair(target, output)
    axis = one_axis(axis, output.ndim)
    logits = output if from_logits else _origin(output, "softmax")
    if logits is not None:
        return softmax_crossentropy(_axis_last(target, axis), _axis_last(logits, axis))[0]
    output = _clipped(output / _sum(output, axis, True))
    return negative(_sum(target * log(output), axis))


@op
def sparse_softmax_crossentropy(target: Tensor, logits: Tensor):
    """-log(softmax(logits)) at the class `target`, over the last axis.

    target: integers [...]. logits: [..., classes]. Returns the loss [...] (nan, or an error, for labels that are no
    class) and, for the gradient, the probabilities [..., classes].
    """
    if is_float(target.dtype):
        raise TypeError("the labels must be integers.")
    return _loss_and_probabilities(target, logits)


@op(composite=True)
def sparse_softmax_crossentropy_gradient(g: Tensor, probabilities: Tensor, target: Tensor):
    """g (probabilities - one_hot(target)), g: [...] given to each class."""
    return expand_dims(g, -1) * (probabilities - cast_like(_hits(target, probabilities), probabilities))


sparse_softmax_crossentropy.gradient(
    None, lambda g, y, target, logits: _to_logits(sparse_softmax_crossentropy_gradient, g, y, target))


def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-log(p) of the class `target`, in nats, one value a sample.

    target: class numbers, of any dtype, as many as output has samples: [batch, ...] or [batch, ..., 1].
    output: [batch, ..., classes] (the classes on `axis`): probabilities, which are clipped to [epsilon, 1 - epsilon],
    or logits. Returns the shape of output without `axis`.
    If the output comes directly from a softmax over its last axis, its logits are used, and nothing is clipped.
    """
    output = as_tensor(output)
    logits = output if from_logits else _origin(output, "softmax")
    if logits is None:
        # What does not sum to 1 is scaled by the softmax that follows, after the clipping.
        logits = log(_clipped(output))
    logits = _axis_last(logits, one_axis(axis, logits.ndim))
    labels = cast(target, "int64")
    if labels.shape != logits.shape[:-1]:
        labels = reshape(labels, sizes_of(logits)[:-1])
    return sparse_softmax_crossentropy(labels, logits)[0]


# ---- binary ----------------------------------------------------------------------------------------------------------


@op(composite=True, elementwise=True)
def sigmoid_crossentropy(target: Tensor, logits: Tensor):
    """-target log(s) - (1 - target) log(1 - s) with s = sigmoid(logits), elementwise, without overflow."""
    return rectify(logits) - logits * target + log1p(exp(negative(_abs(logits))))


sigmoid_crossentropy.gradient(lambda g, y, target, logits: negative(g * logits),
                              lambda g, y, target, logits: g * (sigmoid(logits) - target))


def binary_crossentropy(target, output, from_logits=False):
    """-target log(p) - (1 - target) log(1 - p), elementwise, in nats.

    target, output: one shape (a target may broadcast to probabilities). output: probabilities, which are clipped to
    [epsilon, 1 - epsilon], or logits. If it comes directly from a sigmoid, its logits are used, and nothing is clipped.
    Raises ValueError when the shape of logits is not that of the target.
    """
    output = as_tensor(output)
    logits = output if from_logits else _origin(output, "sigmoid")
    if logits is not None:
        return sigmoid_crossentropy(*_pair(target, logits))
    target = cast(as_tensor(target, output.dtype), output.dtype)
    p, epsilon = _clipped(output), config.epsilon()
    # Epsilon is added inside the logarithms once more, as in Keras 2.3.
    return negative(target * log(p + epsilon) + (1.0 - target) * log(1.0 - p + epsilon))


def in_top_k(predictions, targets, k):
    """Whether each target class is among the k most probable; all classes that tie with the k-th are.

    predictions: [batch, classes]. targets: integers [batch]. Returns bools [batch]: False where a prediction is not
    finite or the target is no class.
    """
    predictions, lowest = as_tensor(predictions), float("-inf")
    chosen = _max(where(_hits(cast(targets, "int32"), predictions), predictions, lowest), -1, True)
    better = _sum(cast(greater(predictions, chosen), "int32"), -1)
    known = logical_and(_all(less(_abs(predictions), float("inf")), -1), greater(reshape(chosen, (-1,)), lowest))
    return logical_and(less(better, k), known)
