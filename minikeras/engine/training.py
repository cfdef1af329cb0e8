"""Model: a container that can be compiled, trained, evaluated and asked for predictions."""

import warnings

import numpy as np

from .. import backend as K
from .. import optimizers
from ..metrics import Metric
from ..utils.generic_utils import unpack_singleton
from . import training_generator
from .base_layer import disable_tracking, running, unique
from .batches import dense, is_stream
from .container import Container
from .objective import Objective
from .standardize import (
    check_array_length_consistency,
    check_generator_arguments,
    check_loss_and_target_compatibility,
    check_num_samples,
    standardize_class_weights,
    standardize_input_data,
    standardize_sample_weights,
    standardize_weights,  # fmt: skip
    target_shape,
)
from .training_arrays import batches_of
from .training_loop import evaluate_batches, fit_batches, predict_batches
from .training_utils import get_static_batch_size, should_run_validation

_OBJECTIVE_ATTRIBUTES = ("loss_functions", "targets", "sample_weights", "total_loss", "metrics_tensors")


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

    def _prepared(self, feeds):
        """(the K.function for as many feeds, what to feed)"""
        phase = self._phase
        if feeds and not hasattr(feeds[-1], "shape"):
            feeds, phase = feeds[:-1], int(feeds[-1])
        function = self._made.get(len(feeds))
        if function is None:
            weights = self._weights if len(feeds) > len(self._inputs) else []
            function = K.function([*self._inputs, *weights, *self._placeholders], **self._arguments)
            self._made[len(feeds)] = function
        return function, [*feeds, phase] if self._placeholders else feeds

    def run(self, feeds):
        """The results as the backend's own arrays, without waiting for them."""
        function, feeds = self._prepared(feeds)
        return function.run(feeds)

    def __call__(self, feeds):
        """The results as a list of NumPy arrays."""
        function, feeds = self._prepared(feeds)
        return function(feeds)


class Model(Container):
    """Layers from inputs to outputs, with the means to train them.

    Model(inputs, outputs, name=None): tensors or lists of them. Or subclass it: keep layers in attributes and define
    `call(self, inputs)`, perhaps with `training` and `mask`; then the model is built on the first data it sees.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)

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
    def compile(
        self,
        optimizer,
        loss=None,
        metrics=None,
        loss_weights=None,
        sample_weight_mode=None,
        weighted_metrics=None,
        target_tensors=None,
        **kwargs,
    ):
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
        self._compile_metric_functions = objective.metric_functions
        self._feed_outputs = [self.outputs[i] for i in objective.fed]
        self._feed_output_names = [self.output_names[i] for i in objective.fed]
        self._feed_output_shapes = [objective.shapes[i] for i in objective.fed]
        self._feed_loss_fns = [objective.loss_functions[i] for i in objective.fed]
        self._feed_targets = [objective.targets[i] for i in objective.fed]
        self._feed_sample_weights = [objective.sample_weights[i] for i in objective.fed]
        self._feed_sample_weight_modes = [objective.modes[i] for i in objective.fed]
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
        """The check that can be made at each batch: has `trainable` of a layer changed since the last time?"""
        flags = [layer.trainable for layer in self._layers]
        if flags != self._flags:
            self._flags = flags
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
        if not self._need_objective():
            return
        self._check_trainable_flags()
        if self.train_function is None:
            self._reset = None
            with K.name_scope("training"), K.name_scope(type(self.optimizer).__name__):
                updates = self.optimizer.get_updates(params=self._collected_trainable_weights, loss=self.total_loss)
            self.train_function = self._loss_function(1, self.updates + updates, "train_function")

    def _make_test_function(self):
        if self._need_objective() and self.test_function is None:
            self._reset = None
            self.test_function = self._loss_function(0, self.state_updates, "test_function")

    def _make_predict_function(self):
        if self.inputs and self.predict_function is None:
            self.predict_function = self._function(self._feed_inputs, [], 0, self.outputs, self.state_updates,
                                                   "predict_function")  # fmt: skip

    # Data

    def _set_inputs(self, x):
        """Build a subclassed model on tensors of the shapes of the data `x`, and finish the compilation."""
        data = [x[name] for name in sorted(x)] if isinstance(x, dict) else x if isinstance(x, (list, tuple)) else [x]
        tensors = [
            a
            if K.is_tensor(a)
            else K.placeholder((None, *(np.shape(a)[1:] or (1,))), name=f"{self.name}_input_{i + 1}")
            for i, a in enumerate(data)
        ]
        names = sorted(x) if isinstance(x, dict) else [f"input_{i + 1}" for i in range(len(tensors))]
        self.inputs = tensors
        with K.name_scope(self.name, owner=type(self).__name__), running(self, tensors):
            outputs = self.call(unpack_singleton(tensors))
        self.outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        self._set_names(names, [f"output_{i + 1}" for i in range(len(self.outputs))])
        self.built = True

    def _make_ready_for(self, x):
        if not self.inputs:
            self._set_inputs(x)
        if self._is_compiled and self._objective is None:
            self._compile_graph()

    def _standardize_user_data(self, x, y=None, sample_weight=None, class_weight=None, batch_size=None):
        """Three lists of arrays to feed: inputs, targets, sample weights (none where all weigh the same)."""
        self._make_ready_for(x)
        shapes = [None if K.is_tensor(t) and getattr(t, "sparse", False) else shape
                  for t, shape in zip(self._feed_inputs, self._feed_input_shapes, strict=True)]  # fmt: skip
        x = standardize_input_data(x, self._feed_input_names, shapes, check_batch_axis=False, exception_prefix="input")
        y, weights = ([], []) if y is None else self._standardize_targets(y, sample_weight, class_weight)
        check_array_length_consistency(x, y, weights)
        if self.stateful and batch_size and x and x[0].shape[0] % batch_size:
            raise ValueError(f"Model {self.name!r} is stateful, so the number of samples has to be divisible by the "
                             f"batch size {batch_size}; got {x[0].shape[0]} samples.")  # fmt: skip
        return x, y, weights

    def _standardize_targets(self, y, sample_weight, class_weight):
        self._need_objective()
        names, losses = self._feed_output_names, self._feed_loss_fns
        shapes = [target_shape(shape, loss) for shape, loss in zip(self._feed_output_shapes, losses, strict=True)]
        y = standardize_input_data(y, names, None, check_batch_axis=False, exception_prefix="target")
        y = [_column_of_classes(a, shape) for a, shape in zip(y, shapes, strict=True)]
        check_loss_and_target_compatibility(y, losses, self._feed_output_shapes)
        y = standardize_input_data(y, names, shapes, check_batch_axis=False, exception_prefix="target")
        given = zip(y, standardize_sample_weights(sample_weight, names), standardize_class_weights(class_weight, names),
                    self._feed_sample_weight_modes, strict=True)  # fmt: skip
        given = list(given)
        weighted = any(weights is not None or by_class for _, weights, by_class, _ in given)
        return y, [standardize_weights(*item) for item in given] if weighted else []

    def _batch_size(self, batch_size, steps):
        """The batch size: the one given, else the one that the inputs fix, else 32; None if steps are given."""
        if steps is not None:
            return batch_size
        sizes = map(get_static_batch_size, getattr(self, "_input_layers", self.layers[:1]))
        fixed = next((size for size in sizes if size), None)
        if batch_size is not None and fixed is not None and batch_size != fixed:
            raise ValueError(f"batch_size is {batch_size}, but the inputs of model {self.name!r} fix it to {fixed}.")
        return batch_size or fixed or 32

    def _callback_model(self):
        return getattr(self, "callback_model", None) or self

    def _validation(self, data, batch_size, steps, freq, queue, split_off=None):
        """(function for `fit_batches`, the arrays, the source of batches) for the validation; Nones without any."""
        if split_off is None and data is None:
            return None, None, None
        arrays = None
        if split_off is None and is_stream(data):
            batches = training_generator.evaluation_batches(self, data, steps, "validation_steps", **queue)
        else:
            arrays = split_off or self._validation_arrays(data)
            if steps and batch_size:
                raise ValueError("validation_steps is for generators and for training with steps_per_epoch; arrays are "
                                 "evaluated whole, in batches of batch_size.")  # fmt: skip
            batches = self._batches(arrays, None if steps else batch_size or 32, steps)

        def validate(epoch, callbacks):
            if not should_run_validation(freq, epoch):
                return None
            self._make_test_function()
            return evaluate_batches(self, self.test_function, batches, self.metrics_names, callbacks=callbacks)

        return validate, arrays, batches

    def _validation_arrays(self, data):
        if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
            raise ValueError("validation_data has to be (inputs, targets) or (inputs, targets, sample_weights), or a "
                             f"generator or Sequence; got {str(data)[:200]}.")  # fmt: skip
        x, y, weights = self._standardize_user_data(data[0], data[1], data[2] if len(data) == 3 else None)
        return x + y + weights

    # Training, evaluation, prediction

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose=1,
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        initial_epoch=0,
        steps_per_epoch=None,
        validation_steps=None,
        validation_freq=1,
        max_queue_size=10,
        workers=1,
        use_multiprocessing=False,
        **kwargs,
    ):
        """Train the model for some epochs. Returns a History, whose `history` has the values of each epoch.

        x, y: array [samples, ...], list of arrays, or dict by input (output) name. HDF5 data sets and sparse matrices
        are read batch by batch. x may also be a generator, a Sequence or an iterable of (inputs, targets[,
        sample_weights]).
        batch_size: samples in a batch, 32 by default. verbose: 0 silent, 1 a progress bar, 2 a line an epoch.
        validation_split: the last part of the samples, 0 to 1, is not trained on but evaluated after each epoch.
        validation_data: (x, y) or (x, y, sample_weights), or a generator, to evaluate instead. validation_freq: every
        so many epochs, or a list of epochs. shuffle: the samples before each epoch; 'batch': the order of the batches.
        class_weight: dict of class -> factor of the loss. sample_weight: array [samples], or [samples, steps] with
        sample_weight_mode='temporal'. initial_epoch: number of the first epoch, to go on with an earlier training.
        steps_per_epoch, validation_steps: batches in an epoch, for generators and symbolic data. max_queue_size,
        workers, use_multiprocessing: how batches of a generator or Sequence are made ahead.
        Raises RuntimeError before compile, ValueError for data that do not fit.
        """
        _refuse(kwargs)
        if is_stream(x):
            check_generator_arguments(y, sample_weight, validation_split)
            return self.fit_generator(x, steps_per_epoch, epochs, verbose, callbacks, validation_data, validation_steps,
                                      validation_freq, class_weight, max_queue_size, workers, use_multiprocessing,
                                      shuffle, initial_epoch)  # fmt: skip
        batch_size = self._batch_size(batch_size, steps_per_epoch)
        arrays = self._training_arrays(x, y, sample_weight, class_weight, batch_size)
        queue = {"max_queue_size": max_queue_size, "workers": workers, "use_multiprocessing": use_multiprocessing}
        split_off = None
        if validation_data is None and validation_split:
            arrays, split_off = _split(arrays, validation_split)
        validate, val_arrays, val_batches = self._validation(validation_data, batch_size, validation_steps,
                                                             validation_freq, queue, split_off)  # fmt: skip
        self._flags = None
        self._make_train_function()
        check_num_samples(arrays, batch_size, steps_per_epoch, "steps_per_epoch")
        batches = self._batches(arrays, batch_size, steps_per_epoch, shuffle)
        try:
            return fit_batches(self, self.train_function, batches, self.metrics_names, epochs, initial_epoch, verbose,
                               callbacks, validate, val_arrays)  # fmt: skip
        finally:
            if val_batches is not None:
                val_batches.close()

    def _training_arrays(self, x, y, sample_weight=None, class_weight=None, batch_size=None):
        """Inputs, targets and sample weights as one list of arrays. Raises RuntimeError before compile."""
        self._need_objective()
        plain = type(x) is type(y) is np.ndarray and sample_weight is None and class_weight is None
        shapes = (x.shape, y.shape, batch_size) if plain else None
        if shapes in self._fitting:
            return [x, y]
        xs, ys, weights = self._standardize_user_data(x, y, sample_weight, class_weight, batch_size)
        if len(ys) != len(self._feed_targets):
            raise ValueError(f"Model {self.name!r}: targets are needed for the outputs {self._feed_output_names}.")
        if plain and [*map(id, xs + ys)] == [id(x), id(y)]:
            # Arrays of these shapes pass all checks as they are: the next batches need not be checked again.
            self._fitting.add(shapes)
        return xs + ys + weights

    def _batches(self, arrays, batch_size, steps, shuffle=False):
        return batches_of(arrays, batch_size, steps, shuffle, self._feed_inputs)

    def _feeds(self, arrays):
        """What to feed for one batch that is all of these arrays."""
        return dense(arrays, self._feed_inputs)

    def evaluate(
        self,
        x=None,
        y=None,
        batch_size=None,
        verbose=1,
        sample_weight=None,
        steps=None,
        callbacks=None,
        max_queue_size=10,
        workers=1,
        use_multiprocessing=False,
    ):
        """The loss on data, or, if there is more to report, a list in the order of `metrics_names`.

        Arguments as in `fit`; steps: number of batches, for generators and symbolic data.
        """
        if is_stream(x):
            check_generator_arguments(y, sample_weight)
            return self.evaluate_generator(x, steps, callbacks, max_queue_size, workers, use_multiprocessing, verbose)
        batch_size = self._batch_size(batch_size, steps)
        arrays = self._training_arrays(x, y, sample_weight, batch_size=batch_size)
        self._make_test_function()
        check_num_samples(arrays, batch_size, steps, "steps")
        batches = self._batches(arrays, batch_size, steps)
        values = evaluate_batches(self, self.test_function, batches, self.metrics_names, verbose, callbacks)
        return unpack_singleton(values)

    def predict(
        self,
        x,
        batch_size=None,
        verbose=0,
        steps=None,
        callbacks=None,
        max_queue_size=10,
        workers=1,
        use_multiprocessing=False,
    ):
        """The outputs for data: an array [samples, ...], or a list of them, one an output.

        Arguments as in `fit`; steps: number of batches, for generators and symbolic data.
        """
        if is_stream(x):
            return self.predict_generator(x, steps, callbacks, max_queue_size, workers, use_multiprocessing, verbose)
        batch_size = self._batch_size(batch_size, steps)
        x, _, _ = self._standardize_user_data(x, batch_size=batch_size)
        self._make_predict_function()
        check_num_samples(x, batch_size, steps, "steps")
        batches = self._batches(x, batch_size, steps)
        return unpack_singleton(predict_batches(self, self.predict_function, batches, verbose, callbacks))

    def train_on_batch(self, x, y, sample_weight=None, class_weight=None, reset_metrics=True):
        """One step of training on one batch: the loss before it, or a list in the order of `metrics_names`.

        reset_metrics: False lets the metrics go on over several calls.
        """
        arrays = self._training_arrays(x, y, sample_weight, class_weight)
        self._make_train_function()
        return self._report(self.train_function, self._feeds(arrays), reset_metrics)

    def test_on_batch(self, x, y, sample_weight=None, reset_metrics=True):
        """The loss on one batch, or a list in the order of `metrics_names`."""
        arrays = self._training_arrays(x, y, sample_weight)
        self._make_test_function()
        return self._report(self.test_function, self._feeds(arrays), reset_metrics)

    def _report(self, function, feeds, reset_metrics):
        values = [np.asarray(value)[()] for value in function(feeds)]
        if reset_metrics:
            self.reset_metrics()
        return unpack_singleton(values)

    def predict_on_batch(self, x):
        """The outputs for one batch: an array, or a list of them."""
        x, _, _ = self._standardize_user_data(x)
        self._make_predict_function()
        return unpack_singleton(self.predict_function(self._feeds(x)))

    def fit_generator(
        self,
        generator,
        steps_per_epoch=None,
        epochs=1,
        verbose=1,
        callbacks=None,
        validation_data=None,
        validation_steps=None,
        validation_freq=1,
        class_weight=None,
        max_queue_size=10,
        workers=1,
        use_multiprocessing=False,
        shuffle=True,
        initial_epoch=0,
    ):
        """`fit` on batches (inputs, targets) or (inputs, targets, sample_weights) of a generator or Sequence.

        steps_per_epoch: default the length of the Sequence. shuffle: the order of a Sequence's batches.
        """
        return training_generator.fit_generator(
            self,
            generator,
            steps_per_epoch,
            epochs,
            verbose,
            callbacks,
            validation_data,
            validation_steps,
            validation_freq,
            class_weight,
            max_queue_size,
            workers,
            use_multiprocessing,
            shuffle,
            initial_epoch,
        )

    def evaluate_generator(
        self, generator, steps=None, callbacks=None, max_queue_size=10, workers=1, use_multiprocessing=False, verbose=0
    ):
        """`evaluate` on the batches of a generator or Sequence."""
        return training_generator.evaluate_generator(
            self, generator, steps, callbacks, max_queue_size, workers, use_multiprocessing, verbose
        )

    def predict_generator(
        self, generator, steps=None, callbacks=None, max_queue_size=10, workers=1, use_multiprocessing=False, verbose=0
    ):
        """`predict` on the batches of a generator or Sequence, of which only the inputs count."""
        return training_generator.predict_generator(
            self, generator, steps, callbacks, max_queue_size, workers, use_multiprocessing, verbose
        )


def _reset_of(metrics):
    """A function that sets metrics back: all that do it in the usual way at once."""
    usual = [metric for metric in metrics if type(metric).reset_states is Metric.reset_states]
    others = [metric for metric in metrics if type(metric).reset_states is not Metric.reset_states]
    states = unique([weight for metric in usual for weight in metric.weights])
    at_once = K.function([], [], updates=[K.update(state, K.zeros_like(state)) for state in states])

    def reset():
        if states:
            at_once.run([])
        for metric in others:
            metric.reset_states()

    return reset


def _column_of_classes(array, shape):
    """Class numbers without their last axis, of size 1, get it."""
    if array is not None and shape is not None and shape[-1] == 1 and not K.is_tensor(array):
        return np.expand_dims(array, -1) if len(array.shape) == len(shape) - 1 else array
    return array


def _refuse(kwargs):
    if kwargs:
        hint = " `nb_epoch` is called `epochs` since Keras 2." if "nb_epoch" in kwargs else ""
        raise TypeError(f"fit: unknown keyword arguments {sorted(kwargs)}.{hint}")


def _split(arrays, fraction):
    """The first part of each array, and the last, of this fraction of the samples."""
    if not 0 < fraction < 1:
        raise ValueError(f"validation_split has to be between 0 and 1, got {fraction}.")
    if any(K.is_tensor(a) for a in arrays):
        raise ValueError(
            "validation_split takes the end of arrays; the data are symbolic tensors. Give validation_data."
        )
    at = int(int(arrays[0].shape[0]) * (1.0 - fraction))
    return [a[:at] for a in arrays], [a[at:] for a in arrays]
