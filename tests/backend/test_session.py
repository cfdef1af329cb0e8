"""Leaves, updates, the learning phase, names."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from minikeras import backend as K

# ---- leaves --------------------------------------------------------------------------------------------------------


def test_a_placeholder_has_the_shape_or_the_number_of_axes_it_is_given():
    assert K.int_shape(K.placeholder((None, 2))) == (None, 2)
    assert K.int_shape(K.placeholder(ndim=2)) == (None, None)
    assert K.int_shape(K.placeholder(())) == ()
    with pytest.raises(ValueError, match="shape"):
        K.placeholder()


def test_a_variable_keeps_name_and_constraint():
    with K.name_scope("layer"):
        v = K.variable([1.0], name="kernel", constraint=abs)
    assert v.name == "layer/kernel:0"
    assert v.constraint is abs


def test_a_constant_is_of_floatx_and_repeats_its_last_element():
    assert K.dtype(K.constant([1, 2])) == "float32"
    assert K.eval(K.constant([1, 2], shape=(2, 2), dtype="int32")).tolist() == [[1, 2], [2, 2]]
    assert K.eval(K.constant(3, shape=(2, 2))).tolist() == [[3, 3], [3, 3]]
    with pytest.raises(ValueError, match="do not fit"):
        K.constant([1, 2, 3], shape=(2,))


def test_what_is_a_tensor_a_variable_a_placeholder():
    leaves = K.placeholder(()), K.variable(1.0), K.constant(1.0), np.ones(2)
    assert [K.is_tensor(x) for x in leaves] == [True, True, True, False]
    assert [K.is_variable(x) for x in leaves] == [False, True, False, False]
    assert [K.is_placeholder(x) for x in leaves] == [True, False, False, False]
    assert not any(K.is_sparse(x) for x in leaves)


def test_only_tensors_can_be_keras_tensors():
    assert not K.is_keras_tensor(K.variable(1.0))
    with pytest.raises(ValueError, match="expected a tensor"):
        K.is_keras_tensor(np.ones(2))


# ---- updates -------------------------------------------------------------------------------------------------------


def test_updates_store_new_values(backend):
    v = K.variable([1.0, 2.0])
    for update, expected in (
        (K.update(v, K.constant([5.0, 6.0])), [5, 6]),
        (K.update_add(v, 1.0), [6, 7]),
        (K.update_sub(v, [1.0, 2.0]), [5, 5]),
        (K.moving_average_update(v, 1.0, 0.75), [4, 4]),
    ):
        assert_allclose(K.eval(update), expected)
        assert_allclose(K.get_value(v), expected)


def test_outputs_and_updates_see_the_values_from_before_the_call(backend):
    a, b = K.variable(1.0), K.variable(2.0)
    swap = K.function([], [a, b], [(a, b), (b, a)])
    assert swap([]) == [1.0, 2.0]
    assert swap([]) == [2.0, 1.0]


def test_increments_of_one_variable_in_one_call_add_up(backend):
    v = K.variable(1.0)
    K.function([], [], [K.update_add(v, 2.0), K.update_sub(v, 0.5), K.update_add(v, 10.0)])([])
    assert K.get_value(v) == 12.5


def test_an_update_needs_a_variable_and_a_value_of_its_shape():
    with pytest.raises(TypeError, match="expected a variable"):
        K.update(K.constant(1.0), 2.0)
    with pytest.raises(ValueError, match="cannot take"):
        K.update(K.variable([1.0]), K.placeholder((2,)))


def test_control_dependencies_read_the_new_values(backend):
    v = K.variable(1.0)
    with K.control_dependencies([K.update_add(v, 2.0)]):
        result = v * 10.0
    assert K.eval(result) == 30
    assert K.get_value(v) == 3
    assert K.eval(v * 10.0) == 30


# ---- learning phase ------------------------------------------------------------------------------------------------


def test_the_learning_phase_is_a_placeholder_until_it_is_set():
    assert K.is_placeholder(K.learning_phase())
    assert K.learning_phase() is K.learning_phase()
    K.set_learning_phase(1)
    assert K.learning_phase() == 1
    K.clear_session()
    assert K.is_placeholder(K.learning_phase())
    with pytest.raises(ValueError, match=r"0 .*or 1"):
        K.set_learning_phase(2)


def test_an_unfed_learning_phase_is_that_of_testing(backend):
    assert K.eval(K.in_train_phase(K.constant(1.0), K.constant(2.0))) == 2


# ---- the rest ------------------------------------------------------------------------------------------------------


def test_uids_count_by_prefix_until_they_are_reset():
    assert [K.get_uid("a"), K.get_uid("a"), K.get_uid("b"), K.get_uid()] == [1, 2, 1, 1]
    K.reset_uids()
    assert K.get_uid("a") == 1


def test_a_graph_outlives_clear_session(backend):
    x = K.placeholder((2,))
    y = K.in_train_phase(x * 2.0, x)
    phase = K.learning_phase()
    K.clear_session()
    assert_allclose(K.function([x, phase], [y])([[1.0, 2.0], 1])[0], [2, 4])


@pytest.mark.parametrize("call", [K.get_session, lambda: K.set_session(None)], ids=["get", "set"])
def test_sessions_are_refused_with_a_way_out(call):
    with pytest.raises(NotImplementedError, match=r"K\.function|K\.set_backend"):
        call()


def test_variables_initialize_themselves_whatever_scripts_say():
    K.manual_variable_initialization(True)
    assert K.eval(K.variable([2.0])) == [2.0]


def test_decorators_for_graph_and_eager_code_change_nothing():
    def function(x):
        return x + 1

    assert K.symbolic(function) is function
    assert K.eager(function)(2) == 3


def test_settings_are_those_of_the_process_and_are_checked():
    assert (K.floatx(), K.epsilon(), K.image_data_format()) == ("float32", 1e-7, "channels_last")
    try:
        K.set_floatx("float64")
        K.set_epsilon(1e-3)
        K.set_image_data_format("channels_first")
        assert K.dtype(K.variable([1.0])) == K.cast_to_floatx([1]).dtype.name == K.dtype(K.zeros((2,))) == "float64"
        assert K.eval(K.ones((1,)) * K.epsilon()) == 1e-3
        assert K.normalize_data_format(None) == "channels_first"
        assert K.int_shape(K.conv2d(K.zeros((1, 3, 5, 5)), K.zeros((2, 2, 3, 4)))) == (1, 4, 4, 4)
    finally:
        K.set_floatx("float32")
        K.set_epsilon(1e-7)
        K.set_image_data_format("channels_last")
    for wrong in (lambda: K.set_floatx("float"), lambda: K.set_image_data_format("last")):
        with pytest.raises(ValueError, match=r"float|channels"):
            wrong()


def test_values_are_got_and_set_in_lists(backend):
    a, b = K.variable([1.0, 2.0]), K.variable(3.0)
    K.batch_set_value([(a, [4.0, 5.0]), (b, 6.0)])
    assert_allclose(K.batch_get_value([a])[0], [4, 5])
    assert_allclose(K.batch_get_value([a, b * 2.0])[1], 12)
    with pytest.raises(ValueError, match="shape"):
        K.batch_set_value([(b, 0.0), (a, [1.0])])
    assert K.get_value(b) == 6


def test_sizes_are_counted(backend):
    x = K.placeholder((None, 3))
    assert K.ndim(x) == 2
    assert K.count_params(K.zeros((2, 3))) == 6
    assert K.function([x], [K.size(x)])([np.zeros((4, 3))])[0] == 12
    assert_allclose(K.eval(K.eye(3)), np.eye(3))


def test_variables_are_drawn(backend):
    assert K.int_shape(K.random_normal_variable((2, 3), 0.0, 1.0)) == (2, 3)
    drawn = K.get_value(K.random_uniform_variable((50,), 2.0, 3.0))
    assert drawn.min() >= 2
    assert drawn.max() < 3


def test_nothing_flows_back_through_stop_gradient(backend):
    x = K.placeholder((2,))
    (gradient,) = K.gradients(K.sum(x * K.stop_gradient(x)), [x])
    assert_allclose(K.function([x], [gradient])([[2.0, 3.0]])[0], [2, 3])


def test_a_shape_can_be_asked_for_as_in_tensorflow():
    x = K.placeholder((None, 3))
    assert x.get_shape().as_list() == [None, 3]
    assert x.get_shape() == x.shape == (None, 3)
