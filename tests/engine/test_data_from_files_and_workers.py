"""Training on data that are not arrays: HDF5 files, sequences with workers."""
import numpy as np
import pytest

from minikeras.layers import Dense
from minikeras.models import Sequential
from minikeras.utils import HDF5Matrix, Sequence


@pytest.fixture
def model():
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse")
    return model


def test_models_train_on_hdf5_matrices(tmp_path, model):
    h5py = pytest.importorskip("h5py")
    path = str(tmp_path / "data.h5")
    x = np.random.random((20, 3)).astype("float32")
    with h5py.File(path, "w") as file:
        file["x"], file["y"] = x, x.sum(axis=1, keepdims=True)
    data = HDF5Matrix(path, "x", 2, 18), HDF5Matrix(path, "y", 2, 18)
    start = model.get_weights()
    model.fit(*data, batch_size=5, shuffle=False, epochs=2, verbose=0)
    from_file = model.get_weights()
    model.set_weights(start)
    model.fit(x[2:18], x[2:18].sum(axis=1, keepdims=True), batch_size=5, shuffle=False, epochs=2, verbose=0)
    np.testing.assert_allclose(from_file[0], model.get_weights()[0], rtol=1e-6)
    model.fit(*data, batch_size=5, shuffle="batch", verbose=0)
    assert model.predict(data[0]).shape == (16, 1)
    model.evaluate(*data, verbose=0)
    HDF5Matrix.refs.pop(path).close()


class Rows(Sequence):
    def __init__(self):
        self.x = np.arange(30, dtype="float32").reshape(10, 3) / 30
        self.epochs = 0

    def __len__(self):
        return 5

    def __getitem__(self, index):
        x = self.x[2 * index:2 * index + 2]
        return x, x.sum(axis=1, keepdims=True)

    def on_epoch_end(self):
        self.epochs += 1


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning", "ignore:os.fork:RuntimeWarning")
@pytest.mark.parametrize("workers", [{"workers": 0}, {"workers": 3}, {"workers": 2, "use_multiprocessing": True}],
                         ids=["none", "threads", "processes"])
def test_models_train_on_sequences_with_any_workers(model, workers):
    rows = Rows()
    start = model.get_weights()
    model.fit_generator(rows, epochs=2, shuffle=False, verbose=0, **workers)
    assert rows.epochs >= 2
    trained = model.get_weights()
    model.set_weights(start)
    model.fit(rows.x, rows.x.sum(axis=1, keepdims=True), batch_size=2, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(trained[0], model.get_weights()[0], rtol=1e-5)
    assert model.predict_generator(rows, **workers).shape == (10, 1)
    assert np.isscalar(model.evaluate_generator(rows, **workers))
