"""Sorting, selection and scattering: what the table of records does not say. And the guard against nan."""

import numpy as np
import pytest

from minikeras import backend as K
from minikeras.layers import Dense
from minikeras.models import Sequential


def test_nan_counts_as_the_largest(backend):
    x = K.constant([[1.0, np.nan, 3.0, 2.0]])
    np.testing.assert_array_equal(K.eval(K.argsort(x)), [[0, 3, 2, 1]])
    np.testing.assert_array_equal(K.eval(K.argsort(x, descending=True)), [[1, 2, 3, 0]])
    fed = K.placeholder((1, 4))
    np.testing.assert_array_equal(K.function([fed], [K.topk(fed, 2)[1]])([[[1.0, np.nan, 3.0, 2.0]]])[0], [[1, 2]])


def test_topk_takes_the_first_of_equal_elements(backend):
    x = K.placeholder((None, None))
    values, places = K.function([x], list(K.topk(x, 3)))([np.array([[1.0, 2.0, 2.0, 1.0, 2.0]])])
    np.testing.assert_array_equal(values, [[2, 2, 2]])
    np.testing.assert_array_equal(places, [[1, 2, 4]])
    assert places.dtype == "int32"


def test_topk_of_too_few_is_refused():
    with pytest.raises(ValueError, match=r"k = 4 elements are wanted of the 3 along axis 1"):
        K.topk(K.placeholder((None, 3)), 4)


def test_split_of_an_unknown_size_is_checked_when_it_is_known(backend):
    x = K.placeholder((None, None))
    parts = K.split(x, 2, axis=0)
    assert [p.shape for p in parts] == [(None, None)] * 2
    run = K.function([x], [*parts])
    assert [p.shape for p in run([np.zeros((4, 3))])] == [(2, 3), (2, 3)]
    with pytest.raises(ValueError, match="axis 0 with size 5 has no 2 equal parts"):
        run([np.zeros((5, 3))])


@pytest.mark.parametrize("sizes", [0, 4, [1, 1], [3, 2, -1], [-1, -1], [-2, 5], []])
def test_split_refuses_parts_that_do_not_make_up_the_axis(sizes):
    with pytest.raises(ValueError, match="axis 1 with size 3"):
        K.split(K.placeholder((2, 3)), sizes, axis=1)


def test_one_part_is_the_whole(backend):
    x = K.variable(np.arange(6.0).reshape(2, 3))
    (part,) = K.split(x, 1)
    np.testing.assert_array_equal(K.eval(part), K.eval(x))
    np.testing.assert_array_equal(K.eval(K.gradients(part, [x])[0]), np.ones((2, 3)))


def test_unstack_undoes_stack_along_each_axis(backend):
    x = K.variable(np.arange(24.0).reshape(2, 3, 4))
    for axis in (0, 1, -1):
        np.testing.assert_array_equal(K.eval(K.stack(K.unstack(x, axis), axis)), K.eval(x))
    with pytest.raises(ValueError, match="size of axis 0 is not known"):
        K.unstack(K.placeholder((None, 2)))


def test_moveaxis_refuses_two_axes_in_one_place():
    with pytest.raises(ValueError, match="one place an axis"):
        K.moveaxis(K.placeholder((2, 3, 4)), [0, 1], [2, -1])


def test_scatter_into_a_shape_known_at_run_time(backend):
    x, updates = K.placeholder((None, 2)), K.placeholder((None, 2))
    out = K.scatter(K.constant([[1], [0], [1]], dtype="int32"), updates, K.shape(x))
    value = K.function([x, updates], [out])([np.zeros((4, 2)), np.ones((3, 2))])[0]
    np.testing.assert_array_equal(value, [[1, 1], [2, 2], [0, 0], [0, 0]])


def test_scatter_refuses_updates_of_another_shape():
    with pytest.raises(ValueError, match=r"updates must have the shape \[3, 2\]"):
        K.scatter(np.zeros((3, 1), "int32"), K.placeholder((3, 4)), (5, 2))
    with pytest.raises(ValueError, match="indices must be integers"):
        K.scatter(np.zeros((3, 3), "int32"), K.placeholder((3,)), (5, 2))


def test_indices_must_be_integers():
    with pytest.raises(TypeError, match=r"Convert them with K\.cast"):
        K.take_along_axis(K.placeholder((2, 3)), K.placeholder((2, 3)))


# ---- check_numerics --------------------------------------------------------------------------------------------------


def test_check_numerics_names_tensor_layer_and_what_was_found(backend):
    class Checked(Dense):
        def call(self, inputs):
            return K.check_numerics(K.log(super().call(inputs)), "after the logarithm")

    model = Sequential([Checked(2, kernel_initializer="ones", input_shape=(3,), name="odd")])
    assert np.isfinite(model.predict(np.ones((4, 3)))).all()
    with pytest.raises(FloatingPointError) as error:
        model.predict(-np.ones((4, 3)))
    message = str(error.value)
    assert message.startswith('after the logarithm: tensor "odd/log:0" [None, 2] float32 in layer "odd" (Checked)')
    assert message.endswith("8 of 8 elements are nan, 0 infinite.")
    assert np.isfinite(model.predict(np.ones((4, 3)))).all(), "the error comes once"


def test_check_numerics_works_in_a_loop_and_lets_gradients_through(backend):
    x = K.placeholder((3,))
    steps = K.map_fn(lambda e: K.check_numerics(1.0 / e, "inverse"), x)
    run = K.function([x], [steps, *K.gradients(K.sum(steps), [x])])
    np.testing.assert_allclose(run([np.array([1.0, 2.0, 4.0])])[1], [-1, -0.25, -0.0625])
    with pytest.raises(FloatingPointError, match=r"inverse: .* 0 of 1 elements are nan, 1 infinite"):
        run([np.array([1.0, 0.0, 2.0])])


def test_variables_survive_a_failed_check(backend):
    w, x = K.variable(2.0), K.placeholder(())
    run = K.function([x], [K.check_numerics(K.log(x) * w)], [K.update_add(w, 1.0)])
    run([1.0])
    with pytest.raises(FloatingPointError):
        run([-1.0])
    assert np.isfinite(K.get_value(w))
    assert np.isfinite(run([1.0])[0])


def test_einsum_broadcasts_axes_of_one_element_and_says_what_does_not_fit(backend):
    x, y = np.arange(3.0).reshape(3, 1), np.arange(8.0).reshape(2, 4)
    a, b = K.variable(x), K.variable(y)
    np.testing.assert_allclose(K.eval(K.einsum("ij,kj->ik", a, b)), np.einsum("ij,kj->ik", x, y))
    (gradient,) = K.gradients(K.sum(K.einsum("ij,kj->ik", a, b)), [a])
    np.testing.assert_allclose(K.eval(gradient), np.full((3, 1), y.sum()))
    for equation in ("ij,jk->zz", "ij", "i,j", "ij,ik->jk", "iij,kj"):
        with pytest.raises(ValueError, match="einsum"):
            K.einsum(equation, a, b)


def test_limits_of_slices_may_be_tensors(backend):
    x, n = K.placeholder((None, None, 3)), K.placeholder((), dtype="int32")
    slices = [x[:, : K.shape(x)[1] - 1], x[:, -K.shape(x)[0] :], x[:, :n], x[:, n:], x[0, 1:n], x[:, None, n:-1, :2],
              x[..., :n], x[:, :n, 1]]  # fmt: skip
    assert [K.int_shape(s) for s in slices[2:6]] == [(None, None, 3), (None, None, 3), (None, 3), (None, 1, None, 2)]
    a = np.arange(24.0, dtype="float32").reshape(2, 4, 3)
    run = K.function([x, n], [*slices, K.gradients(K.sum(slices[3] * 2.0), x)[0]])
    for m in (1, 3, 0, -1, 9):
        *values, gradient = run([a, m])
        expected = [a[:, :3], a[:, -2:], a[:, :m], a[:, m:], a[0, 1:m], a[:, None, m:-1, :2], a[..., :m], a[:, :m, 1]]
        for value, e in zip(values, expected, strict=True):
            np.testing.assert_array_equal(value, e)
        e = np.zeros_like(a)
        e[:, m:] = 2
        np.testing.assert_array_equal(gradient, e)


def test_counts_of_tile_may_be_tensors(backend):
    x, n = K.placeholder((None, None, 3)), K.placeholder((), dtype="int32")
    tiles = [K.tile(x, [1, n, 2]), K.tile(x, K.stack([1, n, 2])), K.tile(x[0], n * K.constant([1, 0], "int32") + 1)]
    assert K.int_shape(tiles[0]) == K.int_shape(tiles[1]) == (None, None, 6)
    a = np.arange(24.0, dtype="float32").reshape(2, 4, 3)
    *values, gradient = K.function([x, n], [*tiles, K.gradients(K.sum(tiles[0]), x)[0]])([a, 3])
    for value, e in zip(values, [np.tile(a, (1, 3, 2)), np.tile(a, (1, 3, 2)), np.tile(a[0], (4, 1))], strict=True):
        np.testing.assert_array_equal(value, e)
    np.testing.assert_array_equal(gradient, np.full_like(a, 6))


def test_one_int_is_a_shape():
    assert K.int_shape(K.zeros(3)) == K.int_shape(K.ones(3)) == (3,)


def test_a_list_of_tensors_is_stacked_where_a_tensor_is_wanted(backend):
    x = K.placeholder((None, 3))
    a = np.arange(6.0, dtype="float32").reshape(2, 3)
    assert not hasattr(x, "__len__")  # how packages tell one tensor from a list of them
    np.testing.assert_array_equal(K.function([x], [K.max([x, 2 * x], axis=0)])([a])[0], 2 * a)
