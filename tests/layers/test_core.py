import json

import numpy as np
import pytest

from minikeras import backend as K
from minikeras import layers as L
from tests.layers.harness import close, data, inputs_for, mask_of, run


def square(x):
    return x * x


def test_dense_is_affine_over_the_last_axis(backend):
    for shape in ((4, 3), (4, 2, 3), (2, 2, 2, 3)):
        x = data(*shape)
        y, (kernel, bias) = run(L.Dense(5, activation="tanh"), x)
        close(y, np.tanh(x @ kernel + bias))


def test_dense_regularizers_add_losses(backend):
    layer = L.Dense(2, kernel_regularizer="l2", activity_regularizer="l1")
    inputs = inputs_for([data(3, 4)])
    layer(inputs[0])
    assert len(layer.losses) == 2


def test_dense_names_the_layer_when_the_features_are_unknown():
    with pytest.raises(ValueError, match=r'layer "head" \(Dense\) needs to know the number of features'):
        L.Dense(3, name="head")(L.Input(shape=(None,)))


def test_dense_refuses_another_number_of_features():
    layer = L.Dense(3)
    layer(L.Input(shape=(4,)))
    with pytest.raises(ValueError, match="axis -1 to have size 4"):
        layer(L.Input(shape=(5,)))


def test_masking_masks_steps_whose_features_all_equal_the_value(backend):
    x = data(2, 3, 2)
    x[0, 1], x[1, 2, 0] = -1.0, -1.0
    y, _ = run(L.Masking(-1.0), x)
    close(y[0, 1], 0.0)
    close(np.delete(y.reshape(6, 2), 1, 0), np.delete(x.reshape(6, 2), 1, 0))
    assert mask_of(L.Masking(-1.0), x).tolist() == [[True, False, True], [True, True, True]]


def test_dropout_is_the_identity_at_test_time_and_scales_in_training(backend):
    x = np.ones((40, 50), "float32")
    layer = L.Dropout(0.25)
    close(run(layer, x)[0], x)
    y, _ = run(L.Dropout(0.25), x, training=1)
    close(np.unique(y), [0.0, 4 / 3])
    assert abs((y == 0).mean() - 0.25) < 0.05


def test_dropout_noise_shape_drops_along_whole_axes(backend):
    y, _ = run(L.Dropout(0.5, noise_shape=(None, 1)), np.ones((40, 5), "float32"), training=1)
    assert (y == y[:, :1]).all()
    assert len(np.unique(y)) == 2


@pytest.mark.parametrize(("layer", "shape", "constant"), [
    (L.SpatialDropout1D, (8, 5, 6), (1,)),
    (L.SpatialDropout2D, (8, 3, 4, 6), (1, 2)),
    (L.SpatialDropout3D, (8, 2, 3, 2, 6), (1, 2, 3)),
])  # fmt: skip
def test_spatial_dropout_drops_whole_channels(backend, layer, shape, constant):
    y, _ = run(layer(0.5), np.ones(shape, "float32"), training=1)
    for axis in constant:
        assert (y == np.take(y, [0], axis)).all()
    assert len(np.unique(y)) == 2


def test_reshape_fills_in_minus_one(backend):
    x = data(2, 4, 3)
    assert run(L.Reshape((-1, 2)), x)[0].shape == (2, 6, 2)
    close(run(L.Reshape((12,)), x)[0], x.reshape(2, 12))


def test_reshape_of_unknown_sizes_is_worked_out_at_run_time(backend):
    x = L.Input(shape=(None, 4))
    y = L.Reshape((-1, 2))(x)
    assert K.int_shape(y) == (None, None, 2)
    assert K.function([x], [y])([data(2, 3, 4)])[0].shape == (2, 6, 2)


@pytest.mark.parametrize("target", [(5, 2), (-1, 5), (-1, -1), (-2, 6)])
def test_reshape_refuses_what_does_not_fit(target):
    with pytest.raises(ValueError, match="target_shape"):
        L.Reshape(target)(L.Input(shape=(4, 3)))


def test_permute_flatten_and_repeat_vector(backend):
    x = data(2, 3, 4, 5)
    close(run(L.Permute((3, 1, 2)), x)[0], x.transpose(0, 3, 1, 2))
    close(run(L.Flatten(), x)[0], x.reshape(2, -1))
    close(run(L.Flatten("channels_first"), x)[0], x.transpose(0, 2, 3, 1).reshape(2, -1))
    v = data(2, 3)
    close(run(L.RepeatVector(4), v)[0], np.repeat(v[:, None], 4, 1))


def test_activity_regularization_is_the_identity_with_a_loss(backend):
    x = data(2, 3)
    layer = L.ActivityRegularization(l1=0.1, l2=0.2)
    (given,) = inputs_for([x])
    y = layer(given)
    loss, out = K.function([given], [layer.losses[0], y])([x])
    close(loss, 0.1 * np.abs(x).sum() + 0.2 * (x**2).sum())
    close(out, x)


def test_lambda_finds_its_output_shape_and_takes_arguments(backend):
    x = data(2, 3, 4)
    y, _ = run(L.Lambda(lambda t, by: K.mean(t, axis=1) * by, arguments={"by": 2.0}), x)
    close(y, x.mean(1) * 2)


def test_lambda_takes_several_inputs(backend):
    a, b = data(2, 3), data(2, 3)
    close(run(L.Lambda(lambda xs: xs[0] * xs[1]), a, b)[0], a * b)


def test_lambda_computes_its_mask():
    layer = L.Lambda(square, mask=lambda x, m: K.not_equal(x, 0.0))
    layer(L.Input(shape=(3,)))
    assert K.int_shape(layer.output_mask) == (None, 3)


def test_lambda_of_a_named_function_is_stored_by_name(backend):
    config = json.loads(json.dumps(L.serialize(L.Lambda(square, name="sq"))))
    assert (config["config"]["function"], config["config"]["function_type"]) == ("square", "function")
    layer = L.deserialize(config, custom_objects={"square": square})
    x = data(2, 3)
    close(run(layer, x)[0], x * x)
    with pytest.raises(ValueError, match="square"):
        L.deserialize(config)


def test_lambda_bytecode_is_not_run_and_the_error_says_what_to_do(backend):
    config = json.loads(json.dumps(L.serialize(L.Lambda(lambda x: x + 1.0, name="plus"))))
    assert config["config"]["function_type"] == "lambda"
    with pytest.raises(ValueError, match=r"custom_objects=\{'plus': the_function\}"):
        L.deserialize(config)
    x = data(2, 3)
    close(run(L.deserialize(config, custom_objects={"plus": lambda x: x + 2.0}), x)[0], x + 2)


def test_lambda_is_copied_within_a_process_without_bytecode(backend):
    layer = L.Lambda(lambda x: x + 1.0)
    x = data(2, 3)
    close(run(L.Lambda.from_config(layer.get_config()), x)[0], x + 1)
