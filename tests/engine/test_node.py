"""Node: what it records of a call, and what a layer tells of its calls, one, several or none."""

import numpy as np
import pytest

from minikeras import backend as K
from minikeras.engine.base_layer import Node
from minikeras.layers import GRU, Add, Dense, Embedding, Input, Lambda, Layer, Masking
from minikeras.models import Model


def test_a_node_names_layers_tensors_shapes_and_masks_of_its_call():
    x = Input((4, 3), name="x")
    masked = Masking(name="masking")
    gru = GRU(2, return_sequences=True, name="gru")
    y = gru(masked(x))
    node = gru._inbound_nodes[0]
    assert isinstance(node, Node)
    assert node.outbound_layer is gru
    assert node.inbound_layers == [masked]
    assert (node.node_indices, node.tensor_indices) == ([0], [0])
    assert node.input_tensors == [masked.output]
    assert node.output_tensors == [y]
    assert node.input_masks == [masked.output_mask]
    assert node.output_masks == [masked.output_mask]
    assert (node.input_shapes, node.output_shapes) == ([(None, 4, 3)], [(None, 4, 2)])
    assert not node.arguments
    assert masked._outbound_nodes == masked.outbound_nodes == [node]
    assert node.get_config() == {"outbound_layer": "gru", "inbound_layers": ["masking"], "node_indices": [0],
                                 "tensor_indices": [0]}  # fmt: skip


def test_a_node_keeps_the_further_arguments_of_its_call():
    class Scaled(Layer):
        def call(self, inputs, scale=1.0):
            return inputs * scale

    layer = Scaled()
    x = Input((3,))
    model = Model(x, layer(x, scale=3.0))
    assert layer._inbound_nodes[0].arguments == {"scale": 3.0}
    again = Model.from_config(model.get_config(), custom_objects={"Scaled": Scaled})
    assert again.predict(np.ones((1, 3))).tolist() == [[3, 3, 3]]


def test_the_history_of_a_tensor_leads_to_its_place_in_a_node():
    class Both(Layer):
        def call(self, inputs):
            return [inputs + 1, inputs + 2]

    layer = Both()
    layer(Input((3,)))
    outputs = layer(Input((3,)))
    for index, tensor in enumerate(outputs):
        assert tensor._keras_history == (layer, 1, index)
        assert layer._inbound_nodes[1].output_tensors[index] is tensor


def test_an_input_has_a_node_that_nothing_leads_to():
    x = Input((3,), name="x")
    layer = x._keras_history[0]
    node = layer._inbound_nodes[0]
    assert node.inbound_layers == node.node_indices == node.tensor_indices == []
    assert node.input_tensors == node.output_tensors == [x]
    assert layer.input is layer.output is x
    assert layer.input_shape == layer.output_shape == (None, 3)


def test_each_call_can_be_asked_for_by_its_index():
    layer = Add()
    first = [Input((3,)), Input((3,))]
    second = [Input((4,)), Input((4,))]
    outputs = layer(first), layer(second)
    assert layer.get_input_at(0) == first
    assert layer.get_input_at(1) == second
    assert layer.get_output_at(1) is outputs[1]
    assert layer.get_input_shape_at(1) == [(None, 4), (None, 4)]
    assert layer.get_output_shape_at(0) == (None, 3)
    assert layer.get_input_mask_at(0) == [None, None]
    assert layer.get_output_mask_at(0) is None
    assert layer.get_output_at(-1) is outputs[1]
    assert layer._get_node_attribute_at_index(1, "output_tensors", "output") is outputs[1]


def test_masks_of_calls_can_be_asked_for():
    embedding = Embedding(5, 2, mask_zero=True)
    gru = GRU(2)
    gru(embedding(Input((4,))))
    assert K.dtype(embedding.output_mask) == "bool"
    assert embedding.get_output_mask_at(0) is embedding.output_mask is gru.get_input_mask_at(0)
    assert gru.input_mask is embedding.output_mask
    assert gru.output_mask is None


@pytest.mark.parametrize("what", ["input", "output", "input_mask", "output_mask", "input_shape", "output_shape"])
def test_a_layer_that_was_never_called_says_so(what):
    with pytest.raises(AttributeError, match=r'"head" \(Dense\) has never been called.*' + what.replace("_", " ")):
        getattr(Dense(2, name="head"), what)
    with pytest.raises(RuntimeError, match=r'"head" \(Dense\) has never been called'):
        getattr(Dense(2, name="head"), f"get_{what}_at")(0)


@pytest.mark.parametrize("what", ["input", "output", "input_mask", "output_mask", "input_shape", "output_shape"])
def test_a_layer_that_was_called_twice_says_how_to_ask(what):
    layer = Lambda(lambda t: t + 1, name="twice")
    layer(Input((3,)))
    layer(Input((4,)))
    with pytest.raises(AttributeError, match=f"called 2 times.*get_{what}_at"):
        getattr(layer, what)
    with pytest.raises(ValueError, match=f"called 2 times; there is no {what.replace('_', ' ')} at node 2"):
        getattr(layer, f"get_{what}_at")(2)


def test_shapes_that_all_calls_have_in_common_are_defined():
    layer = Dense(2)
    layer(Input((3,)))
    layer(Input((3,)))
    assert layer.input_shape == (None, 3)
    assert layer.output_shape == (None, 2)


def test_a_call_can_be_recorded_by_hand():
    x, layer = Input((3,)), Layer(name="by_hand")
    y = x * 2
    layer._add_inbound_node(x, y, None, None, (None, 3), (None, 3), arguments={"factor": 2})
    assert y._keras_history == (layer, 0, 0)
    assert layer.output is y
    assert layer.inbound_nodes[0].inbound_layers == [x._keras_history[0]]
    assert Model(x, y).predict(np.ones((1, 3))).shape == (1, 3)
