import numpy as np
import pytest

from minikeras import backend as K
from minikeras import layers as L
from tests.layers.harness import close, data, evaluate, inputs_for, run

FORMULAS = [
    (L.Add, lambda *xs: sum(xs)),
    (L.Multiply, lambda *xs: np.prod(xs, axis=0)),
    (L.Average, lambda *xs: np.mean(xs, axis=0)),
    (L.Maximum, lambda *xs: np.max(xs, axis=0)),
    (L.Minimum, lambda *xs: np.min(xs, axis=0)),
]


@pytest.mark.parametrize(("make", "formula"), FORMULAS)
def test_merge_is_its_formula(backend, make, formula):
    arrays = [data(2, 3, 4) for _ in range(3)]
    close(run(make(), *arrays)[0], formula(*arrays))


def test_merge_broadcasts_sizes_of_one_and_missing_axes(backend):
    a, b = data(2, 3, 4), data(2, 1, 4)
    close(run(L.Add(), a, b)[0], a + b)
    c = data(2, 4)
    close(run(L.Subtract(), a, c)[0], a - c[:, None])
    close(run(L.Subtract(), c, a)[0], c[:, None] - a)


def test_merge_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="one shape"):
        L.Add()([L.Input(shape=(3,)), L.Input(shape=(4,))])
    with pytest.raises(ValueError, match="at least 2"):
        L.Add()(L.Input(shape=(3,)))
    with pytest.raises(ValueError, match="exactly 2"):
        L.Subtract()([L.Input(shape=(3,))] * 3)
    with pytest.raises(ValueError, match="batch sizes"):
        L.Add()([L.Input(batch_shape=(2, 3)), L.Input(batch_shape=(4, 3))])


@pytest.mark.parametrize("axis", [1, 2, -1])
def test_concatenate_joins_along_the_axis(backend, axis):
    a, b = data(2, 3, 4), data(2, 3, 4)
    close(run(L.Concatenate(axis), a, b)[0], np.concatenate([a, b], axis))


def test_concatenate_refuses_other_sizes():
    with pytest.raises(ValueError, match="but for axis 1"):
        L.Concatenate(axis=1)([L.Input(shape=(3, 2)), L.Input(shape=(3, 4))])


def masked_pair():
    """Two inputs, and what Masking makes of them, with their arrays."""
    a, b = data(2, 3, 2), data(2, 3, 2)
    a[0, 1], b[1, 2] = 0.0, 0.0
    inputs = inputs_for([a, b])
    return inputs, [L.Masking()(x) for x in inputs], [a, b], [(x != 0).any(-1) for x in (a, b)]


def test_add_takes_the_and_of_the_masks_that_there_are(backend):
    inputs, masked, arrays, masks = masked_pair()
    both, one = L.Add(), L.Add()
    both(masked)
    one([masked[0], inputs[1]])
    values = evaluate(inputs, arrays, [both.output_mask, one.output_mask])
    assert (values[0] == (masks[0] & masks[1])).all()
    assert (values[1] == masks[0]).all()


def test_concatenate_joins_masks(backend):
    inputs, masked, arrays, masks = masked_pair()
    time, features, one = L.Concatenate(1), L.Concatenate(), L.Concatenate(1)
    time(masked)
    features(masked)
    one([masked[0], inputs[1]])
    values = evaluate(inputs, arrays, [layer.output_mask for layer in (time, features, one)])
    assert (values[0] == np.concatenate(masks, 1)).all()
    assert (values[1] == (masks[0] & masks[1])).all()
    assert (values[2] == np.concatenate([masks[0], np.ones((2, 3), bool)], 1)).all()


def test_dot_contracts_one_axis_of_each(backend):
    a, b = data(2, 3, 4), data(2, 5, 4)
    close(run(L.Dot(2), a, b)[0], np.einsum("nif,njf->nij", a, b))
    close(run(L.Dot((1, -1)), a, data(2, 5, 3))[0].shape, (2, 4, 5))
    v, w = data(2, 3), data(2, 3)
    close(run(L.Dot(1), v, w)[0], (v * w).sum(1, keepdims=True))


def test_normalized_dot_is_the_cosine(backend):
    v = data(3, 4)
    close(run(L.Dot(-1, normalize=True), v, 2 * v)[0], np.ones((3, 1)))


def test_dot_refuses_different_sizes():
    with pytest.raises(ValueError, match="3 and 4"):
        L.Dot(1)([L.Input(shape=(3,)), L.Input(shape=(4,))])


def test_functions_are_the_layers(backend):
    arrays = [data(2, 3), data(2, 3)]
    inputs = inputs_for(arrays)
    made = [L.add(inputs), L.subtract(inputs), L.multiply(inputs), L.average(inputs), L.maximum(inputs),
            L.minimum(inputs), L.concatenate(inputs, axis=-1), L.dot(inputs, axes=1)]  # fmt: skip
    a, b = arrays
    expected = [a + b, a - b, a * b, (a + b) / 2, np.maximum(a, b), np.minimum(a, b), np.concatenate(arrays, 1),
                (a * b).sum(1, keepdims=True)]  # fmt: skip
    for value, array in zip(evaluate(inputs, arrays, made), expected, strict=True):
        close(value, array)
    assert all(K.is_keras_tensor(t) for t in made)
