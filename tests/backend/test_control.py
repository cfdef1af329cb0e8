"""Choices made at run time, loops, and their gradients."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from minikeras import backend as K
from minikeras import layers


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1.0, 1.0, shape).astype("float64")


@pytest.fixture
def float64():
    K.set_floatx("float64")


def check_gradients(loss, tensors, arrays, tolerance=1e-6):
    """Finite differences against K.gradients. Placeholders and their values."""
    value = K.function(tensors, [loss])
    found = K.function(tensors, K.gradients(loss, tensors))(arrays)
    for i, gradient in enumerate(found):
        assert_allclose(gradient, differences(value, arrays, i), rtol=1e-4, atol=tolerance)


def differences(value, arrays, i, step=1e-6):
    result = np.zeros_like(arrays[i])
    for at in np.ndindex(*arrays[i].shape):
        sides = []
        for sign in (1, -1):
            moved = [a.copy() for a in arrays]
            moved[i][at] += sign * step
            sides.append(value(moved)[0])
        result[at] = (sides[0] - sides[1]) / (2 * step)
    return result


def check_both_orders(loss, tensors, arrays):
    """First and second derivatives."""
    check_gradients(loss, tensors, arrays)
    squares = sum(K.sum(K.square(g)) for g in K.gradients(loss, tensors) if g is not None)
    check_gradients(squares, tensors, arrays, 1e-5)


def ops_of(function, *shapes, phase=0):
    """Names of the ops in a function's program, those of loop bodies apart."""
    program = function.program(*shapes, phase=phase)
    scans = [step for step in program.steps if step.op.name == "_scan"]
    return [s.op.name for s in program.steps], [[s.op.name for s in scan.args[3].steps] for scan in scans], scans


# ---- the learning phase --------------------------------------------------------------------------------------------


def test_in_train_phase_takes_the_first_in_training_and_the_second_in_testing(backend):
    x, y = K.placeholder((2,)), K.placeholder((2,))
    f = K.function([x, y, K.learning_phase()], [K.in_train_phase(x, y), K.in_test_phase(x, y)])
    assert_allclose(f([[1, 2], [3, 4], 1]), [[1, 2], [3, 4]])
    assert_allclose(f([[1, 2], [3, 4], 0]), [[3, 4], [1, 2]])


@pytest.mark.parametrize(("training", "expected"), [(1, 3.0), (True, 3.0), (0, -1.0), (False, -1.0)])
def test_a_known_phase_builds_one_branch_only(training, expected):
    def never():
        raise AssertionError("this branch is not needed")

    branches = (lambda: K.constant(3.0), never) if training else (never, lambda: K.constant(-1.0))
    assert K.eval(K.in_train_phase(*branches, training=training)) == expected


def test_the_branch_not_taken_leaves_no_steps_in_forward_or_backward_pass():
    x = K.placeholder((3,))
    y = K.in_train_phase(lambda: K.exp(x), lambda: K.sin(x))
    f = K.function([x, K.learning_phase()], [y, *K.gradients(K.sum(y), x)])
    assert "sin" not in ops_of(f, phase=1)[0] and "cos" not in ops_of(f, phase=1)[0]
    assert "exp" not in ops_of(f, phase=0)[0]


def test_gradients_of_both_branches_meet_with_those_from_elsewhere(backend, float64):
    x = K.placeholder((3,))
    y = K.in_train_phase(K.in_train_phase(K.exp(x), x), K.square(x)) + x * x
    f = K.function([x, K.learning_phase()], K.gradients(K.sum(y), x))
    value = numbers(3)
    assert_allclose(f([value, 1])[0], np.exp(value) + 2 * value)
    assert_allclose(f([value, 0])[0], 4 * value)


def test_branches_nest_deeply(float64):
    x = h = K.placeholder(())
    for _ in range(2000):
        h = K.in_train_phase(h * 1.001, x)
    f = K.function([x, K.learning_phase()], K.gradients(h, x))
    assert_allclose(f([1.0, 1])[0], 1.001**2000)
    assert_allclose(f([1.0, 0])[0], 1.0)


def test_a_nan_of_the_branch_not_taken_stays_out_of_the_gradient(backend):
    x, c = K.placeholder((2,)), K.placeholder((), dtype="bool")
    y = K.switch(c, K.log(x), x)
    assert_allclose(K.function([c, x], K.gradients(K.sum(y), x))([False, [-1.0, 0.0]])[0], [1, 1])


def test_what_depends_on_the_phase_inside_of_a_loop_says_so():
    x = K.placeholder((2, 3, 4))
    last, outputs, _ = K.rnn(lambda x, s: (K.in_train_phase(x, s[0]), [s[0]]), x, [K.placeholder((2, 4))])
    assert last._uses_learning_phase and outputs._uses_learning_phase


# ---- switches ------------------------------------------------------------------------------------------------------


def test_a_lazy_switch_runs_only_the_branch_that_is_taken(backend, capfd):
    c, x = K.placeholder((), dtype="bool"), K.placeholder((2,))
    y = K.switch(c, lambda: K.print_tensor(x, "then"), lambda: K.print_tensor(x, "else"))
    K.function([c, x], [y])([True, [1.0, 2.0]])
    printed = "".join(capfd.readouterr())
    assert "then" in printed and "else" not in printed


@pytest.mark.parametrize("taken", [True, False])
def test_derivatives_of_a_lazy_switch(backend, float64, taken):
    x, w, c = K.placeholder((3,)), K.placeholder((3,)), K.constant(taken, dtype="bool")
    condition = K.identity(K.switch(K.sum(x) > -100.0, c, c))
    y = K.switch(condition, lambda: K.sin(x) * w, lambda: x * x * x)
    check_both_orders(K.sum(K.square(y)), [x, w], [numbers(3), numbers(3, seed=1)])


def test_a_lazy_switch_returns_lists(backend):
    c = K.placeholder((), dtype="int32")
    a, b = K.switch(c, lambda: [K.constant(1.0), K.constant(2.0)], lambda: [K.constant(3.0), K.constant(4.0)])
    assert K.function([c], [a, b])([1]) == [1.0, 2.0]
    assert K.function([c], [a, b])([0]) == [3.0, 4.0]


def test_a_condition_of_lower_rank_chooses_slices(backend):
    x, y = numbers(2, 3), numbers(2, 3, seed=1)
    chosen = K.eval(K.switch(K.constant([1, 0]), K.constant(x), K.constant(y)))
    assert_allclose(chosen, [x[0], y[1]], rtol=1e-6)


def test_a_condition_of_higher_rank_is_refused():
    with pytest.raises(ValueError, match="more axes"):
        K.switch(K.placeholder((2, 3)), K.placeholder((2,)), K.placeholder((2,)))


# ---- recurrent steps -----------------------------------------------------------------------------------------------


class Recurrent:
    """A simple recurrent net on placeholders."""

    def __init__(self, batch=2, time=4, features=3, units=5):
        self.x, self.w = K.placeholder((batch, time, features)), K.placeholder((features, units))
        self.u, self.s = K.placeholder((units, units)), K.placeholder((batch, units))
        self.tensors = [self.x, self.w, self.u, self.s]

    def step(self, x, states):
        h = K.tanh(K.dot(x, self.w) + K.dot(states[0], self.u))
        return h, [h]

    def run(self, **kwargs):
        return K.rnn(self.step, self.x, [self.s], **kwargs)

    def arrays(self):
        return [numbers(*t.shape, seed=i) for i, t in enumerate(self.tensors)]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_loop_gives_what_the_unrolled_steps_give(backend, float64, masked, backwards):
    net = Recurrent()
    mask = K.constant([[0, 1, 0, 1], [1, 1, 0, 0]]) if masked else None
    results = []
    for unroll in (False, True):
        last, outputs, states = net.run(mask=mask, go_backwards=backwards, unroll=unroll)
        loss = K.sum(K.square(outputs)) + K.sum(last * states[0])
        gradients = K.gradients(loss, net.tensors)
        second = K.gradients(sum(K.sum(K.square(g)) for g in gradients), net.tensors)
        results.append(K.function(net.tensors, [last, outputs, *states, *gradients, *second])(net.arrays()))
    for looped, unrolled in zip(*results, strict=True):
        assert_allclose(looped, unrolled, rtol=1e-9, atol=1e-10)


def test_a_masked_step_repeats_the_output_and_keeps_the_state(backend):
    x, s = K.placeholder((1, 4, 1)), K.placeholder((1, 1))
    last, outputs, states = K.rnn(lambda x, s: (10.0 * x, [s[0] + x]), x, [s], mask=K.constant([[0, 1, 0, 1]]))
    f = K.function([x, s], [last, outputs, *states])
    last, outputs, state = f([[[[1], [2], [3], [4]]], [[100]]])
    assert_allclose(outputs[0, :, 0], [0, 20, 20, 40])
    assert_allclose([last[0, 0], state[0, 0]], [40, 106])


def test_an_output_that_is_a_state_is_zero_before_the_first_input(backend):
    def step(x, states):
        h = states[0] + x
        return h, [h]

    x = K.constant(np.ones((1, 3, 1)))
    for backwards, mask in ((False, [[0, 0, 1]]), (True, [[1, 0, 0]])):
        last, outputs, states = K.rnn(step, x, [K.constant([[5.0]])], go_backwards=backwards, mask=K.constant(mask))
        assert_allclose(K.eval(outputs)[0, :, 0], [0, 0, 6])
        assert K.eval(last) == K.eval(states[0]) == 6


def test_a_mask_without_any_input_gives_zeros_and_the_initial_state(backend):
    net = Recurrent()
    last, outputs, states = net.run(mask=K.constant(np.zeros((2, 4))))
    last, outputs, state = K.function(net.tensors, [last, outputs, *states])(net.arrays())
    assert not last.any() and not outputs.any()
    assert_allclose(state, net.arrays()[3], rtol=1e-6)


def test_the_number_of_steps_may_be_unknown(backend):
    x = K.placeholder((None, None, 2))
    last, outputs, _ = K.rnn(lambda x, s: (x + s[0], [x + s[0]]), x, [K.zeros_like(x[:, 0, :])])
    f = K.function([x], [last, outputs])
    for time in (3, 5):
        last, outputs = f([np.ones((2, time, 2))])
        assert_allclose(outputs[0, :, 0], np.arange(1, time + 1))
        assert_allclose(last, np.full((2, 2), time))
    assert K.int_shape(outputs) == (2, 5, 2)


def test_no_steps_at_all_leave_the_state(backend):
    x, s = K.placeholder((None, None, 2)), K.placeholder((None, 2))
    _, outputs, states = K.rnn(lambda x, s: (x + s[0], [x + s[0]]), x, [s])
    outputs, state = K.function([x, s], [outputs, *states])([np.ones((3, 0, 2)), np.ones((3, 2))])
    assert outputs.shape == (3, 0, 2)
    assert_allclose(state, np.ones((3, 2)))


def test_constants_come_after_the_states(backend):
    def step(x, states):
        state, constant = states
        return state * constant + x, [state + x]

    x, s = K.constant(np.ones((1, 3, 1))), K.constant([[1.0]])
    _, outputs, _ = K.rnn(step, x, [s], constants=[K.constant([[10.0]])])
    assert_allclose(K.eval(outputs)[0, :, 0], [11, 21, 31])


def test_a_step_without_states(backend):
    _, outputs, states = K.rnn(lambda x, s: (x * 2.0, []), K.constant(np.ones((1, 3, 2))), [])
    assert_allclose(K.eval(outputs), np.full((1, 3, 2), 2.0))
    assert states == []


def test_shapes_of_inputs_are_known_inside_of_a_step(backend):
    x = K.placeholder((None, None, 4))
    _, outputs, _ = K.rnn(lambda x, s: (K.reshape(x, (K.shape(x)[0], 2, 2)), s), x, [K.zeros_like(x[:, 0])])
    assert K.function([x], [outputs])([np.ones((3, 5, 4))])[0].shape == (3, 5, 2, 2)


def test_an_outer_tensor_used_inside_gets_its_gradient(backend, float64):
    x, w = K.placeholder((2, 3, 2)), K.placeholder((2,))
    outer = K.exp(w)
    s = K.placeholder((2, 2))
    _, outputs, _ = K.rnn(lambda x, s: (s[0] * outer, [s[0] * outer + x * w]), x, [s])
    check_both_orders(K.sum(K.square(outputs)), [x, w, s], [numbers(2, 3, 2), numbers(2), numbers(2, 2)])


CLOSED_OVER = {
    "map_fn": lambda x, c: K.map_fn(lambda row: row * K.softmax(row * c), x),
    "foldl": lambda x, c: K.foldl(lambda total, row: K.sin(total * c) + row, x),
    "foldr": lambda x, c: K.foldr(lambda total, row: total + row * c, x),
    "switch": lambda x, c: K.switch(K.sum(x) > -9.0, lambda: x * c, lambda: x),
    "switch-direct": lambda x, c: K.switch(K.sum(x) < -9.0, lambda: c, lambda: 2.0 * c) + x,
    "nested": lambda x, c: K.map_fn(lambda row: K.switch(K.sum(row) > 0.0, lambda: row * c, lambda: row - c), x),
    "rnn": lambda x, c: K.rnn(lambda row, s: (K.sin(row + s[0] * c), [K.tanh(row + c)]), x[None], [c[None]])[1],
}


@pytest.mark.parametrize("name", CLOSED_OVER)
def test_whatever_a_body_closes_over_gets_its_gradient(name, backend, float64):
    values = numbers(3, seed=1)
    x, fed = K.placeholder((4, 3)), K.placeholder((3,))
    made, constant = K.exp(fed), K.constant(np.exp(values))
    leaves = (made, constant, K.variable(np.exp(values)))
    found = [K.gradients(K.sum(K.square(CLOSED_OVER[name](x, of))), [of])[0] for of in leaves]
    first, *others = K.function([x, fed], found)([numbers(4, 3), values])
    for other in others:
        assert_allclose(other, first, rtol=1e-12)
    loss = K.sum(K.square(CLOSED_OVER[name](x, made)))
    check_gradients(loss, [x, fed], [numbers(4, 3), values])


def test_a_step_must_keep_the_shape_of_its_states():
    with pytest.raises(ValueError, match=r"K\.rnn: .*state 0.*\[2, 3\].*\[2, 4\]"):
        K.rnn(lambda x, s: (x, [K.dot(s[0], K.placeholder((3, 4)))]), K.placeholder((2, 5, 3)), [K.placeholder((2, 3))])


def test_a_step_must_return_all_its_states():
    with pytest.raises(ValueError, match="as many states"):
        K.rnn(lambda x, s: (x, []), K.placeholder((2, 5, 3)), [K.placeholder((2, 3))])


def test_a_mask_needs_states():
    with pytest.raises(ValueError, match="mask needs states"):
        K.rnn(lambda x, s: (x, []), K.placeholder((2, 5, 3)), [], mask=K.placeholder((2, 5)))


def test_unrolling_needs_a_known_number_of_steps():
    with pytest.raises(ValueError, match="unroll"):
        K.rnn(lambda x, s: (x, s), K.placeholder((2, None, 3)), [K.placeholder((2, 3))], unroll=True)


def test_a_variable_cannot_be_updated_step_by_step():
    v = K.variable(0.0)
    with pytest.raises(ValueError, match="cannot be updated inside"):
        K.foldl(lambda a, e: K.update_add(v, e) + a, K.placeholder((3,)))


# ---- what a loop does not do twice ---------------------------------------------------------------------------------


def test_the_product_of_inputs_and_kernel_is_taken_before_the_loop():
    net = Recurrent()
    outside, (inside,), _ = ops_of(K.function(net.tensors, [net.run()[0]]))
    assert inside.count("matmul") == 1 and "matmul" in outside


def test_weight_gradients_are_taken_after_the_loop():
    net = Recurrent()
    last, _, _ = net.run()
    _, bodies, scans = ops_of(K.function(net.tensors, K.gradients(K.sum(last), [net.w, net.u])))
    assert [body.count("matmul") for body in bodies] == [1, 1]
    assert all(value.shape != net.u.shape for scan in scans for value in scan.outputs)


def test_the_backward_pass_does_not_repeat_the_forward_pass():
    net = Recurrent()
    _, bodies, _ = ops_of(K.function(net.tensors, K.gradients(K.sum(net.run()[1]), net.tensors)))
    assert "tanh" in bodies[0] and "tanh" not in bodies[1]


def test_outputs_that_nothing_reads_are_not_stacked():
    net = Recurrent()
    last, outputs, _ = net.run()
    assert len(ops_of(K.function(net.tensors, [last]))[2][0].outputs) == 1
    assert len(ops_of(K.function(net.tensors, [outputs]))[2][0].outputs) == 2


def test_what_a_step_computes_once_is_stacked_once():
    inputs, lstm = layers.Input((4, 3)), layers.LSTM(2)
    loss = K.sum(K.square(lstm(inputs)))
    program = K.function([inputs], K.gradients(loss, [inputs, *lstm.weights])).program(backend="numpy")
    scans = [step for step in program.steps if step.op.name == "_scan"]
    stacked = [scan.args[3].outputs[len(scan.args[0]) :] for scan in scans]
    assert len(stacked) == 2
    assert all(len(set(ys)) == len(ys) for ys in stacked)


def test_a_mask_of_ones_leaves_no_product_in_the_loop():
    x, s = K.placeholder((2, 4, 3)), K.placeholder((2, 3))
    ones = K.ones_like(s)
    mask = K.in_train_phase(K.dropout(ones, 0.5), ones)
    _, _, states = K.rnn(lambda x, states: (x, [x + states[0] * mask]), x, [s])
    f = K.function([x, s, K.learning_phase()], states)
    assert "multiply" in ops_of(f, phase=1)[1][0]
    assert "multiply" not in ops_of(f, phase=0)[1][0]


def test_the_gradient_of_a_split_is_joined_not_added(float64):
    x = K.placeholder((2, 6))
    parts = [K.sin(x[:, 2 * i : 2 * i + 2]) * float(i + 1) for i in range(3)]
    loss = K.sum(K.square(parts[0] + parts[1] + parts[2]))
    names = ops_of(K.function([x], K.gradients(loss, x)))[0]
    assert "put" not in names
    check_both_orders(loss, [x], [numbers(2, 6)])


def test_functions_made_before_and_after_a_gradient_agree(backend):
    net = Recurrent()
    _, outputs, _ = net.run()
    before = K.function(net.tensors, [outputs])(net.arrays())[0]
    K.gradients(K.sum(outputs), net.tensors)
    assert_allclose(K.function(net.tensors, [outputs])(net.arrays())[0], before)


# ---- noise ---------------------------------------------------------------------------------------------------------


def test_each_step_has_its_own_noise_and_the_backward_pass_sees_it(backend):
    x = K.placeholder((2, 6, 3))
    _, outputs, _ = K.rnn(lambda x, s: (x * K.random_uniform((2, 3), seed=1) + 0.0 * s[0], s), x, [x[:, 0]])
    f = K.function([x], [outputs, *K.gradients(K.sum(outputs), x)])
    noise, gradient = f([np.ones((2, 6, 3))])
    assert len(np.unique(noise)) == noise.size
    assert_allclose(gradient, noise, rtol=1e-6)
    assert not np.allclose(f([np.ones((2, 6, 3))])[0], noise)


def test_nested_loops_have_noise_of_their_own(backend):
    draw = K.map_fn(lambda row: K.map_fn(lambda x: x + K.random_uniform((), seed=3), row), K.constant(np.zeros((4, 5))))
    assert len(np.unique(K.eval(draw))) == 20


# ---- maps and folds ------------------------------------------------------------------------------------------------


def test_map_fn_takes_and_gives_lists(backend):
    a, b = K.constant([1.0, 2.0]), K.constant([10.0, 20.0])
    total, product = K.map_fn(lambda ab: [ab[0] + ab[1], ab[0] * ab[1]], [a, b])
    assert_allclose(K.eval(total), [11, 22])
    assert_allclose(K.eval(product), [10, 40])


def test_map_fn_casts_to_the_dtype(backend):
    assert K.eval(K.map_fn(lambda x: x > 1.0, K.constant([1.0, 2.0]), dtype="int32")).tolist() == [0, 1]


def test_folds_go_from_the_left_and_from_the_right(backend):
    x = K.constant([1.0, 2.0, 3.0])
    assert K.eval(K.foldl(lambda a, e: a - e, x)) == (1 - 2) - 3
    assert K.eval(K.foldr(lambda a, e: a - e, x)) == (3 - 2) - 1
    assert K.eval(K.foldl(lambda a, e: 2.0 * a + e, x, initializer=K.constant(1.0))) == 19


def test_derivatives_of_nested_loops(backend, float64):
    x, w = K.placeholder((None, 3, 2)), K.placeholder((2, 2))
    rows = K.map_fn(lambda row: K.foldl(lambda a, e: K.tanh(K.dot(K.expand_dims(a + e, 0), w)[0]), row), x)
    check_both_orders(K.sum(K.square(rows)), [x, w], [numbers(3, 3, 2), numbers(2, 2)])


def test_derivatives_of_a_switch_in_a_loop(backend, float64):
    x, w, s = K.placeholder((2, 4, 2)), K.placeholder((2, 2)), K.placeholder((2, 2))

    def step(x, states):
        h = K.switch(K.sum(states[0]) > 0.0, lambda: K.tanh(K.dot(x, w) + states[0]), lambda: states[0] * x + 0.3)
        return h, [h]

    _, outputs, _ = K.rnn(step, x, [s])
    check_both_orders(K.sum(K.square(outputs)), [x, w, s], [numbers(2, 4, 2), numbers(2, 2), numbers(2, 2, seed=3)])
