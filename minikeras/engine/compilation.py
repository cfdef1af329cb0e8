"""The part of a model that is compiled: optimizer, losses and metrics, and the functions that run."""

import warnings

from .. import backend as K
from .. import metrics as metrics_module
from .. import optimizers
from ..backend.function import to_arrays
from .base_layer import disable_tracking, flags, unique
from .container import Container
from .objective import Objective

_OBJECTIVE_ATTRIBUTES = ("loss_functions", "targets", "sample_weights", "total_loss")


class FedFunction:
    """A K.function that is fed the inputs alone: the learning phase is known, and sample weights may be left out.

    inputs, weights: lists of tensors; weights that are not fed are ones. phase: the learning phase. The feeds may have
    a number at their end, the learning phase for this once, as the functions of models in Keras do.
    """

    def __init__(self, inputs, weights, phase, **arguments):
        self._inputs, self._weights, self._phase, self._arguments = inputs, weights, phase, arguments
        # Once a phase is set for good, the graph has no placeholder for it.
        self._placeholders = [] if isinstance(K.learning_phase(), int) else [K.learning_phase()]
        self._made = {}

    def function(self, count):
        """The K.function for as many feeds."""
        if count not in self._made:
            weights = self._weights if count > len(self._inputs) else []
            self._made[count] = K.function([*self._inputs, *weights, *self._placeholders], **self._arguments)
        return self._made[count]

    def roots(self):
        """All tensors that it computes, the updates last."""
        return [*self._arguments["outputs"], *self._arguments["updates"]]

    def run(self, feeds):
        """The results as the backend's own arrays, without waiting for them."""
        phase = self._phase
        if feeds and not hasattr(feeds[-1], "shape"):
            feeds, phase = feeds[:-1], int(feeds[-1])
        function = self._made.get(len(feeds)) or self.function(len(feeds))
        if function.sparse_at or len(feeds) != len(function.dtypes):
            return function.run([*feeds, phase] if self._placeholders else feeds)
        return function.compute(feeds, phase if self._placeholders else 0)

    def __call__(self, feeds):
        """The results as a list of NumPy arrays."""
        return to_arrays(self.run(feeds))


class CompiledContainer(Container):
    """A container that can be compiled, and has functions to train, test and predict with."""

    def _base_init(self, name=None, trainable=True):
        super()._base_init(name, trainable)
        self.optimizer, self.loss, self.history, self.stop_training = None, None, None, False
        self._objective = None
        self._forget_functions()

    def _forget_functions(self):
        self.train_function = self.test_function = self.predict_function = None
        self._reset, self._flags, self._fitting = None, None, set()

    # Compilation

    @disable_tracking
    def compile(self, optimizer, loss=None, metrics=None, loss_weights=None, sample_weight_mode=None,
                weighted_metrics=None, target_tensors=None, **kwargs):  # fmt: skip
        """Say how to train the model.

        optimizer: name or object. loss: name, function or Loss object; for several outputs a list, a dict by output
        name, or one for all; None for outputs that are not trained. metrics: list of names, functions or Metric
        objects; for several outputs also a list of lists or a dict. weighted_metrics: the same, of metrics that heed
        sample weights. loss_weights: list, or dict by output name, of factors of the losses in the total.
        sample_weight_mode: 'temporal' for weights of timesteps; list or dict for several outputs. target_tensors:
        tensors to use as targets instead of data. kwargs: for K.function.
        """
        self.optimizer = optimizers.get(optimizer)
        self.loss, self.loss_weights = loss if loss is not None else {}, loss_weights
        self._compile_metrics, self._compile_weighted_metrics = metrics or [], weighted_metrics
        self.sample_weight_mode, self._target_tensors = sample_weight_mode, target_tensors
        self._function_kwargs, self._is_compiled, self._objective = kwargs, True, None
        self._forget_functions()
        if self.built and self.inputs:
            self._compile_graph()

    @disable_tracking
    def _compile_graph(self):
        """Build losses and metrics; needs inputs and outputs."""
        self._objective = objective = Objective(
            self.outputs, self.output_names, self.loss or None, self._compile_metrics, self.loss_weights,
            self.sample_weight_mode, self._compile_weighted_metrics, self._target_tensors, self.losses)  # fmt: skip
        for name in _OBJECTIVE_ATTRIBUTES:
            setattr(self, name, getattr(objective, name))
        self.loss_weights_list, self.sample_weight_modes = objective.loss_weights, objective.modes
        self.metrics_tensors = tuple(objective.metrics_tensors)  # to be read; what add_metric adds is reported
        self._compile_metric_functions = objective.metric_functions
        for name, items in (("outputs", self.outputs), ("output_names", self.output_names),
                            ("output_shapes", objective.shapes), ("loss_fns", objective.loss_functions),
                            ("targets", objective.targets), ("sample_weights", objective.sample_weights),
                            ("sample_weight_modes", objective.modes)):  # fmt: skip
            setattr(self, f"_feed_{name}", [items[i] for i in objective.fed])
        self._collected_trainable_weights = self.trainable_weights

    def _reported(self):
        """(metric, tensor) of all that is reported besides the loss."""
        objective = self._objective
        metrics = [*objective.output_loss_metrics, *objective.metric_functions] if objective else []
        tensors = objective.metrics_tensors if objective else []
        return [*zip(metrics, tensors, strict=True), *self._all_metric_results()]

    @property
    def metrics(self):
        """The Metric objects: those reported, in the order of `metrics_names`, then others that layers keep."""
        return unique([metric for metric, _ in self._reported()] + super().metrics)

    @property
    def metrics_names(self):
        """Names of what training and evaluation report: 'loss', the losses of several outputs, the metrics."""
        return ["loss", *(metric.name for metric, _ in self._reported())]

    @property
    def stateful_metric_names(self):
        """Names of what is a mean over the epoch so far, at each batch."""
        return self.metrics_names[1:]

    def reset_metrics(self):
        """Set the states of all metrics back."""
        if self._reset is None:
            self._reset = _reset_of(self.metrics)
        self._reset()

    # Functions

    def _check_trainable_flags(self):
        """The check that can be made at each batch: has `trainable` of any layer been set since the last time?"""
        if self._flags != flags.changes:
            self._flags = flags.changes
            self._check_trainable_weights_consistency()

    def _check_trainable_weights_consistency(self):
        collected = getattr(self, "_collected_trainable_weights", None)
        if collected is not None and len(self.trainable_weights) != len(collected):
            warnings.warn(f"Model {self.name!r}: the trainable weights have changed since it was compiled. Was "
                          "`trainable` set after compile()? Compile again.", stacklevel=4)  # fmt: skip

    def _need_objective(self):
        if not self._is_compiled:
            raise RuntimeError(f"Model {self.name!r} is not compiled. Call model.compile(optimizer, loss) before "
                               "training or testing it.")  # fmt: skip
        return self._objective is not None

    def _function(self, inputs, weights, phase, outputs, updates, name):
        return FedFunction(inputs, weights, phase, outputs=outputs, updates=updates, name=name,
                           **getattr(self, "_function_kwargs", {}))  # fmt: skip

    def _loss_function(self, phase, updates, name):
        inputs = self._feed_inputs + self._feed_targets
        outputs = [self.total_loss, *(tensor for _, tensor in self._reported())]
        return self._function(inputs, self._feed_sample_weights, phase, outputs, updates, name)

    def _make_train_function(self):
        self._check_trainable_flags()
        if self.train_function is None and self._need_objective():
            self._reset = None
            with K.name_scope("training"), K.name_scope(type(self.optimizer).__name__):
                updates = self.optimizer.get_updates(params=self._collected_trainable_weights, loss=self.total_loss)
            self.train_function = self._loss_function(1, self.updates + updates, "train_function")

    def _make_test_function(self):
        if self.test_function is None and self._need_objective():
            self._reset = None
            self.test_function = self._loss_function(0, self.state_updates, "test_function")

    def _make_predict_function(self):
        if self.inputs and self.predict_function is None:
            self.predict_function = self._function(self._feed_inputs, [], 0, self.outputs, self.state_updates,
                                                   "predict_function")  # fmt: skip


def _reset_of(metrics):
    """A function that sets metrics back: all that do it in the usual way at once."""
    usual_way = metrics_module.Metric.reset_states
    usual = [metric for metric in metrics if type(metric).reset_states is usual_way]
    others = [metric for metric in metrics if type(metric).reset_states is not usual_way]
    states = unique([weight for metric in usual for weight in metric.weights])
    at_once = K.function([], [], updates=[K.update(state, K.zeros_like(state)) for state in states])

    def reset():
        if states:
            at_once.run([])
        for metric in others:
            metric.reset_states()

    return reset
