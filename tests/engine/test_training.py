"""Model: compile, fit, evaluate and predict; what is reported, what is weighted, what is refused."""

import warnings

import numpy as np
import pytest

from minikeras import backend as K
from minikeras import callbacks, losses, metrics, optimizers
from minikeras.layers import GRU, LSTM, Activation, Dense, Dropout, Embedding, Flatten, Input, Lambda, Masking
from minikeras.models import Model, Sequential

X = np.random.RandomState(0).randn(30, 3).astype("float32")
Y = np.random.RandomState(1).randn(30, 2).astype("float32")


def line(units=2, **kwargs):
    """A linear model of three inputs."""
    return Sequential([Dense(units, input_shape=(3,), **kwargs)])


def compiled(*args, **kwargs):
    model = line()
    model.compile("sgd", "mse", *args, **kwargs)
    return model


def fork():
    """One input, the outputs 'a' [2] and 'b' [1]."""
    x = Input((3,), name="x")
    return Model(x, [Dense(2, name="a")(x), Dense(1, name="b")(x)])


# What fit does


def test_the_loss_goes_down_and_the_history_has_each_epoch(backend):
    model = compiled(metrics=["mae"])
    history = model.fit(X, Y, epochs=5, verbose=0)
    assert sorted(history.history) == ["loss", "mae"]
    assert history.epoch == [0, 1, 2, 3, 4]
    assert model.history is history
    assert history.history["loss"][-1] < history.history["loss"][0]


def test_the_loss_of_an_epoch_is_weighted_by_the_sizes_of_its_batches(backend):
    model = line()
    model.compile(optimizers.SGD(0.0), "mse", metrics=["mse"])
    found = model.fit(X, Y, batch_size=8, verbose=0).history
    expected = np.mean((model.predict(X) - Y) ** 2)
    assert found["loss"][0] == pytest.approx(expected, rel=1e-5)
    assert found["mse"][0] == pytest.approx(expected, rel=1e-5)
    assert model.evaluate(X, Y, batch_size=8, verbose=0) == pytest.approx([expected, expected], rel=1e-5)


def test_batches_without_shuffling_are_those_of_train_on_batch(backend):
    model, other = compiled(), compiled()
    other.set_weights(model.get_weights())
    model.fit(X, Y, batch_size=8, shuffle=False, verbose=0)
    for start in range(0, 30, 8):
        other.train_on_batch(X[start : start + 8], Y[start : start + 8])
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_one_seed_gives_one_training(backend):
    runs = []
    for _ in range(2):
        np.random.seed(3)
        K.clear_session()
        model = Sequential([Dense(4, input_shape=(3,)), Dropout(0.5), Dense(2)])
        model.compile("adam", "mse")
        runs.append(model.fit(X, Y, epochs=3, batch_size=7, verbose=0).history["loss"])
    assert runs[0] == runs[1]


def test_epochs_are_counted_from_initial_epoch():
    assert compiled().fit(X, Y, epochs=5, initial_epoch=3, verbose=0).epoch == [3, 4]


def test_validation_split_takes_the_end_and_validation_data_is_the_same(backend):
    model = line()
    model.compile(optimizers.SGD(0.0), "mse")
    split = model.fit(X, Y, validation_split=0.2, verbose=0).history["val_loss"]
    given = model.fit(X[:24], Y[:24], validation_data=(X[24:], Y[24:]), verbose=0).history["val_loss"]
    assert split == pytest.approx(given)
    assert split[0] == pytest.approx(np.mean((model.predict(X[24:]) - Y[24:]) ** 2), rel=1e-5)


def test_validation_freq_chooses_epochs():
    model = compiled()
    assert len(model.fit(X, Y, epochs=5, validation_split=0.1, validation_freq=2, verbose=0).history["val_loss"]) == 2
    assert len(model.fit(X, Y, epochs=5, validation_split=0.1, validation_freq=[1], verbose=0).history["val_loss"]) == 1


def test_an_interrupted_fit_leaves_a_usable_model(backend):
    class Interrupt(callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            if batch == 1:
                raise KeyboardInterrupt

    model = compiled(metrics=["mae"])
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=5, callbacks=[Interrupt()], verbose=0)
    assert np.isfinite(model.fit(X, Y, verbose=0).history["loss"][0])
    assert model.predict(X).shape == (30, 2)


def test_a_callback_may_stop_the_training():
    class Stop(callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            self.model.stop_training = True

    history = compiled().fit(X, Y, epochs=9, batch_size=5, callbacks=[Stop()], verbose=0, validation_split=0.1)
    assert history.epoch == [0]
    assert "val_loss" not in history.history


def test_callbacks_see_batches_sizes_and_values(backend):
    seen = []

    class Look(callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append(
                (self.params["samples"], self.params["steps"], self.params["batch_size"], self.params["epochs"])
            )

        def on_train_batch_end(self, batch, logs=None):
            seen.append((batch, logs["batch"], logs["size"], float(logs["loss"]), dict(logs)["mae"]))

    compiled(metrics=["mae"]).fit(X, Y, batch_size=20, verbose=0, callbacks=[Look()])
    assert seen[0] == (30, 2, 20, 1)
    assert [entry[:3] for entry in seen[1:]] == [(0, 0, 20), (1, 1, 10)]
    assert all(isinstance(entry[4], np.floating) for entry in seen[1:])


def test_evaluation_hooks_are_called_in_a_validation_too():
    events = []
    watch = callbacks.LambdaCallback()
    for name in ("on_test_begin", "on_test_batch_end", "on_test_end", "on_epoch_end"):
        setattr(watch, name, lambda *args, name=name, **kwargs: events.append(name))
    compiled().fit(X, Y, validation_split=0.1, callbacks=[watch], verbose=0)
    assert events == ["on_test_begin", "on_test_batch_end", "on_test_end", "on_epoch_end"]


# Names of what is reported


def test_metrics_names_of_one_and_of_several_outputs():
    assert compiled().metrics_names == ["loss"]
    model = fork()
    model.compile("sgd", "mse", metrics=["mae"], weighted_metrics={"b": ["mse", "mae"]})
    assert model.metrics_names == ["loss", "a_loss", "b_loss", "a_mae", "b_mae", "b_mse", "b_mae_1"]
    assert len(model.metrics) == 6
    assert len(model.evaluate(X, [Y, Y[:, :1]], verbose=0)) == 7


@pytest.mark.parametrize(
    ("loss", "units", "function"),
    [
        ("mse", 1, metrics.binary_accuracy),
        ("binary_crossentropy", 2, metrics.binary_accuracy),
        ("sparse_categorical_crossentropy", 2, metrics.sparse_categorical_accuracy),
        (losses.SparseCategoricalCrossentropy(), 2, metrics.sparse_categorical_accuracy),
        ("categorical_crossentropy", 2, metrics.categorical_accuracy),
    ],
)
def test_accuracy_means_what_fits_loss_and_output(loss, units, function):
    model = line(units)
    model.compile("sgd", loss, metrics=["acc"])
    assert model.metrics_names == ["loss", "acc"]
    assert model.metrics[0]._fn is function


def test_metric_objects_are_cloned_for_several_outputs_and_named_by_them():
    model = fork()
    model.compile("sgd", "mse", metrics=[metrics.MeanSquaredError(name="m")])
    assert model.metrics_names[3:] == ["a_m", "b_m"]
    assert model.metrics[2] is not model.metrics[3]


def test_metrics_start_anew_each_epoch_and_each_batch(backend):
    model = line()
    model.compile(optimizers.SGD(0.0), "mse", metrics=["mae"])
    first, second = model.test_on_batch(X[:5], Y[:5]), model.test_on_batch(X[5:], Y[5:])
    assert first[1] == pytest.approx(np.mean(np.abs(model.predict(X[:5]) - Y[:5])), rel=1e-5)
    model.test_on_batch(X[:5], Y[:5], reset_metrics=False)
    going_on = model.test_on_batch(X[5:], Y[5:], reset_metrics=False)
    assert going_on[1] == pytest.approx((5 * first[1] + 25 * second[1]) / 30, rel=1e-5)


# Losses, weights, masks


def test_losses_and_their_weights_per_output(backend):
    model = fork()
    model.compile(optimizers.SGD(0.0), {"a": "mse", "b": "mae"}, loss_weights={"a": 0.5, "b": 2.0})
    total, a, b = model.evaluate(X, {"a": Y, "b": Y[:, :1]}, verbose=0)
    assert total == pytest.approx(0.5 * a + 2 * b, rel=1e-5)
    prediction = model.predict(X)
    assert a == pytest.approx(np.mean((prediction[0] - Y) ** 2), rel=1e-5)
    assert b == pytest.approx(np.mean(np.abs(prediction[1] - Y[:, :1])), rel=1e-5)


def test_an_output_without_a_loss_is_not_trained(backend):
    model = fork()
    model.get_layer("b").trainable = False
    with pytest.warns(UserWarning, match=r"\['b'\] have no loss"):
        model.compile("sgd", {"a": "mse"})
    kernel = model.get_layer("b").get_weights()[0]
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(model.get_layer("b").get_weights()[0], kernel)


def test_penalties_and_added_losses_are_in_the_total(backend):
    model = line(kernel_regularizer="l2")
    model.add_loss(K.mean(K.square(model.output)))
    model.compile(optimizers.SGD(0.0), "mse")
    prediction, kernel = model.predict(X), model.get_weights()[0]
    expected = np.mean((prediction - Y) ** 2) + 0.01 * np.sum(kernel**2) + np.mean(prediction**2)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(expected, rel=1e-4)


def test_a_model_may_learn_from_added_losses_alone(backend):
    model = line()
    model.add_loss(K.mean(K.square(model.output)))
    model.compile("sgd")
    history = model.fit(X, epochs=3, verbose=0).history["loss"]
    assert history[-1] < history[0]


def test_sample_weights_scale_the_loss_of_each_sample(backend):
    model = line()
    model.compile(optimizers.SGD(0.0), "mse", metrics=["mse"], weighted_metrics=["mse"])
    weights = np.arange(30.0)
    error = np.mean((model.predict(X) - Y) ** 2, axis=-1)
    loss, plain, weighted = model.evaluate(X, Y, sample_weight=weights, verbose=0)
    assert loss == pytest.approx(np.mean(error * weights), rel=1e-4)
    assert plain == pytest.approx(np.mean(error), rel=1e-4)
    assert weighted == pytest.approx(np.sum(error * weights) / np.sum(weights), rel=1e-4)
    assert model.evaluate(X, Y, verbose=0)[0] == pytest.approx(np.mean(error), rel=1e-4)


def test_class_weights_are_sample_weights_by_class(backend):
    model = line(2, activation="softmax")
    model.compile(optimizers.SGD(0.0), "categorical_crossentropy")
    classes = np.arange(30) % 2
    by_class = model.fit(X, np.eye(2)[classes], class_weight={0: 1.0, 1: 3.0}, verbose=0).history["loss"]
    by_sample = model.fit(X, np.eye(2)[classes], sample_weight=np.where(classes, 3.0, 1.0), verbose=0).history["loss"]
    assert by_class == pytest.approx(by_sample)


def test_temporal_sample_weights_weigh_steps(backend):
    model = Sequential([Dense(1, input_shape=(4, 3))])
    model.compile(optimizers.SGD(0.0), "mse", sample_weight_mode="temporal")
    x, y, weights = np.random.randn(5, 4, 3), np.zeros((5, 4, 1)), np.random.rand(5, 4)
    expected = np.mean(model.predict(x)[..., 0] ** 2 * weights)
    assert model.evaluate(x, y, sample_weight=weights, verbose=0) == pytest.approx(expected, rel=1e-4)


def test_masked_steps_count_for_nothing(backend):
    model = Sequential([Masking(input_shape=(4, 3)), Dense(1)])
    model.layers[1].supports_masking = True
    model = Sequential([Masking(input_shape=(4, 3)), Activation("linear"), LSTM(2, return_sequences=True)])
    model.compile(optimizers.SGD(0.0), "mse")
    x = np.random.randn(5, 4, 3)
    x[:, 2:] = 0
    y = np.random.randn(5, 4, 2)
    error = np.mean((model.predict(x) - y) ** 2, axis=-1)
    error[:, 2:] = 0
    assert model.evaluate(x, y, verbose=0) == pytest.approx(np.mean(error), rel=1e-4)


def test_targets_may_be_tensors(backend):
    x = Input((3,))
    model = Model(x, Dense(3)(x))
    model.compile("sgd", "mse", target_tensors=[x])
    losses_ = model.fit(X, epochs=3, verbose=0).history["loss"]
    assert losses_[-1] < losses_[0]


def test_inputs_may_be_tensors_that_are_not_fed(backend):
    x = Input(tensor=K.constant(X))
    model = Model(x, Dense(2)(x))
    model.compile("sgd", "mse", target_tensors=[K.constant(Y)])
    history = model.fit(epochs=2, steps_per_epoch=4, verbose=0).history["loss"]
    assert history[1] < history[0]
    assert model.predict(None, steps=2).shape == (60, 2)
    with pytest.raises(ValueError, match="steps_per_epoch"):
        model.fit(epochs=2, verbose=0)


# Subclassed models


class Mixer(Model):
    """A subclass with two layers."""

    def __init__(self):
        super().__init__(name="mixer")
        self.hidden, self.out = Dense(4), Dense(2, kernel_regularizer="l2")

    def call(self, inputs):
        return self.out(self.hidden(inputs))


def test_a_subclassed_model_is_built_by_its_first_data(backend):
    model = Mixer()
    model.compile("sgd", "mse", metrics=["mae"])
    assert model.layers == [model.hidden, model.out]
    assert model.weights == []
    history = model.fit(X, Y, epochs=4, verbose=0, validation_split=0.1).history
    assert history["loss"][-1] < history["loss"][0]
    assert sorted(history) == ["loss", "mae", "val_loss", "val_mae"]
    assert len(model.get_weights()) == 4
    assert len(model.losses) == 1
    assert model.predict(X).shape == (30, 2)
    with pytest.raises(NotImplementedError, match="subclassed"):
        model.get_config()


def test_a_subclassed_model_can_be_asked_before_it_is_trained_or_fed_by_a_generator(backend):
    assert Mixer().predict(X).shape == (30, 2)
    model = Mixer()
    model.compile("sgd", "mse")
    model.fit_generator(((X, Y) for _ in range(4)), steps_per_epoch=2, epochs=2, verbose=0)
    assert model.metrics_names == ["loss"]


# What is refused


def test_fit_before_compile_says_so():
    with pytest.raises(RuntimeError, match=r"not compiled.*compile\(optimizer, loss\)"):
        line().fit(X, Y)


def test_freezing_after_compile_warns():
    model = compiled()
    model.fit(X, Y, verbose=0)
    model.layers[0].trainable = False
    with pytest.warns(UserWarning, match="Compile again"):
        model.fit(X, Y, verbose=0)
    model.compile("sgd", "mse")
    before = model.get_weights()[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before)


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        ([X, X], Y, r"expects 1 arrays, for \['dense_1_input'\], but got 2"),
        (X[:, :2], Y, r"dense_1_input to have shape \(None, 3\) but got array with shape \(30, 2\)"),
        (X[:, :, None], Y, "to have 2 dimensions"),
        (X, Y[:7], "30 input samples and 7 target samples"),
        (X, Y[:, :1], r"shape \(30, 1\).*output of shape \(None, 2\).*mean_squared_error"),
        (X, None, "targets are needed"),
        ({"no": X}, Y, r"no data for \['dense_1_input'\]"),
        ([[1.0, 2.0], [3.0]], Y, "cannot be made an array"),
    ],
)
def test_data_that_do_not_fit_are_named(x, y, words):
    with pytest.raises(ValueError, match=words):
        compiled().fit(x, y, verbose=0)


def test_class_numbers_for_a_one_hot_loss_are_explained():
    model = line(activation="softmax")
    model.compile("sgd", "categorical_crossentropy")
    with pytest.raises(ValueError, match="to_categorical"):
        model.fit(X, np.zeros(30), verbose=0)


def test_class_numbers_may_lack_their_last_axis(backend):
    model = Sequential([Dense(2, activation="softmax", input_shape=(4, 3))])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(np.zeros((6, 4, 3)), np.zeros((6, 4), dtype=int), verbose=0)


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"sample_weight": np.ones(7)}, "leading sizes"),
        ({"sample_weight": np.ones((30, 2))}, "sample_weight_mode='temporal'"),
        ({"class_weight": {0: 1.0}}, r"no weight for the classes \[1\]"),
        ({"validation_split": 1.5}, "between 0 and 1"),
        ({"validation_data": X}, "validation_data has to be"),
        ({"steps_per_epoch": 2, "batch_size": 3}, "not both"),
        ({"validation_data": (X, np.zeros(30)), "validation_steps": 2}, "validation_steps is for generators"),
    ],
)
def test_arguments_of_fit_that_do_not_fit(kwargs, words):
    model = line(1, activation="sigmoid")
    model.compile("sgd", "binary_crossentropy")
    with pytest.raises(ValueError, match=words):
        model.fit(X, np.arange(30) % 2, verbose=0, **kwargs)


def test_unknown_arguments_of_fit_are_refused():
    with pytest.raises(TypeError, match="unknown keyword"):
        compiled().fit(X, Y, epoch=3)


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"loss": None}, "no loss"),
        ({"loss": {"c": "mse"}}, "unknown keys"),
        ({"loss": ["mse"]}, "loss has 1 items, but the model has 2 outputs"),
        ({"loss": "mse", "loss_weights": [1.0]}, "loss_weights has 1 items"),
        ({"loss": "mse", "sample_weight_mode": "daily"}, "'temporal'"),
        ({"loss": "mse", "metrics": {"c": "mae"}}, "unknown keys"),
        ({"loss": "mse", "metrics": [["mae"]]}, "metrics has 1 items"),
    ],
)
def test_arguments_of_compile_that_do_not_fit(kwargs, words):
    with pytest.raises(ValueError, match=words):
        fork().compile("sgd", **kwargs)


def test_a_stateful_model_needs_whole_batches():
    model = Sequential([GRU(2, stateful=True, batch_input_shape=(4, 3, 1))])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"divisible by the batch size 4; got 6"):
        model.predict(np.zeros((6, 3, 1)))
    with pytest.raises(ValueError, match="fix it to 4"):
        model.predict(np.zeros((6, 3, 1)), batch_size=3)


# Kinds of data


def test_lists_dicts_and_nested_lists_are_data(backend):
    model = fork()
    model.compile("sgd", "mse")
    model.fit({"x": X}, {"b": Y[:, :1], "a": Y}, verbose=0)
    assert [p.shape for p in model.predict({"x": X})] == [(30, 2), (30, 1)]
    assert line().predict([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).shape == (2, 2)


def test_integers_and_bytes_are_cast(backend):
    model = Sequential([Embedding(5, 2, input_length=4), Flatten(), Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.random.randint(0, 5, (6, 4)), np.arange(6), verbose=0)
    image = Sequential([Lambda(lambda t: t / 255.0, input_shape=(2,))])
    np.testing.assert_allclose(image.predict(np.array([[255, 0]], dtype="uint8")), [[1.0, 0.0]])


def test_outputs_of_batches_are_joined(backend):
    np.testing.assert_allclose(line().predict(X, batch_size=7).shape, (30, 2))


def test_the_same_model_runs_on_another_backend_in_the_middle():
    model = compiled()
    K.set_backend("numpy")
    before = model.predict(X)
    model.fit(X, Y, verbose=0)
    assert not np.allclose(before, model.predict(X))


def test_a_model_built_in_a_fixed_phase_stays_in_it():
    K.set_learning_phase(1)
    try:
        model = Sequential([Dropout(0.5, input_shape=(50,))])
        model.compile("sgd", "mse")
        assert (model.predict(np.ones((2, 50))) == 0).any()
        assert model.train_on_batch(np.ones((2, 50)), np.ones((2, 50))) > 0
    finally:
        K.set_learning_phase(0)
        K.clear_session()


def test_the_functions_of_a_model_take_feeds_as_in_keras(backend):
    model = Sequential([Dropout(0.5, input_shape=(50,))])
    model.compile("sgd", "mse")
    model._make_predict_function()
    model._make_train_function()
    x = np.ones((2, 50))
    assert (model.predict_function([x, 0])[0] == 1).all()
    assert (model.predict_function([x, 1])[0] == 0).any()
    assert len(model.train_function([x, x, np.ones(2), 1.0])) == 1
    inputs = model._feed_inputs + model._feed_targets + model._feed_sample_weights + [K.learning_phase()]
    loss = K.function(inputs, [model.total_loss])
    assert loss([x, 0 * x, np.array([1.0, 3.0]), 0])[0] == pytest.approx(2)


def test_a_column_is_made_of_one_dimensional_data(backend):
    class Twice(Model):
        def call(self, inputs):
            return 2 * inputs

    assert Twice().predict(np.arange(3.0)).tolist() == [[0], [2], [4]]
    model = Sequential([Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.arange(3.0), np.arange(3.0), verbose=0)


@pytest.mark.parametrize("loss", ["mse", lambda y_true, y_pred: (y_true - y_pred) ** 2])
def test_outputs_without_further_axes_take_rows_and_columns_of_targets(backend, loss):
    x = Input((3,))
    model = Model(x, Lambda(lambda x: K.sum(x, axis=-1))(x))
    model.compile("sgd", loss)
    data, y = np.arange(6.0).reshape(2, 3), np.array([1.0, 10.0])
    for targets in (y, y[:, None]):
        assert model.evaluate(data, targets, verbose=0) == pytest.approx(4)  # (2 ** 2 + 2 ** 2) / 2


def test_inputs_without_further_axes_take_numbers(backend):
    x = Input(shape=())
    model = Model(x, Lambda(lambda x: 2 * x)(x))
    assert model.predict(np.arange(3.0)).tolist() == [0, 2, 4]


def test_data_are_made_ready_as_functions_of_ones_own_need_them(backend):
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("sgd", "mse")
    fed = model._feed_inputs + model._feed_targets + model._feed_sample_weights
    gradients = K.function(fed, model.optimizer.get_gradients(model.total_loss, model.trainable_weights))
    x, y, weights = model._standardize_user_data(np.ones((4, 3)), np.zeros((4, 2)))
    assert weights[0].tolist() == [1, 1, 1, 1]
    of_kernel, of_bias = gradients(x + y + weights)
    np.testing.assert_allclose(of_bias, model.predict(x).mean(0), rtol=1e-5)
    np.testing.assert_allclose(of_kernel, np.tile(of_bias, (3, 1)), rtol=1e-5)
