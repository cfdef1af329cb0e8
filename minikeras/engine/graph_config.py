"""The form that the calls of a graph of layers have in configs, and the way back."""

import json
import warnings

from ..utils.generic_utils import unpack_singleton
from .input_layer import InputLayer
from .saving_configs import json_form
from .sharing import KEY, making


def graph_of(config, custom_objects):
    """(inputs, outputs), lists of tensors, of the layers that a config describes, called as it says."""
    from ..layers import deserialize

    layers, pending = {}, []
    with making():
        for data in config["layers"]:
            kept = {key: data[key] for key in ("class_name", "config", "graph", KEY) if key in data}
            layers[data["name"]] = called = _Called(deserialize(kept, custom_objects))
            pending.append((called, list(data["inbound_nodes"])))
    while any(calls for _, calls in pending):
        if not sum([_replay(called, calls, layers) for called, calls in pending]):
            stuck = {called.layer.name: calls[0] for called, calls in pending if calls}
            raise ValueError(f"The config of model {config.get('name')!r} is not complete: what these layers are "
                             f"called on is never made: {stuck}.")  # fmt: skip
    inputs, outputs = ([_tensor_at(layers, place) for place in _places(config[key])]
                       for key in ("input_layers", "output_layers"))  # fmt: skip
    return inputs, outputs


class _Called:
    """A layer and, in `nodes`, its calls in this graph, in order.

    A layer that another model has, too, may have been called before: calls on the same tensors are the same ones.
    """

    def __init__(self, layer):
        from .container import Container

        self.layer, self.before = layer, list(layer._inbound_nodes)
        self.nodes = self.before[:1] if isinstance(layer, InputLayer) else []
        if isinstance(layer, Container):  # it has a node of its own, or will have when it is called
            self.nodes, self.before = [None], self.before[1:]

    def call(self, tensors, arguments):
        same = (n for n in self.before if not arguments and [*map(id, n.input_tensors)] == [*map(id, tensors)])
        node = next(same, None)
        if node is None:
            self.layer(unpack_singleton(tensors), **arguments)
            node = self.layer._inbound_nodes[-1]
        self.before = [other for other in self.before if other is not node]
        self.nodes.append(node)


def node_config(node, places):
    """[[layer name, place of its node, tensor index, arguments], ...], one item an input."""
    arguments = node.arguments or {}
    try:
        json.dumps(arguments, default=json_form)
    except TypeError:
        warnings.warn(f"Layer {node.outbound_layer.name!r} was called with arguments that no config can hold: "
                      f"{arguments}. They are left out.", stacklevel=4)  # fmt: skip
        arguments = {}
    makers = zip(node.inbound_layers, node.node_indices, node.tensor_indices, strict=True)
    return [[layer.name, places[id(layer._inbound_nodes[index])], tensor_index, arguments]
            for layer, index, tensor_index in makers]  # fmt: skip


def _replay(called, calls, layers):
    """Make the calls in the list whose inputs are there, and take them off; returns how many."""
    made = 0
    while calls:
        tensors = [_tensor_at(layers, place) for place in _places(calls[0])]
        if any(t is None for t in tensors):
            break
        place = _places(calls[0])[-1]
        arguments = dict(place[3]) if len(place) > 3 else {}
        # tf.keras names tensors among the arguments by their places.
        further = {key: _tensor_at(layers, value) for key, value in arguments.items() if _is_place(value, layers)}
        if None in further.values():
            break
        calls.pop(0)
        called.call(tensors, {**arguments, **further})
        made += 1
    return made


def _places(data):
    """A list of [layer name, node, tensor, ...]; configs of a single one may leave the outer list out."""
    return [data] if data and isinstance(data[0], str) else data


def _is_place(value, layers):
    return isinstance(value, list) and len(value) == 3 and isinstance(value[0], str) and value[0] in layers


def _tensor_at(layers, place):
    name, node_index, tensor_index = place[:3]
    if name not in layers:
        raise ValueError(f"The config names the layer {name!r}, which it does not contain; it has {list(layers)}.")
    if min(node_index, tensor_index) < 0:
        raise ValueError(f"The config names call {node_index}, output {tensor_index} of layer {name!r}; both count "
                         "from 0.")  # fmt: skip
    nodes = layers[name].nodes
    if nodes[:1] == [None] and node_index == 0:
        node_index = 1                 # tf.keras does not count a node of their own for all containers
    node = nodes[node_index] if node_index < len(nodes) else None
    return None if node is None else node.output_tensors[tensor_index]
