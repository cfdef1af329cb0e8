"""Metrics that are made of the entries of confusion matrices, one matrix a threshold.

Predictions are positive above a threshold from 0 to 1; all elements of y_true and y_pred, of one shape, count.
"""

import numpy as np

from .. import backend as K
from ..utils.metrics_utils import (
    NEG_INF,
    AUCCurve,
    AUCSummationMethod,
    ConfusionMatrix,
    assert_thresholds_range,
    divide_no_nan,
    even_thresholds,
    parse_init_thresholds,
    update_confusion_matrix_variables,
    weights_like,
)
from .base import Metric

TP, FP = ConfusionMatrix.TRUE_POSITIVES, ConfusionMatrix.FALSE_POSITIVES
TN, FN = ConfusionMatrix.TRUE_NEGATIVES, ConfusionMatrix.FALSE_NEGATIVES


class ConfusionMatrixMetric(Metric):
    """Base: counts the entries that `entries` names, each in a weight [thresholds] of that name.

    thresholds: list. top_k: only the k greatest of the last axis can be positive. class_id: count only this index of
    the last axis.
    """

    entries = (TP, TN, FP, FN)

    def __init__(self, thresholds, top_k=None, class_id=None, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.thresholds, self.top_k, self.class_id = thresholds, top_k, class_id
        self.counts = {entry: self.add_weight(self.weight_name(entry), (len(thresholds),)) for entry in self.entries}
        for entry, weight in self.counts.items():
            setattr(self, self.weight_name(entry), weight)

    def weight_name(self, entry):
        """'true_positives' for ConfusionMatrix.TRUE_POSITIVES."""
        return entry.name.lower()

    def update_state(self, y_true, y_pred, sample_weight=None):
        """y_true: labels, 0 or 1. y_pred: of that shape. sample_weight: it may have fewer axes."""
        return update_confusion_matrix_variables(self.counts, y_true, y_pred, self.thresholds, self.top_k,
                                                 self.class_id, sample_weight)  # fmt: skip

    def by_threshold(self, values):
        """values, [thresholds]; a scalar if there is one threshold."""
        return values[0] if len(self.thresholds) == 1 else values


class _Count(ConfusionMatrixMetric):
    def __init__(self, thresholds=None, name=None, dtype=None):
        self.init_thresholds = thresholds
        super().__init__(parse_init_thresholds(thresholds), name=name, dtype=dtype)

    def weight_name(self, entry):
        return "accumulator"

    def result(self):
        return self.by_threshold(self.accumulator)

    def get_config(self):
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(_Count):
    """The number of true positives, by threshold."""

    entries = (TP,)


class FalsePositives(_Count):
    """The number of false positives, by threshold."""

    entries = (FP,)


class TrueNegatives(_Count):
    """The number of true negatives, by threshold."""

    entries = (TN,)


class FalseNegatives(_Count):
    """The number of false negatives, by threshold."""

    entries = (FN,)


class _Share(ConfusionMatrixMetric):
    """True positives over true positives plus the other entry."""

    def __init__(self, thresholds=None, top_k=None, class_id=None, name=None, dtype=None):
        self.init_thresholds = thresholds
        default = 0.5 if top_k is None else NEG_INF
        super().__init__(parse_init_thresholds(thresholds, default), top_k, class_id, name, dtype)

    def result(self):
        hits, others = self.counts.values()
        return self.by_threshold(divide_no_nan(hits, hits + others))

    def get_config(self):
        return {**super().get_config(), "thresholds": self.init_thresholds}


class Precision(_Share):
    """The part of the positive predictions that is right; 0 if there are none. By threshold."""

    entries = (TP, FP)


class Recall(_Share):
    """The part of the positive labels that is found; 0 if there are none. By threshold."""

    entries = (TP, FN)


class SensitivitySpecificityBase(ConfusionMatrixMetric):
    """Base of metrics that give one rate at the threshold where the other rate comes nearest to `value`, 0 to 1."""

    def __init__(self, value, num_thresholds=200, name=None, dtype=None):
        if not 0 <= value <= 1:
            raise ValueError(f"{type(self).__name__}: the rate to be met is a number from 0 to 1; got {value}.")
        if num_thresholds <= 0:
            raise ValueError(f"{type(self).__name__}: num_thresholds has to be positive; got {num_thresholds}.")
        thresholds = [0.5] if num_thresholds == 1 else [0.0, *even_thresholds(num_thresholds), 1.0]
        super().__init__(thresholds, name=name, dtype=dtype)
        self.value, self.num_thresholds = value, num_thresholds

    def sensitivities(self):
        """True positives by positive labels, [thresholds]."""
        return divide_no_nan(self.true_positives, self.true_positives + self.false_negatives)

    def specificities(self):
        """True negatives by negative labels, [thresholds]."""
        return divide_no_nan(self.true_negatives, self.true_negatives + self.false_positives)

    def rate_where(self, other, rate):
        """`rate` at the first threshold where `other` is nearest to the value that is asked for."""
        return K.gather(rate, K.cast(K.argmin(K.abs(other - self.value), axis=0), "int32"))


class SensitivityAtSpecificity(SensitivitySpecificityBase):
    """The sensitivity (recall) at the threshold where the specificity is nearest to `specificity`."""

    def __init__(self, specificity, num_thresholds=200, name=None, dtype=None):
        super().__init__(specificity, num_thresholds, name, dtype)
        self.specificity = specificity

    def result(self):
        return self.rate_where(self.specificities(), self.sensitivities())


class SpecificityAtSensitivity(SensitivitySpecificityBase):
    """The specificity at the threshold where the sensitivity (recall) is nearest to `sensitivity`."""

    def __init__(self, sensitivity, num_thresholds=200, name=None, dtype=None):
        super().__init__(sensitivity, num_thresholds, name, dtype)
        self.sensitivity = sensitivity

    def result(self):
        return self.rate_where(self.sensitivities(), self.specificities())


class PrecisionAtRecall(SensitivitySpecificityBase):
    """The precision at the threshold where the recall is nearest to `recall`. (Not in Keras 2.3.)"""

    def __init__(self, recall, num_thresholds=200, name=None, dtype=None):
        super().__init__(recall, num_thresholds, name, dtype)
        self.recall = recall

    def result(self):
        tp, fp = self.true_positives, self.false_positives
        return self.rate_where(self.sensitivities(), divide_no_nan(tp, tp + fp))


class AUC(ConfusionMatrixMetric):
    """Area under a curve, as a sum of trapezes or rectangles between thresholds.

    num_thresholds: of evenly spread ones, at least 2; the first and last lie just outside of [0, 1].
    curve: 'ROC' (true over false positive rate) or 'PR' (precision over recall).
    summation_method: 'interpolation', 'minoring' or 'majoring': the height of the area between two points.
    thresholds: numbers in (0, 1) to be used instead of evenly spread ones.
    """

    def __init__(self, num_thresholds=200, curve="ROC", summation_method="interpolation", name=None, dtype=None,
                 thresholds=None):  # fmt: skip
        if thresholds is None and num_thresholds < 2:
            raise ValueError(f"AUC: num_thresholds has to be at least 2; got {num_thresholds}.")
        assert_thresholds_range(thresholds)
        inner = even_thresholds(num_thresholds) if thresholds is None else sorted(thresholds)
        super().__init__([-K.epsilon(), *inner, 1.0 + K.epsilon()], name=name, dtype=dtype)
        self.num_thresholds = len(self.thresholds)
        self.curve = curve if isinstance(curve, AUCCurve) else AUCCurve.from_str(curve)
        is_method = isinstance(summation_method, AUCSummationMethod)
        self.summation_method = summation_method if is_method else AUCSummationMethod.from_str(summation_method)

    def result(self):
        if self.curve is AUCCurve.PR and self.summation_method is AUCSummationMethod.INTERPOLATION:
            return self.interpolate_pr_auc()
        tp, tn, fp, fn = self.counts.values()
        recall = divide_no_nan(tp, tp + fn)
        if self.curve is AUCCurve.ROC:
            x, y = divide_no_nan(fp, fp + tn), recall
        else:
            x, y = recall, divide_no_nan(tp, tp + fp)
        return K.sum((x[:-1] - x[1:]) * self._heights(y[:-1], y[1:]))

    def _heights(self, left, right):
        if self.summation_method is AUCSummationMethod.INTERPOLATION:
            return (left + right) / 2.0
        return (K.maximum if self.summation_method is AUCSummationMethod.MAJORING else K.minimum)(left, right)

    def interpolate_pr_auc(self):
        """Area under the precision-recall curve, where between two thresholds the true positives are linear in the
        positives: tp = a + slope p. The integral of precision tp / p over recall is closed.

        Source: Davis and Goadrich, The Relationship Between Precision-Recall and ROC Curves (2006).
        """
        tp, _, fp, fn = self.counts.values()
        p = tp + fp
        high, low = slice(None, -1), slice(1, None)  # of positives: thresholds rise
        slope = divide_no_nan(tp[high] - tp[low], p[high] - p[low])
        intercept = tp[low] - slope * p[low]
        one = K.ones_like(p[low])
        both = K.cast(K.minimum(p[high], p[low]) > 0.0, K.dtype(p))
        ratio = divide_no_nan(p[high], p[low]) * both + one * (1.0 - both)
        area = slope * (tp[high] - tp[low] + intercept * K.log(ratio))
        return K.sum(divide_no_nan(area, tp[low] + fn[low]))

    def get_config(self):
        return {**super().get_config(), "curve": self.curve.value, "thresholds": self.thresholds[1:-1],
                "summation_method": self.summation_method.value}  # fmt: skip


class MeanIoU(Metric):
    """Mean over the classes of intersection over union, tp / (tp + fp + fn), of labels and predicted labels.

    Classes that occur in neither do not count. y_true, y_pred: numbers of classes, below num_classes, of one shape.
    Weight: total_confusion_matrix [label, prediction].
    """

    def __init__(self, num_classes, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.num_classes = num_classes
        self.total_confusion_matrix = self.add_weight("total_confusion_matrix", (num_classes, num_classes))

    def update_state(self, y_true, y_pred, sample_weight=None):
        """sample_weight: it may have fewer axes than y_true."""
        y_true = K.cast(y_true, K.floatx())
        labels = K.one_hot(K.cast(K.flatten(y_true), "int32"), self.num_classes)
        predicted = K.one_hot(K.cast(K.flatten(y_pred), "int32"), self.num_classes)
        if sample_weight is not None:
            labels = labels * K.reshape(weights_like(y_true, sample_weight), (-1, 1))
        return K.update_add(self.total_confusion_matrix, K.cast(K.dot(K.transpose(labels), predicted), self.dtype))

    def result(self):
        matrix = self.total_confusion_matrix
        hits = K.sum(matrix * K.constant(np.eye(self.num_classes), dtype=self.dtype), axis=0)
        union = K.sum(matrix, axis=0) + K.sum(matrix, axis=1) - hits
        occurring = K.sum(K.cast(union > 0.0, self.dtype))
        return divide_no_nan(K.sum(divide_no_nan(hits, union)), occurring)
