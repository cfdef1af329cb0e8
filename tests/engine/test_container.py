"""Container: the walk over the graph, calls on other inputs, cut models, configs, what it knows of its layers."""

import json

import numpy as np
import pytest

from minikeras import backend as K
from minikeras.engine import Container, Network
from minikeras.engine.topology import get_source_inputs
from minikeras.layers import GRU, LSTM, Add, BatchNormalization, Concatenate, Dense, Dropout, Embedding, Input, Lambda
from minikeras.models import Model, Sequential, model_from_json


def two_towers():
    """A shared layer on two inputs, joined."""
    a, b = Input((3,), name="a"), Input((3,), name="b")
    shared = Dense(4, name="shared")
    joined = Concatenate(name="joined")([shared(a), shared(b)])
    return Model([a, b], Dense(2, name="out")(joined), name="towers")


# The walk


def test_nodes_name_their_makers_in_the_whole_graph():
    model = two_towers()
    for nodes in model._nodes_by_depth.values():
        for node in nodes:
            for i, layer in enumerate(node.inbound_layers):
                made = layer._inbound_nodes[node.node_indices[i]].output_tensors[node.tensor_indices[i]]
                assert node.input_tensors[i] is made


def test_layers_come_in_the_order_of_the_computation():
    model = two_towers()
    assert [layer.name for layer in model.layers] == ["a", "b", "shared", "joined", "out"]
    assert {d: [x.name for x in layers] for d, layers in model._layers_by_depth.items()} == {
        0: ["out"], 1: ["joined"], 2: ["shared"], 3: ["a", "b"],
    }  # fmt: skip
    assert "shared_ib-1" in model._network_nodes
    assert model._network_nodes == model._container_nodes


def test_a_disconnected_graph_names_tensor_and_layer():
    x, z = Input((3,)), Input((3,), name="forgotten")
    y = Add(name="sum")([Dense(3)(x), z])
    with pytest.raises(ValueError, match=r"""Graph disconnected.*"forgotten".*needs? the input 'forgotten'"""):
        Model(x, y)


def test_an_operation_outside_of_layers_is_named():
    x = Input((3,))
    with pytest.raises(ValueError, match="Lambda layer"):
        Model(x, K.exp(x))
    with pytest.raises(ValueError, match=r'Graph disconnected.*"late".*Lambda'):
        Model(x, Dense(2, name="late")(K.exp(x)))


def test_a_model_that_would_begin_in_the_middle_points_to_split():
    x = Input((3,))
    middle = Dense(3)(x)
    with pytest.raises(ValueError, match="Graph disconnected"):
        Model(middle, Dense(2)(middle))


def test_a_cycle_is_found():
    x = Input((3,))
    a, b = Dense(3), Dense(3)
    y = b(a(x))
    node = a._inbound_nodes[0]
    node.inbound_layers, node.node_indices, node.tensor_indices, node.input_tensors = [b], [0], [0], [y]
    with pytest.raises(RuntimeError, match="cycle"):
        Model(x, y)


def test_names_have_to_differ():
    x = Input((3,))
    with pytest.raises(ValueError, match="'same' is used 2 times"):
        Model(x, Dense(2, name="same")(Dense(3, name="same")(x)))


def test_an_input_may_not_occur_twice():
    x = Input((3,))
    with pytest.raises(ValueError, match="occurs twice"):
        Model([x, x], Dense(2)(x))


def test_an_unused_input_is_fed_all_the_same(backend):
    x, z = Input((3,)), Input((2,))
    model = Model([x, z], Dense(2)(x))
    assert model.predict([np.zeros((4, 3)), np.zeros((4, 2))]).shape == (4, 2)


def test_ten_thousand_layers_build_without_recursion():
    x = y = Input((2,))
    layer = Lambda(lambda t: t + 1)
    for _ in range(10_000):
        y = layer(y)
    model = Model(x, y)
    assert len(model._nodes_by_depth) == 10_001
    row = Sequential([Dropout(0.1, input_shape=(2,))])
    for _ in range(2_000):
        row.add(Dropout(0.1))
    assert len(row.layers) == 2_001
    assert len(row._nodes_by_depth) == 2_002


def test_source_inputs_are_found():
    model = two_towers()
    assert get_source_inputs(model.outputs[0]) == model.inputs


# Calls on other tensors


def test_a_model_is_a_layer_with_the_same_weights(backend):
    inner = two_towers()
    x = Input((3,))
    y = inner([x, x])
    outer = Model(x, y)
    assert inner.name in [layer.name for layer in outer.layers]
    assert inner in outer.layers
    data = np.random.randn(5, 3).astype("float32")
    np.testing.assert_allclose(outer.predict(data), inner.predict([data, data]), rtol=1e-5)
    assert K.int_shape(y) == (None, 2)
    assert outer.count_params() == inner.count_params()


def test_a_second_call_on_the_same_tensors_is_cached():
    inner = two_towers()
    x = Input((3,))
    first = inner.call([x, x])
    assert inner.call([x, x]) is first


def test_input_and_output_of_a_model_stay_its_own_after_calls():
    inner = Sequential([Dense(2, input_shape=(3,))])
    own = inner.input, inner.output
    inner(Input((3,)))
    assert (inner.input, inner.output) == own
    assert inner.input_shape == (None, 3)
    assert inner.output_shape == (None, 2)


def test_a_wrong_shape_is_refused_by_name():
    with pytest.raises(ValueError, match=r'(?s)incompatible with layer "towers".*\(None, 3\)'):
        two_towers()([Input((4,)), Input((3,))])


def test_the_shape_of_outputs_follows_from_that_of_inputs():
    assert two_towers().compute_output_shape([(7, 3), (7, 3)]) == (7, 2)
    x = Input((None, 3))
    assert Model(x, GRU(2, return_sequences=True)(x)).compute_output_shape((2, 5, 3)) == (2, 5, 2)


def test_masks_pass_through_a_nested_model():
    x = Input((4,))
    inner = Model(x, Embedding(5, 3, mask_zero=True)(x))
    z = Input((4,))
    y = inner(z)
    assert y._keras_history[0].get_output_mask_at(1) is not None
    assert K.int_shape(LSTM(2)(y)) == (None, 2)


def test_losses_and_updates_of_a_nested_model_are_those_for_its_inputs():
    x = Input((3,))
    inner = Model(x, BatchNormalization()(Dense(2, kernel_regularizer="l2", activity_regularizer="l1")(x)))
    z = Input((3,))
    outer = Model(z, inner(z))
    assert len(inner.losses) == len(outer.losses) == 2
    assert len(inner.updates) == len(outer.updates) == 2
    assert not set(map(id, inner.updates)) & set(map(id, outer.updates))
    inner.trainable = False
    assert outer.updates == []
    assert outer.trainable_weights == []
    assert len(outer.losses) == 2


def test_states_of_a_nested_stateful_layer_carry_over(backend):
    x = Input(batch_shape=(2, 3, 1))
    inner = Model(x, GRU(2, stateful=True)(x))
    z = Input(batch_shape=(2, 3, 1))
    outer = Model(z, inner(z))
    assert outer.stateful
    assert len(outer.state_updates) == 1
    data = np.ones((2, 3, 1))
    first, second = outer.predict_on_batch(data), outer.predict_on_batch(data)
    outer.reset_states()
    assert not np.allclose(first, second)
    np.testing.assert_allclose(outer.predict_on_batch(data), first, rtol=1e-6)


def test_a_model_cut_open_in_the_middle_runs_from_there(backend):
    x = Input((3,))
    first, second = Dense(4, name="first"), Dense(2, name="second")
    middle = first(x)
    model = Model(x, second(middle))
    model.inputs, model._input_layers, model._layers = [middle], [first], [first, second]
    z = Input((4,))
    tail = Model(z, model(z))
    data = np.random.randn(5, 4).astype("float32")
    kernel, bias = second.get_weights()
    np.testing.assert_allclose(tail.predict(data), data @ kernel + bias, rtol=1e-4, atol=1e-6)


# Layers by name, weights, phase


def test_get_layer_by_name_and_index():
    model = two_towers()
    assert model.get_layer("shared") is model.get_layer(index=2)
    with pytest.raises(ValueError, match="no layer 'x'"):
        model.get_layer("x")
    with pytest.raises(ValueError, match="none at index 9"):
        model.get_layer(index=9)


def test_weights_are_listed_layer_by_layer_when_read():
    x = Input((3,))
    model = Model(x, Dense(1)(BatchNormalization()(x)))
    assert [w.shape for w in model.get_weights()] == [(3,)] * 4 + [(3, 1), (1,)]
    assert [K.int_shape(w) for w in model.weights] == [(3,), (3,), (3, 1), (1,), (3,), (3,)]
    model.set_weights([w + 1 for w in model.get_weights()])


def test_the_learning_phase_is_used_where_a_layer_does():
    assert Sequential([Dropout(0.5, input_shape=(2,))]).uses_learning_phase
    assert not Sequential([Dense(2, input_shape=(2,))]).uses_learning_phase


# Configs


def test_configs_of_shared_and_nested_models_come_back(backend):
    inner = two_towers()
    x = Input((3,), name="x")
    model = Model(x, Dense(1, name="last")(inner([x, x])), name="whole")
    text = model.to_json()
    again = model_from_json(text)
    assert again.to_json() == text
    assert json.loads(text)["config"] == json.loads(json.dumps(model.get_config()))
    again.set_weights(model.get_weights())
    data = np.random.randn(4, 3).astype("float32")
    np.testing.assert_allclose(again.predict(data), model.predict(data), rtol=1e-5)


def test_the_first_call_of_a_nested_model_has_index_1_in_configs():
    inner = two_towers()
    x = Input((3,), name="x")
    config = Model(x, inner([x, x])).get_config()
    assert config["output_layers"] == [["towers", 1, 0]]
    assert config["layers"][1]["inbound_nodes"] == [[["x", 0, 0, {}], ["x", 0, 0, {}]]]


def test_a_config_that_is_not_complete_says_what_is_missing():
    config = two_towers().get_config()
    config["layers"] = [layer for layer in config["layers"] if layer["name"] != "shared"]
    with pytest.raises(ValueError, match="names the layer 'shared'"):
        Model.from_config(config)
    config = two_towers().get_config()
    config["layers"][3]["inbound_nodes"][0][0][1] = 7
    with pytest.raises(ValueError, match=r"never made.*joined"):
        Model.from_config(config)


def test_older_names_of_attributes_are_known_and_can_be_set():
    model = two_towers()
    assert model.input_layers is model._input_layers
    assert model.input_layers == model.layers[:2]
    assert model.output_layers == [model.get_layer("out")]
    assert model.layers_by_depth == model._layers_by_depth
    assert model.nodes_by_depth == model._nodes_by_depth
    assert model.container_nodes == model._network_nodes
    model.input_layers = [model.get_layer("shared")]
    assert model._input_layers == [model.get_layer("shared")]
    layer = model.get_layer("joined")
    layer.outbound_nodes = []
    assert layer._outbound_nodes == []


def test_the_graph_runs_on_other_tensors_and_gives_tensors_masks_and_shapes(backend):
    x, z = Input((3,)), Input((4,), dtype="int32")
    model = Model([x, z], [Dense(2)(x), Embedding(5, 3, mask_zero=True)(z)])
    inputs = [Input((3,)), Input((4,), dtype="int32")]
    tensors, masks, shapes = model.run_internal_graph(inputs)
    assert shapes == [(None, 2), (None, 4, 3)]
    assert masks[0] is None
    data = np.ones((1, 3)), np.array([[0, 1, 2, 0]])
    found = K.function(inputs, [*tensors, masks[1]])(data)
    np.testing.assert_allclose(found[0], model.predict(list(data))[0], rtol=1e-5)
    assert found[2].tolist() == [[False, True, True, False]]
    with pytest.raises(ValueError, match="has 2 inputs; it was called on 1"):
        model.run_internal_graph(inputs[:1])


def test_state_updates_are_those_of_stateful_layers():
    x = Input(batch_shape=(2, 3, 1))
    model = Model(x, BatchNormalization()(GRU(2, stateful=True)(x)))
    assert len(model.state_updates) == 1
    assert len(model.updates) == 3
    assert two_towers().state_updates == []


def test_container_and_network_are_one():
    assert Container is Network
    assert issubclass(Model, Container)


def test_arguments_that_are_no_graph_are_refused():
    with pytest.raises(TypeError, match=r"Model\(inputs, outputs"):
        Model(Input((2,)), layers=3)
