"""Configs of other versions of Keras: what only states a default is no error, what says more is refused."""

import json

import numpy as np
import pytest

from minikeras.engine.saving_configs import current_config, to_json
from minikeras.engine.saving_training import current_training_config
from minikeras.layers import Dense
from minikeras.models import Sequential, model_from_config


def layer(class_name, inbound=None, **config):
    made = {"class_name": class_name, "config": config}
    return made if inbound is None else {**made, "name": config["name"], "inbound_nodes": inbound}


GLOROT = {"class_name": "GlorotUniform", "config": {"seed": None, "dtype": "float32"}}
ZEROS = {"class_name": "Zeros", "config": {}}


def test_a_model_of_tf_keras_2_is_read():
    config = {
        "class_name": "Functional",
        "keras_version": "2.9.0",
        "backend": "tensorflow",
        "config": {
            "name": "model",
            "trainable": True,
            "layers": [
                layer(
                    "InputLayer",
                    [],
                    name="x",
                    batch_input_shape=[None, 8, 8, 2],
                    dtype="float32",
                    sparse=False,
                    ragged=False,
                ),
                layer(
                    "Conv2D",
                    [[["x", 0, 0, {}]]],
                    name="conv",
                    trainable=True,
                    dtype="float32",
                    filters=4,
                    kernel_size=[3, 3],
                    strides=[1, 1],
                    padding="same",
                    data_format="channels_last",
                    dilation_rate=[1, 1],
                    groups=1,
                    activation="relu",
                    use_bias=True,
                    kernel_initializer=GLOROT,
                    bias_initializer=ZEROS,
                    kernel_regularizer={"class_name": "L2", "config": {"l2": 0.01}},
                    bias_regularizer=None,
                    activity_regularizer=None,
                    kernel_constraint=None,
                    bias_constraint=None,
                ),
                layer(
                    "BatchNormalization",
                    [[["conv", 0, 0, {}]]],
                    name="bn",
                    trainable=True,
                    dtype={"class_name": "Policy", "config": {"name": "float32"}},
                    axis=[3],
                    momentum=0.99,
                    epsilon=0.001,
                    center=True,
                    scale=True,
                    beta_initializer=ZEROS,
                    gamma_initializer={"class_name": "Ones", "config": {}},
                    moving_mean_initializer=ZEROS,
                    moving_variance_initializer={"class_name": "Ones", "config": {}},
                    beta_regularizer=None,
                    gamma_regularizer=None,
                    beta_constraint=None,
                    gamma_constraint=None,
                ),
                layer(
                    "GlobalAveragePooling2D",
                    [[["bn", 0, 0, {}]]],
                    name="gap",
                    trainable=True,
                    dtype="float32",
                    data_format="channels_last",
                    keepdims=False,
                ),
                layer(
                    "Dense",
                    [[["gap", 0, 0, {}]]],
                    name="out",
                    trainable=True,
                    dtype="float32",
                    units=2,
                    activation="softmax",
                    use_bias=True,
                    kernel_initializer=GLOROT,
                    bias_initializer=ZEROS,
                    kernel_regularizer=None,
                    bias_regularizer=None,
                    activity_regularizer=None,
                    kernel_constraint=None,
                    bias_constraint=None,
                ),
            ],
            "input_layers": ["x", 0, 0],
            "output_layers": [["out", 0, 0]],
        },
    }
    for item in config["config"]["layers"]:
        item.update(module="keras.layers", registered_name=None, shared_object_id=3)
    model = model_from_config(config)
    assert [x.name for x in model.layers] == ["x", "conv", "bn", "gap", "out"]
    assert model.predict(np.ones((2, 8, 8, 2), "float32")).shape == (2, 2)
    assert len(model.losses) == 1


def test_recurrent_layers_of_tf_keras_2_are_read():
    config = layer(
        "Sequential",
        name="s",
        layers=[
            layer("InputLayer", name="x", batch_input_shape=[None, 5, 3], dtype="float32", sparse=False, ragged=False),
            layer(
                "GRU",
                name="g",
                units=4,
                time_major=False,
                reset_after=True,
                return_sequences=True,
                zero_output_for_mask=False,
            ),
            layer(
                "Bidirectional", name="b", layer=layer("LSTM", name="l", units=2, time_major=False), merge_mode="concat"
            ),
        ],
    )
    assert model_from_config(config).output_shape == (None, 4)


@pytest.mark.parametrize("name", ["SeparableConv2D", "DepthwiseConv2D"])
def test_arguments_for_a_kernel_that_a_layer_does_not_have_are_dropped(name):
    own = {"filters": 3} if name == "SeparableConv2D" else {}
    config = layer("Sequential", name="s", layers=[
        layer(name, kernel_size=[3, 3], groups=1, kernel_initializer=GLOROT, kernel_regularizer=None,
              kernel_constraint=None, depthwise_initializer=GLOROT, batch_input_shape=[None, 8, 8, 3], **own),
    ])
    assert model_from_config(config).output_shape == (None, 6, 6, 3)


def test_what_says_more_than_a_default_is_refused_by_name():
    config = layer(
        "Sequential",
        name="s",
        layers=[layer("Conv2D", filters=4, kernel_size=3, groups=2, batch_input_shape=[None, 8, 8, 4])],
    )
    with pytest.raises((TypeError, ValueError), match="groups"):
        model_from_config(config)


def test_todays_configs_come_back_unchanged():
    model = Sequential([Dense(3, input_shape=(4,), kernel_regularizer="l2")])
    config = json.loads(to_json({"class_name": "Sequential", "config": model.get_config()}))
    assert current_config(config) == config


def test_a_training_config_of_tf_keras_2_is_read():
    config = current_training_config(
        {
            "loss": {
                "class_name": "CategoricalCrossentropy",
                "config": {
                    "reduction": "auto",
                    "name": "categorical_crossentropy",
                    "from_logits": False,
                    "label_smoothing": 0.1,
                    "axis": -1,
                    "fn": "categorical_crossentropy",
                },
            },
            "metrics": [
                [
                    {
                        "class_name": "MeanMetricWrapper",
                        "config": {"name": "accuracy", "dtype": "float32", "fn": "categorical_accuracy"},
                    }
                ]
            ],
            "weighted_metrics": None,
            "loss_weights": None,
            "optimizer_config": {
                "class_name": "Adam",
                "config": {
                    "name": "Adam",
                    "learning_rate": 0.001,
                    "decay": 0.0,
                    "beta_1": 0.9,
                    "beta_2": 0.999,
                    "epsilon": 1e-07,
                    "amsgrad": False,
                    "jit_compile": True,
                    "clipnorm": None,
                    "weight_decay": None,
                    "is_legacy_optimizer": False,
                },
            },
        }
    )
    assert config["loss"]["config"] == {
        "reduction": "sum_over_batch_size",
        "name": "categorical_crossentropy",
        "from_logits": False,
        "label_smoothing": 0.1,
    }
    assert config["metrics"] == [["accuracy"]]
    assert set(config["optimizer_config"]["config"]) <= {
        "learning_rate",
        "decay",
        "beta_1",
        "beta_2",
        "epsilon",
        "amsgrad",
        "clipnorm",
    }


def test_values_without_a_json_form_are_named():
    assert json.loads(to_json({"a": np.float32(0.5), "b": np.arange(2), "c": len})) == {
        "a": 0.5,
        "b": [0, 1],
        "c": "len",
    }
    with pytest.raises(TypeError, match="no JSON form"):
        to_json({"a": object()})
