"""Container (alias Network): a graph of layers that is a layer itself."""

import json

from .. import backend as K
from ..legacy import interfaces
from ..utils.generic_utils import has_arg, object_list_uid, to_list, unpack_singleton
from . import saving
from .base_layer import Layer, assign_weights, padded, running, unique
from .config import who
from .graph_config import graph_of, node_config
from .graph_map import GraphMap
from .input_spec import InputSpec
from .node import Node, mask_of
from .saving_configs import json_form, yaml_module
from .saving_weights import KERAS_VERSION
from .sharing import entry, whole_config
from .uses import alias


class Container(Layer):
    """A graph of layers, from `inputs` to `outputs`; or, by subclassing, layers in attributes and a method `call`.

    Container(inputs, outputs, name=None): tensors or lists of them; the inputs come from Input(...).

    inputs, outputs: lists of tensors. layers: list of layers. Calling a container on other tensors applies its layers
    again, with the same weights. `inputs`, `_input_layers` and `_layers` may be overwritten with tensors and layers
    from the middle of the graph; a call then starts there.
    """

    @interfaces.legacy_model_constructor_support
    def __init__(self, *args, **kwargs):
        inputs, outputs, name = _graph_arguments(args, kwargs)
        if inputs is None:
            self._base_init(**kwargs)
            self._is_graph_network = False
        else:
            self._tracks = False
            self._base_init(name)
            self._set_graph(inputs, outputs)
            self._layers = list(self._graph.layers)

    def _base_init(self, name=None, trainable=True):
        self._init_state(name, trainable)
        self.dtype = None
        self._is_compiled, self._map = False, None
        self._output_cache = {}
        self.inputs = self.outputs = None

    def _set_graph(self, inputs, outputs):
        """Take on inputs and outputs. The walk over the graph is put off until someone asks for it."""
        inputs, outputs = (list(to_list(t, allow_tuple=True)) for t in (inputs, outputs))
        _check_ends(self.name, inputs, outputs)
        self._is_graph_network, self.built, self._map = True, True, None
        self._output_cache = {}
        self.inputs, self.outputs = inputs, outputs
        self._input_coordinates = [t._keras_history for t in inputs]
        self._output_coordinates = [t._keras_history for t in outputs]
        self._input_layers = [layer for layer, _, _ in self._input_coordinates]
        self._output_layers = [layer for layer, _, _ in self._output_coordinates]
        self._set_names([layer.name for layer in self._input_layers], [layer.name for layer in self._output_layers],
                        [getattr(layer, "is_placeholder", True) for layer in self._input_layers])  # fmt: skip
        self._inbound_nodes = []
        Node.source(self, inputs, outputs, [mask_of(t) for t in outputs])

    def _set_names(self, input_names, output_names, fed=None):
        """Names of inputs and outputs, and what of the inputs is fed (some may be made of given tensors)."""
        fed = fed or [True] * len(input_names)
        self.input_names, self.output_names = input_names, output_names
        kept = [(t, name) for t, name, is_fed in zip(self.inputs, input_names, fed, strict=True) if is_fed]
        self._feed_inputs, self._feed_input_names = [t for t, _ in kept], [name for _, name in kept]
        self._feed_input_shapes = [K.int_shape(t) for t in self._feed_inputs]

    # The graph

    @property
    def _graph(self):
        if self._map is None:
            self._map = GraphMap(*self._walked_ends())
        return self._map

    def _walked_ends(self):
        node = self._inbound_nodes[0]
        return node.input_tensors, node.output_tensors

    _nodes_by_depth = property(lambda self: self._graph.nodes_by_depth)
    _layers_by_depth = property(lambda self: self._graph.layers_by_depth)

    @property
    def _network_nodes(self):
        """Keys '<layer>_ib-<index>' of the nodes that belong to the graph."""
        return {f"{layer.name}_ib-{index}" for layer in self._graph.layers
                for index, node in enumerate(layer._inbound_nodes) if node in self._graph}  # fmt: skip

    _container_nodes = _network_nodes

    @property
    def layers(self):
        """The layers, in the order of the computation."""
        return self._layers

    def get_layer(self, name=None, index=None):
        """The layer with this name, or, if an index is given, at this place in `layers`. Raises ValueError."""
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(f"Model {self.name!r} has {len(self.layers)} layers, but none at index {index}.")
            return self.layers[index]
        if name is None:
            raise ValueError("get_layer: give a name or an index.")
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"Model {self.name!r} has no layer {name!r}; it has {[layer.name for layer in self.layers]}.")

    def _has_part(self, layer):
        return self._is_graph_network or super()._has_part(layer)

    def call(self, inputs, mask=None):
        """Apply the graph to other tensors: its outputs for them."""
        outputs, _, _ = self._run_cached(inputs, mask)
        return unpack_singleton(outputs)

    def compute_mask(self, inputs, mask=None):
        """The mask(s) of the outputs for these inputs and masks."""
        if not self._is_graph_network:
            return None
        _, masks, _ = self._run_cached(inputs, mask)
        return unpack_singleton(masks)

    def _run_cached(self, inputs, mask):
        if not self._is_graph_network:
            raise NotImplementedError(f"{who(self)}: a subclass of Model defines `call`.")
        inputs = to_list(inputs, allow_tuple=True)
        masks = [None] * len(inputs) if mask is None else to_list(mask, allow_tuple=True)
        key = object_list_uid(inputs) + "_" + object_list_uid(masks)
        if key not in self._output_cache:
            # The tensors are kept with the result, so that no other object can come to have their ids.
            self._output_cache[key] = (inputs, masks, self.run_internal_graph(inputs, masks))
        return self._output_cache[key][2]

    def run_internal_graph(self, inputs, masks=None):
        """Apply the layers to other tensors, as far as their inputs are known.

        inputs: list of tensors, in place of `self.inputs`. masks: list of tensors or None. Returns three lists, one
        item an output: tensors, masks, shapes. Raises ValueError when an output cannot be had from the inputs.
        """
        masks = [None] * len(inputs) if masks is None else masks
        if len(inputs) != len(self.inputs):
            raise ValueError(f"{who(self)} has {len(self.inputs)} inputs; it was called on {len(inputs)}.")
        known = {id(x): (y, mask) for x, y, mask in zip(self.inputs, inputs, masks, strict=True)}
        with running(self, inputs):
            for node in self._graph.computable(known):
                known.update(zip(map(id, node.output_tensors), _applied(node, known), strict=True))
        missing = [t.name for t in self.outputs if id(t) not in known]
        if missing:
            raise ValueError(f"Model {self.name!r}: the outputs {missing} cannot be had from the inputs "
                             f"{[t.name for t in self.inputs]}.")  # fmt: skip
        found = [known[id(t)] for t in self.outputs]
        return [t for t, _ in found], [mask for _, mask in found], [K.int_shape(t) for t, _ in found]

    def compute_output_shape(self, input_shape):
        """Shape(s) of the outputs, with the batch. input_shape: tuple, or a list of them, one an input."""
        if not self._is_graph_network:
            if type(self).call is Container.call or self.outputs is None:
                raise NotImplementedError(f"{who(self)}: define compute_output_shape.")
            return unpack_singleton([K.int_shape(t) for t in self.outputs])
        shapes = dict(zip(map(id, self.inputs), to_list(input_shape), strict=True))
        for node in self._graph.computable(shapes):
            given = unpack_singleton([shapes[id(x)] for x in node.input_tensors])
            made = to_list(node.outbound_layer.compute_output_shape(given))
            shapes.update(zip(map(id, node.output_tensors), made, strict=True))
        return unpack_singleton([shapes[id(t)] for t in self.outputs])

    # What layers know, of all layers

    @property
    def input_spec(self):
        """InputSpec of each input: its shape, but for the size of the batch where that varies."""
        if not self._is_graph_network or not self.inputs:
            return None
        return unpack_singleton([InputSpec(shape=K.int_shape(t)) for t in self.inputs])

    @property
    def stateful(self):
        """Whether a layer keeps states from one batch to the next."""
        return any(getattr(layer, "stateful", False) for layer in self._layers)

    @property
    def uses_learning_phase(self):
        """Whether the outputs differ between training and test."""
        return any(t._uses_learning_phase for t in self.outputs)

    def reset_states(self):
        """Set the states of all stateful layers back."""
        for layer in self.layers:
            if getattr(layer, "stateful", False) and hasattr(layer, "reset_states"):
                layer.reset_states()

    def _items_for(self, per_input, method, inputs):
        own = [item for layer, given in self._own_calls(inputs) for item in getattr(layer, method)(given)]
        return unique(super()._items_for(per_input, method, inputs) + own)

    def _own_calls(self, inputs):
        """(layer, inputs) of each node of the graph, if these are the inputs it was made with."""
        if inputs is None or not self._is_graph_network or not self.inputs:
            return []
        if object_list_uid(inputs) != object_list_uid(self._walked_ends()[0]):
            return []
        return [(node.outbound_layer, node.input_tensors) for node in self._graph.nodes]

    @property
    def losses(self):
        """The losses that layers add, given the model's own inputs, and those given to `add_loss` of the model."""
        if not self.inputs:
            return super().losses
        return unique(self._losses + self.get_losses_for(self.inputs) + self.get_losses_for(None))

    @property
    def updates(self):
        """The updates of the layers, given the model's own inputs."""
        if not self.inputs:
            return super().updates
        own = self._updates if self.trainable else []
        return unique(own + self.get_updates_for(self.inputs) + self.get_updates_for(None))

    @property
    def state_updates(self):
        """The updates of the states of stateful layers, which happen at prediction too."""
        return self._state_updates_for(self.inputs) if self.inputs else []

    def get_weights(self):
        """The values of all weights, layer by layer: a list of arrays."""
        return K.batch_get_value(self._weights_by_layer())

    def set_weights(self, weights):
        """Set the values of all weights. weights: list of arrays, as `get_weights` gives it."""
        assign_weights(self, self._weights_by_layer(), weights)

    def _weights_by_layer(self):
        own = self._trainable_weights + self._non_trainable_weights
        return [*own, *(w for layer in self.layers for w in layer.weights)]

    def _of_single_call(self, attr, what):
        # A model is defined by its own inputs and outputs, however often it has been called on others.
        if self._is_graph_network and self.inputs:
            ends = {"input_tensors": self.inputs, "output_tensors": self.outputs}
            return unpack_singleton(ends.get(attr) or getattr(self._inbound_nodes[0], attr))
        return super()._of_single_call(attr, what)

    def _of_equal_calls(self, attr, what):
        if self.inputs:
            ends = self.inputs if attr == "input_shapes" else self.outputs
            return unpack_singleton([K.int_shape(t) for t in ends])
        return super()._of_equal_calls(attr, what)

    # Configs

    def get_config(self):
        """Name, layers with their configs and calls, inputs and outputs, in the form of Keras 2.

        Raises NotImplementedError for subclassed models: their graph is Python code.
        """
        if not self._is_graph_network:
            raise NotImplementedError(f"{who(self)}: the graph of a subclassed model is in its code, so it has "
                                      "no config. Save its weights.")  # fmt: skip
        return whole_config(self._described)

    def _described(self):
        places = {id(node): place for layer in self.layers for place, node in self._kept_nodes(layer)}
        layers = [entry(layer, name=layer.name) for layer in self.layers]

        def ends(coordinates):
            return [[layer.name, places[id(layer._inbound_nodes[node_index])], tensor_index]
                    for layer, node_index, tensor_index in coordinates]  # fmt: skip

        try:
            for found, layer in zip(layers, self.layers, strict=True):
                nodes = [node for _, node in self._kept_nodes(layer) if node.inbound_layers]
                found["inbound_nodes"] = [node_config(node, places) for node in nodes]
            return self._with_flag({"name": self.name, "layers": layers, "input_layers": ends(self._input_coordinates),
                                    "output_layers": ends(self._output_coordinates)})  # fmt: skip
        except KeyError as error:
            raise ValueError(f"Model {self.name!r} has no config, as what its layers are called on comes from layers "
                             "that are not in its list. A model that was cut open by overwriting its inputs and layers "
                             "can be called, not saved: use minikeras.models.split.") from error  # fmt: skip

    def _with_flag(self, config):
        """The config of a model that is not frozen as a whole is that of Keras, which forgets that it is."""
        return config if self.trainable else {**config, "trainable": False}

    def _kept_nodes(self, layer):
        """(place in the config, node) of the layer's nodes that belong to this graph.

        A container is made with a node of its own, so that the first call of one has place 1.
        """
        nodes = [node for node in layer._inbound_nodes if node in self._graph]
        return list(enumerate(nodes, start=1 if isinstance(layer, Container) else 0))

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The model that a config describes, with new weights.

        custom_objects: dict of name -> class or function that the config uses. Raises ValueError for a config that
        names a layer or a call that it does not contain.
        """
        inputs, outputs = graph_of(config, custom_objects)
        model = cls(inputs=inputs, outputs=outputs, name=config.get("name"))
        model.trainable = config.get("trainable", True)
        return model

    def _updated_config(self):
        return {"class_name": type(self).__name__, "config": self.get_config(), "keras_version": KERAS_VERSION,
                "backend": K.backend()}  # fmt: skip

    def to_json(self, **kwargs):
        """The config as JSON text, for `model_from_json`. kwargs: for json.dumps."""
        return json.dumps(self._updated_config(), default=json_form, **kwargs)

    def to_yaml(self, **kwargs):
        """The config as YAML text, for `model_from_yaml`; needs PyYAML. kwargs: for yaml.safe_dump."""
        return yaml_module().safe_dump(json.loads(self.to_json()), **kwargs)

    def summary(self, line_length=None, positions=None, print_fn=None):
        """Print a table of the layers. line_length, positions: of line and columns. print_fn: for each line."""
        from ..utils.layer_utils import print_summary

        if not self.built:
            raise ValueError(f"Model {self.name!r} has no weights yet. Call build(input_shape), or fit it on data, "
                             "first.")  # fmt: skip
        return print_summary(self, line_length=line_length, positions=positions, print_fn=print_fn)

    # Files

    def save(self, filepath, overwrite=True, include_optimizer=True):
        """Save architecture, weights and, if asked, the optimizer with its state, in one HDF5 file."""
        saving.save_model(self, filepath, overwrite, include_optimizer)

    def save_weights(self, filepath, overwrite=True):
        """Save the weights in an HDF5 file, or a file of safetensors if the name ends so.

        overwrite: False asks before it replaces a file.
        """
        saving.save_weights(self, filepath, overwrite)

    def load_weights(self, filepath, by_name=False, skip_mismatch=False, reshape=False, trusted=False):
        """Load weights that `save_weights` or `save` wrote.

        by_name: find the layers by their names instead of their order. skip_mismatch: leave out layers whose weights
        have other shapes (with by_name). reshape: let weights of as many numbers but another shape in. trusted: as for
        `load_model`.
        """
        saving.load_weights(self, filepath, by_name, skip_mismatch, reshape, trusted)

    def __getstate__(self):
        return saving.pickle_model(self)

    def __setstate__(self, state):
        self.__dict__ = saving.unpickle_model(state).__dict__


for _name in ("input_layers", "output_layers", "nodes_by_depth", "layers_by_depth", "container_nodes"):
    setattr(Container, _name, alias("_" + _name))  # as up to Keras 2.1

Network = Container


def _graph_arguments(args, kwargs):
    """(inputs, outputs, name) of a constructor that was given a graph; None for a subclass that was not."""
    names = dict(zip(("inputs", "outputs", "name"), args, strict=False)) | kwargs
    if "inputs" in names and "outputs" in names and set(names) <= {"inputs", "outputs", "name"}:
        return names["inputs"], names["outputs"], names.get("name")
    if args or set(kwargs) - {"name", "trainable"}:
        raise TypeError(f"A model is made as Model(inputs, outputs, name=None), or by a subclass with nothing but a "
                        f"name; got {len(args)} positional arguments and {sorted(kwargs)}.")  # fmt: skip
    return None, None, None


def _check_ends(name, inputs, outputs):
    for what, tensors in (("input", inputs), ("output", outputs)):
        if not tensors:
            raise ValueError(f"Model {name!r} needs at least one {what}.")
        for t in tensors:
            if not hasattr(t, "_keras_history"):
                raise ValueError(f"Model {name!r}: the {what} {t!r} is not the output of a layer. Inputs come from "
                                 "Input(...); an output that K functions made has to be put into a Lambda layer."
                                 )  # fmt: skip
    if len({id(t) for t in inputs}) != len(inputs):
        raise ValueError(f"Model {name!r}: an input occurs twice among {[t.name for t in inputs]}.")


def _applied(node, known):
    """Call the layer of a node on what is known in place of its inputs: (output, mask) of each output."""
    layer = node.outbound_layer
    tensors, masks = (list(part) for part in zip(*(known[id(x)] for x in node.input_tensors), strict=True))
    given, mask = unpack_singleton(tensors), unpack_singleton(masks)
    arguments = {key: _translated(value, known) for key, value in (node.arguments or {}).items()}
    if has_arg(layer.call, "mask"):
        arguments.setdefault("mask", mask)
    with K.name_scope(layer.name, owner=type(layer).__name__), running(layer, tensors):
        outputs = to_list(layer.call(given, **arguments), allow_tuple=True)
        output_masks = padded(layer.compute_mask(given, mask), outputs)
        layer._regularize_activity(tensors, outputs)
    shapes = layer._output_shapes(unpack_singleton([K.int_shape(x) for x in tensors]), outputs)
    for tensor, shape in zip(outputs, shapes, strict=True):
        tensor._keras_shape = shape
    return zip(outputs, output_masks, strict=True)


def _translated(value, known):
    """An argument of a call, with the tensors of the graph replaced by what is known in their place."""
    if isinstance(value, (list, tuple)):
        return type(value)([_translated(item, known) for item in value])
    return known[id(value)][0] if id(value) in known else value
