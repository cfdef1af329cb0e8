import numpy as np
import pytest

from minikeras import backend as K
from minikeras import layers as L
from tests.layers.harness import close, data, evaluate, inputs_for, randomized, run


def normed(x, axes, gamma=1.0, beta=0.0, epsilon=1e-3):
    return gamma * (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon) + beta


@pytest.mark.parametrize(("axis", "shape"), [(-1, (6, 4)), (-1, (3, 5, 4)), (1, (3, 4, 5)), (2, (3, 2, 4, 5))])
def test_batch_normalization_uses_the_batch_in_training_and_averages_at_test_time(backend, axis, shape):
    x = data(*shape)
    spread = [1] * len(shape)
    spread[axis] = -1
    (given,) = inputs_for([x])
    layer = L.BatchNormalization(axis=axis)
    output = layer(given)
    gamma, beta, mean, variance = (w.reshape(spread) for w in randomized(layer))
    axes = tuple(i for i in range(len(shape)) if i != axis % len(shape))
    close(evaluate([given], [x], [output], training=1)[0], normed(x, axes, gamma, beta), 1e-4)
    close(evaluate([given], [x], [output])[0], gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta, 1e-4)


def test_moving_averages_follow_the_batches(backend):
    x = data(6, 3)
    (given,) = inputs_for([x])
    layer = L.BatchNormalization(momentum=0.9)
    output = layer(given)
    K.function([given, K.learning_phase()], [output], updates=layer.updates)([x, 1])
    mean, variance = layer.get_weights()[2:]
    close(mean, 0.1 * x.mean(0))
    close(variance, 0.9 + 0.1 * x.var(0) * 6 / (6 - 1.001))


def test_batch_normalization_without_center_and_scale_has_two_weights():
    layer = L.BatchNormalization(center=False, scale=False)
    layer(L.Input(shape=(3,)))
    assert [w.name for w in layer.weights] == [f"{layer.name}/moving_mean:0", f"{layer.name}/moving_variance:0"]
    assert layer.trainable_weights == []


def test_batch_normalization_called_with_training_false_makes_no_updates():
    layer = L.BatchNormalization()
    layer(L.Input(shape=(3,)), training=False)
    assert layer.updates == []


def test_batch_normalization_needs_to_know_its_axis():
    with pytest.raises(ValueError, match="features, axis 1"):
        L.BatchNormalization(axis=1)(L.Input(shape=(None, 3)))


@pytest.mark.parametrize("axis", [-1, (1, 2)])
def test_layer_normalization_normalizes_each_sample(backend, axis):
    x = data(3, 4, 5)
    y, (gamma, beta) = run(L.LayerNormalization(axis=axis), x)
    close(y, normed(x, axis, gamma, beta), 1e-4)


@pytest.mark.parametrize(("groups", "axis", "shape"), [(2, -1, (3, 5, 4)), (3, 1, (2, 6, 2, 3)), (-1, -1, (2, 3, 3, 4)),
                                                       (1, -1, (3, 4))])  # fmt: skip
def test_group_normalization_is_that_of_torch(backend, groups, axis, shape):
    torch = pytest.importorskip("torch")
    x = data(*shape)
    y, (gamma, beta) = run(L.GroupNormalization(groups, axis=axis), x)
    fed = torch.tensor(np.moveaxis(x, axis, 1))
    groups = x.shape[axis] if groups == -1 else groups
    expected = torch.nn.functional.group_norm(fed, groups, torch.tensor(gamma), torch.tensor(beta), 1e-3)
    close(y, np.moveaxis(expected.numpy(), 1, axis), 1e-4)


def test_group_normalization_hands_masks_on_and_takes_lengths_that_are_not_known(backend):
    ids = np.array([[1, 2, 0], [3, 0, 0]])
    words = L.Input(shape=(None,), dtype="int32")
    y = L.GroupNormalization(2)(L.Embedding(4, 4, mask_zero=True)(words))
    values, mask = evaluate([words], [ids], [y, y._keras_history[0].output_mask])
    close(values.reshape(2, 3, 2, 2).mean((1, 3)), 0.0, 1e-5)
    np.testing.assert_array_equal(mask, ids != 0)


def test_groups_that_do_not_divide_the_channels_are_refused():
    with pytest.raises(ValueError, match="groups=3 does not divide the 4 channels"):
        L.GroupNormalization(3)(L.Input(shape=(5, 4)))
