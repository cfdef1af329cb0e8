"""Callbacks that act on the training: stop it, save it, change the learning rate."""
import inspect
import os
import warnings

import numpy as np

from .. import backend as K
from .base import Callback


class TerminateOnNaN(Callback):
    """Stops the training when the loss of a batch is NaN or infinite. It looks at each loss, so it waits for each."""

    def on_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        if loss is not None and not np.isfinite(loss):
            print(f"Batch {batch}: the loss is {loss}; the training stops.")
            self.model.stop_training = True


class _Monitor(Callback):
    """Watches one of the epoch's values, and knows which of two is better.

    mode: 'min', 'max', or 'auto': 'max' for an accuracy (or a name that starts with 'fmeasure'), else 'min'.
    """

    def __init__(self, monitor, mode, min_delta=0.0):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(f"{type(self).__name__}: mode must be 'auto', 'min' or 'max', got {mode!r}; 'auto' is used.",
                          RuntimeWarning, stacklevel=3)
            mode = "auto"
        if mode == "auto":
            mode = "max" if "acc" in monitor or monitor.startswith("fmeasure") else "min"
        self.monitor, self.mode, self.min_delta = monitor, mode, abs(min_delta)
        self.worst = -np.inf if mode == "max" else np.inf

    def better(self, value, best):
        """Whether `value` improves on `best` by more than min_delta."""
        return value - self.min_delta > best if self.mode == "max" else value + self.min_delta < best

    def get_monitor_value(self, logs):
        """The watched value, or None with a warning that names those there are."""
        logs = logs or {}
        if self.monitor not in logs:
            warnings.warn(f"{type(self).__name__} watches {self.monitor!r}, which is not among the values of this "
                          f"epoch: {', '.join(logs)}. Give validation data, or another monitor.",
                          RuntimeWarning, stacklevel=2)
            return None
        return logs[self.monitor]


class EarlyStopping(_Monitor):
    """Stops the training when the watched value no longer improves.

    monitor: name of the value. min_delta: least change that counts. patience: epochs without improvement to wait.
    baseline: value that has to be bettered. restore_best_weights: go back to the weights of the best epoch at the end.
    """

    def __init__(self, monitor="val_loss", min_delta=0, patience=0, verbose=0, mode="auto", baseline=None,
                 restore_best_weights=False):
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights = restore_best_weights

    def on_train_begin(self, logs=None):
        self.wait = self.stopped_epoch = 0
        self.best = self.worst if self.baseline is None else self.baseline
        self.best_weights = None

    def on_epoch_end(self, epoch, logs=None):
        value = self.get_monitor_value(logs)
        if value is None:
            return
        if self.better(value, self.best):
            self.best, self.wait = value, 0
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            return
        self.wait += 1
        if self.wait >= self.patience:
            self._stop(epoch)

    def _stop(self, epoch):
        self.stopped_epoch = epoch
        self.model.stop_training = True
        if self.best_weights is not None:
            if self.verbose:
                print("EarlyStopping: back to the weights of the best epoch.")
            self.model.set_weights(self.best_weights)
            if getattr(self.model.optimizer, "use_ema", False):  # fit would end with the averages
                self.model.optimizer.reset_averages(self.model._collected_trainable_weights)

    def on_train_end(self, logs=None):
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1:05d}: early stopping, {self.monitor} was best at {self.best:.5f}")


class ModelCheckpoint(_Monitor):
    """Saves the model after every `period` epochs.

    filepath: may hold fields such as {epoch:02d} and {val_loss:.2f}. save_best_only: only when the watched value
    improves. save_weights_only: save_weights instead of save.
    """

    def __init__(self, filepath, monitor="val_loss", verbose=0, save_best_only=False, save_weights_only=False,
                 mode="auto", period=1):
        super().__init__(monitor, mode)
        self.filepath, self.verbose, self.period = os.fspath(filepath), verbose, period
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.best = self.worst
        self.epochs_since_last_save = 0

    def on_epoch_end(self, epoch, logs=None):
        self.epochs_since_last_save += 1
        if self.epochs_since_last_save < self.period:
            return
        self.epochs_since_last_save = 0
        filepath = self.filepath.format(epoch=epoch + 1, **(logs or {}))
        if not self.save_best_only:
            self._save(epoch, filepath, "")
            return
        value = self.get_monitor_value(logs)
        if value is None:
            return
        if self.better(value, self.best):
            self._save(epoch, filepath, f" as {self.monitor} improved from {self.best:.5f} to {value:.5f}")
            self.best = value
        elif self.verbose:
            print(f"\nEpoch {epoch + 1:05d}: {self.monitor} did not improve from {self.best:.5f}")

    def _save(self, epoch, filepath, reason):
        if self.verbose:
            print(f"\nEpoch {epoch + 1:05d}: saving to {filepath}{reason}")
        save = self.model.save_weights if self.save_weights_only else self.model.save
        save(filepath, overwrite=True)


class SwapEMAWeights(Callback):
    """Evaluates, validates and predicts with the moving averages of the weights, which an optimizer keeps that is made
    with use_ema=True; a ValueError is raised for another.

    swap_on_epoch: also from the end of an epoch to the beginning of the next, for callbacks that come after this one,
    such as ModelCheckpoint. At the end of `fit` the averages are the weights in any case.
    """

    def __init__(self, swap_on_epoch=False):
        super().__init__()
        self.swap_on_epoch = swap_on_epoch

    def _use(self, averages):
        optimizer = self.model.optimizer
        if not getattr(optimizer, "use_ema", False):
            raise ValueError(f"SwapEMAWeights: the optimizer {type(optimizer).__name__} keeps no averages. Make it "
                             "with use_ema=True.")  # fmt: skip
        if optimizer.averages_in_use != averages:
            optimizer.swap_averages(self.model._collected_trainable_weights)

    def on_epoch_begin(self, epoch, logs=None):
        self._use(False)

    def on_epoch_end(self, epoch, logs=None):
        self._use(self.swap_on_epoch)

    def on_test_begin(self, logs=None):
        self._use(True)

    def on_test_end(self, logs=None):
        self._use(False)

    on_predict_begin, on_predict_end = on_test_begin, on_test_end

    def get_state(self):
        return {"in_use": self.model.optimizer.averages_in_use}

    def set_state(self, state):
        self.model.optimizer.averages_in_use = state["in_use"]


class _LearningRate:
    """The learning rate of the model's optimizer, as a number."""

    @property
    def lr(self):
        if not hasattr(self.model.optimizer, "lr"):
            raise ValueError(f"{type(self).__name__}: the optimizer {type(self.model.optimizer).__name__} "
                             f"has no attribute 'lr'.")
        return float(K.eval(self.model.optimizer.lr))

    @lr.setter
    def lr(self, value):
        if not K.is_variable(self.model.optimizer.lr):
            raise ValueError(f"{type(self).__name__}: the learning rate of the optimizer is no variable but follows a "
                             "schedule. Make the optimizer with a number.")  # fmt: skip
        K.set_value(self.model.optimizer.lr, value)


class LearningRateScheduler(_LearningRate, Callback):
    """Sets the learning rate before each epoch.

    schedule: function (epoch, lr) -> lr, or (epoch) -> lr, with a float result; a ValueError is raised for another.
    """

    def __init__(self, schedule, verbose=0):
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch, logs=None):
        lr = self._scheduled(epoch, self.lr)
        if not isinstance(lr, (float, np.floating)):
            raise ValueError(f"LearningRateScheduler: the schedule must return a float, got {lr!r} "
                             f"({type(lr).__name__}) for epoch {epoch}.")
        self.lr = lr
        if self.verbose:
            print(f"\nEpoch {epoch + 1:05d}: the learning rate is set to {lr}.")

    def _scheduled(self, epoch, lr):
        try:
            inspect.signature(self.schedule).bind(epoch, lr)
        except TypeError:
            return self.schedule(epoch)
        return self.schedule(epoch, lr)

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["lr"] = self.lr


class ReduceLROnPlateau(_LearningRate, _Monitor):
    """Multiplies the learning rate by `factor` when the watched value no longer improves.

    factor: below 1. patience: epochs without improvement to wait. min_delta: least change that counts.
    cooldown: epochs to wait after a reduction before counting again. min_lr: no lower than that.
    """

    def __init__(self, monitor="val_loss", factor=0.1, patience=10, verbose=0, mode="auto", min_delta=1e-4, cooldown=0,
                 min_lr=0, **kwargs):
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau: factor must be below 1, got {factor}.")
        min_delta = kwargs.pop("epsilon", min_delta)         # its name before Keras 2.1.6
        if kwargs:
            raise TypeError(f"ReduceLROnPlateau: unknown arguments {', '.join(kwargs)}.")
        super().__init__(monitor, mode, min_delta)
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr
        self._reset()

    def _reset(self):
        self.best, self.wait, self.cooldown_counter = self.worst, 0, 0

    def on_train_begin(self, logs=None):
        self._reset()

    def in_cooldown(self):
        """Whether a reduction is so recent that nothing is counted."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["lr"] = self.lr
        value = self.get_monitor_value(logs)
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.better(value, self.best):
            self.best, self.wait = value, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def _reduce(self, epoch):
        old = self.lr
        if old <= self.min_lr:
            return
        self.lr = max(old * self.factor, self.min_lr)
        self.cooldown_counter, self.wait = self.cooldown, 0
        if self.verbose:
            print(f"\nEpoch {epoch + 1:05d}: the learning rate is reduced to {self.lr}.")
