"""Lambda: a function of tensors as a layer, and how it is stored."""

import numpy as np

from .. import backend as K
from ..backend.graph_data import NotPlain, graph_from_data, graph_to_data
from ..engine.base_layer import Layer, padded
from ..engine.config import who
from ..utils.generic_utils import deserialize_keras_object, func_dump, func_load, get_custom_objects, has_arg, to_list

_MOST_CALLS = 8  # on inputs of different shapes: of so many the graphs are stored


class _Code(tuple):
    """The dump of a lambda. It holds on to the function, so that a copy made in this process needs no bytecode."""


class _Name(str):
    """The name of a function, which it holds on to."""


def _dump(function):
    """(what a config stores for a function, the type's name). Only lambdas, which have no name, go as bytecode."""
    if isinstance(function, _Stored):
        dump, kind = function.dump, function.kind
    else:
        name = getattr(function, "__name__", type(function).__name__)
        dump, kind = (func_dump(function), "lambda") if name == "<lambda>" else (name, "function")
    held = _Name(dump) if isinstance(dump, str) else _Code(dump)
    held.function = function
    return held, kind


class _Stored:
    """A function that came out of a file as the graphs of its calls, and what the config had in its place."""

    def __init__(self, dump, kind, calls, layer_name):
        self.dump, self.kind, self.calls, self.layer_name = dump, kind, calls, layer_name

    def call_for(self, specs):
        """The stored call on inputs of these [shape, dtype]s: the same ones, or those that take any size there."""
        calls = [c for c in self.calls if c["graph"]["inputs"] == specs]
        calls = calls or [c for c in self.calls if _takes(c["graph"]["inputs"], specs)]
        if not calls:
            raise ValueError(f'layer "{self.layer_name}" (Lambda) was stored as the graph of its calls on inputs '
                             f"{[c['graph']['inputs'] for c in self.calls]}; got {specs}. For others hand the function "
                             f"in, when the model is loaded: custom_objects={{{self.layer_name!r}: the_function}}."
                             )  # fmt: skip
        return calls[0]

    def results(self, inputs, mask):
        """(the call, all that its graph gives for these inputs)"""
        given = _given(inputs, mask)
        call = self.call_for(_specs(given))
        return call, graph_from_data(call["graph"], given)


class _StoredFunction(_Stored):
    def __call__(self, inputs, mask=None):
        call, results = self.results(inputs, mask)
        return results[0] if call["outputs"] is None else results[: call["outputs"]]


class _StoredShape(_Stored):
    def __call__(self, input_shape):
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
        for call in self.calls:
            if _takes(call["graph"]["inputs"][: len(shapes)], [[list(shape), None] for shape in shapes]):
                found = [(shapes[0][0], *shape[1:]) for shape in call["shapes"]]
                return found[0] if call["outputs"] is None else found
        raise ValueError(f'layer "{self.layer_name}" (Lambda): its output_shape was stored for other inputs than '
                         f"{shapes}.")  # fmt: skip


class _StoredMask(_Stored):
    def __call__(self, inputs, mask=None):
        call, results = self.results(inputs, mask)
        masks = iter(results[call["outputs"] or 1 :])
        found = [next(masks) if there is True else None for there in call["masks"]]
        return found if call["outputs"] is not None else found[0]


def _takes(known, specs):
    """Whether a call that is known for some specs can be made for others. A dtype None is that of any."""
    return len(known) == len(specs) and all(
        other in (dtype, None) and len(shape) == len(sizes)
        and all(a is None or a == b for a, b in zip(shape, sizes, strict=True))
        for (shape, dtype), (sizes, other) in zip(known, specs, strict=True)
    )  # fmt: skip


def _given(inputs, mask):
    """The tensors that a call depends on: its inputs, then the masks that there are."""
    return [*to_list(inputs, allow_tuple=True), *(m for m in to_list(mask, allow_tuple=True) if m is not None)]


def _specs(tensors):
    return [[list(K.int_shape(t)), K.dtype(t)] for t in tensors]


def _load(config, key, layer_name, custom_objects, calls):
    """The function under `key` of a Lambda's config. Bytecode is not run unless the caller allowed it by name."""
    stored, kind = config[key], config.pop(f"{key}_type", "raw")
    custom = {**get_custom_objects(), **(custom_objects or {})}
    if kind == "raw" or isinstance(stored, (_Code, _Name)):
        return getattr(stored, "function", stored)
    if kind == "function" and (stored in custom or not calls):
        return deserialize_keras_object(stored, {}, custom, f"{key} of a Lambda layer")
    if layer_name in custom:
        return custom[layer_name] if key == "function" else None
    if calls:
        return (_StoredFunction if key == "function" else _StoredShape)(stored, kind, calls, layer_name)
    try:
        return func_load(stored, globs=globals())
    except ValueError as error:
        raise ValueError(
            f'layer "{layer_name}" (Lambda) was saved with its {key} as Python bytecode. Running code from a file is '
            f"not safe, so it is not loaded. Hand the function in under the name of the layer: "
            f"custom_objects={{{layer_name!r}: the_function}}."
        ) from error


class Lambda(Layer):
    """A function of tensors as a layer.

    function: takes the input tensor (or list of them), `arguments` as keywords, and the mask if it has a parameter
    `mask`. output_shape: without the batch, or a function of the input shape; worked out from the graph when None.
    mask: a tensor, or a function (inputs, mask) -> mask; None: no mask.

    A config stores a named function by its name and a lambda as bytecode, as Keras 2 does. Models store the graph of
    K ops that it builds beside it, and are loaded with that, nothing being run; where it is more than K ops (variables,
    K.native), loading needs the function in `custom_objects`, under its own name or that of the layer.
    """

    def __init__(self, function, output_shape=None, mask=None, arguments=None, **kwargs):
        super().__init__(**kwargs)
        if not (output_shape is None or callable(output_shape) or isinstance(output_shape, (tuple, list))):
            raise TypeError(f"{who(self)}: output_shape must be None, a tuple or a function, got {output_shape!r}.")
        self.function = function
        self.arguments = arguments or {}
        self._calls = []  # the last ones: (specs, inputs, mask, outputs); save a second trace of the function
        self.supports_masking = mask is not None
        self.mask = mask
        self._output_shape = output_shape if output_shape is None or callable(output_shape) else tuple(output_shape)

    def compute_output_shape(self, input_shape):
        if callable(self._output_shape):
            shape = self._output_shape(input_shape)
            if not isinstance(shape, (tuple, list)):
                raise ValueError(f"{who(self)}: the output_shape function must return a tuple, got {shape!r}.")
            return tuple(shape) if isinstance(shape, tuple) or not isinstance(shape[0], tuple) else shape
        if self._output_shape is not None:
            return ((input_shape[0] if isinstance(input_shape, list) else input_shape)[0], *self._output_shape)
        for _, inputs, _, outputs in self._calls:
            if _shapes(inputs) == input_shape:
                return _shapes(outputs)
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
        inputs = [K.placeholder(shape=shape) for shape in shapes]
        return _shapes(self._applied(inputs if isinstance(input_shape, list) else inputs[0], None))

    def _applied(self, inputs, mask):
        arguments = {} if isinstance(self.function, _Stored) else dict(self.arguments)
        if has_arg(self.function, "mask"):
            arguments["mask"] = mask
        return self.function(inputs, **arguments)

    def call(self, inputs, mask=None):
        outputs = self._applied(inputs, mask)
        specs = _specs(_given(inputs, mask))
        self._calls = [c for c in self._calls if c[0] != specs][1 - _MOST_CALLS :] + [(specs, inputs, mask, outputs)]
        return outputs

    def compute_mask(self, inputs, mask=None):
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def __getstate__(self):
        return {**super().__getstate__(), "_calls": []}

    def stored_graph(self):
        """The graphs of the calls so far as plain data, for a model's config; None where they are more than K ops."""
        if isinstance(self.function, _Stored):
            return self.function.calls
        try:
            return [self._call_data(*call[1:]) for call in self._calls] or None
        except NotPlain:
            return None

    def _call_data(self, inputs, mask, outputs):
        found = to_list(outputs, allow_tuple=True)
        masks = padded(self.compute_mask(inputs, mask), found)
        graph = graph_to_data(_given(inputs, mask), [*found, *(m for m in masks if m is not None)])
        graph_from_data(graph, _given(inputs, mask))  # so that whatever is stored can be loaded
        return {"graph": graph, "outputs": len(found) if isinstance(outputs, (list, tuple)) else None,
                "shapes": [list(K.int_shape(t)) for t in found], "masks": [m is not None for m in masks]}  # fmt: skip

    def get_config(self):
        function, function_type = _dump(self.function)
        shape, shape_type = _dump(self._output_shape) if callable(self._output_shape) else (self._output_shape, "raw")
        config = super().get_config()
        config.pop("mask", None)  # a mask is not stored
        return {**config, "function": function, "function_type": function_type, "output_shape": shape,
                "output_shape_type": shape_type, "arguments": self.arguments}  # fmt: skip

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        calls, name = config.pop("graph", None), config.get("name", "lambda")
        _check_calls(calls, name)
        for key in ("function", "output_shape"):
            if key in config:
                config[key] = _load(config, key, name, custom_objects, calls)
        if isinstance(config.get("function"), _Stored) and any(any(call["masks"]) for call in calls):
            config["mask"] = _StoredMask(None, None, calls, name)
        config["arguments"] = {k: _array(v) for k, v in dict(config.get("arguments") or {}).items()}
        return cls(**config)


def _check_calls(calls, layer_name):
    """Raise ValueError unless it is None, or has the form of what `stored_graph` gives."""
    try:
        for call in calls or ():
            n, shapes = call["outputs"] or 1, [shape for shape, _ in call["graph"]["inputs"]] + call["shapes"]
            whole = type(n) is int and 0 < n == len(call["shapes"]) == len(call["masks"])
            whole = whole and len(call["graph"]["outputs"]) == n + sum(there is True for there in call["masks"])
            if not whole or not all(size is None or type(size) is int for shape in shapes for size in shape):
                raise TypeError("numbers are missing")
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f'layer "{layer_name}" (Lambda): its stored graph is damaged: {error}.') from error


def _shapes(tensors):
    return [K.int_shape(t) for t in tensors] if isinstance(tensors, (tuple, list)) else K.int_shape(tensors)


def _array(value):
    """Arrays among the arguments are stored in JSON as {'type': 'ndarray', 'value': nested lists}."""
    is_array = isinstance(value, dict) and value.get("type") == "ndarray"
    return np.array(value["value"]) if is_array else value
