"""What a compiled model optimizes and reports: targets, sample weights, the total loss, and the metrics, as graph."""

# A line for each name would be most of the imports.
# isort: skip_file
from collections.abc import Mapping

from .. import backend as K
from .. import metrics as metrics_module
from ..utils.generic_utils import check_for_unexpected_keys
from .compile_arguments import (
    call_metric_function, collect_per_output_metric_info, per_output, prepare_loss_functions, prepare_loss_weights,
    with_mask,
)  # fmt: skip
from .node import mask_of


class Objective:
    """The graph of losses and metrics of a model with these outputs.

    Lists with one item an output: loss_functions, loss_weights, targets, sample_weights, modes; an output without a
    loss has None as its target and weights. output_loss_metrics: means of the single losses, of models with several
    outputs.
    metric_functions, metrics_tensors: the metrics in the order of their names, and their values. total_loss: a scalar.
    """

    def __init__(self, outputs, output_names, loss, metrics, loss_weights, sample_weight_mode, weighted_metrics,
                 target_tensors, penalties):  # fmt: skip
        self.outputs, self.names = outputs, output_names
        self.shapes = [K.int_shape(t) for t in outputs]
        self.loss_functions = prepare_loss_functions(loss, output_names)
        self.loss_weights = prepare_loss_weights(output_names, loss_weights)
        self._make_targets(target_tensors)
        self._make_sample_weights(sample_weight_mode)
        self.masks = [mask_of(t) for t in outputs]
        self.output_loss_metrics, self.metric_functions, self.metrics_tensors = [], [], []
        self._add_losses(penalties)
        self._add_metrics(metrics, weighted_metrics)

    def _make_targets(self, target_tensors):
        given = _given_targets(target_tensors, self.names)
        self.targets, self.fed = [], []
        for i, (output, name, loss, tensor) in enumerate(
                zip(self.outputs, self.names, self.loss_functions, given, strict=True)):  # fmt: skip
            if loss is None:
                self.targets.append(None)
                continue
            if tensor is None:
                tensor = K.placeholder(ndim=len(self.shapes[i]), name=f"{name}_target", dtype=K.dtype(output))
            self.targets.append(tensor)
            # One that is an input of the model is fed as that.
            if K.is_placeholder(tensor) and not hasattr(tensor, "_keras_history"):
                self.fed.append(i)

    def _make_sample_weights(self, sample_weight_mode):
        """Ones, in the sizes of the targets, that are fed when there are weights."""
        modes = per_output("sample_weight_mode", sample_weight_mode, self.names)
        self.sample_weights, self.modes = [], []
        for i, (target, mode) in enumerate(zip(self.targets, modes, strict=True)):
            if mode not in (None, "temporal"):
                raise ValueError(f"compile: sample_weight_mode is None or 'temporal', got {mode!r}.")
            weights = None
            if i in self.fed:
                weights = K.ones(K.shape(target)[: 2 if mode == "temporal" else 1], dtype=K.floatx())
                weights.name = f"{self.names[i]}_sample_weights:0"
            self.sample_weights.append(weights)
            self.modes.append(mode if weights is not None else None)

    def trained(self):
        """Indices of the outputs that have a loss."""
        return [i for i, target in enumerate(self.targets) if target is not None]

    def _add_losses(self, penalties):
        total = None
        with K.name_scope("loss"):
            for i in self.trained():
                with K.name_scope(f"{self.names[i]}_loss"):
                    weights = with_mask(self.masks[i], self.sample_weights[i], self.outputs[i])
                    loss = self.loss_functions[i](self.targets[i], self.outputs[i], sample_weight=weights)
                if len(self.outputs) > 1:
                    metric = metrics_module.Mean(name=f"{self.names[i]}_loss")
                    self.output_loss_metrics.append(metric)
                    self.metrics_tensors.append(metric(loss))
                term = self.loss_weights[i] * loss
                total = term if total is None else total + term
            for penalty in penalties:
                total = penalty if total is None else total + penalty
        if total is None:
            raise ValueError("compile: there is no loss to optimize. Give a loss, or let a layer or the model add one "
                             "with add_loss.")  # fmt: skip
        self.total_loss = total

    def _add_metrics(self, metrics, weighted_metrics):
        plain = collect_per_output_metric_info(metrics, self.names, self.shapes, self.loss_functions)
        weighted = collect_per_output_metric_info(weighted_metrics, self.names, self.shapes, self.loss_functions, True)
        with K.name_scope("metrics"):
            for i in self.trained():
                self._add_metrics_of(i, plain[i], None)
                self._add_metrics_of(i, weighted[i], self.sample_weights[i])

    def _add_metrics_of(self, i, info, weights):
        for name, metric in info.items():
            metric.name = self._unique_name(name, i)
            self.metric_functions.append(metric)
            with K.name_scope(metric.name):
                self.metrics_tensors.append(
                    call_metric_function(metric, self.targets[i], self.outputs[i], weights=weights, mask=self.masks[i])
                )

    def _unique_name(self, name, i):
        base = f"{self.names[i]}_{name}" if len(self.names) > 1 else name
        taken = {"loss", *(metric.name for metric in self.output_loss_metrics + self.metric_functions)}
        name, number = base, 1
        while name in taken:
            name, number = f"{base}_{number}", number + 1
        return name


def _given_targets(target_tensors, names):
    """The tensors given as targets, one an output; None where there is none."""
    if target_tensors is None or (isinstance(target_tensors, (list, tuple)) and not target_tensors):
        return [None for _ in names]
    if isinstance(target_tensors, Mapping):
        check_for_unexpected_keys("target_tensors", target_tensors, names)
        return [target_tensors.get(name) for name in names]
    tensors = list(target_tensors) if isinstance(target_tensors, (list, tuple)) else [target_tensors]
    if len(tensors) != len(names):
        raise ValueError(f"compile: target_tensors has {len(tensors)} items, but the model has {len(names)} outputs: "
                         f"{names}.")  # fmt: skip
    return tensors
