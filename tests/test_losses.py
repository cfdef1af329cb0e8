import numpy as np
import pytest

from minikeras import backend as K
from minikeras import losses
from minikeras.utils.losses_utils import Reduction, broadcast_weights, squeeze_or_expand_dimensions

RNG = np.random.RandomState(11)
TRUE = RNG.uniform(0.1, 1.0, (4, 3))
PRED = RNG.uniform(0.1, 1.0, (4, 3))
ONE_HOT = np.eye(3)[[0, 2, 1, 1]]
BITS = RNG.randint(0, 2, (4, 3)).astype(float)
SIGNS = 2 * BITS - 1


def softmax(x):
    e = np.exp(x)
    return e / e.sum(-1, keepdims=True)


def huber(t, p, delta=1.0):
    e = abs(t - p)
    return np.where(e <= delta, e * e / 2, delta * (e - delta / 2))


def unit(x):
    return x / np.sqrt((x * x).sum(-1, keepdims=True))


CASES = {
    "mean_squared_error": (TRUE, PRED, ((TRUE - PRED) ** 2).mean(-1)),
    "mean_absolute_error": (TRUE, PRED, abs(TRUE - PRED).mean(-1)),
    "mean_absolute_percentage_error": (TRUE, PRED, 100 * abs((TRUE - PRED) / TRUE).mean(-1)),
    "mean_squared_logarithmic_error": (TRUE, PRED, ((np.log1p(TRUE) - np.log1p(PRED)) ** 2).mean(-1)),
    "hinge": (SIGNS, PRED, np.maximum(1 - SIGNS * PRED, 0).mean(-1)),
    "squared_hinge": (SIGNS, PRED, (np.maximum(1 - SIGNS * PRED, 0) ** 2).mean(-1)),
    "categorical_hinge": (ONE_HOT, PRED, np.maximum(0, 1 + (PRED - 9 * ONE_HOT).max(-1) - (PRED * ONE_HOT).sum(-1))),
    "logcosh": (TRUE, PRED, np.log(np.cosh(TRUE - PRED)).mean(-1)),
    "huber_loss": (3 * TRUE, PRED, huber(3 * TRUE, PRED)),
    "categorical_crossentropy": (ONE_HOT, softmax(PRED), -(ONE_HOT * np.log(softmax(PRED))).sum(-1)),
    "sparse_categorical_crossentropy": (ONE_HOT.argmax(-1), softmax(PRED), -(ONE_HOT * np.log(softmax(PRED))).sum(-1)),
    "binary_crossentropy": (BITS, PRED * 0.9, -np.log(np.where(BITS > 0, PRED * 0.9, 1 - PRED * 0.9)).mean(-1)),
    "kullback_leibler_divergence": (TRUE, PRED, (TRUE * np.log(TRUE / PRED)).sum(-1)),
    "poisson": (TRUE, PRED, (PRED - TRUE * np.log(PRED)).mean(-1)),
    "cosine_proximity": (TRUE, PRED, -(unit(TRUE) * unit(PRED)).sum(-1)),
}


def value(loss, true, pred, **kwargs):
    return K.eval(loss(K.constant(true), K.constant(pred), **kwargs))


@pytest.mark.parametrize("name", CASES)
def test_loss_is_its_formula(name, backend):
    true, pred, expected = CASES[name]
    np.testing.assert_allclose(value(getattr(losses, name), true, pred), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_losses_keep_time_steps_apart(name):
    true, pred, expected = (np.stack([a, a]) for a in CASES[name])
    np.testing.assert_allclose(value(getattr(losses, name), true, pred), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["hinge", "squared_hinge"])
def test_hinge_takes_labels_zero_and_one_for_signs(name, backend):
    loss = getattr(losses, name)
    np.testing.assert_allclose(value(loss, BITS, PRED), value(loss, SIGNS, PRED), rtol=1e-6)


def test_logcosh_does_not_overflow(backend):
    np.testing.assert_allclose(value(losses.logcosh, [[0.0]], [[-500.0]]), [500 - np.log(2)], rtol=1e-5)


@pytest.mark.parametrize("name", ["categorical_crossentropy", "binary_crossentropy"])
def test_label_smoothing_moves_targets(name, backend):
    loss = getattr(losses, name)
    true, share = (ONE_HOT, 1 / 3) if name.startswith("categorical") else (BITS, 1 / 2)
    pred = softmax(PRED)
    expected = value(loss, 0.8 * true + 0.2 * share, pred)
    np.testing.assert_allclose(value(loss, true, pred, label_smoothing=0.2), expected, rtol=1e-5)


def test_logits_give_the_loss_of_their_softmax(backend):
    logits = 3 * PRED
    np.testing.assert_allclose(
        value(losses.categorical_crossentropy, ONE_HOT, logits, from_logits=True),
        value(losses.categorical_crossentropy, ONE_HOT, softmax(logits)), rtol=1e-4)  # fmt: skip


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_sparse_labels_may_have_a_last_axis_of_one(shape, backend):
    labels = K.constant(ONE_HOT.argmax(-1).reshape(shape), dtype="int32")
    got = K.eval(losses.sparse_categorical_crossentropy(labels, K.constant(softmax(PRED))))
    np.testing.assert_allclose(got, CASES["categorical_crossentropy"][2], rtol=1e-4)


def test_functions_take_arrays():
    got = K.eval(losses.mean_squared_error(TRUE, PRED))
    np.testing.assert_allclose(got, CASES["mean_squared_error"][2], rtol=1e-5)


@pytest.mark.parametrize(("true", "pred"), [((None,), (None, 1)), ((None, 3), (None, 4)), ((2, 3), (2, 3, 4))])
def test_shapes_that_do_not_fit_are_refused_with_both_shapes(true, pred):
    with pytest.raises(ValueError, match="mean_squared_error") as error:
        losses.mean_squared_error(K.placeholder(true), K.placeholder(pred))
    assert str(true) in str(error.value)
    assert str(pred) in str(error.value)


def test_one_hot_labels_are_refused_by_the_sparse_loss():
    with pytest.raises(ValueError, match="categorical_crossentropy"):
        losses.sparse_categorical_crossentropy(K.placeholder((None, 3)), K.placeholder((None, 3)))


# Classes


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [("none", lambda x: x), ("sum", np.sum), ("sum_over_batch_size", np.mean)],
)
@pytest.mark.parametrize("weights", [None, 2.0, [1.0, 0.0, 2.0, 3.0], [[1.0], [0.0], [2.0], [3.0]]])
def test_class_weights_and_reduces(reduction, expected, weights, backend):
    loss = losses.MeanSquaredError(reduction=reduction)
    weight = None if weights is None else weights if isinstance(weights, float) else K.constant(weights)
    got = value(loss, TRUE, PRED, sample_weight=weight)
    factors = np.ones(4) if weights is None else np.resize(np.ravel(weights), 4)
    np.testing.assert_allclose(got, expected(CASES["mean_squared_error"][2] * factors), rtol=1e-5)


@pytest.mark.parametrize("name", losses._CLASSES)
def test_class_survives_its_config(name):
    loss = getattr(losses, name)(reduction="sum", name="mine")
    again = losses.deserialize(losses.serialize(loss))
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()


def test_class_hands_its_arguments_to_the_function(backend):
    got = value(losses.Huber(delta=0.1, reduction="none"), TRUE, PRED)
    np.testing.assert_allclose(got, huber(TRUE, PRED, 0.1), rtol=1e-4, atol=1e-6)


def test_class_refuses_unknown_arguments():
    with pytest.raises(TypeError, match="delta"):
        losses.MeanSquaredError(delta=1.0)
    with pytest.raises(ValueError, match="reduction"):
        losses.MeanSquaredError(reduction="mean")


def test_custom_loss_defines_call(backend):
    class Worst(losses.Loss):
        def call(self, y_true, y_pred):
            return K.max(K.abs(y_true - y_pred), axis=-1)

    np.testing.assert_allclose(value(Worst(), TRUE, PRED), abs(TRUE - PRED).max(-1).mean(), rtol=1e-5)


def test_get_knows_names_classes_functions_and_none():
    assert losses.get("mse") is losses.MSE is losses.mean_squared_error
    assert isinstance(losses.get("Hinge"), losses.Hinge)
    assert losses.get(None) is None
    assert losses.get(np.mean) is np.mean


@pytest.mark.parametrize("wrong", ["mean_sqared", "Loss", "check_shapes", 5, {"class_name": "get", "config": {}}])
def test_get_refuses_what_is_no_loss(wrong):
    with pytest.raises((ValueError, TypeError, NotImplementedError)):
        losses.get(wrong)(K.placeholder((2, 3)), K.placeholder((2, 3)))


def test_is_categorical_crossentropy_in_all_its_forms():
    forms = ["categorical_crossentropy", losses.categorical_crossentropy, losses.CategoricalCrossentropy()]
    assert all(losses.is_categorical_crossentropy(form) for form in forms)
    assert not losses.is_categorical_crossentropy("binary_crossentropy")


# utils.losses_utils


def test_extra_axes_of_one_are_squeezed_and_missing_ones_added():
    a, b = K.placeholder((None, 3, 1)), K.placeholder((None, 3))
    assert [K.int_shape(t) for t in squeeze_or_expand_dimensions(a, b)] == [(None, 3), (None, 3)]
    assert K.int_shape(squeeze_or_expand_dimensions(b, None, K.placeholder((None,)))[2]) == (None, 1)
    assert K.int_shape(squeeze_or_expand_dimensions(b, None, a)[2]) == (None, 3)


def test_weights_are_repeated_over_axes_of_one():
    assert K.int_shape(broadcast_weights(K.placeholder((2, 3, 4)), K.placeholder((2, 1)))) == (2, 3, 1)


def test_weights_of_another_size_are_refused_with_both_shapes():
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(4, 3\)"):
        broadcast_weights(K.placeholder((4, 3)), K.placeholder((2, 3)))


def test_reduction_is_validated():
    assert Reduction.validate(Reduction.SUM) is None
    with pytest.raises(ValueError, match="average"):
        Reduction.validate("average")
