"""What holds for every backend, asked of the one that is named. See docs/backends.md.

    pytest tests/conformance --backend NAME

The records of all ops (tests/backend/cases*.py): values, shapes, dtypes, first and second derivatives, empty and size-1
axes. And what a backend owes besides kernels: feeding, variables, updates, random numbers, a whole training.
"""

import numpy as np

# Collected here a second time, with this folder's `backend`.
from test_ops import (
    test_declared_shape_and_dtype_are_the_real_ones,  # noqa: F401
    test_float32_is_close_to_float64,  # noqa: F401
    test_gradient_matches_finite_differences,  # noqa: F401
    test_second_gradient_matches_finite_differences,  # noqa: F401
    test_sizes_of_one_and_zero_work,  # noqa: F401
    test_value_is_that_of_the_reference_in_float64,  # noqa: F401
)

from minikeras import backend as K
from minikeras.backend import conformance, runtime
from minikeras.layers import LSTM, BatchNormalization, Conv2D, Dense, Dropout, Embedding, Flatten, MaxPooling2D
from minikeras.models import Sequential


def test_the_package_offers_all_that_a_backend_is(backend):
    package = runtime.load(backend)
    assert backend == package.NAME
    for name in ("link", "to_native", "to_numpy", "from_feed", "assign"):
        assert callable(getattr(package, name, None)), f"{package.__name__} has no {name}"


def test_no_kernel_is_missing(backend):
    assert conformance.missing(backend) == []


def test_arrays_go_in_and_out_unchanged(backend):
    package = runtime.load(backend)
    for dtype in ("float32", "float64", "int32", "int64", "uint8", "bool", "float16"):
        array = np.array([[0, 1, 1], [1, 0, 1]], dtype=dtype)
        feeds = [package.from_feed(array, dtype), package.from_feed(array.tolist(), dtype)]
        for native in (package.to_native(array), *feeds):
            back = package.to_numpy(native)
            assert type(back) is np.ndarray
            assert back.dtype == array.dtype
            np.testing.assert_array_equal(back, array)


def test_to_native_and_assign_copy(backend):
    package, array = runtime.load(backend), np.ones(3, "float32")
    native = package.to_native(array)
    native = package.assign(native, 2 * array)
    array[:] = 7
    np.testing.assert_array_equal(package.to_numpy(native), [2, 2, 2])


def test_reads_see_the_values_from_before_the_call(backend):
    v, w = K.variable(1.0), K.variable(10.0)
    swap = K.function([], [v + w, v], [(v, w * 1.0), (w, v * 1.0)])
    assert [float(a) for a in swap([])] == [11.0, 1.0]
    assert (K.get_value(v), K.get_value(w)) == (10.0, 1.0)
    first = swap([])
    swap([])
    assert float(first[1]) == 10.0, "results belong to the caller: a later call must not write into them"


def test_the_same_seed_draws_the_same_and_calls_differ(backend):
    def drawn():
        return K.function([], [K.random_normal((2000,), seed=3)])

    f, g = drawn(), drawn()
    first, second, again = f([])[0], f([])[0], g([])[0]
    np.testing.assert_array_equal(first, again)
    assert (first != second).mean() > 0.9
    assert abs(first.mean()) < 0.1 and abs(first.std() - 1) < 0.1


def losses(name, build, x, y):
    """Losses of a training on a backend, with all noise drawn on the host."""
    before = K.rng()
    K.set_backend(name)
    K.set_rng("portable")
    try:
        np.random.seed(0)
        model = Sequential(build())
        model.compile("adam", "binary_crossentropy")
        return model.fit(x, y, epochs=5, batch_size=16, verbose=0).history["loss"]
    finally:
        K.set_rng(before)


def assert_trains_as_numpy_does(backend, build, x, y):
    found = losses(backend, build, x, y)
    np.testing.assert_allclose(found, losses("numpy", build, x, y), rtol=1e-3)
    assert found[-1] < found[0]


def test_a_convolutional_network_trains_as_on_numpy(backend):
    y = np.arange(64) % 2
    x = np.random.RandomState(0).normal(size=(64, 8, 8, 1)) + y.reshape(-1, 1, 1, 1)

    def build():
        return [
            Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1)),
            BatchNormalization(),
            MaxPooling2D(),
            Flatten(),
            Dropout(0.1),
            Dense(1, activation="sigmoid"),
        ]

    assert_trains_as_numpy_does(backend, build, x, y)


def test_a_recurrent_network_trains_as_on_numpy(backend):
    x = np.random.RandomState(0).randint(1, 5, (64, 6))

    def build():
        return [Embedding(5, 4, mask_zero=True), LSTM(8), Dense(1, activation="sigmoid")]

    assert_trains_as_numpy_does(backend, build, x, x[:, -1] > 2)
