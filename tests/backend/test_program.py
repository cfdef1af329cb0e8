"""From graph to program: what is merged, folded, dropped, and known before anything runs."""

import importlib.util

import numpy as np
import pytest

from minikeras import backend as K
from minikeras.backend import config


def program_of(inputs, outputs, shapes, updates=None, phase=0):
    return K.function(inputs, outputs, updates).program(*shapes, phase=phase)


def op_names(program):
    return [step.op.name for step in program.steps]


def test_equal_steps_are_merged():
    x = K.placeholder((None, 3))
    program = program_of([x], [K.exp(x) + K.exp(x)], [(2, 3)])
    assert op_names(program).count("exp") == 1


def test_constants_are_folded():
    x = K.placeholder((2,))
    program = program_of([x], [x * K.exp(K.constant(0.0)) + K.sum(K.constant([1.0, 2.0]))], [(2,)])
    assert op_names(program) == ["add"]


def test_initial_states_of_a_recurrent_layer_are_constants():
    """Sums of zeros in the shape of the input, spread over the units: nothing of it is left to be run."""
    x = K.placeholder((None, 7, 3))
    zeros = K.expand_dims(K.sum(K.zeros_like(x), axis=(1, 2)))
    assert op_names(program_of([x], [K.tile(zeros, (1, 5)) + x[:, 0, :1]], [(4, 7, 3)])) == ["getitem", "add"]


def test_what_no_output_needs_is_dropped():
    x = K.placeholder((2,))
    K.exp(x)
    assert op_names(program_of([x], [K.sin(x)], [(2,)])) == ["sin"]


def test_neutral_operands_vanish():
    x = K.placeholder((None, 3))
    assert op_names(program_of([x], [(x + 0.0) * 1.0 - 0.0], [(2, 3)])) == []


def test_scalar_factors_of_a_mean_of_squares_are_joined():
    x = K.placeholder((None, 3))
    gradient = K.gradients(K.mean(K.square(x)), [x])[0]
    assert op_names(program_of([x], [gradient], [(2, 3)])) == ["multiply"]


def test_shapes_and_their_arithmetic_are_known_before_the_run():
    x = K.placeholder((None, None))
    rows = K.shape(x)[0] * 2
    y = K.reshape(x, (rows, -1))
    program = program_of([x], [y, rows], [(3, 4)])
    assert program.outputs[0].shape == (6, 2)
    assert program.outputs[1].scalar() == 6


def test_the_learning_phase_takes_one_branch():
    x = K.placeholder((2,))
    y = K.in_train_phase(K.exp(x), K.sin(x))
    inputs = [x, K.learning_phase()]
    assert op_names(program_of(inputs, [y], [(2,)], phase=1)) == ["exp"]
    assert op_names(program_of(inputs, [y], [(2,)], phase=0)) == ["sin"]


def test_level_0_keeps_the_program_as_it_was_written():
    x = K.placeholder((None, 3))
    try:
        config.optimize(0)
        assert op_names(program_of([x], [x * 1.0 + 0.0], [(2, 3)])) == ["multiply", "add"]
    finally:
        config.optimize(1)


def test_a_program_prints_a_line_a_step_with_its_scope():
    x = K.placeholder((None, 3))
    with K.name_scope("head", owner="Dense"):
        y = K.tanh(x)
    text = str(program_of([x], [y], [(2, 3)]))
    assert "t0 [2, 3] float32 = tanh(input0)    # head" in text
    assert text.endswith("return t0")


def test_ten_thousand_ops_in_a_row_build_and_run(backend):
    x = y = K.placeholder((2,))
    steps = 10_000 if backend == "numpy" else 300  # compilers take their time
    for _ in range(steps):
        y = K.sin(y)
    gradient = K.gradients(K.sum(y), [x])[0]
    value, slope = K.function([x], [y, gradient])([np.ones(2, "float32")])
    assert np.all(np.isfinite(value)) and np.all(np.isfinite(slope))


def test_a_shape_may_depend_on_a_fed_value(backend):
    n = K.placeholder((), dtype="int32")
    f = K.function([n], [K.arange(n)])
    assert f([3])[0].tolist() == [0, 1, 2]
    assert f([5])[0].tolist() == [0, 1, 2, 3, 4]


def test_a_shape_may_not_depend_on_a_variable(backend):
    n = K.variable(3, dtype="int32", name="length")
    with pytest.raises(ValueError, match="length"):
        K.eval(K.arange(n + K.constant(1, dtype="int32")))


def test_an_unfed_placeholder_is_named(backend):
    x = K.placeholder((2,), name="forgotten")
    with pytest.raises(ValueError, match="forgotten"):
        K.eval(K.exp(x))


def test_a_fed_array_of_the_wrong_shape_is_refused_with_both_shapes(backend):
    f = K.function([K.placeholder((None, 3), name="features")], [K.constant(1.0)])
    with pytest.raises(ValueError, match=r"features.*\[None, 3\].*\[2, 4\]"):
        f([np.zeros((2, 4))])


def test_shape_errors_name_op_layer_and_both_shapes():
    with K.name_scope("head", owner="Dense"), pytest.raises(ValueError) as error:
        K.dot(K.placeholder((None, 64)), K.placeholder((32, 10)))
    message = str(error.value)
    assert 'layer "head" (Dense)' in message and "64 != 32" in message and "[None, 64]" in message


def test_outputs_are_read_before_the_updates(backend):
    v = K.variable([1.0, 2.0])
    f = K.function([], [v * 1.0, v[::-1]], updates=[(v, v + 1.0)])
    for start in (1.0, 2.0):
        same, turned = f([])
        assert same.tolist() == [start, start + 1] and turned.tolist() == [start + 1, start]


def test_two_updates_swap_two_variables(backend):
    a, b = K.variable([1.0]), K.variable([2.0])
    K.function([], [], updates=[(a, b), (b, a)])([])
    assert K.get_value(a) == [2.0] and K.get_value(b) == [1.0]


def test_increments_of_one_variable_in_one_run_add_up(backend):
    v = K.variable(1.0)
    K.function([], [], updates=[K.update_add(v, 2.0), K.update_add(v, 3.0)])([])
    assert K.get_value(v) == 6.0


def test_results_do_not_change_with_later_runs(backend):
    v, x = K.variable(np.zeros(4)), K.placeholder((4,))
    f = K.function([x], [x, v, v + x], updates=[K.update_add(v, x)])
    fed = np.ones(4, "float32")
    first = f([fed])
    kept = [r.copy() for r in first]
    held = K.get_value(v)
    fed[:] = 7.0
    f([fed])
    for now, then in zip(first, kept, strict=True):
        np.testing.assert_array_equal(now, then)
    np.testing.assert_array_equal(held, np.ones(4))


def test_variables_move_between_backends():
    installed = [name for name in ("numpy", "jax", "torch") if importlib.util.find_spec(name)]
    v, x = K.variable(np.arange(3.0)), K.placeholder((3,))
    f = K.function([x], [K.sum(v * x)], updates=[K.update_add(v, x)])
    results = []
    for name in installed * 2:
        K.set_backend(name)
        results.append(float(f([np.ones(3)])[0]))
    assert results == [3.0 + 3 * i for i in range(len(results))]


def test_64_bit_types_stay_what_the_graph_says(backend):
    x = K.placeholder((2,), dtype="float64")
    value = K.function([x], [x / 3.0, K.argmax(x), K.cast(x, "float16")])([np.array([1.0, 2.0])])
    assert [v.dtype.name for v in value] == ["float64", "int64", "float16"]
    assert value[0][0] == 1 / 3


def test_an_unknown_backend_is_refused_with_the_names_of_those_there_are():
    with pytest.raises(ValueError, match="numpy, jax, torch"):
        K.set_backend("theano")


def test_any_tensor_may_be_fed(backend):
    x = K.placeholder((2,))
    middle = K.exp(x)
    y = middle * 2.0
    assert K.function([middle], [y])([[1.0, 2.0]])[0].tolist() == [2.0, 4.0]


def test_a_host_value_is_made_once_and_when_needed(backend):
    calls = []
    t = K.host(lambda: calls.append(1) or np.ones(3), (3,))
    assert not calls
    assert K.eval(t + 1.0).tolist() == [2.0, 2.0, 2.0]
    K.eval(t)
    assert len(calls) == 1


def test_numbers_of_tensors_can_be_looked_at(backend):
    t = K.variable([1.0, 2.0]) * 2.0
    assert np.asarray(t).tolist() == [2.0, 4.0] and float(t[0]) == 2.0


def test_the_truth_of_a_tensor_is_refused():
    x = K.placeholder((2,))
    with pytest.raises(TypeError, match=r"K\.switch"):
        bool(x)
    with pytest.raises(TypeError, match=r"K\.map_fn"):
        list(K.placeholder((None, 2)))


def test_sparse_matrices_are_fed_and_multiplied(backend):
    sparse = pytest.importorskip("scipy.sparse")
    x, w = K.placeholder((None, 5), sparse=True), K.variable(np.random.rand(5, 2))
    y = K.dot(x, w)
    gradient = K.gradients(K.sum(y * y), [w])[0]
    f = K.function([x], [y, gradient])
    for rows in (3, 7):
        dense = np.random.rand(rows, 5) * (np.random.rand(rows, 5) > 0.6)
        got, slope = f([sparse.csr_matrix(dense)])
        expected = dense @ w.numpy()
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(slope, 2 * dense.T @ expected, rtol=1e-4, atol=1e-5)
