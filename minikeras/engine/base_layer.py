"""Layer: weights, the call that records the graph, configs, and what a layer tells about its uses."""

import contextlib
import functools
import inspect
import threading
import types
from numbers import Integral

import numpy as np

from .. import backend as K
from ..legacy import interfaces
from ..utils.generic_utils import has_arg, is_all_none, object_list_uid, to_list, unpack_singleton
from .config import constructor_arguments, serialized, snake_case, who
from .input_spec import InputSpec, check_inputs
from .node import Node, mask_of
from .uses import Uses, alias

__all__ = ["InputSpec", "Layer", "Node", "disable_tracking"]

_KNOWN_ARGUMENTS = {"batch_input_shape", "batch_size", "dtype", "input_dim", "input_dtype", "input_length",
                    "input_shape", "name", "trainable", "weights"}  # fmt: skip

_OURS = __name__.partition(".")[0] + ".layers."
_HOLDERS = (list, tuple, dict)
_PARTS = ("_layers", "_metrics", "_trainable_weights", "_non_trainable_weights")


class _UnderWay(threading.local):
    """The layers whose calls are under way in this thread, outermost first, each with the uid of its inputs."""

    def __init__(self):
        self.calls = []


_under_way = _UnderWay()


def _without_calls():
    """The state of a layer that has not been called."""
    lists = ("_losses", "_updates", "_metric_results", "_inbound_nodes", "_outbound_nodes")
    by_inputs = ("_per_input_losses", "_per_input_updates", "_inner_calls")
    return {**{name: [] for name in lists}, **{name: {} for name in by_inputs}}


def unique(items):
    """The items in order, each object once."""
    return list({id(item): item for item in items}.values())


def disable_tracking(func):
    """Decorator of a method: layers and variables that it stores in attributes are not taken for parts of the layer."""

    @functools.wraps(func)
    def wrapped(self, *args, **kwargs):
        before = self.__dict__.get("_tracks", True)
        self.__dict__["_tracks"] = False
        try:
            return func(self, *args, **kwargs)
        finally:
            self.__dict__["_tracks"] = before

    return wrapped


# How often `trainable` was set, on any layer: models look at it before each batch.
flags = types.SimpleNamespace(changes=0)


class Layer(Uses):
    """Base of all layers: maps tensors to tensors, with weights that it makes when it is first called.

    Keyword arguments: name (default: class name and a number), trainable, dtype (of the weights; default floatx),
    batch_input_shape, or input_shape and batch_size (of the first layer of a Sequential model), weights (list of
    arrays, the initial values).

    A subclass defines, as far as needed, `build(input_shape)`, which makes the weights, `call(inputs)`, which builds
    the output of the layer from the K ops, `compute_output_shape(input_shape)` and `compute_mask(inputs, mask)`.
    Layers, variables and metrics that are stored in its attributes, also in lists, become parts of it.
    """

    input_spec = None
    supports_masking = False
    stateful = False
    _not_stored = ()  # names of arguments of the constructor that get_config leaves out

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if cls.__module__.startswith(_OURS):
            interfaces.support_of_class(cls)
            cls.__doc__ = cls.__doc__ or inspect.getdoc(cls)

    def __init__(self, **kwargs):
        unknown = sorted(set(kwargs) - _KNOWN_ARGUMENTS)
        if unknown:
            raise TypeError(f"{type(self).__name__}: unknown keyword arguments {unknown}; all layers know "
                            f"{sorted(_KNOWN_ARGUMENTS)}.")  # fmt: skip
        self._init_state(kwargs.get("name"), kwargs.get("trainable", True))
        shape = _input_shape_of(kwargs)
        if shape is not None:
            self.batch_input_shape = shape
        self.dtype = kwargs.get("dtype") or kwargs.get("input_dtype") or K.floatx()
        self._initial_weights = kwargs.get("weights")

    def _init_state(self, name, trainable=True):
        if not name:
            prefix = snake_case(type(self).__name__)
            name = f"{prefix}_{K.get_uid(prefix)}"
        self.name, self.trainable = name, trainable
        for parts in _PARTS:  # some may have come before, from attributes set ahead of super().__init__
            self.__dict__.setdefault(parts, [])
        self.__dict__.update(_without_calls(), _built=False, _initial_weights=None)

    def __setattr__(self, name, value):
        before = self.__dict__.get(name)
        super().__setattr__(name, value)
        if name == "trainable":
            flags.changes += 1
        if self.__dict__.get("_tracks", True) and isinstance(value, (Layer, K.Variable, *_HOLDERS)):
            self._track(name, value, before)

    def _track(self, name, value, before):
        """Make what was stored in an attribute a part of the layer, in place of what was there before."""
        if name in _PARTS:
            return
        holds = isinstance(value, _HOLDERS)
        items = _layers_in(value) if holds else [value]
        if before is not value and isinstance(before, (Layer, *_HOLDERS)):
            gone = {id(part) for part in ([before] if isinstance(before, Layer) else _layers_in(before))}
            self._layers = [part for part in self._layers if id(part) not in gone]
        if holds and (items or not value):  # layers may be put into it later
            self.__dict__.setdefault("_holders", {})[name] = [value, len(value)]
        for item in items:
            _add_new(self.__dict__.setdefault(_kind_of_part(item), []), item)

    @property
    def _layers(self):
        """The parts that are layers, those that have been put into lists and dicts in attributes included."""
        known = self.__dict__.setdefault("_layers", [])
        for holder in self.__dict__.get("_holders", {}).values():
            if len(holder[0]) != holder[1]:
                for item in _layers_in(holder[0]):
                    _add_new(known, item)
                holder[1] = len(holder[0])
        return known

    @_layers.setter
    def _layers(self, layers):
        self.__dict__["_layers"] = layers

    def __repr__(self):
        return f"<{type(self).__name__} {self.name}>"

    def __copy__(self):
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__dict__)
        return copy

    def __getstate__(self):
        """For copy.deepcopy and pickle: arguments, weights and parts, without the calls and what hangs on them."""
        always = self._per_input_losses.get(None, [])
        return {**self.__dict__, **_without_calls(), "_losses": always,
                "_per_input_losses": {None: always} if always else {}}  # fmt: skip

    def __setstate__(self, state):
        self.__dict__.update(state)

    # Weights

    built = alias("_built")  # whether the layer has made its weights

    def build(self, input_shape):
        """Make the weights. input_shape: tuple with the batch, or a list of them."""
        self.built = True

    @interfaces.legacy_add_weight_support
    def add_weight(self, name=None, shape=None, dtype=None, initializer=None, regularizer=None, trainable=True,
                   constraint=None):  # fmt: skip
        """Make a weight: a variable of the layer.

        shape: tuple of ints. dtype: default that of the layer. initializer, regularizer, constraint: names, configs or
        objects; the default initializer is glorot_uniform (zeros for dtypes without fractions). trainable: whether
        training changes it. Returns the variable.
        """
        from .. import constraints, initializers, regularizers

        dtype = dtype or self.dtype or K.floatx()
        shape = () if shape is None else tuple(shape)
        if not all(isinstance(size, Integral) and size >= 0 for size in shape):
            raise ValueError(f"{who(self)}: the shape {shape} of weight {name!r} is not fully known, or its "
                             "sizes are not whole numbers. Give the sizes of the input's axes, as in Input(shape=...)."
                             )  # fmt: skip
        initializer = initializers.get(initializer or ("glorot_uniform" if "float" in dtype else "zeros"))
        weight = K.variable(initializer(shape, dtype=dtype), dtype=dtype, name=name,
                            constraint=constraints.get(constraint))  # fmt: skip
        weight.trainable = trainable
        regularizer = regularizers.get(regularizer)
        if regularizer is not None:
            with K.name_scope("weight_regularizer"):
                self.add_loss(regularizer(weight))
        (self._trainable_weights if trainable else self._non_trainable_weights).append(weight)
        return weight

    @property
    def trainable_weights(self):
        """The weights that training changes; none if `trainable` is False."""
        return self._collected("trainable_weights") if self.trainable else []

    @trainable_weights.setter
    def trainable_weights(self, weights):
        self._trainable_weights = list(weights)

    @property
    def non_trainable_weights(self):
        """The other weights; all of them if `trainable` is False."""
        rest = self._collected("non_trainable_weights")
        return rest if self.trainable else unique(self._collected("trainable_weights") + rest)

    @non_trainable_weights.setter
    def non_trainable_weights(self, weights):
        self._non_trainable_weights = list(weights)

    def _collected(self, kind):
        """The layer's own weights of a kind, then those of its parts."""
        own = self.__dict__["_" + kind]
        return unique([*own, *(w for part in self._layers for w in getattr(part, kind))])

    @property
    def weights(self):
        """All weights: the trainable ones first."""
        return unique(self.trainable_weights + self.non_trainable_weights)

    def get_weights(self):
        """The values of the weights: a list of arrays."""
        return K.batch_get_value(self.weights)

    def set_weights(self, weights):
        """Set the values of the weights. weights: list of arrays, as `get_weights` gives it.

        Raises ValueError when their number or a shape differs.
        """
        assign_weights(self, self.weights, weights)

    def count_params(self):
        """Number of scalars in the weights. Raises RuntimeError before the layer is built."""
        if not self.built:
            raise RuntimeError(f"count_params: {who(self)} has no weights yet. Call it on an input, or "
                               "build(input_shape) it, first.")  # fmt: skip
        return sum(int(np.prod(K.int_shape(w))) for w in self.weights)

    # Losses, updates, metrics

    def add_loss(self, losses, inputs=None):
        """Add to the loss of every model that has this layer.

        losses: a scalar tensor, or a list of them. inputs: the tensors that they depend on; a model that uses the
        layer on other inputs leaves them out. None: they hold whatever the inputs, as a penalty on weights does.
        """
        self._add_items(self._losses, self._per_input_losses, losses, inputs)

    def add_update(self, updates, inputs=None):
        """Add updates to the training of every model that has this layer.

        updates: what K.update returns, or a pair (variable, new value), or a list of them. inputs: as in
        add_loss; e.g. the moving averages of BatchNormalization depend on them.
        """
        if isinstance(updates, tuple) and len(updates) == 2 and isinstance(updates[0], K.Variable):
            updates = [updates]  # one update, as a pair
        self._add_items(self._updates, self._per_input_updates, updates, inputs)

    def _add_items(self, everything, per_input, items, inputs):
        items = [] if items is None else to_list(items, allow_tuple=True)
        if not items:
            return
        everything += items
        key = None if is_all_none(inputs) else object_list_uid(to_list(inputs, allow_tuple=True))
        per_input.setdefault(key, []).extend(items)
        if key is not None:
            self._tell_outer(to_list(inputs, allow_tuple=True))

    def _tell_outer(self, inputs):
        """Let the layer whose call is under way remember that it used this part of it on `inputs`."""
        calls = _under_way.calls
        if calls and not is_under_way(self):
            outer, key = calls[-1]
            if outer._has_part(self):
                outer._inner_calls.setdefault(key, []).append((self, inputs))

    def _has_part(self, layer):
        return any(layer is part for part in self._layers)

    def get_losses_for(self, inputs=None):
        """The losses that depend on these input tensors; with None, those that depend on no inputs."""
        return self._items_for(self._per_input_losses, "get_losses_for", inputs)

    def get_updates_for(self, inputs=None):
        """The updates that depend on these input tensors; with None, those that depend on no inputs."""
        if not self.trainable and not self.stateful:
            return []
        return self._items_for(self._per_input_updates, "get_updates_for", inputs)

    def _state_updates_for(self, inputs):
        """The updates that carry the states of stateful layers from one batch to the next."""
        return self._items_for(self._per_input_updates if self.stateful else {}, "_state_updates_for", inputs)

    def _items_for(self, per_input, method, inputs):
        """What the table `per_input` has for these inputs, and what `method` gives for the parts called meanwhile."""
        key = None if inputs is None else object_list_uid(to_list(inputs, allow_tuple=True))
        parts = [(part, None) for part in self._layers] if inputs is None else self._inner_calls.get(key, [])
        found = [item for part, given in parts for item in getattr(part, method)(given)]
        return unique(per_input.get(key, []) + found)

    @property
    def losses(self):
        """All losses that were added to the layer and its parts."""
        return unique(self._losses + [loss for part in self._layers for loss in part.losses])

    @property
    def updates(self):
        """All updates that were added to the layer and its parts; none of a layer that is not trainable."""
        if not self.trainable and not self.stateful:
            return []
        return unique(self._updates + [update for part in self._layers for update in part.updates])

    def add_metric(self, value, name=None):
        """Report the mean of a tensor during training and evaluation.

        value: tensor; that which a Metric gave is reported as it is. name: of the metric (needed, but for results of a
        Metric); further values by the same name go into the same mean.
        """
        from .. import metrics

        metric, result = getattr(value, "_metric_obj", None), value
        if metric is None:
            if name is None:
                raise ValueError(f"{who(self)}: add_metric needs a name.")
            metric = next((m for m in self._metrics if m.name == name), None) or metrics.Mean(name=name)
            result = metric(value)
        if not any(metric is known for known in self._metrics):
            self._metrics.append(metric)
        self._metric_results = [(m, r) for m, r in self._metric_results if m is not metric] + [(metric, result)]

    @property
    def metrics(self):
        """The metrics of the layer and its parts."""
        return unique(self._metrics + [metric for part in self._layers for metric in part.metrics])

    def _all_metric_results(self):
        """(metric, tensor) for each value that add_metric reports."""
        return self._metric_results + [pair for part in self._layers for pair in part._all_metric_results()]

    # The call

    def call(self, inputs, **kwargs):
        """The output of the layer, built of K ops. inputs: tensor, or list of them. Override it.

        With a parameter `mask` it is given the mask of the inputs, as far as there is one.
        """
        return inputs

    def compute_output_shape(self, input_shape):
        """Shape of the output, with the batch, for that of the input (tuple, or list of them)."""
        return input_shape

    def compute_mask(self, inputs, mask=None):
        """The mask of the output: by default that of the input, for layers with `supports_masking`.

        Raises TypeError when there is a mask and the layer does not support masking.
        """
        if self.supports_masking:
            return mask
        if mask is not None and not is_all_none(mask):
            raise TypeError(f"{who(self)} does not support masking, but it got a mask: {mask!r}. Take the "
                            "Masking layer or mask_zero away, or put a layer in between that ends the mask."
                            )  # fmt: skip
        return None

    def assert_input_compatibility(self, inputs):
        """Raise ValueError unless the tensors fit `input_spec`."""
        check_inputs(self, to_list(inputs, allow_tuple=True), self.input_spec and to_list(self.input_spec))

    def __call__(self, inputs, **kwargs):
        """Apply the layer to a tensor, or to a list of them: builds it on first use, and records a Node.

        kwargs: handed on to `call`. Returns a tensor or a list of them.
        """
        if not hasattr(self, "name"):
            raise RuntimeError(f"{type(self).__name__}: __init__ has to call super().__init__(**kwargs).")
        inputs = list(inputs) if isinstance(inputs, (list, tuple)) else inputs
        tensors = to_list(inputs)
        with K.name_scope(self.name, owner=type(self).__name__), running(self, tensors):
            self._build_for(inputs)
            mask = unpack_singleton([mask_of(t) for t in tensors])
            arguments = dict(kwargs)
            if not is_all_none(mask) and "mask" not in kwargs and has_arg(self.call, "mask"):
                kwargs["mask"] = mask
            output = self.call(inputs, **kwargs)
            outputs = [K.identity(t) if any(t is x for x in tensors) else t for t in to_list(output, allow_tuple=True)]
            if not all(map(K.is_tensor, outputs)):
                raise ValueError(f"{who(self)}: `call` has to return a tensor, or a list of them; it returned "
                                 f"{output!r}.")  # fmt: skip
            output_mask = self.compute_mask(inputs, mask)
            shapes = [K.int_shape(x) for x in tensors]
            self._add_inbound_node(tensors, outputs, mask, padded(output_mask, outputs), shapes,
                                   self._output_shapes(unpack_singleton(shapes), outputs), arguments)  # fmt: skip
            self._regularize_activity(tensors, outputs)
        return outputs if isinstance(output, (list, tuple)) and len(outputs) != 1 else outputs[0]

    def _build_for(self, inputs):
        """Make the weights if there are none yet, after a check of the inputs; check them after it in any case."""
        if not self.built:
            self.assert_input_compatibility(inputs)
            self.build(unpack_singleton([K.int_shape(x) for x in to_list(inputs)]))
            self.built = True
            if self._initial_weights is not None:
                self.set_weights(self._initial_weights)
        self.assert_input_compatibility(inputs)

    def _add_inbound_node(self, input_tensors, output_tensors, input_masks, output_masks, input_shapes, output_shapes,
                          arguments=None):  # fmt: skip
        """Record a call on `input_tensors`, whose makers are read off them; marks `output_tensors` as made by it."""
        lists = [list(to_list(items)) for items in
                 (input_tensors, output_tensors, input_masks, output_masks, input_shapes, output_shapes)]  # fmt: skip
        makers = [getattr(t, "_keras_history", (None, None, None)) for t in lists[0]]
        Node(self, *([m[part] for m in makers] for part in range(3)), *lists, arguments)
        for index, (tensor, shape) in enumerate(zip(lists[1], lists[5], strict=True)):
            tensor._keras_shape = shape
            tensor._keras_history = (self, len(self._inbound_nodes) - 1, index)

    def _output_shapes(self, input_shape, outputs):
        """The static shapes of the outputs; where the graph does not know a size, `compute_output_shape` may."""
        shapes = [tuple(t.shape) for t in outputs]
        unknown = any(None in shape[1:] for shape in shapes)
        if not unknown or type(self).compute_output_shape is Layer.compute_output_shape:
            return shapes
        computed = to_list(self.compute_output_shape(input_shape))
        if len(computed) != len(shapes):
            return shapes
        return [_merged(shape, other) for shape, other in zip(shapes, computed, strict=True)]

    def _regularize_activity(self, inputs, outputs):
        regularizer = getattr(self, "activity_regularizer", None)
        if regularizer is not None:
            with K.name_scope("activity_regularizer"):
                self.add_loss([regularizer(t) for t in outputs], inputs)

    # Configs

    def get_config(self):
        """The constructor's arguments as plain data, so that `from_config` makes the same layer, with other weights.

        By default they are read off the constructor's signature: each that is kept in an attribute of its name.
        Initializers, regularizers, constraints, activations and layers are in the form of their modules' `serialize`.
        """
        kept = ("name", "trainable", "batch_input_shape", "dtype")
        config = {name: getattr(self, name) for name in kept if hasattr(self, name)}
        for name in constructor_arguments(type(self), Layer):
            if name not in ("name", "trainable", "dtype", "weights", *self._not_stored):
                # No such attribute, or no config form: the layer's own get_config has to say what it means.
                with contextlib.suppress(AttributeError, TypeError):
                    config[name] = serialized(name, getattr(self, name))
        return config

    @classmethod
    def from_config(cls, config):
        """The layer that a config describes."""
        return cls(**config)


class running:
    """Context manager: the call of a layer on a list of tensors is under way."""

    def __init__(self, layer, tensors):
        self.layer, self.tensors = layer, tensors

    def __enter__(self):
        self.layer._tell_outer(self.tensors)
        _under_way.calls.append((self.layer, object_list_uid(self.tensors)))

    def __exit__(self, *error):
        _under_way.calls.pop()


def is_under_way(layer):
    """Whether this thread is in a call of the layer, and in none of a layer inside it."""
    return bool(_under_way.calls) and _under_way.calls[-1][0] is layer


def assign_weights(layer, variables, values):
    """Set the variables of a layer to a list of arrays. Raises ValueError when number or shapes differ."""
    values = list(values)
    if len(values) != len(variables):
        raise ValueError(f"{who(layer)} has {len(variables)} weights; set_weights got {len(values)} arrays, of "
                         f"shapes {[np.shape(v) for v in values][:50]}.")  # fmt: skip
    for variable, value in zip(variables, values, strict=True):
        if tuple(K.int_shape(variable)) != np.shape(value):
            raise ValueError(f"{who(layer)}: weight {variable.name!r} has shape {K.int_shape(variable)}; "
                             f"set_weights got an array of shape {np.shape(value)}.")  # fmt: skip
    K.batch_set_value(list(zip(variables, values, strict=True)))


def _layers_in(holder):
    """The layers in a list, tuple or dict, and in those in it."""
    found = []
    for item in holder.values() if isinstance(holder, dict) else holder:
        if isinstance(item, _HOLDERS):
            found += _layers_in(item)
        elif isinstance(item, Layer):
            found.append(item)
    return found


def _add_new(known, item):
    if not any(item is other for other in known):
        known.append(item)


def padded(masks, outputs):
    """The mask(s) that compute_mask gave as a list, one item an output."""
    return (list(to_list(masks, allow_tuple=True)) + [None] * len(outputs))[: len(outputs)]


def _kind_of_part(item):
    """The list in which a layer keeps what was stored in an attribute."""
    if isinstance(item, K.Variable):
        return "_trainable_weights" if item.trainable else "_non_trainable_weights"
    return "_metrics" if hasattr(item, "update_state") and hasattr(item, "reset_states") else "_layers"


def _merged(shape, other):
    """`shape`, with the sizes that it does not know from `other`, where that has as many axes."""
    if other is None or len(other) != len(shape):
        return shape
    return tuple(b if a is None else a for a, b in zip(shape, other, strict=True))


def _input_shape_of(kwargs):
    """The shape of the first input, with the batch, from the arguments of a layer's constructor; None without any."""
    if kwargs.get("batch_input_shape") is not None:
        return tuple(kwargs["batch_input_shape"])
    shape = kwargs.get("input_shape")
    if shape is None and "input_dim" in kwargs:
        shape = (kwargs["input_length"], kwargs["input_dim"]) if "input_length" in kwargs else (kwargs["input_dim"],)
    if shape is None:
        return None
    return (kwargs.get("batch_size"), *((shape,) if isinstance(shape, int) else shape))
