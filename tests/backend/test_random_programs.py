"""Programs drawn at random run alike as rewritten and as written: outputs, gradients and updates, run after run.

MINIKERAS_EXAMPLES=2000 pytest tests/backend/test_random_programs.py   draws that many.
"""

import os

import numpy as np
import pytest
from levels import optimized

from minikeras import backend as K
from minikeras import optimizers

ROWS, COLUMNS, LARGEST = 64, 80, 40_000  # large enough for what linkers do with results that are worth it
WANTED = int(os.environ.get("MINIKERAS_EXAMPLES", 0))
PROGRAMS = {"numpy": 60, "torch": 60, "jax": 8}  # JAX compiles each
UNARY = [
    K.relu, K.sigmoid, K.tanh, K.square, K.abs, K.softplus, K.elu, K.exp, K.sqrt, K.identity, K.stop_gradient,
    lambda t: -t, lambda t: t * 0.5, lambda t: 1.0 - t, lambda t: t / 3.0, lambda t: K.relu(t, 0.1),
    lambda t: K.maximum(t, 0.1), lambda t: K.clip(t, -0.5, 0.5), lambda t: K.mean(t),
]  # fmt: skip
BINARY = [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, K.maximum, lambda a, b: a / (K.square(b) + 1.0)]
REDUCTIONS = [K.sum, K.mean, K.max, K.min, K.logsumexp]
OPTIMIZERS = [optimizers.SGD, optimizers.Adam, optimizers.RMSprop, optimizers.Adadelta, optimizers.Nadam]


class Draw:
    """Tensors made at random from each other, the later ones more often."""

    def __init__(self, seed, tensors):
        self.rng, self.made = np.random.default_rng(seed), tensors

    def pick(self, *shapes):
        """A tensor, of one of the shapes where there are any; None where there is none."""
        found = [t for t in self.made if not shapes or K.int_shape(t) in shapes]
        places = np.arange(1, len(found) + 1)
        return found[self.rng.choice(len(found), p=places / places.sum())] if found else None

    def one_of(self, functions):
        return functions[self.rng.integers(len(functions))]

    def step(self, indices):
        """One more tensor, unless what was drawn does not fit."""
        t = self.pick()
        shape = K.int_shape(t)
        axis = int(self.rng.integers(len(shape))) if shape else None
        kinds = ["unary", "unary", "binary", "binary"]
        if shape:
            kinds += ["reshape", "slice", "reduce", "join", "turn", "repeat", "expand", "cumsum"]
        if len(shape) > 1:
            kinds += ["permute", "dot", "softmax", "gather", "flatten", "windows"]
        new = getattr(self, f"_{self.one_of(kinds)}")(t, shape, axis, indices)
        if new is not None and np.prod(K.int_shape(new)) <= LARGEST:
            self.made.append(new)

    def _unary(self, t, *_):
        return self.one_of(UNARY)(t)

    def _binary(self, t, shape, *_):
        return self.one_of(BINARY)(t, self.pick(shape, (), shape[-1:], (1, *shape[1:]), (*shape[:-1], 1)))

    def _reshape(self, t, shape, *_):
        return K.reshape(
            t, self.one_of([(-1,), (-1, shape[-1]), (1, -1), (4, 4, -1) if np.prod(shape) % 16 == 0 else (-1, 1)])
        )

    def _slice(self, t, shape, axis, _):
        start = int(self.rng.integers(shape[axis]))
        stop = int(self.rng.integers(start, shape[axis])) + 1
        key = self.one_of([slice(start, stop), slice(start, stop, 2), slice(None, None, -1), start])
        return t[(slice(None),) * axis + (key,)]

    def _reduce(self, t, shape, axis, _):
        return self.one_of(REDUCTIONS)(t, axis=axis, keepdims=bool(self.rng.integers(2)))

    def _join(self, t, shape, axis, _):
        return self.one_of([K.concatenate, K.stack])([t, self.pick(shape)], axis)

    def _turn(self, t, shape, axis, _):
        return K.reverse(t, axis)

    def _repeat(self, t, shape, axis, _):
        counts = [2 if i == axis else 1 for i in range(len(shape))]
        return self.one_of([lambda t: K.tile(t, counts), lambda t: K.repeat_elements(t, 2, axis)])(t)

    def _expand(self, t, shape, axis, _):
        return K.expand_dims(t, axis)

    def _cumsum(self, t, shape, axis, _):
        return K.cumsum(t, axis)

    def _permute(self, t, shape, *_):
        return K.permute_dimensions(t, tuple(self.rng.permutation(len(shape))))

    def _dot(self, t, shape, *_):
        fits = [K.int_shape(o) for o in self.made if len(K.int_shape(o)) == 2 and K.int_shape(o)[0] == shape[-1]]
        return K.dot(t, self.pick(*fits)) * 0.1 if fits and len(shape) == 2 else None

    def _softmax(self, t, *_):
        return K.softmax(t)

    def _gather(self, t, shape, axis, indices):
        return K.gather(t, indices) if shape[0] >= ROWS else None

    def _flatten(self, t, *_):
        return K.batch_flatten(t)

    def _windows(self, t, shape, *_):
        if shape != (ROWS, COLUMNS):
            return None
        images, mode = K.reshape(t, (4, 4, 4, COLUMNS)), self.one_of(["max", "avg"])
        return K.pool2d(images, (2, 2), self.one_of([(1, 1), (2, 2)]), self.one_of(["same", "valid"]), pool_mode=mode)


def drawn(seed):
    """(inputs, variables, outputs, updates) of a random program."""
    inputs = [K.placeholder((ROWS, COLUMNS)), K.placeholder((ROWS,)), K.placeholder((ROWS,), dtype="int32")]
    values = np.random.default_rng(seed + 1)
    shapes = (ROWS, COLUMNS), (COLUMNS,), (COLUMNS, ROWS), (ROWS, 1), (COLUMNS, COLUMNS), ()
    variables = [K.variable(values.normal(size=s) * 0.3) for s in shapes]
    draw = Draw(seed, [*inputs[:2], *variables])
    for _ in range(draw.rng.integers(4, 16)):
        draw.step(inputs[2])
    loss = sum(K.mean(K.tanh(t)) for t in draw.made[-3:])
    gradients = [g for g in K.gradients(loss, [inputs[0], *variables]) if g is not None]
    outputs = [loss, *gradients[::2], *(draw.pick() for _ in range(3))]
    kind = draw.rng.integers(3)
    if kind == 0:
        trained = [v for v, g in zip(variables, K.gradients(loss, variables), strict=True) if g is not None]
        updates = draw.one_of(OPTIMIZERS)().get_updates(loss, trained) if trained else []
    else:
        chosen = [v for v in variables if draw.rng.integers(3)]
        new = [K.tanh(draw.pick(K.int_shape(v))) for v in chosen]
        updates = [(v, n) if kind == 1 else K.update_add(v, n) for v, n in zip(chosen, new, strict=True)]
    return inputs, variables, outputs, updates


def results(seed, level):
    """All that three runs of the program give, and what its variables hold after them."""
    with optimized(level):
        inputs, variables, outputs, updates = drawn(seed)
        function, rng, found = K.function(inputs, outputs, updates=updates), np.random.default_rng(seed + 2), []
        for _ in range(3):
            fed = rng.normal(size=(ROWS, COLUMNS)), rng.normal(size=ROWS), rng.integers(-ROWS, ROWS, ROWS)
            found += [np.copy(r) for r in function(list(fed))]
        return found + [K.get_value(v) for v in variables]


def test_programs_drawn_at_random_run_as_written(backend):
    K.set_floatx("float64")
    for seed in range(WANTED or PROGRAMS.get(backend, 8)):
        for i, (a, b) in enumerate(zip(results(seed, 1), results(seed, 0), strict=True)):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9, err_msg=f"program {seed}, value {i}")


@pytest.mark.parametrize(
    "function", [K.sqrt, lambda x: K.sqrt(K.clip(x, 0.0, 2.0)), lambda x: K.sqrt(1.0 - K.minimum(x, 1.0))]
)
def test_no_cotangent_is_no_number_where_a_limit_holds_it_back(function, backend):
    """The root of 0 has an infinite slope, which a limit lets through or not; 0 times infinity would be nan."""
    x = K.placeholder((5,))
    (gradient,) = K.function([x], K.gradients(K.sum(function(x)), [x]))([[-1.0, -0.5, 0.25, 0.5, 4.0]])
    assert np.isfinite(gradient).all()


def test_an_update_that_rectifies_or_turns_round(backend):
    v, w, x = K.variable([-1.0, 2.0]), K.variable([1.0, 3.0]), K.placeholder((2,))
    train = K.function(
        [x], [], updates=[(v, K.relu(v - x)), *optimizers.SGD(0.5).get_updates(K.sum(K.reverse(w, 0) * x), [w])]
    )
    train([[0.5, 1.0]])
    np.testing.assert_allclose(K.get_value(v), [0.0, 1.0])
    np.testing.assert_allclose(K.get_value(w), [0.5, 2.75])


@pytest.mark.parametrize("function", [K.sigmoid, K.tanh, lambda x: K.sum(K.l2_normalize(K.reshape(x, (1,))))])
def test_functions_of_one_number_and_their_slopes(function, backend):
    x, v = K.placeholder(()), K.variable(0.5)
    y, *slopes = K.function([x], [function(x * v), *K.gradients(function(x * v), [x, v])])([1.2])
    step = 1e-3
    for slope, (a, b) in zip(slopes, (((1.2, 0.5), (step, 0)), ((1.2, 0.5), (0, step))), strict=True):
        high, low = (K.eval(function(K.constant((a[0] + s * b[0]) * (a[1] + s * b[1])))) for s in (1, -1))
        np.testing.assert_allclose(slope, (high - low) / (2 * step), rtol=2e-3, atol=1e-3)
    np.testing.assert_allclose(y, K.eval(function(K.constant(0.6))), rtol=1e-6)
