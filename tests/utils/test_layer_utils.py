"""Summaries, source inputs, counts and conversions of kernels."""
import numpy as np
import pytest

from minikeras import backend as K
from minikeras.layers import Activation, BatchNormalization, Concatenate, Conv2D, Dense, Flatten, Input
from minikeras.models import Model, Sequential
from minikeras.utils import convert_all_kernels_in_model, get_source_inputs
from minikeras.utils.layer_utils import convert_dense_weights_data_format, count_params


def lines_of(model, **kwargs):
    lines = []
    model.summary(print_fn=lines.append, **kwargs)
    return lines


def test_a_summary_shows_each_layer_with_shape_and_parameters():
    model = Sequential([Dense(3, input_shape=(4,), name="first"), BatchNormalization(name="bn")], name="small")
    lines = lines_of(model)
    assert lines[0] == 'Model: "small"'
    first = next(line for line in lines if line.startswith("first"))
    assert first.split() == ["first", "(Dense)", "(None,", "3)", "15"]
    assert lines[-4:-1] == ["Total params: 27", "Trainable params: 21", "Non-trainable params: 6"]
    assert all(len(line) <= 65 for line in lines)


def test_a_summary_of_a_graph_shows_what_each_layer_is_connected_to():
    a, b = Input((2,), name="a"), Input((2,), name="b")
    shared = Dense(3, name="shared")
    model = Model([a, b], Concatenate(name="both")([shared(a), shared(b)]))
    text = "\n".join(lines_of(model))
    assert "Connected to" in text
    for source in ("a[0][0]", "b[0][0]", "shared[0][0]", "shared[1][0]"):
        assert source in text


def test_the_width_of_a_summary_can_be_chosen():
    model = Sequential([Dense(3, input_shape=(4,))])
    assert max(map(len, lines_of(model, line_length=40, positions=[0.5, 0.8, 1.0]))) == 40


def test_a_shared_weight_counts_once():
    weight = K.variable(np.zeros((2, 3)))
    assert count_params([weight, weight]) == 6


def test_source_inputs_are_the_inputs_a_tensor_comes_from():
    a, b = Input((2,)), Input((2,))
    x = Dense(2)(a)
    joined = Concatenate()([Dense(2)(x), b])
    assert get_source_inputs(Dense(1)(joined)) == [a, b]
    assert get_source_inputs(Dense(2)(x)) == [a]
    assert get_source_inputs(a) == [a]


def test_source_inputs_of_a_deep_graph_need_no_deep_stack():
    x = a = Input((1,))
    same = Activation("linear")
    for _ in range(3000):
        x = same(x)
    assert get_source_inputs(x) == [a]


def test_all_kernels_of_convolutions_are_turned_round():
    model = Sequential([Conv2D(2, 3, input_shape=(5, 5, 1)), Flatten(), Dense(1)])
    before = model.get_weights()
    convert_all_kernels_in_model(model)
    after = model.get_weights()
    np.testing.assert_array_equal(after[0], before[0][::-1, ::-1])
    np.testing.assert_array_equal(after[2], before[2])


@pytest.mark.parametrize("target", ["channels_first", "channels_last"])
def test_dense_weights_follow_the_data_format(target):
    x = np.random.random((1, 2, 3, 4)).astype("float32")             # [batch, height, width, channels]
    other = np.moveaxis(x, -1, 1)
    before, after = (x, other) if target == "channels_first" else (other, x)
    dense = Dense(5)
    model = Sequential([Flatten(input_shape=before.shape[1:]), dense])
    expected = model.predict(before)
    convert_dense_weights_data_format(dense, after.shape[1:], target)
    turned = Sequential([Flatten(input_shape=after.shape[1:]), dense])
    np.testing.assert_allclose(turned.predict(after), expected, rtol=1e-5)
    with pytest.raises(ValueError, match="target_data_format"):
        convert_dense_weights_data_format(dense, (1, 1, 1), "sideways")
