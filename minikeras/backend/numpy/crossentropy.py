"""NumPy kernels of the cross-entropies."""

import numpy as np

from .nn import blocked, log1p_exp


def _shifted(logits):
    """logits less their maximum, exp of that, and its sum, over the last axis."""
    shifted = logits - np.maximum.reduce(logits, -1, keepdims=True, initial=-np.inf)
    powers = np.exp(shifted)
    return shifted, powers, np.add.reduce(powers, -1, keepdims=True)


def softmax_crossentropy(target, logits):
    shifted, powers, total = _shifted(logits)
    log_p = np.subtract(shifted, np.log(total), out=shifted)
    loss = np.negative(np.add.reduce(np.multiply(target, log_p, out=log_p), -1))
    return loss, np.divide(powers, total, out=powers)


def softmax_crossentropy_gradient(g, probabilities, target, out=None):
    out = np.subtract(probabilities, target, out=out)
    return np.multiply(out, g[..., None], out=out)


def check_labels(target, classes):
    """Raises ValueError when labels, an array or a tensor of PyTorch, are no class."""
    if 0 in target.shape:
        return
    low, high = int(target.min()), int(target.max())
    if low < 0 or high >= classes:
        raise ValueError(
            f"K.sparse_categorical_crossentropy: labels from {low} to {high}, but there are {classes} "
            "classes, numbered from 0."
        )


def _labelled(x, target):
    """x as rows, and the index of each row's label, with less around it than `take_along_axis` has."""
    return x.reshape(target.size, x.shape[-1]), (np.arange(target.size), target.reshape(-1))


def sparse_softmax_crossentropy(target, logits):
    check_labels(target, logits.shape[-1])
    shifted, powers, total = _shifted(logits)
    rows, labels = _labelled(shifted, target)
    loss = np.log(total)[..., 0] - rows[labels].reshape(target.shape)
    return loss, np.divide(powers, total, out=powers)


def sparse_softmax_crossentropy_gradient(g, probabilities, target, out=None):
    out = np.multiply(probabilities, g[..., None], out=out)
    rows, labels = _labelled(out, target)
    rows[labels] -= g.reshape(-1)
    return out


@blocked
def sigmoid_crossentropy(target, logits):
    return np.maximum(logits, 0) - target * logits + log1p_exp(logits)
