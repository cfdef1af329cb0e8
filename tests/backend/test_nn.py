"""What is particular about activations, cross-entropies and batch normalization, beyond their values."""

import numpy as np
import pytest

from minikeras import backend as K


def run(tensors, *fed):
    """The values of tensors; fed: (placeholder, array) pairs."""
    return K.function([p for p, _ in fed], list(tensors))([a for _, a in fed])


SATURATED = np.array([[40.0, 0.0, -40.0]])


def losses(x, of_softmax):
    """Categorical and sparse crossentropy of the last class."""
    p = of_softmax(x)
    return K.categorical_crossentropy(K.constant([[0.0, 0.0, 1.0]]), p), K.sparse_categorical_crossentropy([2], p)


def test_crossentropies_see_the_logits_of_a_softmax(backend):
    x = K.placeholder((1, 3))
    found = losses(x, K.softmax)
    values = run([*found, *K.gradients(found[0], [x])], (x, SATURATED))
    np.testing.assert_allclose(values[0], [80.0])
    np.testing.assert_allclose(values[1], [80.0])
    np.testing.assert_allclose(values[2], [[1.0, 0.0, -1.0]], atol=1e-6)


def test_crossentropies_see_through_a_cast_to_the_same_dtype(backend):
    x = K.placeholder((1, 3))
    values = run(losses(x, lambda x: K.cast(K.softmax(x), "float32")), (x, SATURATED))
    np.testing.assert_allclose(values, [[80.0], [80.0]])


@pytest.mark.parametrize("between", [lambda p: K.identity(p), lambda p: p * 1.0, lambda p: K.reshape(p, (-1, 3))])
def test_crossentropies_clip_what_is_not_the_direct_result(between, backend):
    x = K.placeholder((1, 3))
    values = run(losses(x, lambda x: between(K.softmax(x))), (x, SATURATED))
    np.testing.assert_allclose(values, [[-np.log(1e-7)]] * 2, rtol=1e-4)


def test_binary_crossentropy_sees_the_logits_of_a_sigmoid(backend):
    x = K.placeholder((1, 3))
    values = run([K.binary_crossentropy(K.zeros((1, 3)), K.sigmoid(x))], (x, SATURATED))[0]
    np.testing.assert_allclose(values, [[40.0, np.log(2), 0.0]], rtol=1e-5, atol=1e-6)


def test_crossentropy_gradient_takes_targets_to_sum_to_one(backend):
    x = K.placeholder((1, 3))
    loss = K.categorical_crossentropy(K.constant([[1.0, 1.0, 0.0]]), x, from_logits=True)
    g = run(K.gradients(loss, [x]), (x, np.zeros((1, 3))))[0]
    np.testing.assert_allclose(g, [[1 / 3 - 1, 1 / 3 - 1, 1 / 3]], rtol=1e-5)


def test_crossentropy_of_other_shapes_is_refused():
    with pytest.raises(ValueError, match="must have one shape"):
        K.categorical_crossentropy(K.placeholder((2, 3)), K.placeholder((2, 4)))


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_that_are_no_class_are_refused_or_nan(label, backend):
    x = K.placeholder((1, 3))
    loss = K.sparse_categorical_crossentropy(K.constant([label], dtype="int32"), x, from_logits=True)
    if backend == "jax":
        assert np.isnan(run([loss], (x, SATURATED))[0]).all()
    else:
        with pytest.raises(ValueError, match="3 classes, numbered from 0"):
            run([loss], (x, SATURATED))


def test_all_classes_that_tie_are_in_the_top_k(backend):
    p = np.array([[0.2, 0.4, 0.2, 0.2], [0.1, 0.2, 0.3, 0.4], [0.1, np.nan, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4]])
    x = K.placeholder((4, 4))
    found = run([K.in_top_k(x, K.constant([3, 0, 3, 7], dtype="int32"), 2)], (x, p))[0]
    np.testing.assert_array_equal(found, [True, False, False, False])


def test_relu_passes_no_gradient_at_zero(backend):
    x = K.placeholder((3,))
    g = run(K.gradients(K.relu(x), [x]), (x, np.array([-1.0, 0.0, 1.0])))[0]
    np.testing.assert_array_equal(g, [0, 0, 1])


def test_activations_do_not_overflow(backend):
    x = K.placeholder((4,))
    fed = np.array([-1e30, -200.0, 200.0, 1e30])
    sigmoid, softplus, softmax, elu = run([K.sigmoid(x), K.softplus(x), K.softmax(x), K.elu(x)], (x, fed))
    np.testing.assert_allclose(sigmoid, [0, 0, 1, 1], atol=1e-30)
    np.testing.assert_allclose(softplus, [0, 0, 200, 1e30], atol=1e-30)
    np.testing.assert_allclose(softmax, [0, 0, 0, 1])
    np.testing.assert_allclose(elu, [-1, -1, 200, 1e30], rtol=1e-6)


def test_variance_of_images_with_channels_last_is_unbiased(backend):
    x, data = K.placeholder((2, 3, 2, 4)), np.random.default_rng(0).normal(size=(2, 3, 2, 4))
    _, mean, var = K.normalize_batch_in_training(x, None, None, [0, 1, 2])
    mean, var = run([mean, var], (x, data))
    np.testing.assert_allclose(mean, data.mean((0, 1, 2)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(var, data.var((0, 1, 2), ddof=1), rtol=1e-4)


def test_batch_statistics_need_no_known_sizes(backend):
    x, gamma = K.placeholder((None, None, 3)), K.placeholder((3,))
    y, mean, var = K.normalize_batch_in_training(x, gamma, None, [0, 1])
    data = np.random.default_rng(0).normal(size=(2, 5, 3)) * 2 + 1
    y, _, g = run([y, mean, *K.gradients(y * y, [gamma])], (x, data), (gamma, np.ones(3)))
    np.testing.assert_allclose(y.std((0, 1)), np.ones(3), rtol=1e-3)
    assert g.shape == (3,) and var.shape == (3,)


@pytest.mark.parametrize("shape", [(40, 60, 60, 3), (41, 61, 62, 1), (33, 3, 40, 40)])  # more than a block of NumPy's
def test_statistics_of_large_batches_are_those_of_the_formula(shape, backend):
    axes = (0, 2, 3) if shape[1] == 3 else (0, 1, 2)
    rng, wide = np.random.default_rng(0), [n if i not in axes else 1 for i, n in enumerate(shape)]
    a, g, gamma = 2 + rng.normal(size=shape), rng.normal(size=shape), 1 + rng.random(max(wide))
    x, scale = K.placeholder(shape), K.constant(gamma)
    y, mean, variance = K.normalize_batch_in_training(x, scale, K.zeros_like(scale), axes)
    found = run([y, mean, variance, *K.gradients(K.sum(y * K.constant(g)), [x, scale])], (x, a))
    unit = (a - a.mean(axes, keepdims=True)) / np.sqrt(a.var(axes, keepdims=True) + 1e-3)
    to_unit = g * gamma.reshape(wide)
    to_x = to_unit - to_unit.mean(axes, keepdims=True) - unit * (to_unit * unit).mean(axes, keepdims=True)
    to_x /= np.sqrt(a.var(axes, keepdims=True) + 1e-3)
    expected = unit * gamma.reshape(wide), a.mean(axes), a.var(axes), to_x, (g * unit).sum(axes)
    for value, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, right, rtol=1e-4, atol=1e-4 * np.abs(right).max())


@pytest.mark.parametrize("shape", [(), (0, 3), (3, 20000), (2, 3, 700, 16)])
def test_relu_keeps_nan_and_zeroes_the_rest_below_zero(shape, backend):
    a = np.random.default_rng(0).normal(size=shape).astype("float32")
    a = np.where(np.abs(a) > 2, np.float32("nan"), a)
    x = K.placeholder(shape)
    np.testing.assert_array_equal(run([K.relu(x)], (x, a))[0], np.maximum(a, 0))


def test_masked_attention_looks_only_where_it_may(backend):
    q = K.constant(np.zeros((1, 2, 4)))
    v = K.constant([[[1.0], [2.0], [3.0]]])
    mask = K.constant(np.array([[[1, 1, 0], [0, 0, 1]]]), dtype="bool")
    y = K.scaled_dot_product_attention(q, K.constant(np.zeros((1, 3, 4))), v, mask)
    np.testing.assert_allclose(K.eval(y), [[[1.5], [3.0]]], rtol=1e-6)


def test_bias_of_the_wrong_rank_is_refused_with_its_shape():
    with pytest.raises(ValueError, match=r"1 axis or 3, it is \[2, 3\]"):
        K.bias_add(K.placeholder((2, 3, 3, 2)), K.placeholder((2, 3)))
