"""NumPy kernels of the cross-entropies."""

import numpy as np


def _shifted(logits):
    """logits less their maximum, exp of that, and its sum, over the last axis."""
    shifted = logits - np.maximum.reduce(logits, -1, keepdims=True, initial=-np.inf)
    powers = np.exp(shifted)
    return shifted, powers, np.add.reduce(powers, -1, keepdims=True)


def softmax_crossentropy(target, logits):
    shifted, powers, total = _shifted(logits)
    log_p = np.subtract(shifted, np.log(total), out=shifted)
    # 0 log 0 counts as 0.
    product = np.multiply(target, log_p, out=log_p)
    product[target == 0] = 0
    loss = np.negative(np.add.reduce(product, -1))
    return loss, np.divide(powers, total, out=powers)


def softmax_crossentropy_gradient(g, probabilities, target, out=None):
    out = np.subtract(probabilities, target, out=out)
    return np.multiply(out, g[..., None], out=out)


def sparse_softmax_crossentropy(target, logits):
    classes = logits.shape[-1]
    if target.size and (target.min() < 0 or target.max() >= classes):
        raise ValueError(
            f"K.sparse_categorical_crossentropy: labels from {target.min()} to {target.max()}, but there are {classes} "
            "classes, numbered from 0."
        )
    shifted, powers, total = _shifted(logits)
    loss = np.log(total)[..., 0] - np.take_along_axis(shifted, target[..., None], -1)[..., 0]
    return loss, np.divide(powers, total, out=powers)


def sparse_softmax_crossentropy_gradient(g, probabilities, target, out=None):
    out = np.multiply(probabilities, g[..., None], out=out)
    rows = out.reshape(-1, out.shape[-1])
    rows[np.arange(rows.shape[0]), target.reshape(-1)] -= g.reshape(-1)
    return out


def sigmoid_crossentropy(target, logits, out=None):
    out = np.multiply(target, logits, out=out)
    out = np.subtract(np.maximum(logits, 0), out, out=out if out.ndim else None)
    return np.add(out, np.log1p(np.exp(-np.abs(logits))), out=out if out.ndim else None)
