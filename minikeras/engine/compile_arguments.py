"""The arguments of `compile`: losses, their weights and metrics, brought to one item an output."""

import warnings
from collections.abc import Mapping

from .. import backend as K
from .. import losses
from .. import metrics as metrics_module
from ..utils import losses_utils
from ..utils.generic_utils import check_for_unexpected_keys, to_list
from .standardize import is_loss

_GENERAL_METRICS = {
    "accuracy": ("binary_accuracy", "sparse_categorical_accuracy", "categorical_accuracy"),
    "crossentropy": ("binary_crossentropy", "sparse_categorical_crossentropy", "categorical_crossentropy"),
}
_GENERAL_METRICS.update(acc=_GENERAL_METRICS["accuracy"], ce=_GENERAL_METRICS["crossentropy"])


def per_output(what, value, names, default=None):
    """One item an output, of a list, of a dict by output name, or of one value for all. Raises ValueError."""
    if isinstance(value, Mapping):
        check_for_unexpected_keys(what, value, names)
        return [value.get(name, default) for name in names]
    if isinstance(value, (list, tuple)):
        if len(value) != len(names):
            raise ValueError(f"compile: {what} has {len(value)} items, but the model has {len(names)} outputs: {names}."
                             )  # fmt: skip
        return list(value)
    return [value for _ in names]


def get_loss_function(loss):
    """The Loss object of a name, function, config or Loss; None for None. Functions are averaged over the batch."""
    if loss is None or isinstance(loss, losses.Loss):
        return loss
    found = losses.get(loss)
    if isinstance(found, losses.Loss):
        return found
    if isinstance(found, type):
        return found()
    name = getattr(found, "__name__", type(found).__name__)
    return losses.LossFunctionWrapper(found, name=name, reduction=losses_utils.Reduction.SUM_OVER_BATCH_SIZE)


def prepare_loss_functions(loss, output_names):
    """A list of Loss objects (None: an output without a loss), one for each output."""
    functions = [get_loss_function(item) for item in per_output("loss", loss, output_names)]
    if isinstance(loss, Mapping) and set(output_names) - set(loss):
        missing = [name for name in output_names if name not in loss]
        warnings.warn(f"compile: the outputs {missing} have no loss; they are not trained.", stacklevel=7)
    return functions


def prepare_loss_weights(output_names, loss_weights=None):
    """A list of factors, one for each output."""
    if loss_weights is None:
        return [1.0 for _ in output_names]
    if not isinstance(loss_weights, (list, tuple, Mapping)):
        raise TypeError(f"compile: loss_weights has to be a list or a dict by output name, got {loss_weights!r}.")
    return per_output("loss_weights", loss_weights, output_names, 1.0)


def is_temporal(sample_weight_mode):
    """Whether sample weights are those of timesteps. Raises ValueError for a mode that there is not."""
    if sample_weight_mode not in (None, "temporal"):
        raise ValueError(f"compile: sample_weight_mode is None or 'temporal', got {sample_weight_mode!r}.")
    return sample_weight_mode == "temporal"


def get_output_sample_weight_and_mode(skip_target_weighing_indices, sample_weight_mode, output_name, output_index):
    """(placeholder, mode) of the sample weights of an output; (None, None) for one without a loss."""
    if output_index in skip_target_weighing_indices:
        return None, None
    shape = (None, None) if is_temporal(sample_weight_mode) else (None,)
    return K.placeholder(shape=shape, name=f"{output_name}_sample_weights"), sample_weight_mode


def prepare_sample_weights(output_names, sample_weight_mode, skip_target_weighing_indices):
    """Two lists, one item an output: placeholders of sample weights, and their modes."""
    modes = per_output("sample_weight_mode", sample_weight_mode, output_names)
    pairs = [get_output_sample_weight_and_mode(skip_target_weighing_indices, mode, name, index)
             for index, (name, mode) in enumerate(zip(output_names, modes, strict=True))]  # fmt: skip
    return [weight for weight, _ in pairs], [mode for _, mode in pairs]


# Metrics


def get_metric_name(metric, weighted=False):
    """The name of a metric in logs: as it was given, if by name."""
    if isinstance(metric, str):
        return metric
    metric = metrics_module.get(metric)
    return metric.name if hasattr(metric, "name") else metric.__name__


def get_metric_function(metric, output_shape=None, loss_fn=None):
    """The function or object of a metric. 'accuracy' and 'crossentropy' mean what fits the loss and the output."""
    if not isinstance(metric, str) or metric not in _GENERAL_METRICS:
        return metrics_module.get(metric)
    binary, sparse, categorical = _GENERAL_METRICS[metric]
    if output_shape[-1] == 1 or is_loss(loss_fn, "binary_crossentropy"):
        return getattr(metrics_module, binary)
    return getattr(metrics_module, sparse if is_loss(loss_fn, "sparse_categorical_crossentropy") else categorical)


def metrics_of_outputs(metrics, output_names):
    """A list of lists: the metrics of each output, as `compile` was given them. A flat list holds for all outputs."""
    if not metrics:
        return [[] for _ in output_names]
    if not isinstance(metrics, (list, tuple, Mapping)):
        raise TypeError(f"compile: metrics has to be a list, or a dict by output name, got {metrics!r}.")
    if isinstance(metrics, Mapping) or any(isinstance(item, (list, tuple)) for item in metrics):
        return [to_list(item, allow_tuple=True) for item in per_output("metrics", metrics, output_names, [])]
    if len(output_names) == 1:
        return [list(metrics)]
    return [metrics_module.clone_metrics(metrics) for _ in output_names]


def collect_per_output_metric_info(metrics, output_names, output_shapes, loss_fns, is_weighted=False):
    """For each output a dict of name -> Metric object; functions are averaged over an epoch."""
    infos = []
    for items, shape, loss in zip(metrics_of_outputs(metrics, output_names), output_shapes, loss_fns, strict=True):
        info = {}
        for item in items:
            name, metric = get_metric_name(item, is_weighted), get_metric_function(item, shape, loss)
            if not isinstance(metric, metrics_module.Metric):
                metric = metrics_module.MeanMetricWrapper(metric, name=name)
            info[name] = metric
        infos.append(info)
    return infos


def with_mask(mask, weights, y_pred):
    """Sample weights (or None) times the mask of the output (or None)."""
    if mask is None:
        return weights
    mask = K.cast(mask, K.dtype(y_pred))
    if weights is None:
        return mask
    mask, _, weights = losses_utils.squeeze_or_expand_dimensions(mask, None, weights)
    return weights * mask


def call_metric_function(metric_fn, y_true, y_pred=None, weights=None, mask=None):
    """The result of a metric after this batch, of which masked steps count for nothing."""
    if y_pred is None:
        return metric_fn(y_true)
    return metric_fn(y_true, y_pred, sample_weight=with_mask(mask, weights, y_pred))


def weighted_masked_objective(fn):
    """A scalar loss (y_true, y_pred, weights, mask) made of a function of one value a sample or step.

    Sample weights that are 0, and masked steps, do not count in the mean.
    """

    def weighted(y_true, y_pred, weights, mask=None):
        score = fn(y_true, y_pred)
        if mask is not None:
            mask = K.cast(mask, K.floatx())
            score = score * mask / (K.mean(mask) + K.epsilon())
        if weights is not None:
            score = K.mean(score, axis=list(range(K.ndim(weights), K.ndim(score)))) * weights
            score = score / K.mean(K.cast(K.not_equal(weights, 0), K.floatx()))
        return K.mean(score)

    return weighted
