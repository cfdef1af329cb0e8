"""Node: one use of a layer, an edge bundle of the graph of layers."""


class Node:
    """Records that `outbound_layer` was called: on which tensors, made by whom, and with what result.

    inbound_layers, node_indices, tensor_indices: lists, one item an input tensor, such that
    input_tensors[i] is inbound_layers[i]._inbound_nodes[node_indices[i]].output_tensors[tensor_indices[i]].
    The three hold None for an input that no layer made. input_tensors, output_tensors: lists of tensors.
    input_masks, output_masks: lists of tensors or None. input_shapes, output_shapes: lists of tuples.
    arguments: dict of the further keyword arguments of the call.

    The node enters itself in `outbound_layer._inbound_nodes` and in the `_outbound_nodes` of the inbound layers.
    """

    def __init__(self, outbound_layer, inbound_layers, node_indices, tensor_indices, input_tensors, output_tensors,
                 input_masks, output_masks, input_shapes, output_shapes, arguments=None):  # fmt: skip
        self.outbound_layer = outbound_layer
        self.inbound_layers, self.node_indices, self.tensor_indices = inbound_layers, node_indices, tensor_indices
        self.input_tensors, self.output_tensors = input_tensors, output_tensors
        self.input_masks, self.output_masks = input_masks, output_masks
        self.input_shapes, self.output_shapes = input_shapes, output_shapes
        self.arguments = arguments
        for layer in inbound_layers:
            if layer is not None:
                layer._outbound_nodes.append(self)
        outbound_layer._inbound_nodes.append(self)

    @classmethod
    def source(cls, layer, inputs, outputs, output_masks):
        """The node that a layer has from its making, not from a call: nothing leads to its inputs."""
        shapes = [[t._keras_shape for t in tensors] for tensors in (inputs, outputs)]
        return cls(layer, [], [], [], list(inputs), list(outputs), [None] * len(inputs), output_masks, *shapes)

    def inbound_nodes(self):
        """The nodes that made the inputs, without those that no layer made."""
        return [layer._inbound_nodes[index] for layer, index in zip(self.inbound_layers, self.node_indices, strict=True)
                if layer is not None]  # fmt: skip

    def get_config(self):
        """Names and indices, for people: the layers by name, in place of the tensors."""
        names = [layer.name if layer is not None else None for layer in self.inbound_layers]
        return {"outbound_layer": self.outbound_layer.name, "inbound_layers": names, "node_indices": self.node_indices,
                "tensor_indices": self.tensor_indices}  # fmt: skip


def maker_of(tensor):
    """The node whose layer made a tensor."""
    layer, node_index, _ = tensor._keras_history
    return layer._inbound_nodes[node_index]


def mask_of(tensor):
    """The mask that the layer of a tensor gave it, or None."""
    return maker_of(tensor).output_masks[tensor._keras_history[2]] if hasattr(tensor, "_keras_history") else None
