"""The memory that the NumPy linker plans: what lies where, and for how long."""

import math
import random

import numpy as np
import pytest

from minikeras import backend as K
from minikeras.backend.numpy.arena import ALIGN, Arena
from minikeras.backend.op import OPS


@pytest.fixture(autouse=True)
def on_numpy():
    before = K.backend()
    K.set_backend("numpy")
    yield
    K.set_backend(before)


def own(arena):
    return sum(m.nbytes for m, end in zip(arena.regions, arena.ends, strict=True) if end == math.inf)


def test_a_free_block_is_cut_to_size_and_grows_together_again():
    arena = Arena()
    large = arena.take(10_000, 1)
    arena.give(large)
    parts = [arena.take(3_000, 1) for _ in range(3)]
    for part in (parts[1], parts[0], parts[2]):
        arena.give(part)
    again = arena.take(10_000, 1)
    assert again.ctypes.data == large.ctypes.data
    assert own(arena) == len(large) + ALIGN


def test_lent_memory_is_free_again_at_its_step():
    arena, lent = Arena(), np.empty(4_096, np.uint8)
    arena.lend(lent, end=5)
    before, after = arena.take(1_000, 4), arena.take(1_000, 5)
    assert np.may_share_memory(before, lent)
    assert not np.may_share_memory(after, lent)
    assert not arena.lasts(before, 5)
    assert arena.lasts(after, 10**9)
    assert before.ctypes.data % ALIGN == after.ctypes.data % ALIGN == 0


def test_blocks_in_use_never_overlap():
    rng, arena, used = random.Random(0), Arena(), []
    for end in (100, 300):
        arena.lend(np.empty(5_000, np.uint8)[3:], end)
    for step in range(400):
        for block in [b for b, last in used if last < step]:
            arena.give(block)
        used = [(b, last) for b, last in used if last >= step]
        last = step + rng.randrange(20)
        block = arena.take(rng.choice([0, 1, 64, 700, 3_000]), last)
        assert not any(np.may_share_memory(block, b) for b, _ in used)
        for memory, end in zip(arena.regions, arena.ends, strict=True):
            assert last < end or not np.may_share_memory(block, memory)
        used.append((block, last))


def test_activations_lie_in_the_gradients_that_are_made_after_them(monkeypatch):
    arenas = []
    make = Arena.__init__
    monkeypatch.setattr(Arena, "__init__", lambda self: (make(self), arenas.append(self))[0])
    from minikeras.layers import Dense
    from minikeras.models import Sequential

    model = Sequential([Dense(256, activation="relu", input_shape=(512,)), Dense(256, activation="tanh"), Dense(1)])
    model.compile("adam", "mse")
    x, y = np.random.default_rng(0).normal(size=(64, 512)), np.ones((64, 1))
    model.train_on_batch(x, y)
    one_layer = 64 * 256 * 4
    assert own(arenas[0]) < 2 * one_layer < 512 * 256 * 4


def test_the_results_of_calls_stay_what_they_were_when_loops_write_into_planned_memory():
    x = K.placeholder((2, 3, 4))
    states = K.rnn(lambda inputs, states: (inputs + states[0], [inputs + states[0]]), x, [K.zeros((2, 4))])
    run = K.function([x], [states[1], K.sum(states[1], 1), states[0]])
    ones, twos = run([np.ones((2, 3, 4))]), run([np.full((2, 3, 4), 2.0)])
    sums = np.broadcast_to(np.arange(1.0, 4)[:, None], (2, 3, 4))
    for found, factor in ((ones, 1), (twos, 2)):
        np.testing.assert_array_equal(found[0], factor * sums)
        np.testing.assert_array_equal(found[1], factor * np.full((2, 4), 6.0))
        np.testing.assert_array_equal(found[2], factor * np.full((2, 4), 3.0))


def test_the_state_of_a_loop_without_steps_is_not_overwritten():
    x = K.placeholder((2, None, 4))
    start = K.sum(x, 1) + 3.0
    states = K.rnn(lambda inputs, states: (inputs, [inputs + states[0]]), x, [start])[2]
    other = K.exp(K.exp(K.sum(x, 1) + 1.0))
    found = K.function([x], [states[0] * 1.0, other])([np.zeros((2, 0, 4))])
    np.testing.assert_array_equal(found[0], np.full((2, 4), 3.0))


def test_the_state_of_a_loop_without_steps_is_the_callers():
    x, start = K.placeholder((2, None, 4)), K.placeholder((2, 4))
    states = K.rnn(lambda inputs, states: (inputs, [inputs + states[0]]), x, [start * 2.0])[2]
    run, empty = K.function([x, start], states).run, np.zeros((2, 0, 4), "float32")
    (first,) = run([empty, np.ones((2, 4), "float32")])
    run([empty, np.full((2, 4), 5.0, "float32")])
    np.testing.assert_array_equal(first, np.full((2, 4), 2.0))


def test_views_of_constants_are_made_once_and_never_written_over():
    half = np.random.default_rng(0).normal(size=(1, 600)).astype("float32")
    x = K.placeholder((600, 600))
    wide = OPS["broadcast_to"](K.constant(half), (600, 600))
    y = K.dot(wide, x)  # a product reads the view itself: elementwise steps broadcast what it looks at
    function = K.function([x], [y, K.exp(wide) + x])
    fed = np.random.default_rng(1).normal(size=(600, 600)).astype("float32")
    for _ in range(3):
        product, total = function([fed])
        np.testing.assert_allclose(product, np.broadcast_to(half, (600, 600)) @ fed, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(total, np.exp(half) + fed, rtol=1e-6)
    assert "broadcast_to" in str(function.program())
    (linked,) = function._linked.values()
    made = [value for value in linked.line.__globals__.values() if isinstance(value, np.ndarray)]
    assert any(array.shape == (600, 600) and array.strides[0] == 0 for array in made)


def test_no_labels_and_no_classes():
    labels, scores = K.placeholder((None, 1), dtype="int32"), K.placeholder((None, 0))
    loss = K.sparse_categorical_crossentropy(labels, scores, from_logits=True)
    assert K.function([labels, scores], [loss])([np.zeros((0, 1)), np.zeros((0, 0))])[0].shape[0] == 0
    with pytest.raises(ValueError, match="0 classes"):
        K.function([labels, scores], [loss])([np.zeros((2, 1)), np.zeros((2, 0))])
