"""What people get wrong, and what they are told."""

import numpy as np
import pytest

from minikeras import backend as K
from minikeras import callbacks
from minikeras.layers import (
    GRU,
    Add,
    BatchNormalization,
    Bidirectional,
    Concatenate,
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    Input,
    Lambda,
    Layer,
    Reshape,
    TimeDistributed,  # fmt: skip
)
from minikeras.models import Model, Sequential

X = np.random.RandomState(0).randn(6, 3).astype("float32")
Y = np.random.RandomState(1).randn(6, 2).astype("float32")


def compiled(loss="mse"):
    model = Sequential([Dense(2, input_shape=(3,), name="head")], name="small")
    model.compile("sgd", loss)
    return model


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (X[0], r"\(None, 3\).*got array with shape \(3,\).*single sample.*x\[None\]"),
        (X[:, :2], r"shape \(None, 3\) but got array with shape \(6, 2\)"),
        (np.array([["a", "b", "c"]]), "'head_input'.*array of numbers.*could not convert string"),
        (np.array([[1.0, None, 2.0]]), "'head_input'.*there is a None"),
        ([[1.0, 2.0, 3.0], [1.0]], "'head_input'.*one shape"),
        (list(X), r"expects 1 arrays.*got 6, of shapes \[\(3,\).*np.array\(x\)"),
    ],
)
def test_data_that_are_not_what_the_model_takes(given, words):
    with pytest.raises(ValueError, match=f"(?s){words}"):
        compiled().predict(given)


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"batch_size": 0}, "batch_size has to be a whole number of at least 1, got 0"),
        ({"batch_size": 2.5}, "batch_size has to be a whole number"),
        ({"epoch": 3}, r"unknown keyword arguments \['epoch'\]"),
        ({"validation_split": 1}, "between 0 and 1"),
        ({"callbacks": [callbacks.TerminateOnNaN]}, "TerminateOnNaN is a class; give an object"),
        ({"validation_freq": 0, "validation_split": 0.5}, "at least 1"),
        ({"validation_data": (X, Y[:2])}, "6 input samples and 2 target samples"),
    ],
)
def test_arguments_of_fit_that_make_no_sense(kwargs, words):
    with pytest.raises((ValueError, TypeError), match=words):
        compiled().fit(X, Y, verbose=0, **kwargs)


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [(("sdg", "mse"), "sgd"), (("sgd", "mean_square_error"), "mean_squared_error"),
     (("sgd", "MeanSquareError"), "MeanSquaredError"), (("sgd", "mse", ["binary_acuracy"]), "binary_accuracy")],
)  # fmt: skip
def test_a_name_with_a_slip_gets_a_suggestion(arguments, suggestion):
    with pytest.raises(ValueError, match=f"Did you mean '{suggestion}'"):
        Sequential([Dense(2, input_shape=(3,))]).compile(*arguments)


def test_numpy_functions_in_a_loss_are_pointed_to_k():
    with pytest.raises(TypeError, match=r"minikeras\.backend.*K\.native"):
        compiled(lambda y_true, y_pred: np.mean((y_true - y_pred) ** 2))


def test_a_loss_that_no_weight_moves_names_the_weights():
    model = compiled(lambda y_true, y_pred: 0 * y_true)
    with pytest.raises(ValueError, match=r"no gradient with respect to \['head/kernel:0', 'head/bias:0'\]"):
        model.train_on_batch(X, Y)


def test_one_callback_need_not_be_in_a_list():
    watch = callbacks.History()
    compiled().fit(X, Y, epochs=2, verbose=0, callbacks=watch)
    assert watch.epoch == [0, 1]


def test_each_epoch_is_announced(capsys):
    compiled().fit(X, Y, verbose=1)
    assert capsys.readouterr().out.startswith("Epoch 1/1\n")


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_the_numbers_of_samples_are_told_where_there_is_a_validation(capsys, verbose):
    compiled().fit(X, Y, validation_split=0.5, verbose=verbose)
    told = "Train on 3 samples, validate on 3 samples\nEpoch 1/1\n" if verbose else ""
    shown = capsys.readouterr().out
    assert shown.startswith(told) and bool(shown) == bool(verbose)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: Conv2D(2, 3, name="c")(Input((5, 5))), r'"c" \(Conv2D\).*ndim=4, found ndim=3.*\(None, 5, 5\)'),
        (lambda: Dense(2, name="d")(Input((None,))), r'"d" \(Dense\).*features, axis -1.*\(None, None\)'),
        (lambda: Add(name="s")([Input((3,)), Input((4,))]), r'"s" \(Add\).*\(3,\) and \(4,\)'),
        (lambda: Add(name="s")(Input((3,))), r'"s" \(Add\).*at least 2'),
        (lambda: Concatenate(name="j")([Input((4, 2)), Input((5, 3))]), r'"j" \(Concatenate\).*\(None, 5, 3\)'),
        (lambda: Dense(2)(Flatten(name="f")(Input((None, 3)))), r'"f" \(Flatten\).*\(None, None, 3\)'),
        (lambda: Dense(2, name="d")(X), r'"d" \(Dense\).*ndarray of shape \(6, 3\).*Model, and predict'),
        (lambda: Model(X, Dense(2)(Input((3,)))), "not the output of a layer"),
        (lambda: Lambda(lambda t: t + np.ones(4), name="l")(Input((3,))), r'"l".*\[None, 3\].*\[4\]'),
    ],
)
def test_layers_that_do_not_fit_their_inputs_say_who_and_why(build, words):
    with pytest.raises((ValueError, TypeError), match=f"(?s){words}"):
        build()


class Forgetful(Layer):
    def __init__(self):
        self.units = 3


class Choosy(Layer):
    def call(self, inputs):
        return inputs if K.sum(inputs) > 0 else -inputs


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda x: Forgetful()(x), r"Forgetful: __init__ has to call super\(\).__init__"),
        (lambda x: Lambda(lambda x: None, name="f")(x), '"f" .*has to return a tensor.*it returned None'),
        (lambda x: Choosy()(x), r"truth value of .*K.switch"),
        (lambda x: Dense(2.5, name="d")(x), r""""d" .*shape \(3, 2.5\) of weight 'kernel'.*whole numbers"""),
        (lambda x: BatchNormalization(axis=4, name="bn")(x), r'"bn" .*axis 4 of its input.*shape is \(None, 3\)'),
        (lambda x: TimeDistributed(Dense(2), name="td")(x), r'"td" .*\[batch, time, ...\], got shape \(None, 3\)'),
        (lambda x: Bidirectional(Dense(2, name="d")), 'layer "d" .*is no recurrent layer'),
        (lambda x: GRU(2, name="g")(x), '"g" .*expected ndim=3, found ndim=2'),
        (lambda x: GRU(2, name="g", stateful=True)(Input((4, 3))), '"g" .*stateful.*batch_input_shape'),
        (lambda x: Reshape((2, 2), name="r")(x), r'"r" .*3 elements, which do not fit target_shape \(2, 2\)'),
        (lambda x: Dense(2, name="d")(np.ones((1, 3))), r'"d" .*ndarray of shape \(1, 3\), which is no symbolic'),
        (lambda x: Dense(2, name="d", units_=3), r"Dense: unknown keyword arguments \['units_'\]"),
        (lambda x: Model(x, x + 1), "is not the output of a layer.*Lambda"),
        (lambda x: Dense(2, activation="rleu"), "Did you mean 'relu'"),
        (lambda x: Sequential([Dense(2, input_shape=(3,)), "relu"]), "only layers can be added, got 'relu'"),
    ],
)
def test_layers_that_are_misused_say_so(make, words):
    with pytest.raises((ValueError, TypeError, RuntimeError), match=f"(?s){words}"):
        make(Input((3,)))


def test_what_fails_while_it_runs_is_noted_with_its_layer(backend):
    model = Sequential([Embedding(5, 2, input_length=3, name="words")])
    if backend == "jax":
        pytest.skip("JAX takes the last row for an index that is out of range.")
    with pytest.raises(IndexError) as caught:
        model.predict(np.array([[1, 2, 7]]))
    assert caught.value.__notes__ == ['K.take in layer "words" (Embedding): [5, 2] float32, [1, 3] int32']
