"""The walk from the outputs of a model back to its inputs: which nodes belong to it, and in which order they run."""

from collections import Counter

from .config import who
from .input_layer import InputLayer
from .node import maker_of


class GraphMap:
    """The nodes and layers between `inputs` and `outputs`, lists of tensors that layers made.

    nodes_by_depth, layers_by_depth: dicts of depth -> list; depth 0 is that of the outputs, and a node is deeper than
    all that use what it makes. nodes, layers: lists, the deepest first.
    Raises RuntimeError when the graph has a cycle, ValueError when an output needs a tensor that is neither among the
    inputs nor made from them, or when two layers share a name.
    """

    def __init__(self, inputs, outputs):
        self._order, self._rank, self._walked = [], {}, {}
        for tensor in outputs:
            self._walk(tensor)
        self._add_unused(inputs)
        self._find_depths()
        self._check_connected(inputs)
        self._check_names()
        self._node_ids = {id(node) for node in self.nodes}

    def __contains__(self, node):
        return id(node) in self._node_ids

    def computable(self, known):
        """Generator: the nodes whose inputs are in `known`, a table by id that grows meanwhile, and not all outputs."""
        for node in self.nodes:
            if all(id(x) in known for x in node.input_tensors) and not all(id(y) in known for y in node.output_tensors):
                yield node

    def _walk(self, tensor):
        """Depth first, without recursion: producers enter `_order` before what uses them."""
        stack = [(tensor, maker_of(tensor))]
        while stack:
            tensor, node = stack.pop()
            if tensor is None:  # what the node needs has been walked
                self._walked[id(node)] = True
                self._order.append(node)
            elif id(node) not in self._walked:
                self._walked[id(node)] = False
                self._rank.setdefault(node.outbound_layer, len(self._rank))
                stack.append((None, node))
                # A source has tensors, but no layers that made them.
                made = zip(node.input_tensors, node.inbound_layers, node.node_indices, strict=False)
                stack += [(t, layer._inbound_nodes[i]) for t, layer, i in made if layer is not None][::-1]
            elif not self._walked[id(node)]:
                name = node.outbound_layer.name
                raise RuntimeError(f"The tensor {tensor.name!r}, made by layer {name!r}, is part of a cycle.")

    def _add_unused(self, inputs):
        """Inputs that no output needs belong to the model all the same: they are fed."""
        for tensor in inputs:
            node = maker_of(tensor)
            if id(node) not in self._walked:
                self._rank.setdefault(node.outbound_layer, len(self._rank))
                self._order.insert(0, node)

    def _find_depths(self):
        depth_of, layer_depths = {}, {}
        for node in reversed(self._order):
            depth = max(depth_of.get(node, 0), layer_depths.get(node.outbound_layer, 0))
            depth_of[node] = layer_depths[node.outbound_layer] = depth
            for producer in node.inbound_nodes():
                depth_of[producer] = max(depth + 1, depth_of.get(producer, 0))
        self.nodes = sorted(depth_of, key=depth_of.get, reverse=True)
        self.layers = sorted(layer_depths, key=lambda layer: (-layer_depths[layer], self._rank[layer]))
        self.nodes_by_depth = _by_depth(self.nodes, depth_of)
        self.layers_by_depth = _by_depth(self.layers, layer_depths)

    def _check_connected(self, inputs):
        known, fine = {id(tensor) for tensor in inputs}, []
        for node in self.nodes:
            layer = node.outbound_layer
            for tensor in node.input_tensors:
                if id(tensor) not in known:
                    raise ValueError(_disconnected(tensor, layer, fine))
            known.update(id(tensor) for tensor in node.output_tensors)
            fine.append(layer.name)

    def _check_names(self):
        for name, count in Counter(layer.name for layer in self.layers).items():
            if count > 1:
                raise ValueError(f"The name {name!r} is used {count} times in the model. Layers of a model need names "
                                 "of their own.")  # fmt: skip


def _by_depth(items, depths):
    table = {}
    for item in items:
        table.setdefault(depths[item], []).append(item)
    return table


def _disconnected(tensor, layer, fine):
    shown = fine if len(fine) <= 20 else ["...", *fine[-20:]]
    text = (f"Graph disconnected: the value of tensor {tensor.name!r} at {who(layer)} cannot be had from the "
            f"inputs of the model. Layers reached without trouble: {shown}.")  # fmt: skip
    if isinstance(layer, InputLayer):
        return text + f" The outputs need the input {layer.name!r}; add it to the inputs."
    if not hasattr(tensor, "_keras_history"):
        return text + " No layer made this tensor: put the operation that did into a Lambda layer."
    return text + " To begin a model at a tensor in the middle of another one, use minikeras.models.split."
