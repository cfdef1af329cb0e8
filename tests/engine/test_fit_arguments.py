"""Each argument of compile, fit, evaluate, predict and their kin, where a model has several inputs and outputs."""

import numpy as np
import pytest

from minikeras import backend as K
from minikeras import losses, metrics, optimizers
from minikeras.layers import LSTM, Add, Dense, Input
from minikeras.models import Model, Sequential
from minikeras.utils import Sequence

RNG = np.random.RandomState(0)
X, Z = RNG.randn(12, 3).astype("float32"), RNG.randn(12, 3).astype("float32")
A, B = RNG.randn(12, 2).astype("float32"), (np.arange(12) % 2)[:, None].astype("float32")


def fork():
    """Inputs 'x' and 'z', outputs 'a' [2] and 'b' [1], a probability."""
    x, z = Input((3,), name="x"), Input((3,), name="z")
    both = Add()([x, z])
    return Model([x, z], [Dense(2, name="a")(both), Dense(1, activation="sigmoid", name="b")(both)])


def compiled(**kwargs):
    model = fork()
    model.compile(optimizers.SGD(0.0), {"a": "mse", "b": "binary_crossentropy"}, **kwargs)
    return model


def errors(model):
    """The losses of the samples for the two outputs."""
    a, b = model.predict([X, Z])
    return np.mean((a - A) ** 2, -1), -np.where(B, np.log(b), np.log(1 - b))[:, 0]


AS_LISTS = [X, Z], [A, B]
AS_DICTS = {"z": Z, "x": X}, {"b": B, "a": A}
BATCHES = [([X[i : i + 4], Z[i : i + 4]], [A[i : i + 4], B[i : i + 4]]) for i in (0, 4, 8)]


class Batches(Sequence):
    """BATCHES, by number."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return BATCHES[index]


def forever():
    while True:
        yield from BATCHES


# What is given per output


@pytest.mark.parametrize("loss", [["mse", "binary_crossentropy"], ("mse", losses.BinaryCrossentropy()),
                                  {"b": "binary_crossentropy", "a": losses.mean_squared_error}])  # fmt: skip
@pytest.mark.parametrize("weights", [[0.5, 2.0], {"b": 2.0, "a": 0.5}])
def test_losses_and_loss_weights_are_lists_or_dicts(loss, weights):
    model = fork()
    model.compile(optimizers.SGD(0.0), loss, loss_weights=weights)
    a, b = (e.mean() for e in errors(model))
    for data in (AS_LISTS, AS_DICTS):
        np.testing.assert_allclose(model.evaluate(*data, verbose=0), [0.5 * a + 2 * b, a, b], rtol=1e-4)


@pytest.mark.parametrize(
    "given",
    [[["mae"], ["acc", "mse"]], {"a": "mae", "b": ["acc", "mse"]}, [["mae"], [metrics.binary_accuracy, "mse"]]],
)
def test_metrics_are_lists_of_lists_or_dicts(given):
    model = compiled(metrics=given)
    names = ["loss", "a_loss", "b_loss", "a_mae", "b_acc", "b_mse"]
    assert [name.replace("binary_accuracy", "acc") for name in model.metrics_names] == names
    a, b = model.predict([X, Z])
    found = model.test_on_batch(*AS_LISTS)[3:]
    np.testing.assert_allclose(found, [np.abs(a - A).mean(), ((b > 0.5) == B).mean(), ((b - B) ** 2).mean()], rtol=1e-5)


@pytest.mark.parametrize("form", ["list", "dict", "part"])
def test_sample_weights_per_output(form, backend):
    model = compiled(weighted_metrics={"a": "mse"}, metrics={"a": "mse"})
    weights = np.arange(12.0)
    given = {"list": [weights, None], "dict": {"a": weights, "b": np.ones(12)}, "part": {"a": weights}}[form]
    a, b = errors(model)
    expected = [np.mean(a * weights) + b.mean(), np.mean(a * weights), b.mean(), a.mean(), np.sum(a * weights) / 66]
    for call in (model.test_on_batch, model.train_on_batch):
        np.testing.assert_allclose(call(*AS_LISTS, sample_weight=given), expected, rtol=1e-4)
    np.testing.assert_allclose(model.evaluate(*AS_LISTS, sample_weight=given, verbose=0), expected, rtol=1e-4)
    history = model.fit(*AS_LISTS, sample_weight=given, verbose=0, shuffle=False).history
    np.testing.assert_allclose([history[name][0] for name in model.metrics_names], expected, rtol=1e-4)
    with_weights = ((*AS_LISTS, given) for _ in range(2))
    np.testing.assert_allclose(model.evaluate_generator(with_weights, 2), expected, rtol=1e-4)


@pytest.mark.parametrize("given", [{"b": {0: 1.0, 1: 3.0}}, [None, {0: 1.0, 1: 3.0}]])
def test_class_weights_per_output(given):
    model = compiled()
    a, b = errors(model)
    expected = np.mean(b * np.where(B[:, 0], 3, 1))
    assert model.train_on_batch(*AS_LISTS, class_weight=given)[1:] == pytest.approx([a.mean(), expected], rel=1e-4)
    assert model.fit(*AS_DICTS, class_weight=given, verbose=0).history["b_loss"][0] == pytest.approx(expected, rel=1e-4)
    history = model.fit_generator(forever(), 3, class_weight=given, verbose=0).history
    assert history["loss"][0] == pytest.approx(a.mean() + expected, rel=1e-4)


def test_class_weights_multiply_sample_weights_and_other_kinds_are_ignored_with_a_warning():
    model = Sequential([Dense(3, activation="softmax", input_shape=(3,))])
    model.compile(optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    classes, weights = np.arange(12) % 3, np.arange(12.0)
    error = -np.log(model.predict(X)[np.arange(12), classes])
    found = model.train_on_batch(X, classes, weights, {0: 1.0, 1: 2.0, 2: 3.0})
    assert found == pytest.approx(np.mean(error * weights * (classes + 1)), rel=1e-4)
    with pytest.warns(UserWarning, match=r"dict of class -> weight; 'auto' is ignored"):
        assert model.train_on_batch(X, classes, class_weight="auto") == pytest.approx(error.mean(), rel=1e-4)


@pytest.mark.parametrize("mode", [["temporal", None], {"a": "temporal"}, {"a": "temporal", "b": None}])
def test_temporal_weights_for_some_outputs(mode):
    x = Input((4, 3))
    model = Model(x, [Dense(2, name="a")(x), LSTM(2, name="b")(x)])
    model.compile(optimizers.SGD(0.0), "mse", sample_weight_mode=mode)
    data, steps, samples = RNG.randn(5, 4, 3), RNG.rand(5, 4), RNG.rand(5)
    a, b = model.predict(data)
    found = model.train_on_batch(data, [np.zeros((5, 4, 2)), np.zeros((5, 2))], sample_weight=[steps, samples])
    expected = [np.mean((a**2).mean(-1) * steps), np.mean((b**2).mean(-1) * samples)]
    np.testing.assert_allclose(found[1:], expected, rtol=1e-4)


@pytest.mark.parametrize("form", ["list", "dict"])
def test_target_tensors_per_output(form, backend):
    model, fed, fixed = fork(), K.placeholder((None, 2)), K.constant(B)
    tensors = [fed, fixed] if form == "list" else {"b": fixed, "a": fed}
    model.compile(optimizers.SGD(0.0), ["mse", "binary_crossentropy"], target_tensors=tensors)
    a, b = (e.mean() for e in errors(model))
    for y in (A, [A], {"a": A}):
        assert model.train_on_batch([X, Z], y) == pytest.approx([a + b, a, b], rel=1e-4)
    history = model.fit([X, Z], [A], batch_size=12, shuffle=False, verbose=0).history
    assert history["b_loss"][0] == pytest.approx(b, rel=1e-4)


# A scalar for the whole batch


def test_a_loss_may_be_one_value_for_the_whole_batch(backend):
    def total(y_true, y_pred):
        return K.mean(K.square(y_true - y_pred))

    results = []
    for loss in (total, "mse"):
        model = Sequential([Dense(2, input_shape=(3,), kernel_initializer="ones")])
        model.compile("sgd", loss, metrics=[total], weighted_metrics=[total])
        results.append([model.train_on_batch(X, A), model.train_on_batch(X, A), model.get_weights()[0]])
    for found, expected in zip(*results, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    twice = model.test_on_batch(X, A, sample_weight=np.full(12, 2.0))
    np.testing.assert_allclose(twice, [2 * twice[1], twice[1], twice[1]], rtol=1e-5)


# Batches from elsewhere


@pytest.mark.parametrize("workers", [{"workers": 0}, {"workers": 2}], ids=str)
def test_the_generator_methods_do_what_the_others_do(workers, backend):
    model = compiled(metrics={"b": "acc"})
    expected = model.evaluate(*AS_LISTS, batch_size=4, verbose=0)
    for source, steps in ((forever(), 3), (Batches(), None), (iter(BATCHES), 3)):
        np.testing.assert_allclose(model.evaluate_generator(source, steps, **workers), expected, rtol=1e-5)
    for source, steps in ((forever(), 3), (Batches(), None)):
        for found, wanted in zip(model.predict_generator(source, steps, **workers), model.predict([X, Z]), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-5)
    for source, steps in ((forever(), 3), (Batches(), None)):
        history = model.fit_generator(source, steps, validation_data=Batches(), verbose=0, **workers).history
        for i, name in enumerate(model.metrics_names):
            assert history[name][0] == pytest.approx(expected[i], rel=1e-4)
            assert history["val_" + name][0] == pytest.approx(expected[i], rel=1e-4)
    inputs = ({"x": X[i : i + 4], "z": Z[i : i + 4]} for i in (0, 4, 8))
    np.testing.assert_allclose(model.predict(inputs, steps=3)[0], model.predict([X, Z])[0], rtol=1e-5)


@pytest.mark.parametrize("validation", [AS_LISTS, (*AS_DICTS, {"a": np.ones(12)}), "generator", "sequence", "iterable"])
def test_validation_data_of_any_kind(validation):
    model = compiled()
    expected = model.evaluate(*AS_LISTS, verbose=0)[0]
    steps = 3 if validation == "generator" else None
    for fit in (lambda **k: model.fit(*AS_LISTS, **k), lambda **k: model.fit_generator(Batches(), **k)):
        kinds = {"generator": forever(), "sequence": Batches(), "iterable": Batches()}
        data = kinds.get(validation) if isinstance(validation, str) else validation
        history = fit(validation_data=data, validation_steps=steps, validation_freq=2, epochs=4, verbose=0).history
        np.testing.assert_allclose(history["val_loss"], [expected] * 2, rtol=1e-4)
        assert len(history["loss"]) == 4


def test_validation_steps_limit_a_generator():
    seen = []

    def counted():
        for batch in forever():
            seen.append(1)
            yield batch

    model = compiled()
    model.fit_generator(forever(), 2, 3, validation_data=counted(), validation_steps=2, workers=0, verbose=0)
    assert len(seen) == 6
    with pytest.raises(ValueError, match="validation_steps is needed"):
        model.fit_generator(forever(), 2, validation_data=forever(), verbose=0)


def test_epochs_go_on_from_initial_epoch_in_generators_too():
    assert compiled().fit_generator(forever(), 2, epochs=5, initial_epoch=3, verbose=0).epoch == [3, 4]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning", "ignore:os.fork:RuntimeWarning")
def test_a_sequence_is_made_by_processes(backend):
    model = compiled()
    expected = model.evaluate(*AS_LISTS, verbose=0)
    found = model.evaluate(Batches(), workers=2, use_multiprocessing=True, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_steps_run_the_whole_arrays_that_often():
    model = compiled()
    history = model.fit(*AS_LISTS, steps_per_epoch=3, validation_data=AS_LISTS, validation_steps=2, verbose=0).history
    assert history["loss"] == pytest.approx(history["val_loss"])
    assert [p.shape for p in model.predict([X, Z], steps=2)] == [(24, 2), (24, 1)]
    assert model.evaluate(*AS_LISTS, steps=2, verbose=0)[0] == pytest.approx(history["loss"][0])


@pytest.mark.parametrize("shuffle", [True, False, "batch"])
def test_shuffle_keeps_rows_of_all_arrays_together(shuffle):
    x, z = Input((1,)), Input((1,))
    model = Model([x, z], Add()([x, z]))
    model.add_loss(K.max(K.abs(model.inputs[0] - model.inputs[1])))
    model.compile("sgd")
    numbers = np.arange(10.0)
    assert model.fit([numbers, numbers], batch_size=3, shuffle=shuffle, verbose=0).history["loss"] == [0]


# Other people's arrays


def test_sparse_matrices_are_inputs_everywhere(backend):
    sparse = pytest.importorskip("scipy.sparse")
    dense = X * (X > 0)
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("sgd", "mse")
    for kind in (sparse.csr_matrix, sparse.coo_matrix, sparse.csr_array):
        matrix = kind(dense)
        np.testing.assert_allclose(model.predict(matrix, batch_size=5), model.predict(dense), rtol=1e-5)
        np.testing.assert_allclose(model.predict_on_batch(matrix), model.predict(dense), rtol=1e-5)
        assert model.evaluate(matrix, A, verbose=0) == pytest.approx(model.evaluate(dense, A, verbose=0))
        model.fit(matrix, A, validation_split=0.25, verbose=0)
        model.train_on_batch(matrix, A)
        model.fit_generator(((matrix, A) for _ in range(2)), 2, verbose=0)


def test_hdf5_data_sets_are_read_in_any_order(tmp_path, backend):
    h5py = pytest.importorskip("h5py")
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("sgd", "mse")
    with h5py.File(tmp_path / "data.h5", "w") as file:
        x, y = file.create_dataset("x", data=X), file.create_dataset("y", data=A)
        for shuffle in (True, False, "batch"):
            model.fit(x, y, batch_size=5, shuffle=shuffle, validation_data=(x, y), verbose=0)
        model.fit(x, A, validation_split=0.25, verbose=0)
        assert model.evaluate(x, y, verbose=0) == pytest.approx(model.evaluate(X, A, verbose=0))
        np.testing.assert_allclose(model.predict(x), model.predict(X), rtol=1e-6)


def test_tables_and_tensors_of_other_libraries_are_arrays(backend):
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("sgd", "mse")
    expected = model.predict(X)
    kinds = [X.astype(object), X.tolist(), X.astype("float64"), np.asfortranarray(X), X[::-1][::-1]]
    if backend == "torch":
        import torch

        kinds.append(torch.tensor(X))
    if backend == "jax":
        import jax.numpy as jnp

        kinds.append(jnp.asarray(X))
    for data in kinds:
        np.testing.assert_allclose(model.predict(data), expected, rtol=1e-5)
    model.fit(kinds[-1], A, verbose=0)
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=list("abc"))
    model.fit(table, pandas.DataFrame(A), sample_weight=pandas.Series(np.ones(12)), validation_split=0.25, verbose=0)
    np.testing.assert_allclose(model.predict(table), model.predict(X), rtol=1e-6)


def test_no_samples_have_outputs_of_no_samples_and_are_nothing_to_train_on(backend):
    model = fork()
    assert [p.shape for p in model.predict([X[:0], Z[:0]])] == [(0, 2), (0, 1)]
    model.compile("sgd", "mse")
    for call in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(ValueError, match="no samples to train or test on"):
            call([X[:0], Z[:0]], [A[:0], B[:0]])


def test_a_model_whose_own_methods_call_those_for_generators():
    class FromGenerators(Model):
        def fit(self, *args, **kwargs):
            return self.fit_generator(Batches(), verbose=0)

        def evaluate(self, *args, **kwargs):
            return self.evaluate_generator(Batches())

        def predict(self, *args, **kwargs):
            return self.predict_generator(Batches())

    whole = fork()
    model = FromGenerators(whole.inputs, whole.outputs)
    model.compile("sgd", "mse")
    assert model.fit().history["loss"]
    assert len(model.evaluate()) == 3
    assert [p.shape for p in model.predict()] == [(12, 2), (12, 1)]
