"""Confusion matrices at many thresholds, and what else metrics share."""

import functools
from enum import Enum

import numpy as np

from .. import backend as K
from ..backend.tensor import compatible
from .generic_utils import to_list
from .losses_utils import broadcast_weights, squeeze_or_expand_dimensions

NEG_INF = -1e10


class Reduction:
    """What a `Reduce` metric makes of the values it sees: the SUM, the mean SUM_OVER_BATCH_SIZE (weights do not count
    in the denominator) or the WEIGHTED_MEAN."""

    SUM = "sum"
    SUM_OVER_BATCH_SIZE = "sum_over_batch_size"
    WEIGHTED_MEAN = "weighted_mean"


class ConfusionMatrix(Enum):
    """The entries of a confusion matrix of two classes."""

    TRUE_POSITIVES = "tp"
    FALSE_POSITIVES = "fp"
    TRUE_NEGATIVES = "tn"
    FALSE_NEGATIVES = "fn"


class _Named(Enum):
    @classmethod
    def from_str(cls, key):
        """The member of a name, in any case. Raises ValueError for unknown names."""
        by_name = {member.value.lower(): member for member in cls}
        if str(key).lower() not in by_name:
            raise ValueError(f"{cls.__name__}: expected one of {[member.value for member in cls]}; got {key!r}.")
        return by_name[key.lower()]


class AUCCurve(_Named):
    """The curves whose area AUC measures: receiver operating characteristic, precision over recall."""

    ROC = "ROC"
    PR = "PR"


class AUCSummationMethod(_Named):
    """The height of the area between two thresholds: interpolated, the greater (majoring) or the smaller (minoring)."""

    INTERPOLATION = "interpolation"
    MAJORING = "majoring"
    MINORING = "minoring"


# Wrapping update_state and result


def update_state_wrapper(update_state_fn):
    """`update_state` of a metric such that the updates it returns become updates of the metric."""

    @functools.wraps(update_state_fn)
    def decorated(metric_obj, *args, **kwargs):
        updates = update_state_fn(*args, **kwargs)
        # Some metrics add updates themselves and return something else.
        metric_obj.add_update([u for u in to_list(updates, allow_tuple=True) if hasattr(u, "variable")])
        return updates

    return decorated


def result_wrapper(result_fn):
    """`result` of a metric such that the tensor it returns knows the metric, as `_metric_obj`."""

    @functools.wraps(result_fn)
    def decorated(metric_obj, *args):
        result = K.identity(result_fn(*args))
        result._metric_obj = metric_obj
        return result

    return decorated


# Thresholds


def assert_thresholds_range(thresholds):
    """Raise ValueError if a threshold is not in [0, 1]."""
    wrong = [t for t in thresholds or () if t is None or not 0 <= t <= 1]
    if wrong:
        raise ValueError(f"Thresholds are numbers from 0 to 1; got {wrong}.")


def parse_init_thresholds(thresholds, default_threshold=0.5):
    """List of thresholds from a number, a list or None (the default). Raises ValueError if one is not in [0, 1]."""
    if thresholds is not None:
        assert_thresholds_range(to_list(thresholds, allow_tuple=True))
    return to_list(default_threshold if thresholds is None else thresholds, allow_tuple=True)


def even_thresholds(num_thresholds):
    """The thresholds i / (n - 1) strictly between 0 and 1."""
    return [i / (num_thresholds - 1) for i in range(1, num_thresholds - 1)]


def filter_top_k(x, k):
    """x with all but the k greatest of the last axis set to -1e10. Of equal values the first ones stay."""
    classes = K.int_shape(x)[-1]
    kept, rest = K.zeros_like(x), x
    for _ in range(min(k, classes)):
        greatest = K.one_hot(K.argmax(rest, axis=-1), classes)
        kept = kept + greatest
        rest = rest + 2 * NEG_INF * greatest
    return x * kept + NEG_INF * (1.0 - kept)


def divide_no_nan(x, y):
    """x / y, and 0 where y is 0."""
    zero = K.equal(y, 0.0)
    return K.switch(zero, K.zeros_like(x), x / K.switch(zero, K.ones_like(y), y))


# Counting


def weighted_assign_add(label, pred, weights, var):
    """Update that adds to var, [thresholds], the sum of the weights where label and pred are both true.

    label: [1, n]. pred: [thresholds, n]. weights: [1, n], or None for ones.
    """
    row = K.cast(label, K.dtype(var))
    if weights is not None:
        row = row * K.cast(weights, K.dtype(var))
    return K.update_add(var, K.sum(row * K.cast(pred, K.dtype(var)), axis=1))


def update_confusion_matrix_variables(variables_to_update, y_true, y_pred, thresholds=0.5, top_k=None, class_id=None,
                                      sample_weight=None):  # fmt: skip
    """Updates that count the predictions in the entries of confusion matrices, one matrix a threshold.

    variables_to_update: {ConfusionMatrix: variable [thresholds]}; entries that are missing are not counted.
    y_true, y_pred: of one shape; all their elements count. A prediction is positive above the threshold, a label if it
    is not 0. thresholds: a number or list. top_k: only the k greatest of the last axis can be positive. class_id: count
    only this index of the last axis. sample_weight: fewer axes than y_pred, or axes of size 1, or its shape.
    Returns the list of updates. Raises ValueError for unknown keys and shapes that do not fit.
    """
    unknown = [key for key in variables_to_update if not isinstance(key, ConfusionMatrix)]
    if unknown or not variables_to_update:
        raise ValueError(f"variables_to_update needs keys of ConfusionMatrix, {list(ConfusionMatrix)}; got "
                         f"{list(variables_to_update)}.")  # fmt: skip
    y_true, y_pred, weights = _aligned(y_true, y_pred, top_k, class_id, sample_weight)
    thresholds = np.reshape(to_list(thresholds, allow_tuple=True), (-1, 1)).astype(K.floatx())
    true = K.cast(K.not_equal(y_true, 0.0), K.floatx())
    positive = K.cast(y_pred > K.constant(thresholds), K.floatx())
    sides = {
        ConfusionMatrix.TRUE_POSITIVES: (true, positive),
        ConfusionMatrix.FALSE_POSITIVES: (1.0 - true, positive),
        ConfusionMatrix.TRUE_NEGATIVES: (1.0 - true, 1.0 - positive),
        ConfusionMatrix.FALSE_NEGATIVES: (true, 1.0 - positive),
    }
    return [weighted_assign_add(*sides[key], weights, var) for key, var in variables_to_update.items()]


def _aligned(y_true, y_pred, top_k, class_id, sample_weight):
    """Targets, predictions and weights (or None) as rows [1, n] of floats."""
    y_true, y_pred = K.cast(y_true, K.floatx()), K.cast(y_pred, K.floatx())
    y_pred, y_true = squeeze_or_expand_dimensions(y_pred, y_true)
    true, pred = K.int_shape(y_true), K.int_shape(y_pred)
    if not compatible(true, pred):
        raise ValueError("A confusion matrix needs targets and predictions of one shape; got "
                         f"y_true {true}, y_pred {pred}.")  # fmt: skip
    if top_k is not None:
        y_pred = filter_top_k(y_pred, top_k)
    if class_id is not None:
        y_true, y_pred = y_true[..., class_id], y_pred[..., class_id]
    if sample_weight is not None:
        sample_weight = _row(weights_like(y_pred, sample_weight))
    return _row(y_true), _row(y_pred), sample_weight


def weights_like(y_pred, sample_weight):
    """A weight for each element of y_pred. sample_weight: it may have fewer axes, or axes of size 1."""
    sample_weight = K.cast(sample_weight, K.floatx())
    _, _, sample_weight = squeeze_or_expand_dimensions(y_pred, None, sample_weight)
    return broadcast_weights(y_pred, sample_weight) * K.ones_like(y_pred)


def _row(x):
    return K.reshape(x, (1, -1))
