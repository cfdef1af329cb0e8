"""Losses: functions of targets and predictions, and classes that also weight and reduce.

A function takes y_true and y_pred of one shape [batch, ..., features] (targets of the sparse ones have no last axis, or
one of size 1) and returns the losses of the samples, [batch, ...], in the dtype of y_pred. The targets are cast to it.
It raises ValueError when the shapes do not fit each other.

A class is called with y_true, y_pred and sample_weight, and reduces to a scalar unless told otherwise.
"""

import functools

import numpy as np

from . import backend as K
from .backend.tensor import compatible
from .utils.generic_utils import (
    Configured,
    class_of_function,
    deserialize_keras_object,
    is_named_object,
    serialize_keras_object,
)
from .utils.losses_utils import Reduction, compute_weighted_loss


def _as_predictions(y_pred):
    return y_pred if K.is_tensor(y_pred) else K.constant(y_pred)


def check_shapes(name, y_true, y_pred):
    """Raise ValueError unless the shapes of targets and predictions are the same, but for sizes 1 and unknown ones.

    A target of fewer axes would broadcast, [batch] against [batch, 1] to [batch, batch]: never what is meant.
    """
    true, pred = K.int_shape(y_true), K.int_shape(y_pred)
    one_rank = len(true) == len(pred)
    fits = one_rank and all(t == p or {t, p} & {1, None} for t, p in zip(true, pred, strict=True))
    if not fits and true and pred:
        raise ValueError(f"{name}: targets and predictions need one shape. y_true {true}, y_pred {pred}. Compare the "
                         "targets with the output of the model; integer labels of classes go with the sparse losses, "
                         "or through to_categorical.")  # fmt: skip


def _elementwise(function):
    """Let the loss take arrays and targets of any dtype, and check the shapes."""

    @functools.wraps(function)
    def loss(y_true, y_pred, *args, **kwargs):
        y_pred = _as_predictions(y_pred)
        y_true = (K.cast if K.is_tensor(y_true) else K.constant)(y_true, dtype=K.dtype(y_pred))
        check_shapes(function.__name__, y_true, y_pred)
        return function(y_true, y_pred, *args, **kwargs)

    return loss


@_elementwise
def mean_squared_error(y_true, y_pred):
    """mean((y_pred - y_true)^2)."""
    return K.mean(K.square(y_pred - y_true), axis=-1)


@_elementwise
def mean_absolute_error(y_true, y_pred):
    """mean|y_pred - y_true|."""
    return K.mean(K.abs(y_pred - y_true), axis=-1)


@_elementwise
def mean_absolute_percentage_error(y_true, y_pred):
    """100 mean|(y_true - y_pred) / y_true|, |y_true| taken as epsilon at least."""
    return 100.0 * K.mean(K.abs((y_true - y_pred) / K.maximum(K.abs(y_true), K.epsilon())), axis=-1)


@_elementwise
def mean_squared_logarithmic_error(y_true, y_pred):
    """mean((log(1 + y_pred) - log(1 + y_true))^2), both taken as epsilon at least."""
    pred, true = (K.log(K.maximum(y, K.epsilon()) + 1.0) for y in (y_pred, y_true))
    return K.mean(K.square(pred - true), axis=-1)


def _signs(y_true):
    """Labels -1 and 1; if all labels are 0 or 1, these become -1 and 1."""
    is_binary = K.cast(K.all(K.equal(y_true, K.cast(K.equal(y_true, 1.0), K.dtype(y_true)))), K.dtype(y_true))
    return y_true + is_binary * (y_true - 1.0)


@_elementwise
def hinge(y_true, y_pred):
    """mean(max(1 - y_true y_pred, 0)). Labels are -1 and 1; 0 and 1 are understood."""
    return K.mean(K.maximum(1.0 - _signs(y_true) * y_pred, 0.0), axis=-1)


@_elementwise
def squared_hinge(y_true, y_pred):
    """mean(max(1 - y_true y_pred, 0)^2). Labels are -1 and 1; 0 and 1 are understood."""
    return K.mean(K.square(K.maximum(1.0 - _signs(y_true) * y_pred, 0.0)), axis=-1)


@_elementwise
def categorical_hinge(y_true, y_pred):
    """max(0, 1 + (greatest y_pred of the wrong classes) - (y_pred of the right one)). y_true is one-hot.

    Source: Crammer and Singer (2001).
    """
    right = K.sum(y_true * y_pred, axis=-1)
    wrong = K.max((1.0 - y_true) * y_pred, axis=-1)
    return K.maximum(0.0, wrong - right + 1.0)


@_elementwise
def logcosh(y_true, y_pred):
    """mean(log(cosh(y_pred - y_true))): about x^2 / 2 for small errors x and |x| - log 2 for large ones."""
    x = y_pred - y_true
    # cosh x = exp(x) (1 + exp(-2x)) / 2: no overflow.
    return K.mean(x + K.softplus(-2.0 * x) - float(np.log(2.0)), axis=-1)


@_elementwise
def huber_loss(y_true, y_pred, delta=1.0):
    """x^2 / 2 for errors |x| <= delta, and delta (|x| - delta / 2) beyond. As in Keras 2.3.1 there is no mean over the
    last axis: the shape is that of y_pred. Source: Huber (1964)."""
    x = K.abs(y_pred - y_true)
    quadratic = K.minimum(x, delta)
    return 0.5 * K.square(quadratic) + delta * (x - quadratic)


@_elementwise
def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0):
    """Cross-entropy -sum(y_true log y_pred), in nats.

    y_pred: probabilities (rescaled to the sum 1, and clipped by epsilon), or logits. label_smoothing: this part of each
    target is shared out evenly; as in Keras 2.3.1 it is divided by the size of axis 1.
    """
    if label_smoothing:
        classes = K.cast(K.shape(y_true)[1], K.dtype(y_pred))
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / classes
    return K.categorical_crossentropy(y_true, y_pred, from_logits=from_logits)


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False, axis=-1):
    """Cross-entropy -log(y_pred of the right class), in nats.

    y_true: the numbers of the right classes, of any dtype; the shape of y_pred without `axis`, or with a size of 1
    there. y_pred: probabilities, or logits.
    """
    y_pred = _as_predictions(y_pred)
    y_true = y_true if K.is_tensor(y_true) else K.constant(y_true, dtype="int32")
    _check_labels(y_true, y_pred, axis)
    return K.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


def _check_labels(y_true, y_pred, axis):
    true, pred = list(K.int_shape(y_true)), list(K.int_shape(y_pred))
    axis %= len(pred)
    wanted = pred[:axis] + pred[axis + 1 :]
    if len(true) == len(pred) and true[-1] in (1, None):
        true = true[:-1]
    if not compatible(true, wanted):
        raise ValueError("sparse_categorical_crossentropy: targets have the shape of the predictions without the axis "
                         f"of the classes, {axis}. y_true {K.int_shape(y_true)}, y_pred {K.int_shape(y_pred)}. One-hot "
                         "targets go with categorical_crossentropy.")  # fmt: skip


@_elementwise
def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0):
    """mean(-y_true log y_pred - (1 - y_true) log(1 - y_pred)), in nats.

    y_pred: probabilities (clipped by epsilon), or logits. label_smoothing: targets move so far towards 1/2.
    """
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    return K.mean(K.binary_crossentropy(y_true, y_pred, from_logits=from_logits), axis=-1)


@_elementwise
def kullback_leibler_divergence(y_true, y_pred):
    """sum(y_true log(y_true / y_pred)), in nats, both clipped to [epsilon, 1]."""
    y_true, y_pred = (K.clip(y, K.epsilon(), 1) for y in (y_true, y_pred))
    return K.sum(y_true * K.log(y_true / y_pred), axis=-1)


@_elementwise
def poisson(y_true, y_pred):
    """mean(y_pred - y_true log(y_pred + epsilon)): the negative log likelihood of counts, but for a constant."""
    return K.mean(y_pred - y_true * K.log(y_pred + K.epsilon()), axis=-1)


@_elementwise
def cosine_proximity(y_true, y_pred, axis=-1):
    """-cos of the angle between y_true and y_pred, as vectors along `axis`: -1 for the same direction."""
    return -K.sum(K.l2_normalize(y_true, axis=axis) * K.l2_normalize(y_pred, axis=axis), axis=axis)


mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
kld = KLD = kullback_leibler_divergence
cosine = cosine_similarity = cosine_proximity


class Loss(Configured):
    """Base of losses: subclasses define call(y_true, y_pred), the losses of the samples.

    reduction: see `Reduction`. name: of the scope in the graph.
    """

    def __init__(self, reduction=Reduction.SUM_OVER_BATCH_SIZE, name=None):
        Reduction.validate(reduction)
        self.reduction, self.name = reduction, name

    def __call__(self, y_true, y_pred, sample_weight=None):
        """The loss, reduced. sample_weight: a number, or weights [batch], or of the shape of what `call` returns."""
        with K.name_scope(self.name or "loss"):
            losses = self.call(y_true, y_pred)
            return compute_weighted_loss(losses, sample_weight, reduction=self.reduction)

    def call(self, y_true, y_pred):
        """The losses of the samples, [batch, ...]."""
        raise NotImplementedError(f"{type(self).__name__} has to define call(y_true, y_pred).")

    def get_config(self):
        """The constructor's arguments."""
        return {"reduction": self.reduction, "name": self.name}


class LossFunctionWrapper(Loss):
    """The loss of a function fn(y_true, y_pred, **kwargs)."""

    def __init__(self, fn, reduction=Reduction.SUM_OVER_BATCH_SIZE, name=None, **kwargs):
        super().__init__(reduction=reduction, name=name)
        self.fn, self._fn_kwargs = fn, kwargs

    def call(self, y_true, y_pred):
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self):
        own = {key: K.eval(value) if K.is_tensor(value) else value for key, value in self._fn_kwargs.items()}
        return {**super().get_config(), **own}


# The classes: the function, the parameters that are handed to it, and the default name if it is not the function's.
_CLASSES = {
    "MeanSquaredError": (mean_squared_error, {}),
    "MeanAbsoluteError": (mean_absolute_error, {}),
    "MeanAbsolutePercentageError": (mean_absolute_percentage_error, {}),
    "MeanSquaredLogarithmicError": (mean_squared_logarithmic_error, {}),
    "BinaryCrossentropy": (binary_crossentropy, {"from_logits": False, "label_smoothing": 0}),
    "CategoricalCrossentropy": (categorical_crossentropy, {"from_logits": False, "label_smoothing": 0}),
    "SparseCategoricalCrossentropy": (sparse_categorical_crossentropy, {"from_logits": False}),
    "Hinge": (hinge, {}),
    "SquaredHinge": (squared_hinge, {}),
    "CategoricalHinge": (categorical_hinge, {}),
    "Poisson": (poisson, {}),
    "LogCosh": (logcosh, {}),
    "KLDivergence": (kullback_leibler_divergence, {}),
    "Huber": (huber_loss, {"delta": 1.0}),
    "CosineSimilarity": (cosine_proximity, {"axis": -1}, "cosine_similarity"),
}


def _class(class_name, function, parameters, name=None):
    parameters = {**parameters, "reduction": Reduction.SUM_OVER_BATCH_SIZE, "name": name or function.__name__}
    doc = f"The loss `{function.__name__}` as a class: weighted by sample and reduced.\n\n    {function.__doc__}"
    return class_of_function(class_name, LossFunctionWrapper, function, parameters, __name__, doc)


globals().update({name: _class(name, *row) for name, row in _CLASSES.items()})

_OBJECTS = {name: value for name, value in globals().items() if is_named_object(value, Loss)}


def is_categorical_crossentropy(loss):
    """Whether it is categorical_crossentropy: as a name, the function or the class."""
    if isinstance(loss, LossFunctionWrapper):
        loss = loss.fn
    return loss is categorical_crossentropy or "categorical_crossentropy" in (loss, getattr(loss, "__name__", None))


def serialize(loss):
    """The name of a loss function, or {"class_name", "config"} of a loss object."""
    return serialize_keras_object(loss)


def deserialize(name, custom_objects=None):
    """The loss of a name or config. Raises ValueError for unknown names."""
    return deserialize_keras_object(name, _OBJECTS, custom_objects, "loss function")


def get(identifier):
    """The loss of a name or config (a class by its name is made without arguments); None and callables as they are.

    Raises ValueError for anything else.
    """
    if identifier is None or (callable(identifier) and not isinstance(identifier, (str, dict))):
        return identifier
    return deserialize(identifier)


__all__ = ["Loss", "LossFunctionWrapper", "Reduction", "deserialize", "get", "is_categorical_crossentropy", "serialize",
           *_OBJECTS]  # fmt: skip
