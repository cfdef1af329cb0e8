"""Models: the classes, and functions that load, save, copy, split and read them from configs."""

from .engine.container import Container
from .engine.input_layer import Input, InputLayer
from .engine.saving import load_model, model_from_config, model_from_json, model_from_yaml, save_model
from .engine.sequential import Sequential
from .engine.training import Model
from .utils.generic_utils import has_arg, to_list, unpack_singleton

__all__ = ["Input", "InputLayer", "Model", "Sequential", "clone_model", "has_arg", "load_model", "model_from_config",
           "model_from_json", "model_from_yaml", "save_model", "split", "to_list"]  # fmt: skip


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
