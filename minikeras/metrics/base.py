"""Metrics: layers that sum up over batches what they see. Their weights are the sums, `result` is made of these."""

import types

import numpy as np

from .. import backend as K
from ..engine.base_layer import Layer
from ..utils.generic_utils import to_list
from ..utils.losses_utils import broadcast_weights, squeeze_or_expand_dimensions
from ..utils.metrics_utils import Reduction, divide_no_nan, result_wrapper, update_state_wrapper


class Metric(Layer):
    """Base of metrics. Called on tensors, it gives the result over all batches so far, this one included.

    Subclasses make their weights in __init__ (`add_weight`), and define

    - update_state(y_true, y_pred, sample_weight=None): returns the updates, of K.update_add and the like;
    - result(): returns the value as a tensor, made of the weights.

    name: of the metric, in logs too. dtype: of the weights and the result; floatx by default.
    A metric may be called several times: the updates add up.
    """

    def __new__(cls, *args, **kwargs):
        metric = super().__new__(cls)
        metric.update_state = types.MethodType(update_state_wrapper(metric.update_state), metric)
        metric.result = types.MethodType(result_wrapper(metric.result), metric)
        return metric

    def __init__(self, name=None, dtype=None, **kwargs):
        super().__init__(name=name, dtype=dtype, **kwargs)
        self.dtype = K.floatx() if dtype is None else dtype
        self.stateful = True
        self.built = True

    def __call__(self, *args, **kwargs):
        """The result, as a tensor; evaluating it updates the state first. Arguments are those of `update_state`."""
        with K.name_scope(self.name, owner=type(self).__name__):
            updates = self.update_state(*args, **kwargs)
            with K.control_dependencies(to_list(updates, allow_tuple=True)):
                return self.result()

    def reset_states(self):
        """Set the state to zero: a new epoch begins."""
        K.batch_set_value([(v, np.zeros(K.int_shape(v), K.dtype(v))) for v in self.weights])

    def update_state(self, *args, **kwargs):
        """Updates that take one more batch into account, as a list of tensors."""
        raise NotImplementedError(f"{type(self).__name__} has to define update_state(...).")

    def result(self):
        """The value of the metric over all batches so far, as a tensor."""
        raise NotImplementedError(f"{type(self).__name__} has to define result().")

    def add_weight(self, name, shape=(), initializer=None, dtype=None):
        """A part of the state, a variable that is not trained. It starts, unless told otherwise, with zeros."""
        return super().add_weight(name, shape, dtype or self.dtype, initializer or "zeros", trainable=False)

    def get_config(self):
        """The constructor's arguments, as of other layers: each that is kept in an attribute of its name."""
        return {name: value for name, value in super().get_config().items() if name != "trainable"}


def clone_metric(metric):
    """A metric of the same config and zero state; whatever is no `Metric` is returned as it is."""
    return metric.__class__.from_config(metric.get_config()) if isinstance(metric, Metric) else metric


def clone_metrics(metrics):
    """The list or dict with clones of its metrics."""
    if isinstance(metrics, dict):
        return {key: clone_metric(metric) for key, metric in metrics.items()}
    return [clone_metric(metric) for metric in metrics]


class Reduce(Metric):
    """The sum or mean of values, over all batches.

    reduction: of `utils.metrics_utils.Reduction`. Weights: total, and, for means, count.
    """

    def __init__(self, reduction, name, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.reduction = reduction
        self.total = self.add_weight("total")
        if reduction != Reduction.SUM:
            self.count = self.add_weight("count")

    def update_state(self, values, sample_weight=None):
        """values: of any shape. sample_weight: of the shape of values, or with fewer axes or axes of size 1."""
        values = self._tensor(values)
        if sample_weight is not None:
            values, _, sample_weight = squeeze_or_expand_dimensions(values, None, self._tensor(sample_weight))
            sample_weight = broadcast_weights(values, sample_weight)
            if K.int_shape(sample_weight) != K.int_shape(values):    # a weight counts for each value that it weighs
                sample_weight = sample_weight * K.ones_like(values)
            values = values * sample_weight
        updates = [K.update_add(self.total, K.sum(values))]
        if self.reduction != Reduction.SUM:
            weighted = sample_weight is not None and self.reduction == Reduction.WEIGHTED_MEAN
            count = K.sum(sample_weight) if weighted else K.cast(K.size(values), self.dtype)
            updates.append(K.update_add(self.count, count))
        return updates

    def result(self):
        return self.total if self.reduction == Reduction.SUM else divide_no_nan(self.total, self.count)

    def _tensor(self, x):
        return K.cast(x, self.dtype) if K.is_tensor(x) else K.constant(x, dtype=self.dtype)


class Sum(Reduce):
    """The (weighted) sum of values."""

    def __init__(self, name="sum", dtype=None):
        super().__init__(Reduction.SUM, name, dtype)


class Mean(Reduce):
    """The (weighted) mean of values; 0 when there are none."""

    def __init__(self, name="mean", dtype=None):
        super().__init__(Reduction.WEIGHTED_MEAN, name, dtype)


class MeanMetricWrapper(Mean):
    """The mean of a function fn(y_true, y_pred, **kwargs), which gives a value for each sample."""

    def __init__(self, fn, name=None, dtype=None, **kwargs):
        super().__init__(name=name, dtype=dtype)
        self._fn, self._fn_kwargs = fn, kwargs

    def update_state(self, y_true, y_pred, sample_weight=None):
        """y_true, y_pred: as fn takes them; they are cast to the dtype of the metric."""
        y_pred, y_true = squeeze_or_expand_dimensions(self._tensor(y_pred), self._tensor(y_true))
        return super().update_state(self._fn(y_true, y_pred, **self._fn_kwargs), sample_weight)

    def get_config(self):
        own = {key: K.eval(value) if K.is_tensor(value) else value for key, value in self._fn_kwargs.items()}
        if type(self) is MeanMetricWrapper:
            own["fn"] = self._fn
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config):
        """The metric of a config, whose fn may be a function or the name of one."""
        from . import get

        return cls(**{key: get(value) if key == "fn" else value for key, value in config.items()})


class RootMeanSquaredError(Mean):
    """sqrt(mean((y_pred - y_true)^2)) over all elements."""

    def __init__(self, name="root_mean_squared_error", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """y_true, y_pred: of one shape."""
        y_pred, y_true = squeeze_or_expand_dimensions(self._tensor(y_pred), self._tensor(y_true))
        return super().update_state(K.square(y_pred - y_true), sample_weight)

    def result(self):
        return K.sqrt(super().result())


class MeanRelativeError(Mean):
    """mean(|y_pred - y_true| / normalizer), 0 where the normalizer is 0. normalizer: broadcast over y_true."""

    def __init__(self, normalizer, name="mean_relative_error", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.normalizer = normalizer

    def update_state(self, y_true, y_pred, sample_weight=None):
        """y_true, y_pred: of one shape."""
        y_pred, y_true = squeeze_or_expand_dimensions(self._tensor(y_pred), self._tensor(y_true))
        error = K.abs(y_pred - y_true)
        scale = self._tensor(self.normalizer) + K.zeros_like(error)
        return super().update_state(divide_no_nan(error, scale), sample_weight)

    def get_config(self):
        return {**super().get_config(), "normalizer": np.asarray(self.normalizer).tolist()}
