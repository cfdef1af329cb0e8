"""Records of activations, softmax, biases, attention, cross-entropies, normalization and CTC."""

import itertools

import numpy as np
from records import case, ints

from minikeras import backend as K
from minikeras.backend.ops.normalization import row_moments


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True)) if x.size else x
    return e / e.sum(axis, keepdims=True)


def relu(x, alpha=0.0, max_value=None, threshold=0.0):
    y = np.where(x > threshold, x, 0)
    return np.clip(y, 0, max_value) - alpha * np.maximum(threshold - x, 0)


ACTIVATIONS = [
    case(K.relu, (3, 4), reference=relu),
    case(K.relu, (3, 4), alpha=0.3, reference=relu),
    case(K.relu, (3, 4), max_value=1.0, reference=relu),
    case(K.relu, (3, 4), threshold=0.5, reference=relu),
    case(K.relu, (3, 4), alpha=0.2, max_value=1.5, threshold=-0.5, reference=relu),
    case(K.elu, (3, 4), alpha=0.7, reference=lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x))),
    case(K.sigmoid, (3, 4), reference=sigmoid),
    case(K.hard_sigmoid, (3, 4), low=-4, high=4, reference=lambda x: np.clip(0.2 * x + 0.5, 0, 1)),
    case(K.softplus, (3, 4), reference=lambda x: np.log1p(np.exp(x))),
    case(
        K.softplus, np.array([-1000.0, -30.0, 0.5, 35.0, 1000.0]), reference=lambda x: np.logaddexp(x, 0), second=False
    ),
    case(K.softsign, (3, 4), reference=lambda x: x / (1 + np.abs(x))),
    case(K.swish, (3, 4), reference=lambda x: x * sigmoid(x)),
    case(K.gelu, (3, 4)),
    case(K.gelu, (3, 4), approximate=False),
    *(case(K.softmax, (2, 3, 4), axis=a, reference=softmax) for a in (-1, 0, 1)),
    case(K.log_softmax, (3, 4), axis=1, reference=lambda x, axis: np.log(softmax(x, axis))),
    case(K.softmax, np.array([[1000.0, 999.0, -1000.0]]), reference=softmax),
]

BIASES = [
    case(K.bias_add, (3, 4), (4,), reference=np.add),
    case(K.bias_add, (2, 3, 4), (3, 4), data_format="channels_last", reference=lambda x, b, **_: x + b),
    case(
        K.bias_add, (2, 3, 4, 5), (3,), data_format="channels_first", reference=lambda x, b, **_: x + b[:, None, None]
    ),
    case(
        K.bias_add,
        (2, 3, 4, 5),
        (4, 5, 3),
        data_format="channels_first",
        edges=False,
        reference=lambda x, b, **_: x + b.reshape(1, 3, 4, 5),
    ),
]


def attention(q, k, v):
    return softmax(q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])) @ v


def masked_attention(mask):
    return lambda q, k, v: K.scaled_dot_product_attention(q, k, v, mask)


def masked_reference(mask):
    def reference(q, k, v):
        return softmax(np.where(mask, q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]), -1e9)) @ v

    return reference


SEEN = np.array([[True, False, True, True, False], [False] * 5, [True] * 5])
ATTENTION = [
    case(K.scaled_dot_product_attention, (2, 3, 4), (2, 5, 4), (2, 5, 6), reference=attention),
    case(K.scaled_dot_product_attention, (2, 3, 5, 4), (2, 3, 6, 4), (2, 3, 6, 4), reference=attention),
    case(K.scaled_dot_product_attention, (3, 4), (5, 4), (5, 4), reference=attention),
    case(K.scaled_dot_product_attention, (2, 3, 4), (5, 4), (1, 5, 4), reference=attention, edges=False),
    case(masked_attention(SEEN), (2, 3, 4), (2, 5, 4), (2, 5, 4), name="attention-masked", edges=False,
         reference=masked_reference(SEEN)),
]  # fmt: skip

TARGETS = softmax(np.random.default_rng(1).normal(size=(3, 4)))


def crossentropy(x, axis=-1, targets=TARGETS):
    return -np.sum(targets * np.log(softmax(x)), axis)


def labels_crossentropy(labels, x, **_):
    return -np.log(np.take_along_axis(softmax(x), labels.reshape(*x.shape[:-1], 1), -1))[..., 0]


def binary(t, x, **_):
    return -(t * np.log(sigmoid(x)) + (1 - t) * np.log(1 - sigmoid(x)))


CROSSENTROPY = [
    case(
        lambda x: K.categorical_crossentropy(TARGETS, x, from_logits=True),
        (3, 4),
        name="categorical_crossentropy-logits",
        reference=crossentropy,
        edges=False,
    ),
    case(
        lambda x: K.categorical_crossentropy(TARGETS, K.softmax(x)),
        (3, 4),
        name="categorical_crossentropy-softmax",
        reference=crossentropy,
        edges=False,
    ),
    case(
        lambda x: K.categorical_crossentropy(TARGETS, x),
        (3, 4),
        low=0.1,
        high=1.0,
        name="categorical_crossentropy",
        reference=lambda x: -np.sum(TARGETS * np.log(x / x.sum(-1, keepdims=True)), -1),
        edges=False,
    ),
    case(
        lambda x: K.categorical_crossentropy(TARGETS.T, x, from_logits=True, axis=0),
        (4, 3),
        name="categorical_crossentropy-axis-0",
        reference=lambda x: crossentropy(x.T),
        edges=False,
    ),
    case(
        K.sparse_categorical_crossentropy,
        ints(4, 3),
        (3, 4),
        from_logits=True,
        reference=labels_crossentropy,
        edges=False,
    ),
    case(
        K.sparse_categorical_crossentropy,
        ints(4, 2, 3, 1),
        (2, 3, 4),
        from_logits=True,
        reference=labels_crossentropy,
        edges=False,
    ),
    case(
        lambda t, x: K.sparse_categorical_crossentropy(t, K.softmax(x)),
        ints(4, 3),
        (3, 4),
        name="sparse_categorical_crossentropy-softmax",
        reference=labels_crossentropy,
        edges=False,
    ),
    case(
        K.sparse_categorical_crossentropy,
        ints(4, 3),
        (3, 4),
        low=0.1,
        high=1.0,
        name="sparse-of-probabilities",
        reference=lambda t, x: labels_crossentropy(t, np.log(x)),
        edges=False,
    ),
    case(K.binary_crossentropy, (3, 4), (3, 4), low=0.1, high=0.9, from_logits=True, reference=binary),
    case(K.binary_crossentropy, (3, 4), (3, 4), low=0.1, high=0.9),
    case(
        K.in_top_k,
        (5, 6),
        ints(6, 5),
        k=2,
        gradient=False,
        edges=False,
        reference=lambda p, t, k: (p > p[np.arange(5), t][:, None]).sum(1) < k,
    ),
]


def normalized(x, gamma, beta, axes, epsilon):
    kept = [n if i not in axes else 1 for i, n in enumerate(x.shape)]
    y = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)
    return y * gamma.reshape(kept) + beta.reshape(kept)


def in_training(x, gamma, beta, reduction_axes, epsilon=1e-3):
    return normalized(x, gamma, beta, reduction_axes, epsilon)


def at_test(x, mean, var, beta, gamma, axis=-1, epsilon=1e-3):
    shape = [n if i == axis % x.ndim else 1 for i, n in enumerate(x.shape)]
    mean, var, beta, gamma = (v.reshape(shape) for v in (mean, var, beta, gamma))
    return (x - mean) / np.sqrt(var + epsilon) * gamma + beta


def by_rows(x, gamma=1.0, beta=0.0, axis=-1):
    return (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + 1e-3) * gamma + beta


def moments_of_rows(x):
    return row_moments(x, None, None, 1, 1e-3)


NORMALIZATION = [
    *(
        case(
            K.normalize_batch_in_training,
            shape,
            (4,),
            (4,),
            reduction_axes=axes,
            reference=in_training,
            edges=False,
            second=len(shape) < 4,
        )
        for shape, axes in [
            ((5, 4), (0,)),
            ((3, 2, 4), (0, 1)),
            ((3, 4, 2), (0, 2)),
            ((3, 2, 2, 4), (0, 1, 2)),
            ((3, 4, 2, 2), (0, 2, 3)),
        ]
    ),
    case(
        K.normalize_batch_in_training,
        (3, 4, 5),
        (3, 5),
        (3, 5),
        reduction_axes=(1,),
        reference=in_training,
        edges=False,
    ),
    case(
        K.normalize_batch_in_training,
        (5, 4),
        (4,),
        (4,),
        reduction_axes=(0,),
        index=1,
        name="batch-mean",
        edges=False,
        reference=lambda x, *_, **k: x.mean(0),
    ),
    case(
        K.normalize_batch_in_training,
        (5, 4),
        (4,),
        (4,),
        reduction_axes=(0,),
        index=2,
        name="batch-variance",
        edges=False,
        reference=lambda x, *_, **k: x.var(0),
    ),
    case(K.batch_normalization, (5, 4), (4,), (4,), (4,), (4,), low=0.5, reference=at_test),
    case(K.batch_normalization, (2, 4, 3), (4,), (4,), (4,), (4,), low=0.5, axis=1, reference=at_test, edges=False),
    case(
        K.layer_normalization,
        (3, 4),
        (4,),
        (4,),
        edges=False,
        reference=lambda x, gamma, beta: normalized(x.T, np.ones(3), np.zeros(3), (0,), 1e-3).T * gamma + beta,
    ),
    *(
        case(K.layer_normalization, shape, axis=axis, reference=by_rows, edges=False)
        for shape, axis in [((3, 4), -1), ((2, 3, 4), -1), ((2, 3, 4), (1, 2)), ((2, 3, 4), 1)]
    ),
    case(K.layer_normalization, (2, 3, 4), (3, 4), (3, 4), axis=(1, 2), reference=by_rows, edges=False),
    *(case(moments_of_rows, (3, 4), index=i, edges=False, reference=f) for i, f in enumerate([
        lambda x: (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-3),
        lambda x: x.mean(1, keepdims=True),
        lambda x: 1 / np.sqrt(x.var(1, keepdims=True) + 1e-3),
    ])),
    case(
        K.l2_normalize,
        (3, 4),
        axis=1,
        reference=lambda x, axis: x / np.sqrt(np.sum(x**2, axis, keepdims=True)),
        edges=False,
    ),
]


def collapsed(path, blank):
    """The labels that a path of classes stands for."""
    return [k for k, _ in itertools.groupby(path) if k != blank]


def ctc(labels, y, input_length, label_length):
    """The sum over all paths, one by one."""
    losses = []
    for row, n, wanted, m in zip(y, input_length.ravel(), labels, label_length.ravel(), strict=True):
        p = (row + 1e-7) / (row + 1e-7).sum(-1, keepdims=True)
        paths = itertools.product(range(row.shape[1]), repeat=int(n))
        hits = [q for q in paths if collapsed(q, row.shape[1] - 1) == list(wanted[:m])]
        losses.append([-np.log(sum(np.prod(p[np.arange(n), q]) for q in hits))])
    return np.array(losses)


CTC = [
    case(
        K.ctc_batch_cost,
        np.array([[0, 1], [1, 1], [0, 0]]),
        (3, 5, 3),
        np.array([[5], [4], [3]]),
        np.array([[2], [2], [1]]),
        low=0.1,
        high=1.0,
        reference=ctc,
        second=False,
        edges=False,
    ),
]

CASES = [*ACTIVATIONS, *BIASES, *ATTENTION, *CROSSENTROPY, *NORMALIZATION, *CTC]
