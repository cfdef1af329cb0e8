"""Small helpers on NumPy arrays."""
import numpy as np


def to_categorical(y, num_classes=None, dtype="float32"):
    """One-hot rows of integer labels.

    y: integers in [0, num_classes), any shape; a last axis of size 1 is dropped.
    num_classes: number of columns; default 1 + the largest label.
    Returns an array of shape [..., num_classes] and type `dtype`. Raises ValueError for labels out of range.
    """
    labels = np.asarray(y, dtype="int64")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if num_classes is None or num_classes == 0:
        num_classes = labels.max(initial=-1) + 1
    if labels.size and not -num_classes <= labels.min() <= labels.max() < num_classes:
        raise ValueError(f"to_categorical: labels must lie in [0, {num_classes}), but they range from {labels.min()} "
                         f"to {labels.max()}. Give a larger num_classes, or map the labels to 0 ... num_classes - 1.")
    one_hot = np.zeros((*labels.shape, num_classes), dtype)
    np.put_along_axis(one_hot, np.where(labels < 0, labels + num_classes, labels)[..., None], 1, axis=-1)
    return one_hot


def normalize(x, axis=-1, order=2):
    """x divided by its norm of the given order along `axis`; rows of norm 0 stay 0. Same shape as x."""
    norm = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(norm == 0, 1, norm)
