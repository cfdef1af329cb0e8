"""The older name of the container of layers: `Network`."""

from .base_layer import Layer
from .container import Container, Network
from .input_layer import Input, InputLayer
from .node import Node

__all__ = ["Container", "Input", "InputLayer", "Layer", "Network", "Node"]
