"""Properties that hold for all shapes: drawn at random, each against NumPy or against loops that say what is meant.

MINIKERAS_EXAMPLES=500 pytest tests/backend/test_properties.py   draws that many, and other ones each time.
"""

import itertools
import os

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given, settings

from minikeras import backend as K

WANTED = int(os.environ.get("MINIKERAS_EXAMPLES", 0))
EXAMPLES = {"numpy": 15, "torch": 10, "jax": 4}  # JAX compiles for each new shape


def holds(backend, prop, *strategies):
    """Draws examples and runs the property on them."""
    examples = WANTED or EXAMPLES.get(backend, 15)
    settings(max_examples=examples, deadline=None, database=None, derandomize=not WANTED)(given(*strategies)(prop))()


def numbers(shape, seed=0):
    """Distinct numbers between -2 and 2, none of them 0, so that nothing ties."""
    count = int(np.prod(shape))
    return (np.random.RandomState(seed).permutation(count) + 0.7).reshape(shape) * (4.0 / (count + 1)) - 2.0


def fed(array, known):
    """A placeholder for an array, with its sizes or without."""
    return K.placeholder(array.shape if known else (None,) * array.ndim, dtype=array.dtype.name)


def run(function, arrays, known=True, wanted=()):
    """[output of a function of tensors, gradients of its weighted sum for the inputs `wanted`, the weights]."""
    inputs = [fed(a, known) for a in arrays]
    out = function(*inputs)
    shape = K.function(inputs, [K.shape(out)])(arrays)[0]
    if known:
        assert out.shape == tuple(shape)
    weights = numbers(tuple(shape), 1)
    gradients = K.gradients(K.sum(out * weights), [inputs[i] for i in wanted]) if wanted else []
    assert None not in gradients
    return [*K.function(inputs, [out, *gradients])(arrays), weights]


def close(a, b):
    assert np.shape(a) == np.shape(b)
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=1, max_side=4)
known = st.booleans()

# ---- elementwise, reductions -----------------------------------------------------------------------------------------

BINARY = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide, "maximum": np.maximum}


def summed_to(g, shape):
    """g summed over the axes along which an array of that shape was broadcast."""
    g = g.sum(tuple(range(g.ndim - len(shape))))
    return g.sum(tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1), keepdims=True)


def test_binary_ops_broadcast_as_numpy_does_and_sum_back(backend):
    def prop(pair, name, known):
        x, y = numbers(pair.input_shapes[0]), numbers(pair.input_shapes[1], 3)
        out, dx, dy, w = run(getattr(K, name), [x, y], known, (0, 1))
        close(out, BINARY[name](x, y))
        ones = np.ones(out.shape)
        slopes = {
            "add": (ones, ones),
            "subtract": (ones, -ones),
            "multiply": (ones * y, ones * x),
            "divide": (ones / y, -x / y**2 * ones),
            "maximum": ((x >= y) * ones, (x < y) * ones),
        }
        close(dx, summed_to(w * slopes[name][0], x.shape))
        close(dy, summed_to(w * slopes[name][1], y.shape))

    pairs = hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=0, max_side=4)
    holds(backend, prop, pairs, st.sampled_from(sorted(BINARY)), known)


REDUCTIONS = ["sum", "mean", "prod", "max", "min", "var", "std"]


def some_axes(shape):
    """None, or a list of distinct axes, some counted from the end."""
    if not shape:
        return st.none()
    n = len(shape)
    return st.none() | st.lists(st.integers(-n, n - 1), unique_by=lambda i: i % n)


def test_reductions_over_any_axes_are_those_of_numpy(backend):
    def prop(shape, name, data, keepdims, known):
        axes = data.draw(some_axes(shape))
        x = numbers(shape)
        out = run(lambda t: getattr(K, name)(t, axis=axes, keepdims=keepdims), [x], known)[0]
        close(out, getattr(np, name)(x, axis=None if axes is None else tuple(axes), keepdims=keepdims))

    holds(backend, prop, shapes, st.sampled_from(REDUCTIONS), st.data(), st.booleans(), known)


def test_sorting_agrees_with_numpy_and_its_gradient_goes_back_to_the_places(backend):
    def prop(shape, data, descending):
        axis = data.draw(st.integers(-len(shape), len(shape) - 1))
        x = numbers(shape)
        out, dx, w = run(lambda t: K.sort(t, axis, descending), [x], False, (0,))
        order = np.argsort(-x if descending else x, axis)
        close(out, np.take_along_axis(x, order, axis))
        expected = np.zeros_like(x)
        np.put_along_axis(expected, order, w, axis)
        close(dx, expected)

    holds(backend, prop, shapes.filter(len), st.data(), st.booleans())


# ---- shapes ----------------------------------------------------------------------------------------------------------


def test_indexing_is_that_of_numpy_and_its_gradient_fills_the_rest_with_zeros(backend):
    def prop(shape, data, known):
        index = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
        x = numbers(shape)
        out, dx, w = run(lambda t: t[index] * 1.0, [x], known, (0,))
        close(out, x[index])
        expected = np.zeros_like(x)
        expected[index] = w
        close(dx, expected)

    holds(backend, prop, hnp.array_shapes(max_dims=3, max_side=5), st.data(), known)


OURS = {
    "permute": K.permute_dimensions,
    "reshape": K.reshape,
    "expand": K.expand_dims,
    "squeeze": K.squeeze,
    "reverse": K.reverse,
    "merge": lambda x, _: K.flatten(x),
}
THEIRS = {
    "permute": np.transpose,
    "reshape": np.reshape,
    "expand": np.expand_dims,
    "squeeze": np.squeeze,
    "reverse": np.flip,
    "merge": np.reshape,
}


@st.composite
def chains(draw):
    """A shape, and steps [(name, argument)] that turn it into others."""
    shape = start = draw(hnp.array_shapes(max_dims=3, max_side=4))
    steps = []
    for name in draw(st.lists(st.sampled_from(list(OURS)), max_size=6)):
        if name == "permute":
            argument = tuple(draw(st.permutations(range(len(shape)))))
            shape = tuple(shape[i] for i in argument)
        elif name == "reshape":
            argument = shape = draw(st.sampled_from(factorings(int(np.prod(shape)))))
        elif name == "expand":
            argument = draw(st.integers(0, len(shape)))
            shape = (*shape[:argument], 1, *shape[argument:])
        elif name == "squeeze":
            ones = [i for i, n in enumerate(shape) if n == 1]
            if not ones:
                continue
            argument = draw(st.sampled_from(ones))
            shape = shape[:argument] + shape[argument + 1 :]
        elif name == "reverse" and shape:
            argument = draw(st.integers(0, len(shape) - 1))
        else:
            argument, shape, name = -1, (int(np.prod(shape)),), "merge"
        steps.append((name, argument))
    return start, steps


def factorings(n):
    """Shapes of up to three axes with n elements."""
    parts = [d for d in range(1, n + 1) if n % d == 0]
    triples = itertools.product(parts, parts)
    return [(n,), *((a, n // a) for a in parts), *((a, b, n // a // b) for a, b in triples if n // a % b == 0)]


def followed(x, steps, functions):
    for name, argument in steps:
        x = functions[name](x, argument)
    return x


def test_chains_of_reshapes_and_transposes_keep_every_element(backend):
    def prop(chain, known):
        start, steps = chain
        x = numbers(start)
        out, dx, w = run(lambda t: followed(t, steps, OURS) * 2.0, [x], known, (0,))
        close(out, followed(x, steps, THEIRS) * 2.0)
        assert (dx * x).sum() == pytest.approx((out * w).sum())  # the map is linear

    holds(backend, prop, chains(), known)


def test_parts_of_a_split_make_up_the_whole(backend):
    def prop(shape, data, known):
        axis = data.draw(st.integers(-len(shape), len(shape) - 1))
        cuts = sorted(data.draw(st.lists(st.integers(0, shape[axis]), max_size=3)))
        sizes = [b - a for a, b in itertools.pairwise([0, *cuts, shape[axis]])]
        x = numbers(shape)
        weights = [float(i) for i, _ in enumerate(sizes)]

        def function(t):
            return K.concatenate([part * w for part, w in zip(K.split(t, sizes, axis), weights, strict=True)], axis)

        expected = [part * w for part, w in zip(np.split(x, cuts, axis), weights, strict=True)]
        close(run(function, [x], known)[0], np.concatenate(expected, axis))

    holds(backend, prop, shapes.filter(len), st.data(), known)


# ---- windows ---------------------------------------------------------------------------------------------------------


def pads(size, window, stride, dilation, padding):
    """(rows of the output, zeros before, zeros after) along one axis. Source: the definition of TensorFlow's 'SAME'."""
    reach = (window - 1) * dilation + 1
    if padding == "valid":
        return (size - reach) // stride + 1, 0, 0
    rows = -(-size // stride)
    total = max((rows - 1) * stride + reach - size, 0)
    return rows, total // 2, total - total // 2


def windows(x, window, strides, dilation, padding, fill):
    """(place in the output, what the window sees there) of x [batch, *sizes, channels], and the output's sizes."""
    axes = list(zip(window, strides, dilation, strict=True))
    plan = [pads(n, *axis, padding) for n, axis in zip(x.shape[1:-1], axes, strict=True)]
    padded = np.pad(x, [(0, 0), *(p[1:] for p in plan), (0, 0)], constant_values=fill)
    rows = tuple(p[0] for p in plan)

    def seen():
        for place in np.ndindex(rows):
            at = [slice(i * s, i * s + (k - 1) * d + 1, d) for i, (k, s, d) in zip(place, axes, strict=True)]
            yield place, padded[(slice(None), *at)]

    return rows, seen()


def convolution_by_loops(x, kernel, strides, padding, dilation):
    *window, _, filters = kernel.shape
    rows, seen = windows(x, window, strides, dilation, padding, 0.0)
    out = np.zeros((len(x), *rows, filters))
    for place, part in seen:
        out[(slice(None), *place)] = np.tensordot(part, kernel, axes=part.ndim - 1)
    return out


def pool_by_loops(x, window, strides, padding, mode):
    fill, reduce = (-np.inf, np.max) if mode == "max" else (np.nan, np.nanmean)
    rows, seen = windows(x, window, strides, (1,) * len(window), padding, fill)
    out = np.zeros((len(x), *rows, x.shape[-1]))
    for place, part in seen:
        out[(slice(None), *place)] = reduce(part, axis=tuple(range(1, part.ndim - 1)))
    return out


@st.composite
def geometries(draw, dilated):
    """(sizes, window, strides, dilation, padding) of one, two or three axes; strided or dilated, not both."""
    n = draw(st.integers(1, 3))
    sizes, window, strides, dilation = ([draw(st.integers(1, high)) for _ in range(n)] for high in (7, 3, 3, 2))
    if draw(st.booleans()) and dilated:
        strides = [1] * n
    else:
        dilation = [1] * n
    padding = draw(st.sampled_from(["same", "valid"]))
    if padding == "valid":
        assume(all(s >= (k - 1) * d + 1 for s, k, d in zip(sizes, window, dilation, strict=True)))
    return sizes, tuple(window), tuple(strides), tuple(dilation), padding


CONVOLUTIONS = {1: K.conv1d, 2: K.conv2d, 3: K.conv3d}


def single(values):
    """conv1d takes ints."""
    return values[0] if len(values) == 1 else values


def test_convolutions_are_sums_over_windows(backend):
    def prop(geometry, channels, first):
        sizes, window, strides, dilation, padding = geometry
        x, kernel = numbers((2, *sizes, channels)), numbers((*window, channels, 3), 3)
        layout = "channels_first" if first else "channels_last"
        turned = np.moveaxis(x, -1, 1) if first else x
        convolution, options = CONVOLUTIONS[len(window)], {"padding": padding, "data_format": layout}
        options |= {"strides": single(strides), "dilation_rate": single(dilation)}
        out, dx, dk, w = run(lambda a, b: convolution(a, b, **options), [turned, kernel], True, (0, 1))
        close(np.moveaxis(out, 1, -1) if first else out, convolution_by_loops(x, kernel, strides, padding, dilation))
        # Linear in both arguments: the value is the inner product of each with its gradient.
        assert (dx * turned).sum() == pytest.approx((out * w).sum())
        assert (dk * kernel).sum() == pytest.approx((out * w).sum())

    holds(backend, prop, geometries(dilated=True), st.integers(1, 3), st.booleans())


@pytest.mark.parametrize(("channels", "strides", "dilation"), [(32, (1, 1), (1, 1)), (32, (2, 1), (1, 1)),
                                                               (33, (1, 1), (1, 2)), (16, (1, 1), (1, 1))])  # fmt: skip
def test_kernel_gradients_of_large_convolutions(channels, strides, dilation, backend):
    x, kernel, other = (np.random.default_rng(6).normal(size=s).astype("float32")
                        for s in ((19, 31, 30, channels), (3, 2, channels, 64), (3, 2, channels, 64)))  # fmt: skip

    def convolution(a, b):
        return K.conv2d(a, b, strides, "same", "channels_last", dilation)

    _, dk, w = run(convolution, [x, kernel], True, (1,))
    assert (dk * other).sum() == pytest.approx((run(convolution, [x, other], True, (1,))[0] * w).sum(), rel=1e-3)


POOLS = {2: K.pool2d, 3: K.pool3d}


def test_pools_are_reductions_over_windows(backend):
    def prop(geometry, mode):
        sizes, window, strides, _, padding = geometry
        assume(len(window) in POOLS)
        x = numbers((2, *sizes, 2))
        options = {"pool_mode": mode, "padding": padding, "data_format": "channels_last"}
        out, dx, w = run(lambda t: POOLS[len(window)](t, window, strides, **options), [x], True, (0,))
        close(out, pool_by_loops(x, window, strides, padding, mode))
        assert (dx * x).sum() == pytest.approx((out * w).sum())  # linear for every order of the elements

    holds(backend, prop, geometries(dilated=False), st.sampled_from(["max", "avg"]))
