"""The layers that Keras 2 keeps for old code only, where older scripts import them from."""

from ..engine.base_layer import InputSpec, Layer
from ..layers.legacy import AtrousConvolution1D, AtrousConvolution2D, ConvRecurrent2D, Highway, MaxoutDense, Recurrent
from ..utils.generic_utils import to_list

__all__ = [
    "AtrousConvolution1D", "AtrousConvolution2D", "ConvRecurrent2D", "Highway", "InputSpec", "Layer", "MaxoutDense",
    "Recurrent", "to_list",
]  # fmt: skip
