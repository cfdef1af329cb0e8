"""Models: the classes, and functions that load, save, copy, split and read them from configs."""

import json
import math

from .engine.container import Container
from .engine.input_layer import Input, InputLayer
from .engine.saving import load_model, save_model
from .engine.saving_configs import current_config
from .engine.sequential import Sequential
from .engine.training import Model
from .utils.files import damages
from .utils.generic_utils import has_arg, to_list, unpack_singleton

__all__ = ["Input", "InputLayer", "Model", "Sequential", "clone_model", "has_arg", "load_model", "model_from_config",
           "model_from_json", "model_from_yaml", "save_model", "split", "to_list"]  # fmt: skip


def yaml_module():
    """PyYAML; ImportError, which says what to install, without it."""
    try:
        import yaml
    except ImportError as error:
        raise ImportError("YAML needs PyYAML: pip install 'minikeras-multibackend[yaml]'. Or use JSON.") from error
    return yaml


def model_from_config(config, custom_objects=None):
    """The model (or layer) of {"class_name", "config"}, with new weights.

    custom_objects: dict of name -> class or function that the config uses. Configs of Keras 1 and 2 and of tf.keras 2
    are read. Raises ValueError for unknown names.
    """
    from .layers import deserialize

    if not isinstance(config, dict):
        raise TypeError("model_from_config: expected a dict with the keys class_name and config, got a list. For the "
                        "config of a Sequential model use Sequential.from_config.")  # fmt: skip
    modern = current_config(config, config.get("keras_version"), custom_objects or ())
    return deserialize(modern, custom_objects=custom_objects)


def _model_from_text(what, parse, text, custom_objects):
    with damages(what):
        config = parse(text)
    # Errors of the caller's own classes are the caller's.
    with damages(what, Exception if custom_objects else (ImportError, ValueError)):
        return model_from_config(config, custom_objects)


def model_from_json(json_string, custom_objects=None):
    """The model of `model.to_json()`, with new weights. custom_objects: as in `model_from_config`."""
    return _model_from_text("The JSON text", json.loads, json_string, custom_objects)


def model_from_yaml(yaml_string, custom_objects=None):
    """The model of `model.to_yaml()`, with new weights. Only plain data are read: no Python objects. Needs PyYAML."""
    yaml = yaml_module()

    class Loader(yaml.SafeLoader):
        """Plain data, and the tuples that Keras wrote; no merging of dicts, which can double what is there."""

        def flatten_mapping(self, node):
            pass

    Loader.add_constructor("tag:yaml.org,2002:python/tuple", Loader.construct_yaml_seq)

    def parse(text):
        config = yaml.load(text, Loader)
        if _items(config, {}) > 1e6:
            raise ValueError("it refers to its own parts, which would grow without end")
        return config

    return _model_from_text("The YAML text", parse, yaml_string, custom_objects)


def _items(value, found):
    """How many items a value has in all, when what is shared counts each time; infinite, when it has itself in it."""
    if not isinstance(value, (dict, list)):
        return 1
    if id(value) not in found:
        found[id(value)] = math.inf
        found[id(value)] = 1 + sum(_items(v, found) for v in (value.values() if isinstance(value, dict) else value))
    return found[id(value)]


def clone_model(model, input_tensors=None):
    """A model with layers of the same configs and new weights. What nested models share, their copies share too.

    input_tensors: tensors to build it on, one an input; new Inputs by default. Raises ValueError for subclassed models.
    """
    tensors = None if input_tensors is None else to_list(input_tensors, allow_tuple=True)
    return _clone(model, tensors, {})


def _clone(model, tensors, copies):
    """A copy of the model, of the copies of its layers, which are in the dict `copies` or get in there."""
    if not isinstance(model, Container) or not model._is_graph_network:
        raise ValueError(f"clone_model: expected a Sequential model or a Model made of tensors, got {model!r}. What a "
                         "subclass's `call` does cannot be copied.")  # fmt: skip

    def copy_of(layer):
        if layer not in copies:
            nested = isinstance(layer, Container) and layer._is_graph_network
            copies[layer] = _clone(layer, None, copies) if nested else type(layer).from_config(layer.get_config())
        return copies[layer]

    if isinstance(model, Sequential):
        clone = _clone_sequential(model, tensors, copy_of)
    else:
        tensors = _inputs_like(model._inbound_nodes[0].input_tensors, model._input_layers, tensors)
        clone = Model(tensors, _applied_to(model, tensors, copy_of), name=model.name)
    clone.trainable = model.trainable
    return clone


def _clone_sequential(model, tensors, copy_of):
    clone = Sequential(name=model.name)
    if tensors is not None:
        if len(tensors) != 1:
            raise ValueError(f"clone_model: a Sequential model has one input; got {len(tensors)} input_tensors.")
        clone.add(_as_input(tensors[0], f"input_wrapper_for_{model.name}")._keras_history[0])
    elif isinstance(next(iter(model._layers), None), InputLayer):
        clone.add(InputLayer.from_config(model._layers[0].get_config()))
    for layer in model.layers:
        clone.add(copy_of(layer))
    if clone.outputs is None and model._build_input_shape:
        clone.build(model._build_input_shape)
    return clone


def _as_input(tensor, name):
    """The tensor, if an InputLayer made it, else an Input that stands for it."""
    made_by = getattr(tensor, "_keras_history", (None,))[0]
    return tensor if isinstance(made_by, InputLayer) else Input(tensor=tensor, name=name)


def _inputs_like(inputs, layers, tensors):
    if tensors is None:
        return [Input(batch_shape=layer.batch_input_shape, dtype=layer.dtype, sparse=layer.sparse, name=layer.name)
                for layer in layers]  # fmt: skip
    if len(tensors) != len(inputs):
        raise ValueError(f"clone_model: the model has {len(inputs)} inputs; got {len(tensors)} input_tensors.")
    return [_as_input(t, f"input_wrapper_for_{layer.name}") for t, layer in zip(tensors, layers, strict=True)]


def _applied_to(model, tensors, layer_for, inputs=None):
    """The outputs of the layers of a model, called anew, and recorded, on `tensors` in place of `inputs`."""
    inputs = model._inbound_nodes[0].input_tensors if inputs is None else inputs
    known = dict(zip(map(id, inputs), tensors, strict=True))
    for node in model._graph.computable(known):
        given = unpack_singleton([known[id(t)] for t in node.input_tensors])
        made = to_list(layer_for(node.outbound_layer)(given, **(node.arguments or {})))
        known.update(zip(map(id, node.output_tensors), made, strict=True))
    missing = [t.name for t in model.outputs if id(t) not in known]
    if missing:
        raise ValueError(f"Model {model.name!r}: the outputs {missing} cannot be had from the tensors "
                         f"{[t.name for t in inputs]} alone.")  # fmt: skip
    return [known[id(t)] for t in model.outputs]


def split(model, at):
    """Cut a model in two: (head, tail), such that tail(head(x)) is model(x). They share the layers of the model.

    at: where to cut: a layer of the model or its name, a tensor in the graph, or a list of them: their outputs are
    those of the head and the inputs of the tail. Raises ValueError when the outputs depend on more than what is cut.
    """
    cuts = [tensor for item in to_list(at, allow_tuple=True) for tensor in _outputs_in(model, item)]
    head = Model(model.inputs, cuts, name=f"{model.name}_head")
    starts = [Input(batch_shape=t._keras_shape, dtype=t.dtype) for t in cuts]
    tail = Model(starts, _applied_to(model, starts, lambda layer: layer, cuts), name=f"{model.name}_tail")
    return head, tail


def _outputs_in(model, item):
    """The tensors that a layer, given by itself or by name, makes in this model; or the tensor itself."""
    layer = model.get_layer(item) if isinstance(item, str) else item
    if not hasattr(layer, "_inbound_nodes"):
        return [item]
    tensors = [t for node in layer._inbound_nodes if node in model._graph for t in node.output_tensors]
    if not tensors:
        raise ValueError(f"split: layer {layer.name!r} is not in the graph of model {model.name!r}.")
    return tensors
