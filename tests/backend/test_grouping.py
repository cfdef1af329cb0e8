"""Update groups change how an optimizer step runs, and nothing else."""

import numpy as np
import pytest
from levels import optimized

from minikeras import backend as K
from minikeras import optimizers


def trained(optimizer, level, steps=5, frozen=()):
    """Weights after a few steps of a small net, with rewriting on or off."""
    np.random.seed(3)
    x, y = K.placeholder((None, 6)), K.placeholder((None, 3))
    shapes = [(6, 8), (8,), (8, 3), (3,)]
    weights = [K.variable(np.random.randn(*s) * 0.4) for s in shapes]
    out = K.dot(K.tanh(K.dot(x, weights[0]) + weights[1]), weights[2]) + weights[3]
    loss = K.mean(K.square(out - y))
    params = [w for i, w in enumerate(weights) if i not in frozen]
    data = np.random.rand(10, 6), np.random.rand(10, 3)
    with optimized(level):
        train = K.function([x, y], [loss], updates=optimizer().get_updates(loss, params))
        losses = [float(train(data)[0]) for _ in range(steps)]
    return losses, [K.get_value(w) for w in weights]


CHOICES = {
    "sgd": lambda: optimizers.SGD(0.1),
    "momentum": lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True, decay=0.1),
    "rmsprop": lambda: optimizers.RMSprop(0.01),
    "adagrad": lambda: optimizers.Adagrad(0.05),
    "adadelta": lambda: optimizers.Adadelta(1.0),
    "adam": lambda: optimizers.Adam(0.01, amsgrad=True),
    "adamax": lambda: optimizers.Adamax(0.01),
    "nadam": lambda: optimizers.Nadam(0.01),
    "clipped": lambda: optimizers.Adam(0.01, clipvalue=0.01),
}


@pytest.mark.parametrize("name", CHOICES)
def test_grouped_steps_give_the_weights_of_single_steps(name, backend):
    grouped, single = trained(CHOICES[name], 1), trained(CHOICES[name], 0)
    np.testing.assert_allclose(grouped[0], single[0], rtol=1e-5)
    for a, b in zip(grouped[1], single[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


def test_variables_in_common_memory_can_be_read_set_and_trained_by_another_function(backend):
    a, b = K.variable(np.ones((2, 3))), K.variable(np.ones(3))
    x = K.placeholder((3,))
    both = K.function([x], [], updates=[(a, a - 0.5 * (a * a)), (b, b - 0.5 * (b * b))])
    both([np.ones(3)])
    K.set_value(a, np.full((2, 3), 2.0))
    alone = K.function([x], [K.sum(a)], updates=[(b, b + x)])
    assert alone([np.ones(3)])[0] == 12.0
    np.testing.assert_allclose(K.get_value(b), 1.5)
    both([np.ones(3)])
    np.testing.assert_allclose(K.get_value(a), 0.0)
    np.testing.assert_allclose(K.get_value(b), 1.5 - 0.5 * 1.5**2)
    assert alone([np.ones(3)])[0] == 0.0


def test_an_output_that_is_a_variable_is_read_before_its_group_runs(backend):
    v, w = K.variable(np.ones(4)), K.variable(np.ones((2, 2)))
    f = K.function([], [v, K.transpose(w)], updates=[(v, v * 2.0 + 1.0), (w, w * 2.0 + 1.0)])
    assert [r.max() for r in f([])] == [1.0, 1.0]
    assert [r.max() for r in f([])] == [3.0, 3.0]


def test_a_variable_may_be_trained_in_two_selections(backend):
    variables = [K.variable(np.full((n,), 1.0)) for n in (2, 3, 4)]
    everything = K.function([], [], updates=[(v, v * 2.0 + 0.5) for v in variables])
    some = K.function([], [], updates=[(v, v * 2.0 + 0.5) for v in variables[:2]])
    everything([])
    some([])
    everything([])
    assert [float(K.get_value(v)[0]) for v in variables] == [11.5, 11.5, 5.5]


def test_two_variables_may_take_one_new_value(backend):
    a, b, x = K.variable(np.ones(5)), K.variable(np.full(5, 2.0)), K.placeholder((5,))
    new = a * 0.5 + x * b
    K.function([x], [], updates=[(a, new), (b, new)])([np.arange(5.0)])
    for variable in (a, b):
        np.testing.assert_allclose(K.get_value(variable), 0.5 + 2 * np.arange(5.0))


def test_a_group_reads_numbers_before_they_are_updated(backend):
    """A learning rate that the same run replaces by what was fed."""
    w, rate, x = K.variable(np.ones(4)), K.variable(0.5), K.placeholder(())
    train = K.function([x], [], updates=[(w, w - rate * (w * w)), (rate, K.square(x))])
    train([0.5])
    np.testing.assert_allclose(K.get_value(w), 0.5)
    train([0.1])
    np.testing.assert_allclose(K.get_value(w), 0.5 - 0.25 * 0.25)


BINARY = [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: K.tanh(a), lambda a, b: 0.5 * b]


@pytest.mark.parametrize("seed", range(24))
def test_updates_that_read_each_other_in_any_order(seed, backend):
    """Random expressions of three variables and of what is fed: none is written over before its last use."""
    draw = np.random.default_rng(seed)
    steps, chosen = draw.integers(0, 99, (9, 3)), draw.integers(4, 13, 3)
    x = draw.normal(size=(4, 3)).astype("float32")

    def moved(level):
        fed, variables, updates = K.placeholder((4, 3)), [], []
        for part in (fed, fed[0]):  # two members of one group
            own = [K.variable(np.full(K.int_shape(part), value)) for value in (0.5, -1.0, 2.0)]
            made = [*own, part * 0.1]
            for kind, i, j in steps:
                made.append(BINARY[kind % len(BINARY)](made[i % len(made)], made[j % len(made)]))
            updates += [(v, K.tanh(made[n])) for v, n in zip(own, chosen, strict=True)]
            variables += own
        train = K.function([fed], [], updates=updates)
        with optimized(level):
            for _ in range(3):
                train([x])
        return [K.get_value(v) for v in variables]

    for a, b in zip(moved(1), moved(0), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
