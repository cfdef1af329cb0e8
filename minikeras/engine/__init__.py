"""The engine: layers and the graph they make, models and how they are trained."""

from ..utils.layer_utils import get_source_inputs
from .base_layer import InputSpec, Layer, Node
from .container import Container, Network
from .input_layer import Input, InputLayer
from .sequential import Sequential
from .training import Model
