"""What linkers make of a program (steps joined, results in place, gradients where they are read) gives its values."""

import numpy as np
import pytest
from levels import optimized

from minikeras import backend as K
from minikeras import initializers, layers, optimizers
from minikeras.backend import runtime
from minikeras.backend.op import OPS

UNARY = [K.relu, K.sigmoid, K.tanh, K.square, lambda x: -x, lambda x: K.reshape(x, (64, -1)), lambda x: x * 0.5]


def both(build, *feeds, runs=2):
    """The results of `runs` calls of the function that `build()` makes, as optimized and as written."""
    found = []
    for level in (1, 0):
        with optimized(level):
            np.random.seed(5)
            function = build()
            found.append([np.copy(r) for _ in range(runs) for r in function(list(feeds))])
    return found


def assert_same(found, rtol=2e-5):
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_values_read_twice_or_returned_are_never_written_over(seed, backend):
    draw = np.random.default_rng(seed)
    steps = list(zip(draw.integers(0, 9, 8), draw.integers(0, 99, 8), draw.integers(0, 99, 8), strict=True))
    returned = draw.integers(0, 99, 1 + seed % 3)
    x = np.random.default_rng(0).normal(size=(64, 96)).astype("float32")

    def build():
        made = [K.placeholder((64, 96)), K.variable(np.full((64, 96), 0.5))]
        for kind, i, j in steps:
            a, b = made[i % len(made)], made[j % len(made)]
            made.append(UNARY[kind](a) if kind < len(UNARY) else (a + b if kind % 2 else a * b))
        loss = sum(K.sum(K.tanh(t)) for t in made[-3:])
        outputs = [made[i % len(made)] for i in returned] + [g for g in K.gradients(loss, made[:2]) if g is not None]
        return K.function([made[0]], outputs, updates=[K.update_add(made[1], 0.01 * made[0])])

    assert_same(both(build, x))


@pytest.mark.parametrize("options", [(True, True, False), (False, True, True), (True, False, True)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normalized_convolutions_in_predictions(options, dtype, backend):
    """Small and large images, windows of one and of three, read once and twice."""
    center, scale, use_bias = options
    x = np.random.default_rng(1).normal(size=(2, 16, 16, 3)).astype(dtype)
    positive = initializers.RandomUniform(0.5, 2.0)
    large = np.random.default_rng(1).normal(size=(16, 66, 66, 3)).astype(dtype)
    K.set_floatx(dtype)

    def build():
        inputs = layers.Input((None, None, 3))
        h, made = inputs, []
        for size, strides, padding in ((3, 1, "same"), (3, 2, "same"), (1, 1, "valid"), (5, 1, "valid")):
            h = layers.Conv2D(24, size, strides=strides, padding=padding, use_bias=use_bias,
                              bias_initializer="normal")(h)  # fmt: skip
            made.append(h)
            h = layers.BatchNormalization(
                center=center, scale=scale, beta_initializer="normal", gamma_initializer=positive,
                moving_mean_initializer="normal", moving_variance_initializer=positive,
            )(h)  # fmt: skip
            h = layers.Activation("relu")(h)
        return K.function([inputs], [h, made[1]])

    assert_same(both(build, x))
    assert_same(both(build, large), rtol=1e-4)


def test_dense_and_convolution_with_bias_and_rectifier(backend):
    x = np.random.default_rng(1).normal(size=(3, 9, 9, 4)).astype("float32")

    def build():
        inputs = layers.Input((9, 9, 4))
        h = layers.Conv2D(16, 3, activation="relu", bias_initializer="normal")(inputs)
        h = layers.SeparableConv2D(16, 3, activation="relu", bias_initializer="normal")(h)
        h = layers.Dense(64, activation="relu", bias_initializer="normal")(h)  # of four axes: through a reshape
        h = layers.Dense(5, bias_initializer="normal")(layers.Flatten()(h))
        return K.function([inputs], [h, *K.gradients(K.sum(K.square(h)), [inputs])])

    assert_same(both(build, x), rtol=1e-4)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_largest_pools_of_rectified_values_and_their_gradients(padding, backend):
    x = np.random.default_rng(2).normal(size=(4, 11, 10, 8)).astype("float32")

    def build():
        inputs = K.placeholder((None, 11, 10, 8))
        h = K.relu(K.bias_add(inputs, K.variable(np.linspace(-1, 1, 8))))
        y = K.pool2d(h, (2, 3), (2, 2), padding)
        (gradient,) = K.gradients(K.sum(K.square(y) * y), [inputs])
        return K.function([inputs], [y, gradient, *K.gradients(K.sum(K.square(gradient)), [inputs])])

    assert_same(both(build, x))


@pytest.mark.parametrize("optimizer", ["Adam", "RMSprop", "SGD"])
def test_an_embedding_trains_as_written(optimizer, backend):
    tokens, target = np.random.default_rng(3).integers(-30, 30, (8, 6)), np.ones((8, 1), "float32")

    def build():
        table, kernel = K.variable(np.random.randn(30, 5)), K.variable(np.random.randn(5, 1))
        x, y = K.placeholder((None, 6), dtype="int32"), K.placeholder((None, 1))
        loss = K.mean(K.square(K.dot(K.sum(K.gather(table, x), 1), kernel) - y))
        updates = getattr(optimizers, optimizer)(0.01).get_updates(loss, [table, kernel])
        return K.function([x, y], [loss, K.sum(table)], updates=updates)

    assert_same(both(build, tokens.astype("int32"), target, runs=5))


def test_a_gradient_that_is_returned_keeps_its_value_after_the_next_step(backend):
    w, x = K.variable(np.ones((4, 3))), K.placeholder((2, 4))
    loss = K.sum(K.square(K.dot(x, w)))
    (gradient,) = K.gradients(loss, [w])
    train = K.function([x], [gradient, K.reshape(gradient, (-1,))], updates=optimizers.Adam(0.1).get_updates(loss, [w]))
    first, flat = train.run([np.ones((2, 4))])
    before = np.copy(runtime.active().to_numpy(first))
    train.run([np.full((2, 4), 3.0)])
    np.testing.assert_array_equal(runtime.active().to_numpy(first), before)
    np.testing.assert_array_equal(runtime.active().to_numpy(flat), before.reshape(-1))


@pytest.mark.parametrize("tied", [None, "some", "all"])
@pytest.mark.parametrize(
    ("padding", "strides", "dilation", "activation"),
    [("valid", 1, 1, "relu"), ("same", 2, 1, None), ("valid", 1, 2, "relu"), ("causal", 1, 1, "tanh")],
)
def test_what_goes_back_through_the_maximum_of_a_convolution(padding, strides, dilation, activation, tied, backend):
    x = np.random.default_rng(4).normal(size=(3, 60, 5)).astype("float32")
    x[:, {None: 60, "some": 40, "all": 0}[tied] :] = 0  # equal windows give equal elements

    def build():
        inputs = layers.Input((60, 5))
        layer = layers.Conv1D(7, 3, 1 * strides, padding, dilation_rate=dilation, activation=activation,
                              bias_initializer="normal")  # fmt: skip
        y = layers.GlobalMaxPooling1D()(layer(inputs))
        loss = K.sum(K.square(y))
        (to_images,) = K.gradients(loss, [inputs])
        again = K.gradients(K.sum(K.square(to_images)), layer.weights[:1])
        return K.function([inputs], [y, to_images, *K.gradients(loss, layer.weights), *again])

    assert_same(both(build, x), rtol=2e-4)


@pytest.mark.parametrize(("strides", "dilation"), [(1, 1), ((2, 1), 1), (1, (1, 2))])
def test_what_goes_back_through_the_maximum_of_a_convolution_of_images(strides, dilation, backend):
    x = np.random.default_rng(5).normal(size=(3, 11, 8, 2)).astype("float32")

    def build():
        inputs = layers.Input((11, 8, 2))
        layer = layers.Conv2D(6, (3, 2), strides, "same", dilation_rate=dilation, activation="relu")
        loss = K.sum(K.square(layers.GlobalMaxPooling2D()(layer(inputs))))
        return K.function([inputs], K.gradients(loss, layer.weights))  # not for the images

    assert_same(both(build, x), rtol=2e-4)


def test_extrema_that_tie_share_their_gradient(backend):
    x = K.placeholder((2, 4))
    for function, expected in ((K.max, [[0, 0.5, 0.5, 0], [0, 0, 0, 1]]), (K.min, [[1, 0, 0, 0], [0.5, 0.5, 0, 0]])):
        (gradient,) = K.gradients(K.sum(function(K.relu(x), 1)), [x])
        np.testing.assert_allclose(K.function([x], [gradient])([[[1, 3, 3, 2], [2, 2, 4, 9]]])[0], expected)


@pytest.mark.parametrize(
    ("rank", "padding", "dilation"),
    [(1, "causal", 1), (1, "valid", 2), (2, "same", 1), (2, "valid", (2, 1)), (3, "same", 1)],
)
def test_both_gradients_of_a_convolution_and_theirs(rank, padding, dilation, backend):
    """Trained, with two convolutions that get the same gradient, and a penalty on the gradient for the images."""
    K.set_floatx("float64")  # of 50 and 0.006 in one array float32 keeps too little to compare
    shape = ((13,), (9, 6), (5, 4, 3))[rank - 1]
    x = np.random.default_rng(6).normal(size=(3, *shape, 4))
    make = (layers.Conv1D, layers.Conv2D, layers.Conv3D)[rank - 1]

    def build():
        images = layers.Input((*shape, 4))
        options = {"padding": padding, "dilation_rate": dilation, "activation": "tanh"}
        convolutions = [make(filters, 3, **(options | {"activation": None} if i else options))
                        for i, filters in enumerate((4, 3, 3))]  # fmt: skip
        hidden = convolutions[0](images)
        loss = K.sum(K.square(convolutions[1](hidden) + convolutions[2](hidden)))
        (to_images,) = K.gradients(loss, [images])
        weights = [w for c in convolutions for w in c.weights]
        penalized = loss + K.sum(K.square(to_images))
        outputs = [penalized, to_images, *K.gradients(penalized, weights), *K.gradients(penalized, [images])]
        steps = optimizers.Adam(0.01).get_updates(loss, weights)
        return K.function([images], outputs, updates=steps)

    assert_same(both(build, x, runs=3), rtol=1e-8)


def test_numpy_takes_both_gradients_of_a_convolution_from_one_copy_of_windows():
    from minikeras.backend.numpy.fusion import fused

    images = K.placeholder((2, 8, 8, 4))
    for filters, strides, expected in ((4, (1, 1), 1), (5, (1, 1), 0), (4, (2, 2), 0)):
        kernel = K.variable(np.ones((3, 3, 4, filters)))
        loss = K.sum(K.square(K.conv2d(images, kernel, strides)))
        program = K.function([images], K.gradients(loss, [kernel, images])).program(backend="numpy")
        names = [step.op.name for step in fused(program, runtime.load("numpy")).steps]
        assert names.count("convolution_gradients") == expected
        assert names.count("convolution_kernel_gradient") == 1 - expected


def test_the_gradients_of_a_convolution_of_arrays_in_another_order(backend):
    x = np.random.default_rng(7).normal(size=(2, 6, 5, 3)).astype("float32")
    images, kernel = K.placeholder((2, 6, 5, 3)), K.variable(np.random.default_rng(8).normal(size=(3, 3, 3, 3)))
    run = K.function([images], K.gradients(K.sum(K.square(K.conv2d(images, kernel))), [images, kernel]))
    expected = run([x])
    for other in (np.asfortranarray(x), np.ascontiguousarray(x[::-1])[::-1], np.ascontiguousarray(x.T).T):
        for a, b in zip(run([other]), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 3), (0, 3), (4, 3)])
def test_arrays_that_run_backwards_can_be_fed(shape, backend):
    x, array = K.placeholder((None, 3)), np.arange(np.prod(shape), dtype="float32").reshape(shape)
    np.testing.assert_array_equal(K.function([x], [x * 2.0])([array[::-1]])[0], array[::-1] * 2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [(8, 300, 20), (8, 20, 300), (300, 256, 256), (0, 300, 4), (1, 257, 1)])
def test_products_of_transposed_matrices(sizes, dtype, backend):
    """Wide, narrow, square, empty; the transposed matrix is read elsewhere too, gradients go through the product."""
    rows, columns, others = sizes
    draw = np.random.default_rng(2)
    feeds = [draw.normal(size=shape).astype(dtype) for shape in ((rows, columns), (rows, others))]

    def build():
        x, y = (K.placeholder(feed.shape, dtype=dtype) for feed in feeds)
        turned = K.transpose(x)
        product = K.dot(turned, y)
        return K.function([x, y], [product, turned * 2, *K.gradients(K.sum(K.square(product)), [x, y])])

    found = both(build, *feeds)
    assert_same(found, rtol=1e-3 if dtype == "float32" else 1e-9)
    np.testing.assert_allclose(found[0][0], feeds[0].T @ feeds[1], rtol=1e-3, atol=1e-4)


def test_jax_transposes_wide_matrices_before_their_products():
    fusion = pytest.importorskip("minikeras.backend.jax.fusion", reason="needs JAX")
    x, y = K.placeholder((8, 300)), K.placeholder((8, 20))
    for product, wide in ((K.dot(K.transpose(x), y), True), (K.dot(K.transpose(y), x), False)):
        program = fusion.fused(K.function([x, y], product).program(backend="jax"), runtime.load("jax"))
        assert [step.op.name for step in program.steps] == ["permute_dimensions", "matmul"][wide:]


@pytest.mark.parametrize("size", [8, 9])
def test_pooling_is_the_same_in_predictions_and_in_training(size, backend):
    """Windows side by side, and with a border that is left out."""
    x = np.random.default_rng(3).normal(size=(4, size, size, 3)).astype("float32")
    images = K.placeholder((None, None, None, 3))
    kernel = K.variable(np.random.default_rng(4).normal(size=(3, 3, 3, 5)))
    pooled = K.relu(K.pool2d(K.conv2d(images, kernel, padding="same"), (2, 2), (2, 2)))
    (alone,) = K.function([images], [pooled])([x])
    with_gradient, _ = K.function([images], [pooled, *K.gradients(K.sum(pooled), [kernel])])([x])
    np.testing.assert_allclose(alone, with_gradient, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("axis", "pattern", "indices_move"), [
    (0, (1, 0, 2), True), (0, (2, 0, 1), False), (1, (0, 2, 1), True), (1, (1, 0, 2), False)
])  # fmt: skip
def test_taken_slices_in_another_order(axis, pattern, indices_move, backend):
    """The indices are put in order where that is enough; slices that are taken twice add up in the gradient."""
    rows = np.array([[0, 1, 1, 4], [3, 2, 0, 2], [1, 1, 0, 0]])
    table = np.random.default_rng(5).normal(size=(6, 5)).astype("float32")
    x, indices = K.placeholder(table.shape), K.placeholder(rows.shape, dtype="int32")
    taken = K.permute_dimensions(OPS["take"](x, indices, axis), pattern)
    weights = np.arange(np.prod(taken.shape), dtype="float32").reshape(taken.shape)
    (gradient,) = K.gradients(K.sum(taken * weights), [x])

    found = both(lambda: K.function([x, indices], [taken, gradient]), table, rows)
    assert_same(found)
    np.testing.assert_array_equal(found[0][0], np.transpose(np.take(table, rows, axis), pattern))
    steps = K.function([x, indices], [taken, gradient]).program().steps
    moved = {step.args[0].dtype for step in steps if step.op.name == "permute_dimensions"}
    assert moved == ({"int32"} if indices_move else {"float32"})


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [0, 1, 2, (0, 2), (0, 1, 2), (-1,)])
@pytest.mark.parametrize("shape", [(), (3,), (1, 3), (4, 1), (2, 4, 1), (1, 1, 1)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_sums_of_what_was_broadcast(shape, axis, keepdims, dtype, backend):
    x = np.random.default_rng(7).integers(-5, 5, shape).astype(dtype)
    like = np.zeros((2, 4, 3), dtype)

    def build():
        inputs, other = K.placeholder(shape, dtype=dtype), K.placeholder((2, None, 3), dtype=dtype)
        return K.function([inputs, other], [K.sum(inputs + K.zeros_like(other), axis, keepdims)])

    found = both(build, x, like)
    assert_same(found)
    np.testing.assert_allclose(found[0][0], (x + like).sum(axis, keepdims=keepdims))
    assert found[0][0].dtype == found[1][0].dtype == dtype


@pytest.mark.parametrize(("rows", "width"), [(1, 2), (7, 2), (300, 2), (70_000, 2), (7, 0)])
def test_rows_that_gather_took_often_seldom_and_never(rows, width, backend):
    """By one row all alike, by few and by many different ones; more rows than 16 bits count."""
    draw = np.random.default_rng(8)
    often = np.concatenate([np.zeros(500, int), draw.integers(0, rows, 400), np.full(90, rows - 1)])
    indices = draw.permutation(often).astype("int32")
    indices[::3] -= rows  # counted from the end
    weights = draw.normal(size=(len(indices), width))
    table, given = K.variable(draw.normal(size=(rows, width)), "float64"), K.placeholder((None, width), dtype="float64")
    place = K.placeholder((None,), dtype="int32")
    y = K.gather(table, place)
    taken, gradient = K.function([place, given], [y, *K.gradients(K.sum(y * given), [table])])([indices, weights])
    np.testing.assert_array_equal(taken, K.get_value(table)[indices])
    expected = np.zeros((rows, width))
    np.add.at(expected, indices, weights)
    np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-12)
