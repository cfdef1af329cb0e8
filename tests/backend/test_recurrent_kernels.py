"""LSTM and GRU over a sequence against the same cells step by step, and their derivatives."""

import numpy as np
import pytest
from records import finite_differences

from minikeras import backend as K
from minikeras.backend import runtime
from minikeras.backend.op import Spec
from minikeras.backend.program import render, specialise

BATCH, TIME, FEATURES, UNITS = 3, 5, 4, 6


def lstm_by_steps(x, h, c, kernel, recurrent, bias=None):
    def step(x, states):
        z = K.dot(x, kernel) + K.dot(states[0], recurrent)
        i, f, g, o = parts(z if bias is None else z + bias, 4)
        c = K.sigmoid(f) * states[1] + K.sigmoid(i) * K.tanh(g)
        h = K.sigmoid(o) * K.tanh(c)
        return h, [h, c]

    _, outputs, states = K.rnn(step, x, [h, c])
    return outputs, *states


def gru_by_steps(x, h, kernel, recurrent, bias=None, recurrent_bias=None, reset_after=False):
    def step(x, states):
        h, x = states[0], K.dot(x, kernel) if bias is None else K.dot(x, kernel) + bias
        y = K.dot(h, recurrent) if recurrent_bias is None else K.dot(h, recurrent) + recurrent_bias
        (x_z, x_r, x_c), (y_z, y_r, y_c) = parts(x, 3), parts(y, 3)
        z, r = K.sigmoid(x_z + y_z), K.sigmoid(x_r + y_r)
        c = K.tanh(x_c + (r * y_c if reset_after else K.dot(r * h, parts(recurrent, 3)[2])))
        h = z * h + (1.0 - z) * c
        return h, [h]

    _, outputs, states = K.rnn(step, x, [h])
    return outputs, *states


def parts(x, n):
    size = K.int_shape(x)[-1] // n
    return [x[:, i * size : (i + 1) * size] for i in range(n)]


class Kind:
    """An op for a sequence, the same step by step, the shapes of its arguments, and options."""

    def __init__(self, name, fused, by_steps, gates, states, biases, **options):
        self.name, self.fused, self.by_steps, self.options = name, fused, by_steps, options
        self.gates, self.states, self.biases = gates, states, biases

    def __str__(self):
        return self.name

    def arrays(self, dtype="float64", batch=BATCH, time=TIME, features=FEATURES, units=UNITS):
        width = self.gates * units
        shapes = [(batch, time, features), *[(batch, units)] * self.states, (features, width), (units, width)]
        rng = np.random.default_rng(5)
        return [rng.uniform(-1, 1, shape).astype(dtype) for shape in [*shapes, *[(width,)] * self.biases]]


LSTM = Kind("lstm", K.lstm, lstm_by_steps, 4, 2, 1)
GRU = Kind("gru", K.gru, gru_by_steps, 3, 1, 1)
RESET_AFTER = Kind("gru-reset-after", K.gru, gru_by_steps, 3, 1, 2, reset_after=True)
KINDS = [
    LSTM, Kind("lstm-without-bias", K.lstm, lstm_by_steps, 4, 2, 0), GRU, RESET_AFTER,
    Kind("gru-without-bias", K.gru, gru_by_steps, 3, 1, 0),
    Kind("gru-reset-after-without-bias", K.gru, gru_by_steps, 3, 1, 0, reset_after=True),
]  # fmt: skip
each_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
main_kinds = pytest.mark.parametrize("kind", [LSTM, GRU, RESET_AFTER], ids=str)


def placeholders(arrays):
    return [K.placeholder(shape=a.shape, dtype=a.dtype.name) for a in arrays]


def total(tensors):
    """A scalar that counts every element differently."""
    return sum(K.sum(K.sin(t * 1.3 + i)) for i, t in enumerate(tensors, 1))


def assert_same(kind, arrays, made, tolerance=1e-10):
    """made: (function, arguments) -> tensors."""
    tensors = placeholders(arrays)
    found = [made(function, tensors) for function in (kind.fused, kind.by_steps)]
    values = K.function(tensors, [*found[0], *found[1]])(arrays)
    for ours, theirs in zip(values[: len(found[0])], values[len(found[0]) :], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


def with_gradients(kind, which=slice(None)):
    def made(function, tensors):
        outputs = function(*tensors, **kind.options)
        return [*outputs, *K.gradients(total(outputs[which]), tensors)]

    return made


@each_kind
def test_values_and_gradients_are_those_of_the_loop(kind, backend):
    assert_same(kind, kind.arrays(), with_gradients(kind))


@main_kinds
def test_values_and_gradients_in_single_precision(kind, backend):
    assert_same(kind, kind.arrays("float32"), with_gradients(kind), 2e-5)


@main_kinds
@pytest.mark.parametrize("which", [slice(0, 1), slice(1, 2), slice(-1, None)], ids=["all h", "last h", "last state"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_from_one_of_the_results(kind, which, dtype, backend):
    assert_same(kind, kind.arrays(dtype), with_gradients(kind, which), 2e-5 if dtype == "float32" else 1e-10)


@main_kinds
@pytest.mark.parametrize("sizes", [{"time": 1}, {"batch": 1}, {"features": 1, "units": 1}], ids=str)
def test_sizes_of_1(kind, sizes, backend):
    for dtype, tolerance in (("float64", 1e-10), ("float32", 2e-5)):
        assert_same(kind, kind.arrays(dtype, **sizes), with_gradients(kind), tolerance)


@main_kinds
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_steps_leave_the_states(kind, dtype, backend):
    arrays = kind.arrays(dtype, time=0)
    tensors = placeholders(arrays)
    outputs, *states = kind.fused(*tensors, **kind.options)
    values = K.function(tensors, [outputs, *states, *K.gradients(total(states), tensors)])(arrays)
    assert values[0].shape == (BATCH, 0, UNITS)
    for state, given in zip(values[1 : 1 + kind.states], arrays[1:], strict=False):
        np.testing.assert_allclose(state, given)
    assert [v.shape for v in values[1 + kind.states :]] == [a.shape for a in arrays]


@main_kinds
def test_the_sizes_of_the_input_may_be_unknown(kind, backend):
    x, *rest = kind.arrays()
    tensors = [K.placeholder(shape=(None, None, None), dtype="float64"), *placeholders(rest)]
    outputs = kind.fused(*tensors, **kind.options)
    assert K.int_shape(outputs[0])[2] == UNITS
    function = K.function(tensors, [outputs[0], *K.gradients(total(outputs), tensors)])
    for steps in (2, TIME):
        known = placeholders([x[:, :steps], *rest])
        expected = kind.by_steps(*known, **kind.options)
        expected = K.function(known, [expected[0], *K.gradients(total(expected), known)])([x[:, :steps], *rest])
        for a, b in zip(function([x[:, :steps], *rest]), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


@main_kinds
def test_gradients_match_finite_differences(kind, backend):
    arrays = kind.arrays(batch=2, time=3, features=2, units=2)
    tensors = placeholders(arrays)
    loss = total(kind.fused(*tensors, **kind.options))
    value, slopes = K.function(tensors, [loss]), K.function(tensors, K.gradients(loss, tensors))(arrays)
    for i, slope in enumerate(slopes):
        expected = finite_differences(lambda a: value(a)[0], arrays, i)
        np.testing.assert_allclose(slope, expected, rtol=1e-6, atol=1e-7)


@main_kinds
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_second_derivatives_are_those_of_the_loop(kind, dtype, backend):
    def made(function, tensors):
        first = K.gradients(total(function(*tensors, **kind.options)), tensors)
        return K.gradients(sum(K.sum(K.square(g)) for g in first), tensors)

    arrays = kind.arrays(dtype, batch=2, time=3)
    assert_same(kind, arrays, made, 1e-3 if dtype == "float32" else 1e-9)


@main_kinds
def test_a_sequence_in_each_step_of_a_loop(kind, backend):
    """As in TimeDistributed(LSTM): what one step leaves for its way back is stacked by the outer loop."""

    def made(function, tensors):
        x, *rest = tensors
        stacked = K.stack([x, x * 0.5])
        outputs = K.map_fn(lambda x: function(x, *rest, **kind.options)[0], stacked)
        return [outputs, *K.gradients(total([outputs]), tensors)]

    for dtype, tolerance in (("float64", 1e-10), ("float32", 5e-5)):
        assert_same(kind, kind.arrays(dtype, batch=2, time=3), made, tolerance)


def steps_of(backend, kind, made):
    """Lines of the program for the tensors that `made` gives."""
    arrays = kind.arrays("float32")
    tensors = placeholders(arrays)
    outputs = made(kind.fused(*tensors, **kind.options), tensors)
    specs = [Spec(a.shape, a.dtype.name) for a in arrays]
    return render(specialise(tensors, specs, outputs, [], runtime.load(backend))).splitlines()


@main_kinds
def test_kernels_compute_only_what_is_read(kind):
    pytest.importorskip("torch")
    name = kind.fused.__name__

    def found(op, made):
        return [line for line in steps_of("torch", kind, made) if f"= _{op}(" in line]

    (predicting,) = found(name, lambda outputs, tensors: outputs[:1])
    assert predicting.count("float32") == (3 if kind is LSTM else 2)
    (training,) = found(name, lambda outputs, tensors: K.gradients(total(outputs), tensors))
    assert training.count("float32") == (5 if kind is LSTM else 4)
    if kind is LSTM:
        (first_layer,) = found("lstm_gradient", lambda outputs, tensors: K.gradients(total(outputs), tensors[1:]))
        assert first_layer.count("float32") == 5 and "False" in first_layer


def test_a_backend_has_both_kernels_of_a_pair_or_neither(backend):
    for name in ("_lstm", "_gru"):
        there, back = (runtime.kernel(runtime.load(backend), K.OPS[n]) for n in (name, f"{name}_gradient"))
        assert (there is None) == (back is None)


@main_kinds
def test_dtypes_are_brought_to_the_wider(kind, backend):
    dtypes = ["float64", *["float32"] * (len(kind.arrays()) - 1)]
    outputs = kind.fused(*map(K.variable, kind.arrays(), dtypes), **kind.options)
    assert all(t.dtype == "float64" for t in outputs) and K.eval(outputs[0]).dtype == "float64"


@main_kinds
def test_wrong_sizes_are_refused(kind):
    _, *rest = placeholders(kind.arrays())
    with pytest.raises(ValueError, match=r"kernel \[features, . units\].*got \[3, 5, 9\]"):
        kind.fused(K.placeholder(shape=(BATCH, TIME, 9), dtype="float64"), *rest, **kind.options)
