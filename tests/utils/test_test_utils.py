"""The helpers for tests of layers, and slices of batches."""
import numpy as np
import pytest

from minikeras.layers import Dense, Dropout, Embedding, Layer
from minikeras.models import Sequential
from minikeras.utils import multi_gpu_model
from minikeras.utils.test_utils import get_test_data, layer_test


def test_layers_pass_the_layer_test(backend):
    assert layer_test(Dense, {"units": 3}, input_shape=(None, 4)).shape[1] == 3
    layer_test(Dropout, {"rate": 0.5}, input_shape=(3, 4))
    layer_test(Embedding, {"input_dim": 4, "output_dim": 2}, input_data=np.array([[1, 2]], "int32"),
               expected_output_dtype="float32", fixed_batch_size=True)


def test_a_layer_that_declares_a_wrong_shape_fails_it():
    class Wrong(Layer):
        def call(self, inputs):
            return inputs

        def compute_output_shape(self, input_shape):
            return (input_shape[0], 7)

    with pytest.raises((AssertionError, ValueError)):
        layer_test(Wrong, {}, input_shape=(2, 3))


def test_test_data_have_the_shapes_asked_for():
    (x, y), (x_test, _) = get_test_data(20, 10, (3, 2), num_classes=4)
    assert (x.shape, y.shape, x_test.shape) == ((20, 3, 2), (20,), (10, 3, 2))
    assert set(y) <= {0, 1, 2, 3}
    (_, y), _ = get_test_data(20, 10, (3,), (2,), classification=False)
    assert y.shape == (20, 2)


def test_a_model_in_slices_gives_the_same_results(backend):
    model = Sequential([Dense(3, input_shape=(4,))])
    sliced = multi_gpu_model(model, gpus=3)
    x = np.random.random((8, 4)).astype("float32")
    np.testing.assert_allclose(sliced.predict(x), model.predict(x), rtol=1e-5)
    sliced.compile("sgd", "mse")
    sliced.train_on_batch(x, np.zeros((8, 3)))
    np.testing.assert_allclose(sliced.predict(x), model.predict(x), rtol=1e-5)
    with pytest.raises(ValueError, match="at least 2"):
        multi_gpu_model(model, gpus=1)
