"""Sequential: layers in a row."""

from .. import backend as K
from ..utils.generic_utils import to_list
from .base_layer import Layer
from .config import who
from .container import Container
from .input_layer import Input, InputLayer
from .node import maker_of
from .sharing import entry, making
from .training import Model
from .training_utils import get_input_shape_and_dtype


class Sequential(Model):
    """Layers one after the other.

    layers: list of layers, as by `add`. name: of the model.

    The first layer says what the input is, with `input_shape=` (or is an InputLayer); without that the model is built
    when it first gets data, or by `build(input_shape)`.
    """

    def __init__(self, layers=None, name=None):
        self._tracks, self._is_graph_network = False, True
        self._base_init(name)
        self._build_input_shape = None
        self._layers, self._taken = [], set()
        for layer in layers or ():
            self.add(layer)

    @property
    def layers(self):
        """The layers, without the one of the input."""
        return self._layers[1:] if self._layers and isinstance(self._layers[0], InputLayer) else self._layers

    @property
    def model(self):
        """The model itself, as older scripts ask for it."""
        return self

    def add(self, layer):
        """Put a layer behind the others. Raises TypeError for what is no layer, ValueError for one that has several
        outputs or a name that is taken."""
        if not isinstance(layer, Layer):
            raise TypeError(f"Sequential {self.name!r}: only layers can be added, got {layer!r}.")
        if layer.name in self._taken:
            raise ValueError(f"Sequential {self.name!r} has a layer {layer.name!r} already. Give layers names of "
                             "their own.")  # fmt: skip
        self._taken.add(layer.name)
        shape, dtype = (None, None) if self._layers else _start_of(layer)
        if self.outputs:
            self._extend(layer(self.outputs[0]), layer)
        elif isinstance(layer, InputLayer) and not self._layers:
            self.inputs = layer._inbound_nodes[0].output_tensors
            self._extend(self.inputs[0], layer)
        elif shape is not None:
            self.inputs = [Input(batch_shape=shape, dtype=dtype, name=f"{layer.name}_input")]
            self._layers = [self.inputs[0]._keras_history[0]]
            self._extend(layer(self.inputs[0]), layer)
        else:
            self._layers.append(layer)

    def _extend(self, output, layer):
        self._layers.append(layer)
        output = _single_output(self, layer, to_list(output))
        self._set_graph(self.inputs, [output])
        self._changed()

    def _changed(self):
        """What was compiled for other outputs has to be compiled again."""
        self._forget_functions()
        self._objective = None

    def pop(self):
        """Take the last layer off. Raises TypeError when there is none."""
        if not self.layers:
            raise TypeError(f"Sequential {self.name!r} has no layers to take off.")
        last = self.outputs and maker_of(self.outputs[0])
        self._taken.discard(self._layers.pop().name)
        self._changed()
        if not self.layers:
            self._layers, self.inputs, self.outputs, self.built, self._inbound_nodes = [], None, None, False, []
        elif last:
            self.layers[-1]._outbound_nodes = []
            self._set_graph(self.inputs, last.input_tensors)

    def build(self, input_shape=None):
        """Build the layers for this shape of the input (with the batch), if that is not done yet."""
        if input_shape is None or self.inputs:
            self.built = bool(self.outputs)
            return
        self._build_input_shape = tuple(input_shape)
        tensor = Input(batch_shape=self._build_input_shape, dtype=K.floatx(), name=f"{self.name}_input")
        output = tensor
        for layer in self._layers:
            output = _single_output(self, layer, to_list(layer(output)))
        self._set_graph([tensor], [output])

    def _set_inputs(self, x):
        data = x[0] if isinstance(x, (list, tuple)) and len(x) == 1 else x
        if not hasattr(data, "shape"):
            raise ValueError(f"Sequential {self.name!r} is not built yet, and the data are no array: {str(x)[:100]}. "
                             "Call build(input_shape), or give the first layer an input_shape.")  # fmt: skip
        shape = tuple(data.shape)
        self.build((None, *shape[1:]) if len(shape) > 1 else (None, 1))

    def compute_output_shape(self, input_shape):
        """Shape of the output, with the batch, for that of the input."""
        for layer in self.layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def predict_proba(self, x, batch_size=32, verbose=0):
        """`predict`, by the name that fits a model that gives probabilities."""
        return self.predict(x, batch_size, verbose)

    def predict_classes(self, x, batch_size=32, verbose=0):
        """The class numbers: of the largest output, or, for a single output, whether it is above 0.5 (0 or 1)."""
        probabilities = self.predict(x, batch_size, verbose)
        if probabilities.shape[-1] > 1:
            return probabilities.argmax(axis=-1)
        return (probabilities > 0.5).astype("int32")

    def _described(self):
        config = {"name": self.name, "layers": [entry(layer) for layer in self.layers]}
        if self._build_input_shape:
            config["build_input_shape"] = self._build_input_shape
        return self._with_flag(config)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The model that a config describes, with new weights. A bare list of layers, the older form, is read too."""
        from ..layers import deserialize

        config = config if isinstance(config, dict) else {"layers": config}
        model = cls(name=config.get("name"))
        with making():
            for data in config["layers"]:
                model.add(deserialize(data, custom_objects))
        model.trainable = config.get("trainable", True)
        if not model.inputs and config.get("build_input_shape"):
            model.build(config["build_input_shape"])
        return model


def _start_of(layer):
    """(shape with the batch, dtype) of the input that a first layer asks for; Nones if it asks for none."""
    if isinstance(layer, Container) and layer.inputs:
        return K.int_shape(layer.inputs[0]), K.dtype(layer.inputs[0])
    return get_input_shape_and_dtype(layer)


def _single_output(model, layer, outputs):
    if len(outputs) != 1:
        raise ValueError(f"Sequential {model.name!r}: {who(layer)} has {len(outputs)} outputs. All layers have "
                         "to have one; use Model for others.")  # fmt: skip
    return outputs[0]
