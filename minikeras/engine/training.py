"""Model: a container that can be compiled, trained, evaluated and asked for predictions."""

# A line for each name would be most of the imports.
# isort: skip_file
import contextlib
from numbers import Integral

import numpy as np

from .. import backend as K
from ..backend.function import to_arrays
from ..legacy import interfaces
from ..utils.generic_utils import is_all_none, to_list, unpack_singleton
from .base_layer import is_under_way, running
from .batches import dense, is_stream
from .compilation import CompiledContainer
from .standardize import (
    check_array_length_consistency, check_generator_arguments, check_loss_and_target_compatibility, check_num_samples,
    standardize_class_weights, standardize_input_data, standardize_sample_weights, standardize_weights, target_shape,
)  # fmt: skip
from .training_arrays import batches_of
from .training_generator import stream_batches
from .training_loop import Validation, backups_in, evaluate_batches, fit_batches, predict_batches
from .training_utils import get_static_batch_size


class Model(CompiledContainer):
    """Layers from inputs to outputs, with the means to train them.

    Model(inputs, outputs, name=None): tensors or lists of them. Or subclass it: keep layers in attributes and define
    `call(self, inputs)`, perhaps with `training` and `mask`; then the model is built on the first data it sees.
    """

    def build(self, input_shape):
        """Make the weights of a subclassed model, by its `call`. input_shape: with the batch, or a list of them."""
        if not self.inputs and not self._is_graph_network and not is_under_way(self):
            shapes = input_shape if isinstance(input_shape, list) else [input_shape]
            self._set_inputs([K.placeholder(shape, name=f"{self.name}_input_{i}") for i, shape in enumerate(shapes, 1)])
        self.built = True

    # Data

    def _set_inputs(self, x):
        """Build a subclassed model on tensors of the shapes of the data `x`, and finish the compilation."""
        data = [x[name] for name in sorted(x)] if isinstance(x, dict) else to_list(x, allow_tuple=True)
        names = sorted(x) if isinstance(x, dict) else [f"input_{i}" for i in range(1, len(data) + 1)]
        self.inputs = tensors = [
            a if K.is_tensor(a) else K.placeholder((None, *(np.shape(a)[1:] or (1,))), name=f"{self.name}_input_{i}")
            for i, a in enumerate(data, 1)]  # fmt: skip
        with K.name_scope(self.name, owner=type(self).__name__), running(self, tensors):
            self.build(unpack_singleton([K.int_shape(t) for t in tensors]))
            outputs = self.call(unpack_singleton(tensors))
        self.outputs = to_list(outputs, allow_tuple=True)
        self._set_names(names, [f"output_{i + 1}" for i in range(len(self.outputs))])
        self.built = True

    def _make_ready_for(self, x):
        if not self.inputs:
            self._set_inputs(x)
        if self._is_compiled and self._objective is None:
            self._compile_graph()

    def _standardize_user_data(self, x, y=None, sample_weight=None, class_weight=None, check_array_lengths=True,
                               batch_size=None):  # fmt: skip
        """Three lists of arrays to feed: inputs, targets, sample weights. check_array_lengths: they always are."""
        x, y, weights = self._standardized(x, y, sample_weight, class_weight, batch_size)
        modes = self._feed_sample_weight_modes if y else []
        return x, y, weights or [standardize_weights(a, sample_weight_mode=m) for a, m in zip(y, modes, strict=True)
                              if not K.is_tensor(a)]  # fmt: skip

    def _standardized(self, x, y=None, sample_weight=None, class_weight=None, batch_size=None):
        """The same, with no weights where all weigh the same."""
        self._make_ready_for(x)
        shapes = [None if K.is_tensor(t) and getattr(t, "sparse", False) else shape
                  for t, shape in zip(self._feed_inputs, self._feed_input_shapes, strict=True)]  # fmt: skip
        x = standardize_input_data(x, self._feed_input_names, shapes, check_batch_axis=False, exception_prefix="input")
        y, weights = ([], []) if y is None else self._standardize_targets(y, sample_weight, class_weight)
        check_array_length_consistency(x, y, weights)
        if y and any(a is not None and not a.shape[0] for a in (*x, *y) if not K.is_tensor(a)):
            raise ValueError(f"Model {self.name!r}: there are no samples to train or test on; the data have the shapes "
                             f"{[tuple(a.shape) for a in (*x, *y)]}.")  # fmt: skip
        if self.stateful and batch_size and x and x[0].shape[0] % batch_size:
            raise ValueError(f"Model {self.name!r} is stateful, so the number of samples has to be divisible by the "
                             f"batch size {batch_size}; got {x[0].shape[0]} samples.")  # fmt: skip
        return x, y, weights

    def _standardize_targets(self, y, sample_weight, class_weight):
        self._need_objective()
        names, losses = self._feed_output_names, self._feed_loss_fns
        shapes = [target_shape(shape, loss) or (None,) * K.ndim(target) for shape, loss, target in
                  zip(self._feed_output_shapes, losses, self._feed_targets, strict=True)]  # fmt: skip
        y = standardize_input_data(y, names, None, check_batch_axis=False, exception_prefix="target")
        y = [_with_axes_of(a, shape) for a, shape in zip(y, shapes, strict=True)]
        check_loss_and_target_compatibility(y, losses, self._feed_output_shapes)
        y = standardize_input_data(y, names, shapes, check_batch_axis=False, exception_prefix="target")
        weights = standardize_sample_weights(sample_weight, names)
        by_class = standardize_class_weights(class_weight, names)
        if not any(by_class) and is_all_none(weights):
            return y, []
        given = zip(y, weights, by_class, self._feed_sample_weight_modes, strict=True)
        return y, [standardize_weights(*item) for item in given]

    def _batch_size(self, batch_size, steps):
        """The batch size: the one given, else the one that the inputs fix, else 32; None if steps are given."""
        if batch_size is not None and (not isinstance(batch_size, Integral) or batch_size < 1):
            raise ValueError(f"batch_size has to be a whole number of at least 1, got {batch_size!r}.")
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
        """(the Validation, its arrays); Nones without any."""
        if split_off is None and data is None:
            return None, None
        arrays = None
        if split_off is None and is_stream(data):
            batches = stream_batches(self, data, steps, queue, "validation_steps")
        else:
            arrays = split_off or self._validation_arrays(data)
            if steps and batch_size:
                raise ValueError("validation_steps is for generators and for training with steps_per_epoch; arrays are "
                                 "evaluated whole, in batches of batch_size.")  # fmt: skip
            batches = self._batches(arrays, None if steps else batch_size or 32, steps, "validation_steps")
        self._make_test_function()
        return Validation(self, self.test_function, batches, self.metrics_names, freq), arrays

    def _validation_arrays(self, data):
        if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
            raise ValueError("validation_data has to be (inputs, targets) or (inputs, targets, sample_weights), or a "
                             f"generator or Sequence; got {str(data)[:200]}.")  # fmt: skip
        x, y, weights = self._standardized(data[0], data[1], data[2] if len(data) == 3 else None)
        return x + y + weights

    # Training, evaluation, prediction

    @interfaces.legacy_fit_support
    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose=1, callbacks=None, validation_split=0.0,
            validation_data=None, shuffle=True, class_weight=None, sample_weight=None, initial_epoch=0,
            steps_per_epoch=None, validation_steps=None, validation_freq=1, max_queue_size=10, workers=1,
            use_multiprocessing=False, **kwargs):  # fmt: skip
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
        if kwargs:
            raise TypeError(f"fit: unknown keyword arguments {sorted(kwargs)}.")
        for backup in backups_in(callbacks):
            backup.prepare()
        queue, split_off = (max_queue_size, workers, use_multiprocessing), None
        if is_stream(x):
            check_generator_arguments(y, sample_weight, validation_split)
            batches = stream_batches(self, x, steps_per_epoch, queue, "steps_per_epoch", class_weight, shuffle=shuffle)
            validation_steps = validation_steps if is_stream(validation_data) else None
        else:
            batch_size = self._batch_size(batch_size, steps_per_epoch)
            arrays = self._training_arrays(x, y, sample_weight, class_weight, batch_size)
            if validation_data is None and validation_split:
                arrays, split_off = _split(arrays, validation_split)
            batches = self._batches(arrays, batch_size, steps_per_epoch, "steps_per_epoch", shuffle)
        validation, val_arrays = self._validation(validation_data, batch_size, validation_steps, validation_freq, queue,
                                                  split_off)  # fmt: skip
        self._flags = None
        self._make_train_function()
        return fit_batches(self, self.train_function, batches, self.metrics_names, epochs, initial_epoch, verbose,
                           callbacks, validation, val_arrays)  # fmt: skip

    def _training_arrays(self, x, y, sample_weight=None, class_weight=None, batch_size=None):
        """Inputs, targets and sample weights as one list of arrays. Raises RuntimeError before compile."""
        self._need_objective()
        plain = type(x) is type(y) is np.ndarray and sample_weight is None and class_weight is None
        form = (x.shape, x.dtype, y.shape, y.dtype, batch_size) if plain else None
        if form in self._fitting:
            return [x, y]
        xs, ys, weights = self._standardized(x, y, sample_weight, class_weight, batch_size)
        if len(ys) != len(self._feed_targets):
            raise ValueError(f"Model {self.name!r}: targets are needed for the outputs {self._feed_output_names}.")
        if plain and [*map(id, xs + ys)] == [id(x), id(y)]:
            # Arrays of this form pass all checks as they are: the next batches need not be checked again.
            self._fitting.add(form)
        return xs + ys + weights

    def _input_arrays(self, x, batch_size=None):
        """Inputs as a list of arrays."""
        form = (x.shape, x.dtype, batch_size) if type(x) is np.ndarray else None
        if form in self._fitting:
            return [x]
        xs, _, _ = self._standardized(x, batch_size=batch_size)
        if form and [*map(id, xs)] == [id(x)]:
            self._fitting.add(form)
        return xs

    def _batches(self, arrays, batch_size, steps, steps_name="steps", shuffle=False):
        check_num_samples(arrays, batch_size, steps, steps_name)
        return batches_of(arrays, batch_size, steps, shuffle, self._feed_inputs)

    def _feeds(self, arrays):
        """What to feed for one batch that is all of these arrays."""
        return dense(arrays, self._feed_inputs)

    def _source(self, x, y, sample_weight, batch_size, steps, queue, targets=True):
        """The source of the batches of an evaluation, or, without targets, of a prediction."""
        if is_stream(x):
            check_generator_arguments(y, sample_weight)
            return stream_batches(self, x, steps, queue, targets=targets)
        batch_size = self._batch_size(batch_size, steps)
        arrays = (self._training_arrays(x, y, sample_weight, batch_size=batch_size) if targets else
                  self._input_arrays(x, batch_size))
        return self._batches(arrays, batch_size, steps)

    def evaluate(self, x=None, y=None, batch_size=None, verbose=1, sample_weight=None, steps=None, callbacks=None,
                 max_queue_size=10, workers=1, use_multiprocessing=False):  # fmt: skip
        """The loss on data, or, if there is more to report, a list in the order of `metrics_names`.

        Arguments as in `fit`; steps: number of batches, for generators and symbolic data.
        """
        queue = (max_queue_size, workers, use_multiprocessing)
        with contextlib.closing(self._source(x, y, sample_weight, batch_size, steps, queue)) as batches:
            self._make_test_function()
            return unpack_singleton(
                evaluate_batches(self, self.test_function, batches, self.metrics_names, verbose, callbacks))

    def predict(self, x, batch_size=None, verbose=0, steps=None, callbacks=None, max_queue_size=10, workers=1,
                use_multiprocessing=False):  # fmt: skip
        """The outputs for data: an array [samples, ...], or a list of them, one an output.

        Arguments as in `fit`; steps: number of batches, for generators and symbolic data.
        """
        queue = (max_queue_size, workers, use_multiprocessing)
        with contextlib.closing(self._source(x, None, None, batch_size, steps, queue, targets=False)) as batches:
            self._make_predict_function()
            return unpack_singleton(predict_batches(self, self.predict_function, batches, verbose, callbacks))

    def train_on_batch(self, x, y, sample_weight=None, class_weight=None, reset_metrics=True):
        """One step of training on one batch: the loss before it, or a list in the order of `metrics_names`.

        reset_metrics: False lets the metrics go on over several calls.
        """
        feeds = self._feeds(self._training_arrays(x, y, sample_weight, class_weight))
        self._make_train_function()
        return self._report(self.train_function, feeds, reset_metrics)

    def test_on_batch(self, x, y, sample_weight=None, reset_metrics=True):
        """The loss on one batch, or a list in the order of `metrics_names`."""
        arrays = self._training_arrays(x, y, sample_weight)
        self._make_test_function()
        return self._report(self.test_function, self._feeds(arrays), reset_metrics)

    def _report(self, function, feeds, reset_metrics):
        results = function.run(feeds)
        if reset_metrics:
            self.reset_metrics()  # while the device is at work
        return unpack_singleton([value[()] for value in to_arrays(results)])

    def predict_on_batch(self, x):
        """The outputs for one batch: an array, or a list of them."""
        arrays = self._input_arrays(x)
        self._make_predict_function()
        return unpack_singleton(self.predict_function(self._feeds(arrays)))

    @interfaces.legacy_generator_methods_support
    def fit_generator(self, generator, steps_per_epoch=None, epochs=1, verbose=1, callbacks=None,
                      validation_data=None, validation_steps=None, validation_freq=1, class_weight=None,
                      max_queue_size=10, workers=1, use_multiprocessing=False, shuffle=True,
                      initial_epoch=0):  # fmt: skip
        """`fit` on batches (inputs, targets) or (inputs, targets, sample_weights) of a generator or Sequence.

        steps_per_epoch: default the length of the Sequence. shuffle: the order of a Sequence's batches.
        """
        return Model.fit(self, generator, None, None, epochs, verbose, callbacks, 0.0, validation_data, shuffle,
                         class_weight, None, initial_epoch, steps_per_epoch, validation_steps, validation_freq,
                         max_queue_size, workers, use_multiprocessing)  # fmt: skip

    @interfaces.legacy_generator_methods_support
    def evaluate_generator(self, generator, steps=None, callbacks=None, max_queue_size=10, workers=1,
                           use_multiprocessing=False, verbose=0):  # fmt: skip
        """`evaluate` on the batches of a generator or Sequence."""
        return Model.evaluate(self, generator, None, None, verbose, None, steps, callbacks, max_queue_size, workers,
                              use_multiprocessing)  # fmt: skip

    @interfaces.legacy_generator_methods_support
    def predict_generator(self, generator, steps=None, callbacks=None, max_queue_size=10, workers=1,
                          use_multiprocessing=False, verbose=0):  # fmt: skip
        """`predict` on the batches of a generator or Sequence, of which only the inputs count."""
        return Model.predict(self, generator, None, verbose, steps, callbacks, max_queue_size, workers,
                             use_multiprocessing)  # fmt: skip


def _with_axes_of(array, shape):
    """Class numbers without their last axis, of size 1, get it; a column for outputs of one axis loses it."""
    if array is None or not shape or K.is_tensor(array):
        return array
    if len(shape) == 1 and tuple(array.shape[1:]) == (1,):
        return array[:, 0]
    return np.expand_dims(array, -1) if shape[-1] == 1 and len(array.shape) == len(shape) - 1 else array


def _split(arrays, fraction):
    """The first part of each array, and the last, of this fraction of the samples."""
    if not 0 < fraction < 1:
        raise ValueError(f"validation_split has to be between 0 and 1, got {fraction}.")
    if any(K.is_tensor(a) for a in arrays):
        raise ValueError("validation_split takes the end of arrays; the data are symbolic tensors. Give "
                         "validation_data.")  # fmt: skip
    at = int(int(arrays[0].shape[0]) * (1.0 - fraction))
    return [a[:at] for a in arrays], [a[at:] for a in arrays]
