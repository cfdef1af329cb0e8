"""The summary of a model, counts of parameters, and conversions of kernels between data formats."""
import itertools

import numpy as np

from .. import backend as K
from .conv_utils import convert_kernel
from .generic_utils import one_of, to_list


def count_params(weights):
    """Number of scalars in a list of variables; one that occurs twice counts once."""
    return int(sum(K.count_params(w) for w in {id(w): w for w in weights}.values()))


def print_summary(model, line_length=None, positions=None, print_fn=None):
    """Print a table of the model's layers, their output shapes and numbers of parameters.

    line_length: in characters; by default as long as the names need. positions: where the columns end, as fractions of
    the line or absolutely. print_fn: called with each line; print by default.
    """
    print_fn = print_fn or print
    in_a_row = _is_in_a_row(model)
    relevant = None if in_a_row else nodes_of(model)
    table = [_cells(layer, relevant) for layer in model.layers]
    header = [["Layer (type)"], ["Output Shape"], ["Param #"], ["Connected to"]][: 3 if in_a_row else 4]
    fixed = line_length or positions
    line_length = line_length or (65 if in_a_row else 98)
    positions = positions or ([0.45, 0.85, 1.0] if in_a_row else [0.33, 0.55, 0.67, 1.0])
    if positions[-1] <= 1:
        positions = [int(line_length * p) for p in positions]
    if not fixed:
        positions = _wide_enough(positions, [header, *table])
        line_length = positions[-1]

    def show(cells):
        for fields in itertools.zip_longest(*cells, fillvalue=""):
            line = ""
            for field, position in zip(fields, positions, strict=False):
                line = (line + field)[: position - 1].ljust(position)
            print_fn(line.rstrip())

    print_fn(f'Model: "{model.name}"')
    print_fn("_" * line_length)
    show(header)
    print_fn("=" * line_length)
    for i, cells in enumerate(table):
        show(cells)
        print_fn(("=" if i == len(table) - 1 else "_") * line_length)
    _print_totals(model, print_fn)
    print_fn("_" * line_length)


def _wide_enough(positions, table):
    """The ends of the columns, moved to the right as far as the longest field of each asks for."""
    ends, start = [], 0
    for column, (end, before) in enumerate(zip(positions, [0, *positions], strict=False)):
        longest = max(len(line) for cells in table for line in cells[column])
        start += max(end - before, longest + 2)
        ends.append(start)
    return ends


def _print_totals(model, print_fn):
    if hasattr(model, "_check_trainable_weights_consistency"):
        model._check_trainable_weights_consistency()
    total = count_params(model.weights)
    trainable = count_params(getattr(model, "_collected_trainable_weights", model.trainable_weights))
    print_fn(f"Total params: {total:,}")
    print_fn(f"Trainable params: {trainable:,}")
    print_fn(f"Non-trainable params: {total - trainable:,}")


def nodes_of(model):
    """The nodes of a model's graph: {id: node}."""
    return {id(node): node for nodes in getattr(model, "_nodes_by_depth", {}).values() for node in nodes}


def shape_shown(layer, which="output_shape"):
    """The `input_shape` or `output_shape` of a layer, for a table or a drawing."""
    try:
        return getattr(layer, which)
    except (AttributeError, RuntimeError):
        return "multiple"


def _is_in_a_row(model):
    """Whether each layer has one input and one consumer, so that a column of connections would say nothing."""
    if type(model).__name__ == "Sequential" or not model._is_graph_network:
        return True
    nodes = nodes_of(model).values()
    layers = {id(node.outbound_layer) for node in nodes}
    one_each = len(nodes) == len(layers) == len(model._nodes_by_depth)
    return one_each and all(len(node.inbound_layers) <= 1 for node in nodes)


def _cells(layer, relevant):
    """The fields of a layer, each a list of lines: name, shape of each output, parameters, what it is connected to."""
    cells = [[f"{layer.name} ({type(layer).__name__})"], [str(shape) for shape in to_list(shape_shown(layer))],
             [str(layer.count_params() if layer.built else 0)]]  # fmt: skip
    if relevant is not None:
        cells.append([f"{source.name}[{node_index}][{tensor_index}]"
                      for node in layer._inbound_nodes if id(node) in relevant
                      for source, node_index, tensor_index in _sources(node)])  # fmt: skip
    return cells


def _sources(node):
    """(layer, node index, tensor index) of each input of a node."""
    return zip(node.inbound_layers, node.node_indices, node.tensor_indices, strict=True)


def get_source_inputs(tensor, layer=None, node_index=None):
    """The input tensors from which `tensor` is computed, in order of first use.

    layer, node_index: where the tensor comes from, when that is not what its `_keras_history` says.
    """
    if layer is None or node_index:
        layer, node_index, _ = getattr(tensor, "_keras_history", (None, None, None))
    if layer is None or not layer._inbound_nodes:
        return [tensor]
    sources, seen = [], set()
    pending = [(tensor, layer._inbound_nodes[node_index])]
    while pending:
        tensor, node = pending.pop()
        if not node.inbound_layers:
            new = [t for t in node.input_tensors if all(t is not s for s in sources)]
            sources.extend(new)
        elif id(node) not in seen:
            seen.add(id(node))
            parents = [layer._inbound_nodes[index] for layer, index, _ in _sources(node)]
            pending.extend(reversed(list(zip(node.input_tensors, parents, strict=True))))
    return sources


def convert_all_kernels_in_model(model):
    """Turn the kernels of all convolutions of a model round: for weights trained by true convolution (Theano)."""
    for layer in model.layers:
        if type(layer).__name__ in ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose"):
            K.set_value(layer.kernel, convert_kernel(K.get_value(layer.kernel)))


def convert_dense_weights_data_format(dense, previous_feature_map_shape, target_data_format="channels_first"):
    """Reorder the rows of a Dense layer that follows a Flatten, when the data format before it changes.

    previous_feature_map_shape: without the batch, in the *target* format. target_data_format: that of the new data.
    Raises ValueError for another data format.
    """
    name = "convert_dense_weights_data_format: target_data_format"
    one_of(name, target_data_format, ("channels_first", "channels_last"))
    kernel, *bias = dense.get_weights()
    shape = tuple(previous_feature_map_shape)
    rows = np.arange(kernel.shape[0])
    if target_data_format == "channels_first":
        old = np.moveaxis(rows.reshape(*shape[1:], shape[0]), -1, 0)
    else:
        old = np.moveaxis(rows.reshape(shape[-1], *shape[:-1]), 0, -1)
    dense.set_weights([kernel[old.ravel()], *bias])
