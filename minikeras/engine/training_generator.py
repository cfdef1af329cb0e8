"""Batches to train on, evaluate and predict from a generator, a Sequence or another iterable."""

from .batches import StreamBatches


def stream_batches(model, source, steps, queue, steps_name="steps", class_weight=None, shuffle=False, targets=True):
    """The source of batches for the loops. source: gives (inputs, targets) or (inputs, targets, sample_weights), or,
    without targets, of which only the inputs count. queue: (max_queue_size, workers, use_multiprocessing)."""

    def standardize(item):
        parts = _split(item) if targets else (_inputs_in(item, model), None, None)
        x, y, weights = model._standardized(*parts, class_weight=class_weight)
        return model._feeds([*x, *y, *weights]), int(x[0].shape[0]) if x else 1

    batches = StreamBatches(source, standardize, steps, shuffle, *queue, steps_name)
    if not model.inputs:  # a subclassed model has to see data first
        standardize(batches.first())
    return batches


def fit_generator(model, generator, steps_per_epoch=None, epochs=1, verbose=1, callbacks=None, validation_data=None,
                  validation_steps=None, validation_freq=1, class_weight=None, max_queue_size=10, workers=1,
                  use_multiprocessing=False, shuffle=True, initial_epoch=0):  # fmt: skip
    """Model.fit_generator."""
    return model.fit_generator(generator, steps_per_epoch, epochs, verbose, callbacks, validation_data,
                               validation_steps, validation_freq, class_weight, max_queue_size, workers,
                               use_multiprocessing, shuffle, initial_epoch)  # fmt: skip


def evaluate_generator(model, generator, steps=None, callbacks=None, max_queue_size=10, workers=1,
                       use_multiprocessing=False, verbose=0):  # fmt: skip
    """Model.evaluate_generator."""
    return model.evaluate(generator, None, None, verbose, None, steps, callbacks, max_queue_size, workers,
                          use_multiprocessing)  # fmt: skip


def predict_generator(model, generator, steps=None, callbacks=None, max_queue_size=10, workers=1,
                      use_multiprocessing=False, verbose=0):  # fmt: skip
    """Model.predict_generator."""
    return model.predict(generator, None, verbose, steps, callbacks, max_queue_size, workers, use_multiprocessing)


def _split(item):
    """(inputs, targets, sample weights) of what a generator gave."""
    if not isinstance(item, (tuple, list)) or not 1 <= len(item) <= 3:
        raise ValueError("A generator to train or evaluate on has to give tuples (inputs, targets) or (inputs, "
                         f"targets, sample_weights); got {str(item)[:200]}.")  # fmt: skip
    return (*item, None, None)[:3]


def _inputs_in(item, model):
    x = item[0] if isinstance(item, tuple) else item
    # A list from a data loader may be inputs and targets; one of as many items as there are inputs is inputs.
    pairs = isinstance(x, list) and model.inputs and len(x) in (2, 3) and len(model._feed_inputs) == 1
    return x[0] if pairs else x
