"""The form that the calls of a graph of layers have in configs, and the way back."""

import json
import warnings

from ..utils.generic_utils import unpack_singleton


def graph_of(config, custom_objects):
    """(inputs, outputs), lists of tensors, of the layers that a config describes, called as it says."""
    from ..layers import deserialize

    layers, pending = {}, []
    for data in config["layers"]:
        layer = deserialize({"class_name": data["class_name"], "config": data["config"]}, custom_objects)
        layers[data["name"]] = layer
        pending.append((layer, list(data["inbound_nodes"])))
    while any(calls for _, calls in pending):
        if not sum([_replay(layer, calls, layers) for layer, calls in pending]):
            stuck = {layer.name: calls[0] for layer, calls in pending if calls}
            raise ValueError(f"The config of model {config.get('name')!r} is not complete: what these layers are "
                             f"called on is never made: {stuck}.")  # fmt: skip
    inputs, outputs = (
        [_tensor_at(layers, place) for place in _places(config[key])] for key in ("input_layers", "output_layers")
    )
    return inputs, outputs


def node_config(node, places):
    """[[layer name, place of its node, tensor index, arguments], ...], one item an input."""
    arguments = node.arguments or {}
    try:
        json.dumps(arguments, default=json_form)
    except TypeError:
        warnings.warn(f"Layer {node.outbound_layer.name!r} was called with arguments that no config can hold: "
                      f"{arguments}. They are left out.", stacklevel=4)  # fmt: skip
        arguments = {}
    return [
        [layer.name, places[id(layer._inbound_nodes[index])], tensor_index, arguments]
        for layer, index, tensor_index in zip(node.inbound_layers, node.node_indices, node.tensor_indices, strict=True)
    ]


def _replay(layer, calls, layers):
    """Make the calls in the list whose inputs are there, and take them off; returns how many."""
    made = 0
    while calls:
        tensors = [_tensor_at(layers, place) for place in _places(calls[0])]
        if any(t is None for t in tensors):
            break
        place = _places(calls.pop(0))[-1]
        layer(unpack_singleton(tensors), **(place[3] if len(place) > 3 else {}))
        made += 1
    return made


def _places(data):
    """A list of [layer name, node, tensor, ...]; configs of a single one may leave the outer list out."""
    return [data] if data and isinstance(data[0], str) else data


def _tensor_at(layers, place):
    name, node_index, tensor_index = place[:3]
    if name not in layers:
        raise ValueError(f"The config names the layer {name!r}, which it does not contain; it has {list(layers)}.")
    if min(node_index, tensor_index) < 0:
        raise ValueError(
            f"The config names call {node_index}, output {tensor_index} of layer {name!r}; both count from 0."
        )
    nodes = layers[name]._inbound_nodes
    return nodes[node_index].output_tensors[tensor_index] if node_index < len(nodes) else None


def json_form(value):
    """JSON for what layers keep in configs: NumPy numbers and arrays, classes and functions by name."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "__name__"):
        return value.__name__
    raise TypeError(f"{value!r} cannot be put into JSON.")
