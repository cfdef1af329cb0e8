"""Layer: weights, calls and nodes, masks, losses and updates, configs, parts of layers."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from minikeras import backend as K
from minikeras.engine.base_layer import InputSpec, Layer, disable_tracking
from minikeras.layers import (
    LSTM,
    Activation,
    Add,
    BatchNormalization,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    Lambda,
    Masking,
    TimeDistributed,
)
from minikeras.metrics import Mean
from minikeras.models import Model, Sequential


class Scale(Layer):
    """Multiplies by a weight."""

    def __init__(self, start=2.0, kernel_regularizer=None, **kwargs):
        super().__init__(**kwargs)
        self.start, self.kernel_regularizer = start, kernel_regularizer

    def build(self, input_shape):
        self.factor = self.add_weight(
            name="factor",
            shape=(input_shape[-1],),
            initializer=lambda shape, dtype=None: self.start * K.ones(shape),
            regularizer=self.kernel_regularizer,
        )

    def call(self, inputs):
        return inputs * self.factor


class Block(Layer):
    """Two layers in attributes, one of them in a list."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = Dense(3, kernel_regularizer="l2", name="first")
        self.rest = [BatchNormalization(name="norm")]

    def call(self, inputs):
        return self.rest[0](self.first(inputs))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 3)


# Names and arguments


def test_names_count_up_in_snake_case():
    assert [Dense(1).name, Dense(1).name] == ["dense_1", "dense_2"]
    assert [BatchNormalization().name, LSTM(1).name] == ["batch_normalization_1", "lstm_1"]
    assert Input((2,))._keras_history[0].name == "input_1"


def test_an_unknown_keyword_argument_is_named():
    with pytest.raises(TypeError, match=r"Scale.*colour"):
        Scale(colour="red")


def test_input_shape_and_batch_size_give_the_batch_input_shape():
    assert Dense(1, input_shape=(3,)).batch_input_shape == (None, 3)
    assert Dense(1, input_shape=(3,), batch_size=5).batch_input_shape == (5, 3)
    assert Dense(1, batch_input_shape=(5, 3)).batch_input_shape == (5, 3)
    assert Dense(1, input_dim=3).batch_input_shape == (None, 3)


# Weights


def test_weights_are_named_by_their_layer():
    layer = Dense(2, name="head")
    layer(Input((3,)))
    assert [w.name for w in layer.weights] == ["head/kernel:0", "head/bias:0"]


def test_add_weight_takes_the_shape_first_or_the_name_first():
    layer = Layer()
    a = layer.add_weight("a", (2, 3), initializer="zeros")
    b = layer.add_weight((4,), "ones", name="b")
    assert (K.int_shape(a), K.int_shape(b)) == ((2, 3), (4,))
    assert a.name.endswith("a:0")
    assert np.all(K.get_value(b) == 1)


def test_add_weight_says_when_a_size_is_unknown():
    with pytest.raises(ValueError, match=r"\(None, 3\) of weight 'w' is not fully known"):
        Layer().add_weight("w", (None, 3))


def test_a_frozen_layer_has_its_weights_among_the_others_in_the_same_order():
    layer = BatchNormalization()
    layer(Input((3,)))
    order = [w.name for w in layer.weights]
    assert len(layer.trainable_weights) == len(layer.non_trainable_weights) == 2
    layer.trainable = False
    assert not layer.trainable_weights
    assert [w.name for w in layer.weights] == order


def test_set_weights_names_layer_weight_and_both_shapes():
    layer = Dense(2, name="head")
    layer(Input((3,)))
    with pytest.raises(ValueError, match=r'"head".*2 weights.*1 arrays'):
        layer.set_weights([np.zeros((3, 2))])
    with pytest.raises(ValueError, match=r"head/kernel:0.*\(3, 2\).*\(2, 3\)"):
        layer.set_weights([np.zeros((2, 3)), np.zeros(2)])


def test_initial_weights_are_taken_over():
    kernel = np.arange(6.0).reshape(3, 2)
    layer = Dense(2, use_bias=False, weights=[kernel])
    layer(Input((3,)))
    np.testing.assert_array_equal(layer.get_weights()[0], kernel)


def test_count_params_needs_a_built_layer():
    layer = Dense(2)
    with pytest.raises(RuntimeError, match="no weights yet"):
        layer.count_params()
    layer(Input((3,)))
    assert layer.count_params() == 8


# Calls


def test_call_runs_once_and_the_node_records_it():
    calls = []

    class Counting(Layer):
        def call(self, inputs):
            calls.append(1)
            return inputs + 1

    x = Input((3,))
    layer = Counting()
    y = layer(x)
    node = layer._inbound_nodes[0]
    assert calls == [1]
    assert node.outbound_layer is layer
    assert node.input_tensors == [x]
    assert node.output_tensors == [y]
    assert node.inbound_layers == [x._keras_history[0]]
    assert node.node_indices == node.tensor_indices == [0]
    assert node in x._keras_history[0]._outbound_nodes
    assert layer.inbound_nodes == [node]
    assert y._keras_history == (layer, 0, 0)
    assert K.int_shape(y) == (None, 3)
    assert node.get_config()["inbound_layers"] == [x._keras_history[0].name]


def test_a_layer_that_returns_its_input_gets_a_tensor_of_its_own():
    x = Input((3,))
    y = Activation("linear")(x)
    assert y is not x
    assert x._keras_history[0] is not y._keras_history[0]


def test_a_call_on_data_says_what_to_call_it_on():
    with pytest.raises(ValueError, match=r'"dense_1".*ndarray of shape \(2, 3\).*no symbolic tensor'):
        Dense(1)(np.zeros((2, 3)))


def test_attributes_of_single_calls_and_of_several():
    layer = Dense(2)
    with pytest.raises(AttributeError, match="never been called"):
        layer.output
    x, z = Input((3,)), Input((3,))
    y = layer(x)
    assert layer.input is x
    assert layer.output is y
    assert layer.output_shape == (None, 2)
    layer(z)
    with pytest.raises(AttributeError, match=r"called 2 times.*get_output_at"):
        layer.output
    assert layer.get_input_at(1) is z
    assert layer.get_output_at(0) is y
    assert layer.input_shape == (None, 3)
    with pytest.raises(ValueError, match="no output at node 2"):
        layer.get_output_at(2)


def test_the_input_spec_error_names_layer_axis_and_shapes():
    layer = Dense(2, name="head")
    layer(Input((3,)))
    with pytest.raises(ValueError, match=r'(?s)"head" \(Dense\).*axis -1.*size 3, found 4.*\(None, 4\)'):
        layer(Input((4,)))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"ndim": 3}, "expected ndim=3, found ndim=2"),
        ({"min_ndim": 3}, "expected min_ndim=3"),
        ({"max_ndim": 1}, "expected max_ndim=1"),
        ({"dtype": "int32"}, "expected dtype=int32, found dtype=float32"),
        ({"axes": {1: 5}}, "expected axis 1 to have size 5, found 3"),
        ({"axes": {4: 5}}, "found only 2 axes"),
        ({"shape": (None, 5)}, r"expected shape=\(None, 5\)"),
    ],
)
def test_each_part_of_an_input_spec_is_checked(spec, words):
    layer = Layer()
    layer.input_spec = InputSpec(**spec)
    with pytest.raises(ValueError, match=words):
        layer(Input((3,)))


def test_the_number_of_inputs_is_checked():
    layer = Layer()
    layer.input_spec = [InputSpec(ndim=2), InputSpec(ndim=2)]
    with pytest.raises(ValueError, match="expects 2 inputs, but it got 1"):
        layer(Input((3,)))


# Masks


def test_masks_flow_through_layers_that_support_them():
    x = Input((4, 3))
    y = Dropout(0.5)(Masking()(x))
    assert y._keras_history[0].output_mask is not None
    assert LSTM(2)(y)._keras_history[0].output_mask is None


def test_a_mask_that_a_layer_does_not_support_is_an_error():
    with pytest.raises(TypeError, match="does not support masking"):
        Flatten()(Embedding(5, 2, mask_zero=True)(Input((4,))))


def test_the_mask_argument_of_call_gets_the_mask_of_the_input():
    seen = []

    class Looks(Layer):
        supports_masking = True

        def call(self, inputs, mask=None):
            seen.append(mask)
            return inputs

    Looks()(Input((4, 3)))
    Looks()(Masking()(Input((4, 3))))
    assert seen[0] is None
    assert K.dtype(seen[1]) == "bool"


# Losses, updates, metrics


def test_losses_belong_to_the_inputs_they_depend_on():
    layer = Dense(2, activity_regularizer="l2", kernel_regularizer="l1")
    x, z = Input((3,)), Input((3,))
    layer(x)
    layer(z)
    assert [len(layer.get_losses_for(i)) for i in (x, z, None)] == [1, 1, 1]
    assert len(layer.losses) == 3
    assert len(Model(x, layer.get_output_at(0)).losses) == 2


def test_updates_of_a_frozen_layer_do_not_happen():
    layer = BatchNormalization()
    x = Input((3,))
    model = Model(x, layer(x))
    assert len(model.updates) == 2
    layer.trainable = False
    assert layer.get_updates_for(x) == model.updates == []


def test_add_metric_reports_a_mean(backend):
    class Reports(Layer):
        def call(self, inputs):
            self.add_metric(K.mean(inputs), name="level")
            return inputs

    model = Sequential([Reports(input_shape=(2,)), Dense(1)])
    model.compile("sgd", "mse")
    assert model.metrics_names == ["loss", "level"]
    x = np.arange(12.0).reshape(6, 2)
    history = model.fit(x, np.zeros(6), batch_size=3, verbose=0, shuffle=False)
    assert history.history["level"][0] == pytest.approx(x.mean())
    with pytest.raises(ValueError, match="needs a name"):
        Layer().add_metric(K.constant(1.0))


# Parts


def test_layers_in_attributes_and_lists_are_parts():
    block = Block()
    x = Input((4,))
    model = Model(x, block(x))
    assert [w.name.split("/")[-2] for w in block.weights] == ["first", "first", "norm", "norm", "norm", "norm"]
    assert len(block.trainable_weights) == 4
    assert model.count_params() == block.count_params() == 15 + 12
    assert len(model.losses) == 1
    assert len(model.updates) == 2
    block.first.trainable = False
    assert len(block.trainable_weights) == 2


def test_the_parts_of_a_layer_learn(backend):
    x = Input((4,))
    model = Model(x, Block()(x))
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.train_on_batch(np.random.randn(8, 4), np.random.randn(8, 3))
    assert sum(not np.allclose(a, b) for a, b in zip(before, model.get_weights(), strict=True)) >= 5


def test_a_replaced_part_is_no_part_any_more():
    block = Block()
    block.first = Dense(7, name="other")
    block(Input((4,)))
    assert [layer.name for layer in block._layers] == ["norm", "other"]


def test_variables_in_attributes_are_weights():
    class Bare(Layer):
        def build(self, input_shape):
            self.kernel = K.variable(np.ones(3))

    layer = Bare()
    layer(Input((3,)))
    assert layer.trainable_weights == [layer.kernel]


def test_metrics_in_attributes_are_metrics_not_weights():
    layer = Layer()
    layer.level = Mean(name="level")
    assert layer.metrics == [layer.level]
    assert layer.weights == []


def test_disable_tracking_keeps_attributes_apart():
    class Holds(Layer):
        @disable_tracking
        def __init__(self, other):
            super().__init__()
            self.other = other

    assert Holds(Dense(1))._layers == []


def test_updates_of_an_inner_layer_count_for_the_outer_inputs():
    layer = TimeDistributed(BatchNormalization())
    x = Input((4, 3))
    model = Model(x, layer(x))
    assert len(model.updates) == 2


# Configs


def test_the_config_is_read_off_the_constructor():
    config = Scale(3.0, kernel_regularizer=None, name="s").get_config()
    assert config == {"name": "s", "trainable": True, "dtype": "float32", "start": 3.0, "kernel_regularizer": None}
    assert Scale.from_config(config).start == 3.0


def test_a_config_form_is_found_for_what_has_one():
    config = Dense(2, activation="relu", kernel_regularizer="l2", input_shape=(3,)).get_config()
    assert config["activation"] == "relu"
    assert config["batch_input_shape"] == (None, 3)
    assert config["kernel_regularizer"]["class_name"] == "L1L2"
    assert TimeDistributed(Dense(2)).get_config()["layer"]["class_name"] == "Dense"


def test_a_layer_in_a_lambda_is_called_but_no_part():
    inner = Dense(2)
    x = Input((3,))
    layer = Lambda(lambda t: inner(t))
    assert K.int_shape(Add()([layer(x), layer(x)])) == (None, 2)
    assert layer.weights == []


def test_models_may_be_built_in_several_threads():
    def build():
        x = Input((4,))
        model = Model(x, Block()(x))
        return len(model.updates), len(model.losses)

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: build(), range(12))) == {(2, 1)}
