"""Drawings of models, by the package pydot and the program Graphviz."""
import os

from .layer_utils import nodes_of, shape_shown


def _import_pydot():
    for name in ("pydot", "pydotplus"):
        try:
            return __import__(name)
        except ImportError:
            continue
    raise ImportError("Drawing a model needs the package pydot (pip install pydot) and the program Graphviz.")


def is_model(layer):
    """Whether a layer is a model, made of layers itself."""
    from ..engine.training import Model
    return isinstance(layer, Model)


def is_wrapped_model(layer):
    """Whether a layer is a wrapper, such as TimeDistributed, around a model."""
    from ..layers.wrappers import Wrapper
    return isinstance(layer, Wrapper) and is_model(layer.layer)


def add_edge(dot, src, dst):
    """Add an edge to a drawing, unless it is there."""
    if not dot.get_edge(src, dst):
        dot.add_edge(_import_pydot().Edge(src, dst))


def model_to_dot(model, show_shapes=False, show_layer_names=True, rankdir="TB", expand_nested=False, dpi=96,
                 subgraph=False):
    """A model as a pydot graph, a node a layer.

    show_shapes: shapes of inputs and outputs. show_layer_names: names besides classes. rankdir: 'TB' downwards, 'LR' to
    the right. expand_nested: draw models inside the model as clusters. dpi: dots per inch. subgraph: for a cluster.
    Raises ImportError without pydot.
    """
    pydot = _import_pydot()
    if subgraph:
        dot = pydot.Cluster(graph_name=model.name, style="dashed", label=model.name)
    else:
        dot = pydot.Dot(rankdir=rankdir, concentrate="True", dpi=str(dpi))
        dot.set_node_defaults(shape="record")
    _build_sequential(model)
    for layer in model.layers:
        inner = _inner_model(layer)
        if expand_nested and inner is not None:
            dot.add_subgraph(model_to_dot(inner, show_shapes, show_layer_names, rankdir, True, dpi, subgraph=True))
        else:
            dot.add_node(pydot.Node(str(id(layer)), label=_label(layer, show_shapes, show_layer_names)))
    for source, target in _edges(model):
        add_edge(dot, _end(source, expand_nested, last=True), _end(target, expand_nested, last=False))
    return dot


def plot_model(model, to_file="model.png", show_shapes=False, show_layer_names=True, rankdir="TB", expand_nested=False,
               dpi=96):
    """Draw a model into a file of the kind that its ending says. Arguments as for model_to_dot.

    'dot' files, Graphviz's own texts, are written without Graphviz. Returns the picture for a notebook, when run in one
    and the file is no PDF or text. Raises OSError without Graphviz.
    """
    dot = model_to_dot(model, show_shapes, show_layer_names, rankdir, expand_nested, dpi)
    kind = os.path.splitext(to_file)[1][1:]
    target, kind = (to_file, kind) if kind else (f"{to_file}.png", "png")
    try:
        dot.write(target, format="raw" if kind == "dot" else kind)
    except FileNotFoundError as error:
        raise OSError(f"plot_model: the program dot of Graphviz is not there ({error}). Install Graphviz (apt install "
                      f"graphviz, brew install graphviz, graphviz.org), or draw into a file 'model.dot'.") from error
    if kind in ("pdf", "dot"):
        return None
    try:
        from IPython import display
    except ImportError:
        return None
    return display.Image(filename=target)


def _build_sequential(model):
    if type(model).__name__ == "Sequential" and not model.built:
        model.build()


def _inner_model(layer):
    return layer if is_model(layer) else layer.layer if is_wrapped_model(layer) else None


def _edges(model):
    nodes = nodes_of(model)
    members = {id(layer) for layer in model.layers}
    return [(source, layer) for layer in model.layers for node in layer._inbound_nodes if id(node) in nodes
            for source in node.inbound_layers if id(source) in members]


def _end(layer, expand_nested, last):
    """The node's name for the end of an edge at a layer: a layer inside, where the layer is drawn as a cluster."""
    inner = _inner_model(layer)
    while expand_nested and inner is not None:
        _build_sequential(inner)
        layer = inner.layers[-1 if last else 0]
        inner = _inner_model(layer)
    return str(id(layer))


def _label(layer, show_shapes, show_layer_names):
    kind = type(layer).__name__
    if hasattr(layer, "layer") and not is_model(layer):
        kind = f"{kind}({type(layer.layer).__name__})"
    label = f"{layer.name}: {kind}" if show_layer_names else kind
    if not show_shapes:
        return label
    given, made = shape_shown(layer, "input_shape"), shape_shown(layer)
    return f"{label}\n|{{input:|output:}}|{{{{{given}}}|{{{made}}}}}"
