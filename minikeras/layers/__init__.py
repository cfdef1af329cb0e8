"""The layers. A file a family; all names are here too."""

# A line for each name would be most of this file.
# isort: skip_file
from ..engine.base_layer import InputSpec, Layer
from ..engine.input_layer import Input, InputLayer
from ..engine.sharing import entry, made_once
from ..utils.generic_utils import deserialize_keras_object, serialize_keras_object
from .advanced_activations import ELU, GELU, LeakyReLU, PReLU, ReLU, Softmax, Swish, ThresholdedReLU
from .attention import MultiHeadAttention
from .convolutional import (
    Conv1D, Conv2D, Conv2DTranspose, Conv3D, Conv3DTranspose, Convolution1D, Convolution2D, Convolution2DTranspose,
    Convolution3D, Convolution3DTranspose, Cropping1D, Cropping2D, Cropping3D, Deconv2D, Deconv3D, Deconvolution2D,
    Deconvolution3D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D, SeparableConvolution1D,
    SeparableConvolution2D, UpSampling1D, UpSampling2D, UpSampling3D, ZeroPadding1D, ZeroPadding2D, ZeroPadding3D,
)  # fmt: skip
from .convolutional_recurrent import ConvLSTM2D, ConvLSTM2DCell, ConvRNN2D
from .core import (
    Activation, ActivityRegularization, Dense, Dropout, Flatten, Lambda, Masking, Permute, RepeatVector, Reshape,
    SpatialDropout1D, SpatialDropout2D, SpatialDropout3D,
)  # fmt: skip
from .cudnn_recurrent import CuDNNGRU, CuDNNLSTM
from .embeddings import Embedding
from .legacy import AtrousConvolution1D, AtrousConvolution2D, ConvRecurrent2D, Highway, MaxoutDense, Recurrent
from .local import LocallyConnected1D, LocallyConnected2D
from .merge import (
    Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract, add, average, concatenate, dot, maximum,
    minimum, multiply, subtract,
)  # fmt: skip
from .noise import AlphaDropout, GaussianDropout, GaussianNoise
from .normalization import BatchNormalization, GroupNormalization, LayerNormalization
from .pooling import (
    AveragePooling1D, AveragePooling2D, AveragePooling3D, AvgPool1D, AvgPool2D, AvgPool3D, GlobalAveragePooling1D,
    GlobalAveragePooling2D, GlobalAveragePooling3D, GlobalAvgPool1D, GlobalAvgPool2D, GlobalAvgPool3D,
    GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D, GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D,
    MaxPool1D, MaxPool2D, MaxPool3D, MaxPooling1D, MaxPooling2D, MaxPooling3D,
)  # fmt: skip
from .recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, SimpleRNN, SimpleRNNCell, StackedRNNCells
from .wrappers import Bidirectional, TimeDistributed, Wrapper


def serialize(layer):
    """{"class_name": ..., "config": ...} of a layer."""
    return entry(layer)


def deserialize(config, custom_objects=None):
    """The layer or model that {"class_name": ..., "config": ...} describes.

    custom_objects: dict of name -> class or function that the config may name. Raises ValueError for unknown names.
    """
    from .. import models

    known = {name: value for name, value in globals().items() if isinstance(value, type)}
    known.update(Model=models.Model, Sequential=models.Sequential)
    if isinstance(config, dict) and config.get("class_name") == "Lambda" and isinstance(config.get("config"), dict):
        config = {**config, "config": {**config["config"], "graph": config.get("graph")}}
    return made_once(config, lambda: deserialize_keras_object(config, known, custom_objects, "layer"))
