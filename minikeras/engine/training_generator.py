"""Training, evaluation and prediction on batches from a generator, a Sequence or another iterable."""

from ..utils.generic_utils import unpack_singleton
from .batches import StreamBatches, is_stream
from .training_loop import evaluate_batches, fit_batches, predict_batches


def fit_generator(model, generator, steps_per_epoch=None, epochs=1, verbose=1, callbacks=None, validation_data=None,
                  validation_steps=None, validation_freq=1, class_weight=None, max_queue_size=10, workers=1,
                  use_multiprocessing=False, shuffle=True, initial_epoch=0):  # fmt: skip
    """Train on (inputs, targets) or (inputs, targets, sample_weights) that the generator gives. See Model.fit."""
    queue = {"max_queue_size": max_queue_size, "workers": workers, "use_multiprocessing": use_multiprocessing}
    batches = StreamBatches(generator, lambda item: _training_feeds(model, item, class_weight),
                            steps_per_epoch, shuffle,
                            steps_name="steps_per_epoch", **queue)  # fmt: skip
    _prepare(model, batches)
    model._make_train_function()
    val_steps = validation_steps if is_stream(validation_data) else None
    validation, arrays = model._validation(validation_data, None, val_steps, validation_freq, queue)
    return fit_batches(model, model.train_function, batches, model.metrics_names, epochs, initial_epoch, verbose,
                       callbacks, validation, arrays)  # fmt: skip


def evaluation_batches(model, generator, steps, steps_name="steps", **queue):
    """The source of batches to evaluate on."""
    return StreamBatches(
        generator, lambda item: _training_feeds(model, item, None), steps, steps_name=steps_name, **queue
    )


def evaluate_generator(
    model, generator, steps=None, callbacks=None, max_queue_size=10, workers=1, use_multiprocessing=False, verbose=0
):
    """Evaluate on the batches of a generator: the mean loss, or the list of it and the metrics. See Model.evaluate."""
    batches = evaluation_batches(
        model, generator, steps, max_queue_size=max_queue_size, workers=workers, use_multiprocessing=use_multiprocessing
    )
    try:
        _prepare(model, batches)
        model._make_test_function()
        return unpack_singleton(
            evaluate_batches(model, model.test_function, batches, model.metrics_names, verbose, callbacks)
        )
    finally:
        batches.close()


def predict_generator(
    model, generator, steps=None, callbacks=None, max_queue_size=10, workers=1, use_multiprocessing=False, verbose=0
):
    """The outputs for the batches of a generator: an array, or a list of them. See Model.predict."""
    batches = StreamBatches(
        generator,
        lambda item: _prediction_feeds(model, item),
        steps,
        max_queue_size=max_queue_size,
        workers=workers,
        use_multiprocessing=use_multiprocessing,
    )
    try:
        _prepare(model, batches)
        model._make_predict_function()
        return unpack_singleton(predict_batches(model, model.predict_function, batches, verbose, callbacks))
    finally:
        batches.close()


def _prepare(model, batches):
    """Let a subclassed model see a batch, if it has not seen any data yet."""
    if not model.inputs:
        batches.standardize(batches.first())


def _split(item):
    """(inputs, targets, sample weights) of what a generator gave."""
    if not isinstance(item, (tuple, list)) or not 1 <= len(item) <= 3:
        raise ValueError("A generator to train or evaluate on has to give tuples (inputs, targets) or (inputs, "
                         f"targets, sample_weights); got {str(item)[:200]}.")  # fmt: skip
    return (*item, None, None)[:3]


def _training_feeds(model, item, class_weight):
    x, y, weights = model._standardized(*_split(item), class_weight=class_weight)
    return model._feeds([*x, *y, *weights]), _size_of(x)


def _prediction_feeds(model, item):
    x = item[0] if isinstance(item, tuple) else item
    # A list from a data loader may be inputs and targets; one of as many items as there are inputs is inputs.
    if isinstance(x, list) and model.inputs and len(x) in (2, 3) and len(model._feed_inputs) == 1:
        x = x[0]
    x, _, _ = model._standardized(x)
    return model._feeds(x), _size_of(x)


def _size_of(arrays):
    return int(arrays[0].shape[0]) if arrays else 1
