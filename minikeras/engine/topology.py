"""The graph of layers under one name, as older scripts import it."""

from ..utils.layer_utils import get_source_inputs
from .base_layer import InputSpec, Layer, Node, disable_tracking
from .container import Container, Network
from .input_layer import Input, InputLayer
