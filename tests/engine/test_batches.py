"""Sources of batches: arrays in memory and on disk, sparse rows, generators, Sequences, iterables."""

import numpy as np
import pytest

from minikeras import backend as K
from minikeras.callbacks.loggers import Averages
from minikeras.engine.batches import ArrayBatches, StreamBatches, batch_shuffle, make_batches
from minikeras.engine.training_loop import LazyLogs
from minikeras.engine.training_utils import is_generator_or_sequence, is_stream, should_run_validation
from minikeras.layers import Dense, Input
from minikeras.models import Model, Sequential
from minikeras.utils import Sequence

X = np.random.RandomState(0).randn(12, 3).astype("float32")
Y = np.random.RandomState(1).randn(12, 2).astype("float32")


class Rows(Sequence):
    """X and Y in batches of four."""

    ends = 0

    def __len__(self):
        return 3

    def __getitem__(self, index):
        rows = slice(4 * index, 4 * index + 4)
        return X[rows], Y[rows]

    def on_epoch_end(self):
        self.ends += 1


class Loader:
    """An iterable that can be gone through again, and gives lists."""

    def __iter__(self):
        return ([X[i : i + 4], Y[i : i + 4]] for i in range(0, 12, 4))


def forever(weights=False):
    while True:
        for i in range(0, 12, 4):
            rows = slice(i, i + 4)
            yield (X[rows], Y[rows], np.ones(4)) if weights else (X[rows], Y[rows])


def compiled():
    model = Sequential([Dense(2, input_shape=(3,), kernel_initializer="ones")])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


def expected():
    """The history of an epoch in batches of four, in order."""
    return compiled().fit(X, Y, batch_size=4, shuffle=False, verbose=0).history


def same(found, wanted):
    assert {k: pytest.approx(v, rel=1e-5) for k, v in wanted.items()} == found


# Arrays


def test_batches_in_order_are_views_and_the_last_may_be_short():
    batches = list(ArrayBatches([X], 5, tail=[1]).epoch())
    assert [size for _, size in batches] == [5, 5, 2]
    assert all(feeds[1] == 1 for feeds, _ in batches)
    assert np.shares_memory(batches[0][0][0], X)


def test_shuffling_gives_each_row_once_and_rows_of_arrays_together():
    batches = list(ArrayBatches([X, Y], 5, shuffle=True).epoch())
    rows = np.concatenate([feeds[0] for feeds, _ in batches])
    order = [int(np.flatnonzero((row == X).all(axis=1))[0]) for row in rows]
    assert sorted(order) == list(range(12)) != order
    np.testing.assert_array_equal(np.concatenate([feeds[1] for feeds, _ in batches]), Y[order])


def test_batch_shuffle_keeps_batches_whole_and_the_rest_at_the_end():
    order = batch_shuffle(np.arange(11), 4)
    assert order[8:].tolist() == [8, 9, 10]
    assert {tuple(order[:4]), tuple(order[4:8])} == {(0, 1, 2, 3), (4, 5, 6, 7)}
    assert make_batches(11, 4) == [(0, 4), (4, 8), (8, 11)]


@pytest.mark.parametrize("shuffle", [False, True, "batch"])
def test_data_on_disk_are_read_row_by_row(tmp_path, shuffle, backend):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "data.h5", "w") as file:
        x, y = file.create_dataset("x", data=X), file.create_dataset("y", data=Y)
        np.random.seed(0)
        from_disk = compiled().fit(x, y, batch_size=4, shuffle=shuffle, verbose=0).history
        np.random.seed(0)
        same(from_disk, compiled().fit(X, Y, batch_size=4, shuffle=shuffle, verbose=0).history)
        assert compiled().predict(x).shape == (12, 2)


def test_rows_of_sparse_matrices_become_dense(backend):
    sparse = pytest.importorskip("scipy.sparse")
    x = sparse.csr_matrix(np.where(X > 0, X, 0))
    np.random.seed(0)
    found = compiled().fit(x, Y, batch_size=5, verbose=0).history
    np.random.seed(0)
    same(found, compiled().fit(x.toarray(), Y, batch_size=5, verbose=0).history)
    model = compiled()
    np.testing.assert_allclose(model.predict(x), model.predict(x.toarray()))
    assert len(model.train_on_batch(x, Y)) == 2


# Streams


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_a_sequence_trains_as_its_arrays_do(backend, workers):
    rows = Rows()
    history = compiled().fit(rows, workers=workers, shuffle=False, verbose=0)
    same(history.history, expected())
    assert rows.ends == 1
    model = compiled()
    assert model.evaluate(rows, workers=workers, verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-5)
    np.testing.assert_allclose(model.predict(rows, workers=workers), model.predict(X), rtol=1e-5)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_generator_goes_on_where_the_last_epoch_ended(backend, workers):
    model, other = compiled(), compiled()
    model.fit_generator(forever(), steps_per_epoch=2, epochs=3, workers=workers, verbose=0)
    other.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], other.get_weights()[0], rtol=1e-4)


def test_a_generator_may_give_sample_weights(backend):
    same(compiled().fit_generator(forever(weights=True), steps_per_epoch=3, verbose=0).history, expected())


def test_an_iterable_is_gone_through_each_epoch(backend):
    model, other = compiled(), compiled()
    model.fit(Loader(), epochs=2, verbose=0)
    other.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], other.get_weights()[0], rtol=1e-4)
    assert model.predict(Loader()).shape == (12, 2)


def test_a_loader_of_torch_is_such_an_iterable():
    torch = pytest.importorskip("torch")
    from torch.utils.data import DataLoader, TensorDataset

    loader = DataLoader(TensorDataset(torch.from_numpy(X), torch.from_numpy(Y)), batch_size=4)
    same(compiled().fit(loader, verbose=0).history, expected())


def test_validation_may_come_from_a_generator_or_a_sequence(backend):
    model = compiled()
    by_sequence = model.fit(X, Y, epochs=2, validation_data=Rows(), verbose=0).history["val_loss"]
    assert by_sequence[-1] == pytest.approx(model.evaluate(X, Y, verbose=0)[0], rel=1e-5)
    by_generator = model.fit(X, Y, epochs=2, validation_data=forever(), validation_steps=3, verbose=0).history
    assert by_generator["val_loss"][-1] == pytest.approx(model.evaluate(X, Y, verbose=0)[0], rel=1e-5)


def test_several_inputs_and_outputs_from_a_generator(backend):
    a, b = Input((3,), name="a"), Input((3,), name="b")
    model = Model([a, b], [Dense(2, name="c")(a), Dense(2, name="d")(b)])
    model.compile("sgd", "mse")
    model.fit(((({"a": X, "b": X}, {"c": Y, "d": Y})) for _ in range(2)), steps_per_epoch=2, verbose=0)
    assert [p.shape for p in model.predict(([X, X] for _ in range(1)), steps=1)] == [(12, 2), (12, 2)]


def test_a_generator_without_steps_is_refused():
    with pytest.raises(ValueError, match="steps_per_epoch is needed"):
        compiled().fit(forever())


def test_targets_beside_a_generator_are_refused():
    with pytest.raises(ValueError, match="`y`"):
        compiled().fit(forever(), Y, steps_per_epoch=1)
    with pytest.raises(ValueError, match="validation_split"):
        compiled().fit(forever(), validation_split=0.1, steps_per_epoch=1)


def test_what_a_generator_must_give_is_said():
    with pytest.raises(ValueError, match=r"tuples \(inputs, targets\)"):
        compiled().fit(iter([X]), steps_per_epoch=1, verbose=0)


def test_a_generator_that_ends_early_warns_and_one_that_is_empty_fails():
    with pytest.warns(UserWarning, match="after 3 of 5 batches"):
        compiled().fit(((X, Y) for _ in range(3)), steps_per_epoch=5, verbose=0)
    with pytest.raises(ValueError, match="no batches"):
        compiled().fit(iter(()), steps_per_epoch=5, verbose=0)


def test_an_error_in_a_generator_is_raised():
    def broken():
        yield X, Y
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        compiled().fit(broken(), steps_per_epoch=5, verbose=0)


def test_what_counts_as_a_stream():
    assert is_stream(Loader())
    assert is_stream(Rows())
    assert is_stream(forever())
    assert is_stream(iter([]))
    assert not any(map(is_stream, [X, [X], (X, Y), {"a": X}, None]))
    assert is_generator_or_sequence(Rows())
    assert not is_generator_or_sequence(Loader())


def test_the_first_item_of_a_stream_can_be_looked_at():
    batches = StreamBatches(iter([1, 2, 3]), lambda item: ([item], 1), steps=3, workers=0)
    assert batches.first() == 1
    assert [feeds for feeds, _ in batches.epoch()] == [[1], [2], [3]]


def test_validation_comes_every_so_often_or_in_listed_epochs():
    assert [should_run_validation(2, epoch) for epoch in range(4)] == [False, True, False, True]
    assert [should_run_validation([1, 4], epoch) for epoch in range(4)] == [True, False, False, True]
    with pytest.raises(ValueError, match="at least 1"):
        should_run_validation(0, 1)


# Logs


def test_logs_fetch_a_value_when_it_is_looked_at(monkeypatch):
    fetched = []
    monkeypatch.setattr(K, "to_numpy", lambda value: fetched.append(value) or np.float32(value))
    logs = LazyLogs(3, 8, ["loss", "acc"], [0.5, 0.25])
    assert logs["batch"] == 3
    assert logs.get("size") == 8
    assert logs.get("none", 1) == 1
    assert not fetched
    assert logs["loss"] == logs["loss"] == 0.5
    assert fetched == [0.5]
    assert {**logs} == dict(logs) == logs.copy() == {"loss": 0.5, "acc": 0.25, "batch": 3, "size": 8}
    assert fetched == [0.5, 0.25]
    logs["acc"] = 1
    assert logs.pop("acc") == 1
    assert "acc" not in logs


def test_the_mean_of_the_loss_is_weighted_and_metrics_are_taken_last():
    averages = Averages(["acc"])
    averages.add(3, {"loss": np.float32(1.0), "acc": np.float32(5.0)})
    averages.add(1, {"loss": np.float32(2.0), "acc": np.float32(6.0)})
    assert averages.means() == {"loss": 1.25, "acc": 6.0}
