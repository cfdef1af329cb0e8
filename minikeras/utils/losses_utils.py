"""From the losses of the samples to one loss: weights, and how to reduce."""

from .. import backend as K


class Reduction:
    """How a `Loss` makes one value of the losses [batch, ...] of the samples.

    NONE: it does not. SUM: their sum. SUM_OVER_BATCH_SIZE: their sum over their number, which counts time steps
    and the like too, and samples of weight 0.
    """

    NONE = "none"
    SUM = "sum"
    SUM_OVER_BATCH_SIZE = "sum_over_batch_size"

    @classmethod
    def all(cls):
        """All values."""
        return cls.NONE, cls.SUM, cls.SUM_OVER_BATCH_SIZE

    @classmethod
    def validate(cls, key):
        """Raise ValueError if there is no such reduction."""
        if key not in cls.all():
            raise ValueError(f"The reduction of a loss is one of {cls.all()}; got {key!r}.")


def squeeze_or_expand_dimensions(y_pred, y_true=None, sample_weight=None):
    """Make the ranks meet where they differ by one axis at the end.

    Of y_pred and y_true the one with a last axis of size 1 too many loses it; sample_weight gains or loses its last
    axis to have the rank of y_pred; for a scalar, which is one value for the whole batch, it becomes its mean.
    Returns (y_pred, y_true), and sample_weight if there is one.
    """
    if y_true is not None:
        y_pred, y_true = _without_extra_axis(y_pred, y_true), _without_extra_axis(y_true, y_pred)
    if sample_weight is None:
        return y_pred, y_true
    excess = K.ndim(sample_weight) - K.ndim(y_pred)
    if not K.ndim(y_pred):
        sample_weight = K.mean(sample_weight)
    elif excess == 1:
        sample_weight = K.squeeze(sample_weight, -1)
    elif excess == -1 and K.ndim(sample_weight):
        sample_weight = K.expand_dims(sample_weight, -1)
    return y_pred, y_true, sample_weight


def _without_extra_axis(x, other):
    extra = K.ndim(x) - K.ndim(other) == 1 and K.int_shape(x)[-1] == 1
    return K.squeeze(x, -1) if extra else x


def broadcast_weights(values, sample_weight):
    """sample_weight with the rank of values, to be multiplied with them.

    It gains axes at the end; its own axes of size 1 are repeated to the size in values, where that is known.
    Raises ValueError when it has more axes than values, or another size.
    """
    shape, wanted = K.int_shape(sample_weight), K.int_shape(values)
    sizes = list(zip(shape, wanted, strict=False))
    if len(shape) > len(wanted) or any(None not in pair and pair[0] not in (1, pair[1]) for pair in sizes):
        raise ValueError(f"sample_weight, of shape {shape}, does not fit the values that it shall weight, of shape "
                         f"{wanted}: it may have fewer axes at the end, and axes of size 1.")  # fmt: skip
    for axis in range(len(shape), len(wanted)):
        sample_weight = K.expand_dims(sample_weight, axis)
    for axis, (size, target) in enumerate(sizes):
        if size == 1 and target not in (1, None):
            sample_weight = K.repeat_elements(sample_weight, target, axis)
    return sample_weight


def reduce_weighted_loss(weighted_losses, reduction=Reduction.SUM_OVER_BATCH_SIZE):
    """The weighted losses, reduced as `Reduction` says."""
    if reduction == Reduction.NONE:
        return weighted_losses
    total = K.sum(weighted_losses)
    if reduction == Reduction.SUM:
        return total
    return total / K.cast(K.size(weighted_losses), K.dtype(total))


def compute_weighted_loss(losses, sample_weight=None, reduction=Reduction.SUM_OVER_BATCH_SIZE, name=None):
    """Losses of samples [batch, ...], times their weights, reduced as `Reduction` says.

    sample_weight: a number or tensor of weights [batch], [batch, 1] or like losses. name: of the scope.
    """
    Reduction.validate(reduction)
    with K.name_scope(name or "weighted_loss"):
        if sample_weight is not None:
            losses = weighted(losses, sample_weight)
        return reduce_weighted_loss(losses, reduction)


def weighted(losses, sample_weight):
    """losses * sample_weight, with the axes of the weights in place."""
    if not K.is_tensor(sample_weight):
        sample_weight = K.constant(sample_weight, dtype=K.dtype(losses))
    sample_weight = K.cast(sample_weight, K.dtype(losses))
    losses, _, sample_weight = squeeze_or_expand_dimensions(losses, None, sample_weight)
    return losses * broadcast_weights(losses, sample_weight)
