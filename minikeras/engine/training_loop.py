"""The one loop over batches behind fit, evaluate and predict, whatever gives the batches."""

import numpy as np

from .. import backend as K
from ..callbacks import BackupAndRestore, BaseLogger, CallbackList, History, ProgbarLogger
from ..callbacks.base import list_of_callbacks
from ..callbacks.loggers import Averages
from ..utils.progbar import Progbar
from .training_utils import should_run_validation


def fetched(value):
    """A result of a function as a NumPy scalar (or array, if it has axes); of a list, a list."""
    return [*map(fetched, value)] if isinstance(value, (list, tuple)) else K.to_numpy(value)[()]


class LazyLogs(dict):
    """The logs of a batch. Results that may still be on the device become NumPy scalars when they are looked at."""

    def __init__(self, batch, size, names, results):
        # This runs once a batch: no method of this class is called, and no length checked.
        super().__init__(zip(names, results), batch=batch, size=size)  # noqa: B905
        self._pending = set(names)

    def __getitem__(self, name):
        value = super().__getitem__(name)
        if name in self._pending:
            value = fetched(value)
            super().__setitem__(name, value)
            self._pending.discard(name)
        return value

    def __setitem__(self, name, value):
        self._pending.discard(name)
        super().__setitem__(name, value)

    def get(self, name, default=None):
        return self[name] if name in self._pending else super().get(name, default)

    def pop(self, name, *default):
        if name in self:
            self[name]
        return super().pop(name, *default)

    def __iter__(self):  # also keeps dict(logs) and {**logs} from reading the values past __getitem__
        return super().__iter__()

    def _fetched(self):
        for name in tuple(self._pending):
            self[name]
        return super()

    def items(self):
        return self._fetched().items()

    def values(self):
        return self._fetched().values()

    def copy(self):
        return dict(self.items())

    def __repr__(self):
        return repr(dict(self.items()))


def backups_in(callbacks):
    """The BackupAndRestore among the callbacks that were given, in a list. Raises ValueError for several."""
    backups = [c for c in list_of_callbacks(callbacks) if isinstance(c, BackupAndRestore)]
    if len(backups) > 1:
        raise ValueError("fit takes one BackupAndRestore.")
    return backups


def fit_batches(model, function, batches, names, epochs=1, initial_epoch=0, verbose=1, callbacks=None, validate=None,
                validation_data=None):  # fmt: skip
    """Train on the batches, epoch by epoch. Returns the History.

    function: a K.function that gives the values of `names` (the first is the loss). batches: a source, see
    `batches.py`.
    validate: None, or a Validation.
    """
    model.history = History()
    stateful = names[1:]
    own = [BaseLogger(stateful), *([ProgbarLogger(batches.count_mode, stateful)] if verbose else [])]
    # Backups come last, when the others have done what they do.
    backups = backups_in(callbacks)
    others = [c for c in list_of_callbacks(callbacks) if c not in backups]
    callbacks = CallbackList([*own, *others, model.history, *backups])
    callbacks.set_model(model._callback_model())
    metrics = names + ["val_" + name for name in names] if validate else names
    callbacks.set_params({"batch_size": batches.batch_size, "epochs": epochs, "steps": batches.steps,
                          "samples": batches.samples, "verbose": verbose, "do_validation": validate is not None,
                          "metrics": list(metrics)})  # fmt: skip
    for callback in callbacks:
        callback.validation_data = validation_data
    model.stop_training = callbacks.model.stop_training = False
    if verbose and validate and batches.samples and validate.batches.samples:
        print(f"Train on {batches.samples} samples, validate on {validate.batches.samples} samples")
    callbacks.on_train_begin()
    try:
        for backup in backups:
            initial_epoch = backup.begin(callbacks, batches, validate, initial_epoch)
        for epoch in range(initial_epoch, epochs):
            if callbacks.model.stop_training:
                break
            _fit_epoch(model, function, batches, names, epoch, callbacks, validate, backups)
    finally:
        for source in [batches, *([validate.batches] if validate else []), *backups]:
            source.close()
    if getattr(model.optimizer, "use_ema", False):
        model.optimizer.finalize_variable_values(model._collected_trainable_weights)
    callbacks.on_train_end()
    return model.history


def _fit_epoch(model, function, batches, names, epoch, callbacks, validate, backups):
    model.reset_metrics()
    callbacks.on_epoch_begin(epoch)
    watched = callbacks.model
    source = enumerate(batches.epoch())
    for backup in backups:
        backup.enter(epoch, source)
    source = () if watched.stop_training else source
    for _ in _each_batch("train", source, function, callbacks, names):
        if watched.stop_training:
            break
    logs = {}
    values = validate(epoch, callbacks) if validate and not watched.stop_training else None
    if values is not None:
        logs.update(zip(["val_" + name for name in names], values, strict=True))
    callbacks.on_epoch_end(epoch, logs)


class Validation:
    """What `fit` evaluates after its epochs.

    function: a K.function that gives the values of `names`. batches: a source, see `batches.py`. freq: see Model.fit.
    Call with (epoch, callbacks): the list of the values of `names`, None when this epoch has no validation.
    """

    def __init__(self, model, function, batches, names, freq):
        self.model, self.function, self.batches, self.names, self.freq = model, function, batches, names, freq

    def due(self, epoch):
        """Whether this epoch has one."""
        return should_run_validation(self.freq, epoch)

    def __call__(self, epoch, callbacks):
        if not self.due(epoch):
            return None
        return evaluate_batches(self.model, self.function, self.batches, self.names, callbacks=callbacks)


def evaluate_batches(model, function, batches, names, verbose=0, callbacks=None):
    """Evaluate on the batches: a list of the mean loss and the metrics."""
    model.reset_metrics()
    averages = Averages(names[1:])
    for size, logs in _one_epoch("test", model, function, batches, verbose, callbacks, names):
        averages.add(size, logs)
    means = averages.means()
    return [means[name] for name in names]


def predict_batches(model, function, batches, verbose=0, callbacks=None):
    """The outputs for all batches: a list of arrays."""
    found, waiting = [], None
    for _, logs in _one_epoch("predict", model, function, batches, verbose, callbacks):
        if waiting is not None:  # fetched one batch late, so that the device does not wait for us
            found.append(waiting["outputs"])
        waiting = logs
    found.append(waiting["outputs"])
    return found[0] if len(found) == 1 else [np.concatenate(parts) for parts in zip(*found, strict=True)]


def _one_epoch(mode, model, function, batches, verbose, callbacks, names=None):
    """Run the function on all batches of an evaluation or prediction, and the hooks. Yields as `_each_batch` does."""
    if not isinstance(callbacks, CallbackList):  # those of a validation have been prepared
        callbacks = CallbackList(callbacks)
        callbacks.set_model(model._callback_model())
        callbacks.set_params({"batch_size": batches.batch_size, "steps": batches.steps, "samples": batches.samples,
                              "verbose": verbose})  # fmt: skip
    in_steps = batches.count_mode == "steps"
    bar = Progbar(batches.steps if in_steps else batches.samples) if verbose == 1 else None
    getattr(callbacks, f"on_{mode}_begin")()
    for size, logs in _each_batch(mode, enumerate(batches.epoch()), function, callbacks, names):
        yield size, logs
        if bar:
            bar.add(1 if in_steps else size)
    getattr(callbacks, f"on_{mode}_end")()


def _each_batch(mode, source, function, callbacks, names=None):
    """Run the function on each batch, and the hooks around it. Yields (size, logs).

    mode: 'train', 'test' or 'predict'. source: iterator of (index, (what to feed, size)). names: of the results in the
    logs; None: all of them are the 'outputs'.
    """
    begins, ends = (getattr(callbacks, f"_on_{mode}_batch_{when}") for when in ("begin", "end"))
    run = function.run
    for index, (feeds, size) in source:
        if begins:
            logs = {"batch": index, "size": size}
            for hook in begins:
                hook(index, logs)
        results = run(feeds)
        logs = LazyLogs(index, size, names or ["outputs"], results if names else [results])
        for hook in ends:
            hook(index, logs)
        yield size, logs
