"""The loops of training, evaluation and prediction over arrays, for a function that is called batch by batch."""

from ..utils.generic_utils import unpack_singleton
from .batches import ArrayBatches, StepBatches
from .training_loop import Validation, evaluate_batches, fit_batches, predict_batches


def batches_of(feeds, batch_size=None, steps=None, shuffle=False, inputs=()):
    """The source of batches of a list of arrays, with numbers such as the learning phase at its end; or, with steps,
    the same feeds that many times. inputs: the tensors that are fed first, as far as they may be sparse."""
    arrays = [feed for feed in feeds if hasattr(feed, "shape")]
    if steps is not None or not arrays:
        return StepBatches(feeds, steps)
    return ArrayBatches(arrays, batch_size or 32, shuffle, feeds[len(arrays) :], inputs)


def fit_loop(model, fit_function, fit_inputs, out_labels=None, batch_size=None, epochs=100, verbose=1, callbacks=None,
             val_function=None, val_inputs=None, shuffle=True, initial_epoch=0, steps_per_epoch=None,
             validation_steps=None, validation_freq=1):  # fmt: skip
    """Train for some epochs with a function of a list of arrays. Returns the History.

    fit_function, val_function: K.functions that give the values of `out_labels`, the loss first. fit_inputs,
    val_inputs: lists of arrays, whose rows are the samples. The other arguments are those of Model.fit.
    """
    validation = None
    if val_function is not None and (val_inputs or validation_steps):
        batches = batches_of(val_inputs, batch_size, validation_steps)
        validation = Validation(model, val_function, batches, out_labels, validation_freq)
    return fit_batches(model, fit_function, batches_of(fit_inputs, batch_size, steps_per_epoch, shuffle),
                       list(out_labels or model.metrics_names), epochs, initial_epoch, verbose, callbacks, validation,
                       val_inputs)  # fmt: skip


def test_loop(model, f, ins, batch_size=None, verbose=0, steps=None, callbacks=None):  # noqa: PT028
    """Evaluate with a function of a list of arrays: the mean loss, or the list of it and the metrics."""
    batches = batches_of(ins, batch_size, steps)
    return unpack_singleton(evaluate_batches(model, f, batches, model.metrics_names, verbose, callbacks))


def predict_loop(model, f, ins, batch_size=32, verbose=0, steps=None, callbacks=None):
    """The outputs of a function of a list of arrays: an array, or a list of them."""
    return unpack_singleton(predict_batches(model, f, batches_of(ins, batch_size, steps), verbose, callbacks))
