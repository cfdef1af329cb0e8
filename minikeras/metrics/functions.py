"""Metric functions beside the losses: accuracies (of a sample: floats 0 or 1, or their mean) and the cosine."""

from .. import backend as K


def _tensors(y_true, y_pred):
    y_pred = y_pred if K.is_tensor(y_pred) else K.constant(y_pred)
    y_true = y_true if K.is_tensor(y_true) else K.constant(y_true, dtype=K.dtype(y_pred))
    return y_true, y_pred


def accuracy(y_true, y_pred):
    """Where y_true and y_pred are equal. Shapes: one, which is that of the result."""
    y_true, y_pred = _tensors(y_true, y_pred)
    return K.cast(K.equal(K.cast(y_true, K.dtype(y_pred)), y_pred), K.floatx())


def binary_accuracy(y_true, y_pred, threshold=0.5):
    """Part of the last axis where the label y_true is that of y_pred: 0, or 1 above the threshold.

    At the default threshold y_pred is rounded to a whole number instead, as in Keras 2.3.1.
    """
    y_true, y_pred = _tensors(y_true, y_pred)
    predicted = K.round(y_pred) if threshold == 0.5 else K.cast(y_pred > threshold, K.dtype(y_pred))
    return K.mean(K.cast(K.equal(K.cast(y_true, K.dtype(y_pred)), predicted), K.floatx()), axis=-1)


def categorical_accuracy(y_true, y_pred):
    """Where y_true and y_pred, [batch, ..., classes], are greatest for the same class."""
    y_true, y_pred = _tensors(y_true, y_pred)
    return K.cast(K.equal(K.argmax(y_true, axis=-1), K.argmax(y_pred, axis=-1)), K.floatx())


def sparse_categorical_accuracy(y_true, y_pred):
    """Where y_pred, [batch, ..., classes], is greatest for the class y_true, [batch, ...] or [batch, ..., 1]."""
    y_true, y_pred = _tensors(y_true, y_pred)
    if K.ndim(y_true) == K.ndim(y_pred):
        y_true = K.squeeze(y_true, -1)
    return K.cast(K.equal(K.cast(y_true, K.floatx()), K.cast(K.argmax(y_pred, axis=-1), K.floatx())), K.floatx())


def top_k_categorical_accuracy(y_true, y_pred, k=5):
    """Whether the class for which y_true is greatest is among the k classes for which y_pred is greatest."""
    y_true, y_pred = _tensors(y_true, y_pred)
    return _in_top_k(K.argmax(y_true, axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true, y_pred, k=5):
    """Whether the class y_true, [batch, ...] or [batch, ..., 1], is among the k for which y_pred is greatest."""
    return _in_top_k(*_tensors(y_true, y_pred), k)


def _in_top_k(labels, y_pred, k):
    labels = K.cast(K.flatten(labels), "int32")
    if K.ndim(y_pred) == 2:
        return K.cast(K.in_top_k(y_pred, labels, k), K.floatx())
    rows = K.reshape(y_pred, (-1, K.int_shape(y_pred)[-1]))
    return K.reshape(K.cast(K.in_top_k(rows, labels, k), K.floatx()), K.shape(y_pred)[:-1])


def cosine_proximity(y_true, y_pred, axis=-1):
    """Cosine of the angle between y_true and y_pred, as vectors along `axis`; the loss of the name is its negative."""
    y_true, y_pred = _tensors(y_true, y_pred)
    return K.sum(K.l2_normalize(y_true, axis=axis) * K.l2_normalize(y_pred, axis=axis), axis=axis)


cosine = cosine_similarity = cosine_proximity
