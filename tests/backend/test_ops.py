"""What holds for every op: one record gives its value, shape, dtype, derivatives and edge cases, on every backend."""

import importlib
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from cases import CASES
from records import differentiable, finite_differences, weighted, weighted_sum

from minikeras import backend as K
from minikeras.backend.op import Spec
from minikeras.backend.program import specialise
from minikeras.backend.straight_line import straight_line

every_case = pytest.mark.parametrize("case", CASES, ids=str)
with_gradient = pytest.mark.parametrize("case", [c for c in CASES if c.gradient], ids=str)
with_second = pytest.mark.parametrize("case", [c for c in CASES if c.second], ids=str)
with_edges = pytest.mark.parametrize("case", [c for c in CASES if c.edges and c.sizes()], ids=str)


def evaluated(case, arrays, unknown=False):
    """The declared output tensor and its value."""
    tensors = case.placeholders(arrays, unknown)
    out = case.output(tensors)
    return out, K.function(tensors, [out])(arrays)[0]


# Parts of random ops, of searches and of views that no record reaches; and what is no op.
PARTS = set(
    "backend bernoulli choose clipped_normal ctc_beam ctc_greedy dynamic_put dynamic_slice host keep "
    "kept max_pooling_select normal peak_gradients put rng set_rng to_numpy trimmed uniform".split()
)


def ops_behind(tensors):
    """Names of the ops that tensors are made of."""
    stack, seen, found = list(tensors), set(), set()
    while stack:
        tensor = stack.pop()
        if id(tensor) not in seen and getattr(tensor, "owner", None) is not None:
            seen.add(id(tensor))
            found.add(tensor.owner.op.name)
            stack += [*tensor.owner.inputs, *(tensor.owner.expansion or ())]
    return found


def test_every_function_of_k_has_a_record_or_tests_of_its_own():
    """What is no function of arrays alone has tests of its own, in the files of this folder that say "K.name"."""
    recorded = {getattr(c.function, "__name__", "") for c in CASES} | {str(c).split("-")[0] for c in CASES}
    for case in CASES:
        arrays = case.arrays()
        tensors = case.placeholders(arrays)
        recorded |= ops_behind([case.output(tensors)])
        if case.gradient:
            gradients = K.gradients(weighted(case, tensors)[1], [tensors[i] for i in differentiable(case, arrays)])
            recorded |= ops_behind(g for g in gradients if g is not None)
    texts = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    functions = {n for n in K.__all__ if inspect.isfunction(getattr(K, n))} | {n for n in K.OPS if n[0] != "_"}
    missing = [n for n in functions if n not in recorded | PARTS and not re.search(rf"\bK\.{n}\b", texts)]
    assert not missing


def test_the_public_names_of_k_are_documented_functions_and_what_they_take():
    assert {"dot", "einsum", "get_session", "stop_gradient", "Variable"} <= set(K.__all__)
    assert not {"binary", "getitem", "softmax_gradient", "numpy", "FAMILIES"} & set(K.__all__)
    assert all(inspect.getdoc(getattr(K, name)) for name in K.__all__)


@every_case
def test_value_is_that_of_the_reference_in_float64(case, backend):
    arrays = case.arrays()
    with np.errstate(all="ignore"):
        expected = case.reference(*arrays, **case.kwargs) if case.reference else numpy_value(case, arrays)
    np.testing.assert_allclose(evaluated(case, arrays)[1], expected, rtol=1e-10, atol=1e-12)


def numpy_value(case, arrays):
    chosen = K.backend()
    K.set_backend("numpy")
    try:
        return evaluated(case, arrays)[1]
    finally:
        K.set_backend(chosen)


@every_case
@pytest.mark.parametrize("unknown", [False, True], ids=["known", "unknown"])
def test_declared_shape_and_dtype_are_the_real_ones(case, backend, unknown):
    for dtype in ("float32", "float64"):
        out, value = evaluated(case, case.arrays(dtype), unknown)
        assert len(out.shape) == value.ndim
        assert all(n is None or n == m for n, m in zip(out.shape, value.shape, strict=True)), (out.shape, value.shape)
        assert out.dtype == value.dtype.name
        assert unknown or None not in out.shape


@every_case
def test_float32_is_close_to_float64(case, backend):
    arrays = case.arrays("float32")
    wide = [a.astype("float64") if a.dtype == "float32" else a for a in arrays]
    np.testing.assert_allclose(evaluated(case, arrays)[1], evaluated(case, wide)[1], rtol=5e-5, atol=5e-5)


@with_gradient
def test_gradient_matches_finite_differences(case, backend):
    arrays = case.arrays()
    tensors = case.placeholders(arrays, unknown=True)
    which = differentiable(case, arrays)
    _, loss = weighted(case, tensors)
    value = K.function(tensors, [loss])
    gradients = K.gradients(loss, [tensors[i] for i in which])
    present = [(i, g) for i, g in zip(which, gradients, strict=True) if g is not None]
    assert present
    found = dict(zip([i for i, _ in present], K.function(tensors, [g for _, g in present])(arrays), strict=True))
    for i in which:
        expected = finite_differences(lambda a: value(a)[0], arrays, i)
        np.testing.assert_allclose(found.get(i, np.zeros_like(expected)), expected, rtol=1e-5, atol=1e-6)


@with_second
def test_second_gradient_matches_finite_differences(case, backend):
    arrays = case.arrays()
    tensors = case.placeholders(arrays)
    which = differentiable(case, arrays)
    first = [g for g in K.gradients(weighted(case, tensors)[1], [tensors[i] for i in which]) if g is not None]
    loss = sum((weighted_sum(g) for g in first[1:]), weighted_sum(first[0]))
    value = K.function(tensors, [loss])
    second = K.gradients(loss, [tensors[i] for i in which])
    present = [(i, g) for i, g in zip(which, second, strict=True) if g is not None]
    found = {}
    if present:
        found = dict(zip([i for i, _ in present], K.function(tensors, [g for _, g in present])(arrays), strict=True))
    for i in which:
        expected = finite_differences(lambda a: value(a)[0], arrays, i)
        np.testing.assert_allclose(found.get(i, np.zeros_like(expected)), expected, rtol=1e-4, atol=1e-5)


def line_of(tensors, arrays, loss):
    """The loss as a plain function of the engine's arrays."""
    engine = importlib.import_module(f"minikeras.backend.{K.backend()}")
    specs = [Spec(a.shape, a.dtype.name) for a in arrays]
    return straight_line(specialise(tensors, specs, [loss], [], engine), engine)


@with_gradient
def test_gradient_matches_that_of_the_engine(case, backend):
    if backend == "numpy":
        pytest.skip("NumPy has no gradients")
    arrays = case.arrays()
    tensors = case.placeholders(arrays)
    which = differentiable(case, arrays)
    _, loss = weighted(case, tensors)
    gradients = K.gradients(loss, [tensors[i] for i in which])
    present = [(i, g) for i, g in zip(which, gradients, strict=True) if g is not None]
    found = K.function(tensors, [g for _, g in present])(arrays)
    theirs = {"jax": jax_gradient, "torch": torch_gradient}[backend](line_of(tensors, arrays, loss), arrays)
    if theirs is None:
        pytest.skip("the kernel of this op is not one that the engine differentiates")
    for (i, _), value in zip(present, found, strict=True):
        np.testing.assert_allclose(value, theirs[i], rtol=1e-8, atol=1e-9)


def jax_gradient(line, arrays):
    import jax

    which = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]

    def loss(*floats):
        full = list(arrays)
        for i, value in zip(which, floats, strict=True):
            full[i] = value
        return line(*full, [])[0][0]

    with jax.enable_x64(True):
        gradient = jax.jit(jax.grad(loss, argnums=tuple(range(len(which)))))
        values = gradient(*[jax.numpy.asarray(arrays[i]) for i in which])
        return dict(zip(which, map(np.asarray, values), strict=True))


def torch_gradient(line, arrays):
    import torch

    tensors = [torch.from_numpy(a.copy()).requires_grad_(a.dtype.kind == "f") for a in arrays]
    loss = line(*tensors, [])[0][0]
    if not loss.requires_grad:
        return None
    loss.backward()
    return {
        i: (t.grad if t.grad is not None else torch.zeros_like(t)).numpy()
        for i, t in enumerate(tensors)
        if t.requires_grad
    }


@with_edges
@pytest.mark.parametrize("new", [1, 0], ids=["size-1", "empty"])
def test_sizes_of_one_and_zero_work(case, backend, new):
    for size in case.sizes():
        arrays = case.arrays(replace=(size, new))
        tensors = case.placeholders(arrays, unknown=True)
        try:
            known = case.output(case.placeholders(arrays))
        except ValueError:
            continue  # an op may need more than that, and then says so while the graph is built
        out = case.output(tensors)
        fetch = [out]
        if case.gradient and out.dtype == "float64":
            which = differentiable(case, arrays)
            fetch += [g for g in K.gradients(weighted_sum(out), [tensors[i] for i in which]) if g is not None]
        value, *gradients = K.function(tensors, fetch)(arrays)
        assert value.shape == known.shape
        for g in gradients:
            assert g.dtype == "float64"


INTEGERS = {"sum": np.sum, "prod": np.prod, "cumsum": np.cumsum, "cumprod": np.cumprod}


@pytest.mark.parametrize("dtype", ["int32", "uint8"])
def test_reductions_of_integers_keep_their_dtype(backend, dtype):
    values = np.array([[1, 2, 3], [2, 0, 1]], dtype)
    x = K.placeholder((None, 3), dtype=dtype)
    outputs = K.function([x], [getattr(K, name)(x, axis=1) for name in INTEGERS])([values])
    for value, reference in zip(outputs, INTEGERS.values(), strict=True):
        assert value.dtype == dtype
        np.testing.assert_array_equal(value, reference(values, axis=1))
    np.testing.assert_allclose(K.function([x], [K.std(x)])([values])[0], values.std(), rtol=1e-6)


def test_bools_count_as_numbers_in_sums_and_quotients(backend):
    values = np.array([True, False, True])
    x = K.placeholder((None,), dtype="bool")
    total, half = K.function([x], [K.sum(x), x / 2])([values])
    assert total == 2 and total.dtype == K.floatx()
    np.testing.assert_array_equal(half, [0.5, 0, 0.5])
