"""Callback, the list that calls several of them, and the callback made of functions."""

import functools
import inspect


class Callback:
    """Base of the callbacks: override the hooks of the events that matter.

    self.model is the model; self.params a dict with 'batch_size', 'epochs', 'steps', 'samples', 'verbose',
    'do_validation' and 'metrics', as far as they are known. `logs` is a dict: {'batch', 'size'} before a batch,
    loss and metrics besides after it, loss and metrics (those of the validation with 'val_' in front) after an epoch. A
    value may still be on its way from the device: it is waited for when it is looked at, so look only when needed.
    """

    def __init__(self):
        self.validation_data = None
        self.model = None
        self.params = {}

    def set_params(self, params):
        self.params = params

    def set_model(self, model):
        self.model = model

    def get_state(self):
        """What a backup of the training keeps, a dict: attributes that are plain data (numbers, text, arrays; lists,
        tuples and dicts of these); others go in by their own `get_state`, or not at all."""
        kept = {name: value for name, value in vars(self).items() if name not in ("model", "params", "validation_data")}
        return {name: value.get_state() if hasattr(value, "get_state") else value for name, value in kept.items()}

    def set_state(self, state):
        """Put back what `get_state` gave. When a training goes on within an epoch, this comes after its beginning."""
        for name, value in state.items():
            if hasattr(vars(self).get(name), "set_state"):
                vars(self)[name].set_state(value)
            else:
                setattr(self, name, value)

    def on_epoch_begin(self, epoch, logs=None):
        """Before an epoch of training. epoch: counted from 0."""

    def on_epoch_end(self, epoch, logs=None):
        """After an epoch of training, and after its validation."""

    def on_batch_begin(self, batch, logs=None):
        """The same as on_train_batch_begin, by its older name."""

    def on_batch_end(self, batch, logs=None):
        """The same as on_train_batch_end, by its older name."""

    def on_train_batch_begin(self, batch, logs=None):
        """Before a batch of training. batch: its index in the epoch. Calls on_batch_begin unless overridden."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch, logs=None):
        """After a batch of training. Calls on_batch_end unless overridden."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch, logs=None):
        """Before a batch of evaluate, or of the validation in fit."""

    def on_test_batch_end(self, batch, logs=None):
        """After a batch of evaluate, or of the validation in fit."""

    def on_predict_batch_begin(self, batch, logs=None):
        """Before a batch of predict."""

    def on_predict_batch_end(self, batch, logs=None):
        """After a batch of predict."""

    def on_train_begin(self, logs=None):
        """At the start of fit."""

    def on_train_end(self, logs=None):
        """At the end of fit."""

    def on_test_begin(self, logs=None):
        """At the start of evaluate, or of a validation in fit."""

    def on_test_end(self, logs=None):
        """At the end of evaluate, or of a validation in fit."""

    def on_predict_begin(self, logs=None):
        """At the start of predict."""

    def on_predict_end(self, logs=None):
        """At the end of predict."""


_OLD_NAMES = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


def _overridden(callback, hook):
    """The bound hook of a callback, None where it is the base's, which does nothing."""
    method = getattr(callback, hook, None)
    if method is not None and getattr(method, "__func__", method) is not getattr(Callback, hook):
        return method
    return _overridden(callback, _OLD_NAMES[hook]) if hook in _OLD_NAMES else None


def list_of_callbacks(callbacks):
    """The list of what was given as `callbacks`: a list, one alone, or None."""
    found = list(callbacks) if isinstance(callbacks, (list, tuple)) else [] if callbacks is None else [callbacks]
    for callback in found:
        if isinstance(callback, type):
            raise TypeError(f"callbacks: {callback.__name__} is a class; give an object, {callback.__name__}(...).")
    return found


class CallbackList:
    """Calls the hooks of several callbacks, in order. Hooks that nobody overrides cost next to nothing.

    callbacks: list of Callback (or of objects that have some of its hooks), or one. queue_length: accepted for
    compatibility.
    """

    def __init__(self, callbacks=None, queue_length=10):
        self.callbacks = list_of_callbacks(callbacks)
        self.queue_length = queue_length
        self.params, self.model = {}, None
        self._find_hooks()

    def _find_hooks(self):
        for hook in _HOOKS:
            methods = [_overridden(c, hook) for c in self.callbacks]
            setattr(self, "_" + hook, [m for m in methods if m is not None])

    def append(self, callback):
        self.callbacks.append(callback)
        self._find_hooks()

    def set_params(self, params):
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model):
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def __iter__(self):
        return iter(self.callbacks)

    def __len__(self):
        return len(self.callbacks)


def _calls(hook):
    """The method of CallbackList that calls the hook, a method of Callback, of each callback that overrides it."""
    signature = inspect.signature(hook)
    begins_or_ends = len(signature.parameters) == 2  # a training, evaluation or prediction as a whole: (self, logs)

    @functools.wraps(hook)
    def call(self, *args, **kwargs):
        given = signature.bind(self, *args, **kwargs)
        given.apply_defaults()
        _, *place, logs = given.arguments.values()
        logs = {} if logs is None else logs
        if begins_or_ends:
            self._find_hooks()  # hooks may have been assigned to a callback since it was given
        for method in getattr(self, "_" + hook.__name__):
            method(*place, logs)
        if begins_or_ends:
            self._find_hooks()

    return call


_HOOKS = [name for name in vars(Callback) if name.startswith("on_")]
for _name in _HOOKS:
    # The older names mean training batches here too.
    setattr(CallbackList, _name, _calls(getattr(Callback, _name.replace("on_batch", "on_train_batch"))))


class LambdaCallback(Callback):
    """A callback made of functions, with the arguments of the hooks they are given for, such as (epoch, logs).

    Other keyword arguments become attributes; those with the name of a hook are called as such.
    """

    def __init__(self, on_epoch_begin=None, on_epoch_end=None, on_batch_begin=None, on_batch_end=None,
                 on_train_begin=None, on_train_end=None, **kwargs):
        super().__init__()
        hooks = {"on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end, "on_batch_begin": on_batch_begin,
                 "on_batch_end": on_batch_end, "on_train_begin": on_train_begin, "on_train_end": on_train_end}
        vars(self).update(kwargs, **{name: function for name, function in hooks.items() if function is not None})
