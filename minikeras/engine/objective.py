"""What a compiled model optimizes and reports: targets, sample weights, the total loss, and the metrics, as graph."""

# A line for each name would be most of the imports.
# isort: skip_file
from collections.abc import Mapping

from .. import backend as K
from .. import metrics as metrics_module
from ..utils.generic_utils import check_for_unexpected_keys, to_list
from .compile_arguments import (
    call_metric_function, collect_per_output_metric_info, is_temporal, per_output, prepare_loss_functions,
    prepare_loss_weights, with_mask,
)  # fmt: skip
from .config import unique_name
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
        for i, (output, loss, tensor) in enumerate(zip(self.outputs, self.loss_functions, given, strict=True)):
            if loss is None:
                tensor = None
            elif tensor is None:
                tensor = K.placeholder(ndim=K.ndim(output), name=f"{self.names[i]}_target", dtype=K.dtype(output))
            self.targets.append(tensor)
            # One that is an input of the model is fed as that.
            if tensor is not None and K.is_placeholder(tensor) and not hasattr(tensor, "_keras_history"):
                self.fed.append(i)

    def _make_sample_weights(self, sample_weight_mode):
        """Ones, in the sizes of the targets, that are fed when there are weights."""
        modes = per_output("sample_weight_mode", sample_weight_mode, self.names)
        ndims = [2 if is_temporal(mode) else 1 for mode in modes]
        self.sample_weights, self.modes = [None for _ in modes], [None for _ in modes]
        for i in self.fed:
            weights = K.ones(K.shape(self.targets[i])[: ndims[i]], dtype=K.floatx())
            weights.name = f"{self.names[i]}_sample_weights:0"
            self.sample_weights[i], self.modes[i] = weights, modes[i]

    def trained(self):
        """Indices of the outputs that have a loss."""
        return [i for i, target in enumerate(self.targets) if target is not None]

    def _add_losses(self, penalties):
        terms = []
        with K.name_scope("loss"):
            for i in self.trained():
                with K.name_scope(f"{self.names[i]}_loss"):
                    weights = with_mask(self.masks[i], self.sample_weights[i], self.outputs[i])
                    loss = self.loss_functions[i](self.targets[i], self.outputs[i], sample_weight=weights)
                if len(self.outputs) > 1:
                    metric = metrics_module.Mean(name=f"{self.names[i]}_loss")
                    self.output_loss_metrics.append(metric)
                    self.metrics_tensors.append(metric(loss))
                terms.append(self.loss_weights[i] * loss)
            terms += penalties
            if not terms:
                raise ValueError("compile: there is no loss to optimize. Give a loss, or let a layer or the model add "
                                 "one with add_loss.")  # fmt: skip
            self.total_loss = sum(terms[1:], terms[0])

    def _add_metrics(self, metrics, weighted_metrics):
        plain = collect_per_output_metric_info(metrics, self.names, self.shapes, self.loss_functions)
        weighted = collect_per_output_metric_info(weighted_metrics, self.names, self.shapes, self.loss_functions, True)
        with K.name_scope("metrics"):
            for i in self.trained():
                self._add_metrics_of(i, plain[i], None)
                self._add_metrics_of(i, weighted[i], self.sample_weights[i])

    def _add_metrics_of(self, i, info, weights):
        for name, metric in info.items():
            taken = {"loss", *(known.name for known in self.output_loss_metrics + self.metric_functions)}
            metric.name = unique_name(f"{self.names[i]}_{name}" if len(self.names) > 1 else name, taken)
            self.metric_functions.append(metric)
            with K.name_scope(metric.name):
                result = call_metric_function(metric, self.targets[i], self.outputs[i], weights, self.masks[i])
                self.metrics_tensors.append(result)


def _given_targets(target_tensors, names):
    """The tensors given as targets, one an output; None where there is none."""
    if target_tensors is None or (isinstance(target_tensors, (list, tuple)) and not target_tensors):
        return [None for _ in names]
    if isinstance(target_tensors, Mapping):
        check_for_unexpected_keys("target_tensors", target_tensors, names)
        return [target_tensors.get(name) for name in names]
    tensors = to_list(target_tensors, allow_tuple=True)
    if len(tensors) != len(names):
        raise ValueError(f"compile: target_tensors has {len(tensors)} items, but the model has {len(names)} outputs: "
                         f"{names}.")  # fmt: skip
    return tensors
