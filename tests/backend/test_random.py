"""Random ops: distributions, seeds, and what is drawn when."""

import numpy as np
import pytest

from minikeras import backend as K

SHAPE = (200, 300)
DRAWS = {
    "uniform": (lambda **k: K.random_uniform(SHAPE, -2.0, 6.0, **k), 2.0, 8 / 12**0.5),
    "normal": (lambda **k: K.random_normal(SHAPE, 1.0, 3.0, **k), 1.0, 3.0),
    "truncated": (lambda **k: K.truncated_normal(SHAPE, 1.0, 2.0, **k), 1.0, 2 * 0.87963),
    "binomial": (lambda **k: K.random_binomial(SHAPE, 0.3, **k), 0.3, 0.21**0.5),
}
every_draw = pytest.mark.parametrize("name", DRAWS)


@pytest.fixture
def portable():
    K.set_rng("portable")
    yield
    K.set_rng("native")


@every_draw
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_mean_and_deviation_are_those_of_the_distribution(name, dtype, backend):
    draw, mean, std = DRAWS[name]
    x = K.eval(draw(dtype=dtype, seed=3))
    assert x.dtype == dtype and x.shape == SHAPE
    error = std / np.sqrt(x.size)
    assert abs(x.astype("float64").mean() - mean) < 5 * error
    assert abs(x.astype("float64").std() - std) < 5 * error


def test_uniform_stays_in_its_range_and_truncated_within_two_deviations(backend):
    x = K.eval(K.random_uniform(SHAPE, -2.0, 6.0, seed=1))
    assert x.min() >= -2 and x.max() <= 6
    assert np.abs(K.eval(K.truncated_normal(SHAPE, 1.0, 2.0, seed=1)) - 1).max() <= 4 + 1e-6


def test_uniform_draws_integers(backend):
    x = K.eval(K.random_uniform(SHAPE, 2, 5, dtype="int32", seed=1))
    assert x.dtype == "int32" and set(np.unique(x)) == {2, 3, 4}


@every_draw
def test_draws_differ_from_run_to_run_and_from_op_to_op(name, backend):
    a, b = DRAWS[name][0](), DRAWS[name][0]()
    f = K.function([], [a, b])
    (first, other), (second, _) = f([]), f([])
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other)


@every_draw
def test_the_same_seed_draws_the_same_series(name, backend):
    f, g = (K.function([], [DRAWS[name][0](seed=5)]) for _ in range(2))
    for _ in range(3):
        np.testing.assert_array_equal(f([])[0], g([])[0])


def test_the_global_seed_of_numpy_fixes_a_script(backend):
    def script():
        np.random.seed(0)
        return K.eval(K.random_normal((3, 4))), K.eval(K.dropout(K.ones((3, 4)), 0.5))

    for a, b in zip(script(), script(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_initial_values_of_variables_are_the_same_on_every_backend(backend):
    value = K.eval(K.random_uniform_variable((3, 4), -1.0, 1.0, seed=7))
    K.set_backend("numpy")
    np.testing.assert_array_equal(value, K.eval(K.random_uniform_variable((3, 4), -1.0, 1.0, seed=7)))


@every_draw
def test_portable_noise_is_the_same_on_every_backend(name, backend, portable):
    x = K.placeholder((200, 300))

    def drawn():
        return K.function([x], [DRAWS[name][0](seed=5), K.dropout(x, 0.4, seed=2)])([np.ones(SHAPE)])

    values = drawn()
    K.set_backend("numpy")
    for a, b in zip(values, drawn(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_parameters_may_be_tensors(backend):
    low, mean, p = K.placeholder(()), K.placeholder(()), K.placeholder(())
    outputs = [K.random_uniform((1000,), low, 4.0), K.random_normal((1000,), mean, 0.1), K.random_binomial((1000,), p)]
    uniform, normal, binomial = K.function([low, mean, p], outputs)([3.0, 5.0, 0.9])
    assert uniform.min() >= 3 and abs(normal.mean() - 5) < 0.1 and binomial.mean() > 0.8


def test_the_shape_may_be_that_of_a_tensor(backend):
    x = K.placeholder((None, 3))
    noise = K.random_normal(K.shape(x))
    assert noise.shape == (None, 3)
    assert K.function([x], [noise])([np.zeros((5, 3))])[0].shape == (5, 3)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_dropout_keeps_the_mean_and_scales_what_it_keeps(level, backend):
    x = K.placeholder((None, 300))
    y = K.function([x], [K.dropout(x, level, seed=1)])([np.ones(SHAPE)])[0]
    np.testing.assert_allclose(np.unique(y), [0, 1 / (1 - level)], rtol=1e-6)
    assert abs((y == 0).mean() - level) < 5 * np.sqrt(level * (1 - level) / y.size)


def test_dropout_gives_back_gradients_where_it_kept(backend):
    x = K.placeholder((20, 30))
    y = K.dropout(x, 0.4)
    g = K.gradients(K.sum(y * y), [x])[0]
    value, slope = K.function([x], [y, g])([np.full((20, 30), 3.0)])
    np.testing.assert_allclose(slope, 2 * value / 0.6, rtol=1e-5)


def test_dropout_takes_a_noise_shape_with_unknown_sizes(backend):
    x = K.placeholder((None, 5, 7))
    for noise_shape in [(None, 1, 7), (K.shape(x)[0], 1, 7)]:
        y = K.function([x], [K.dropout(x, 0.5, noise_shape)])([np.ones((4, 5, 7))])[0]
        np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1], y.shape))
        assert 0 < (y == 0).mean() < 1


def test_dropout_takes_a_level_that_is_a_tensor(backend):
    level, x = K.placeholder(()), K.ones((100, 100))
    y = K.function([level], [K.dropout(x, level)])([0.25])[0]
    assert abs((y == 0).mean() - 0.25) < 0.05
    np.testing.assert_allclose(y.max(), 1 / 0.75, rtol=1e-6)


def test_dropout_of_nothing_changes_nothing():
    x = K.variable(np.arange(6.0))
    np.testing.assert_array_equal(K.eval(K.dropout(x, 0.0)), np.arange(6.0))


def test_errors_say_what_is_wrong():
    x = K.placeholder((2, 3))
    with pytest.raises(ValueError, match="level is the share"):
        K.dropout(x, 1.5)
    with pytest.raises(ValueError, match="noise_shape"):
        K.dropout(x, 0.5, (2,))
    with pytest.raises(TypeError, match="float type"):
        K.random_normal((2,), dtype="int32")
    with pytest.raises(ValueError, match="'native' or 'portable'"):
        K.set_rng("mine")


def test_each_step_of_a_loop_draws_its_own_noise_and_the_gradient_sees_the_same(backend):
    x, state = K.placeholder((2, 6, 50)), K.zeros((2, 50))

    def step(inputs, states):
        y = K.dropout(inputs, 0.5, seed=3)
        return y, [states[0] + y]

    _, outputs, states = K.rnn(step, x, [state])
    g = K.gradients(K.sum(states[0]), [x])[0]
    y, slope = K.function([x], [outputs, g])([np.ones((2, 6, 50))])
    assert not np.array_equal(y[:, 0], y[:, 1])
    np.testing.assert_allclose(slope, y, rtol=1e-6)
