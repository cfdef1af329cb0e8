"""Weights of other versions and backends, and of other layers, in the layout that a layer wants.

Such are: files of Keras 1; kernels of backends that convolve instead of correlating; a nested model's or a wrapper's
weights; and the recurrent layers of cuDNN, whose layout differs from that of the plain ones.
"""
import itertools

import numpy as np

from .. import backend as K
from ..utils.conv_utils import convert_kernel
from .config import who

_CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "ConvLSTM2D")


def preprocess_weights_for_loading(layer, weights, original_keras_version=None, original_backend=None, reshape=False):
    """The arrays `weights`, saved from a layer, in the layout that `layer` wants.

    original_keras_version, original_backend: what saved them, None for what is written today.
    reshape: reshape kernels of convolutions that have as many elements as wanted.
    Raises ValueError for what cannot be converted. Arrays that need no conversion are returned as they are.
    """
    saved_by = (original_keras_version, original_backend, reshape)
    weights = list(weights)
    kind = _kind(layer)
    if kind == "Bidirectional":
        half = len(weights) // 2
        return (preprocess_weights_for_loading(layer.forward_layer, weights[:half], *saved_by)
                + preprocess_weights_for_loading(layer.backward_layer, weights[half:], *saved_by))
    if kind == "TimeDistributed":
        return preprocess_weights_for_loading(layer.layer, weights, *saved_by)
    if hasattr(layer, "layers") and hasattr(layer, "get_layer"):
        return _nested_model(layer, weights, saved_by)
    if str(original_keras_version).startswith("1") and kind in _FROM_KERAS_1:
        weights = _FROM_KERAS_1[kind](layer, weights)
    if kind in _CONVOLUTIONS and weights:
        weights = _convolution(layer, weights, original_backend, reshape)
    return _recurrent(layer, weights)


def _kind(layer):
    """The name of the first known class among a layer's bases: a caller's own LSTM is an LSTM."""
    known = {"Bidirectional", "TimeDistributed", *_CONVOLUTIONS, *_FROM_KERAS_1, *_RECURRENT}
    return next((c.__name__ for c in type(layer).__mro__ if c.__name__ in known), None)


def _nested_model(model, weights, saved_by):
    """A model's weights are all trainable ones of its layers, then all others: each layer gets both of its parts."""
    owners = [*((layer, len(layer.trainable_weights)) for layer in model.layers),
              *((layer, len(layer.non_trainable_weights)) for layer in model.layers)]
    parts, start = {id(layer): [] for layer in model.layers}, 0
    for layer, n in owners:
        stop = start + n * _arrays_a_weight(layer, weights[start:], saved_by[0])
        parts[id(layer)] += weights[start:stop]
        start = stop
    if start != len(weights):
        return weights                                  # the caller finds that the numbers differ
    converted = {id(layer): iter(preprocess_weights_for_loading(layer, parts[id(layer)], *saved_by))
                 for layer in model.layers}
    return [w for layer, n in owners for w in itertools.islice(converted[id(layer)], n)]


def _arrays_a_weight(layer, arrays, keras_version):
    """How many of the arrays that come next in the file are one weight of the layer: as many as gates in Keras 1."""
    layer = getattr(layer, "forward_layer", getattr(layer, "layer", layer))
    gates = {"LSTM": 4, "GRU": 3, "ConvLSTM2D": 4}.get(_kind(layer), 1)
    if gates == 1 or not arrays or not str(keras_version).startswith("1"):
        return 1
    shape = arrays[0].shape
    return gates if layer.units in (shape[-1], shape[0] if len(shape) == 4 else None) else 1


# ---- Keras 1: kernels in the order of Theano, and an array for each gate

def _transposed(axes_first=None, axes_last=None):
    def convert(layer, weights):
        axes = axes_first if layer.data_format == "channels_first" else axes_last
        return weights if axes is None else [np.transpose(w, axes) if w.ndim == len(axes) else w for w in weights]
    return convert


def _conv1d_of_keras_1(layer, weights):
    kernel = weights[0]
    if kernel.ndim != 4:
        return weights
    if kernel.shape[:2] != (layer.kernel_size[0], 1) or kernel.shape[3] != layer.filters:
        kernel = np.transpose(kernel, (2, 3, 1, 0))     # [filters, channels, length, 1] before 1.1
    return [kernel[:, 0], *weights[1:]]


def _joined_gates(order):
    """Three arrays (kernel, recurrent kernel, bias) of three arrays a gate. order: the gates of Keras 2 among those."""
    def convert(layer, weights):
        if getattr(layer, "data_format", None) == "channels_first":
            weights = [np.transpose(w, (2, 3, 1, 0)) if w.ndim == 4 else w for w in weights]
        if len(weights) != 3 * len(order):
            return weights
        return [np.concatenate([weights[3 * gate + i] for gate in order], axis=-1) for i in range(3)]
    return convert


def _local_of_keras_1(layer, weights):
    turn = layer.data_format == "channels_first"         # the bias was [filters, rows, columns]
    return [np.transpose(w, (1, 2, 0)) if turn and i else w for i, w in enumerate(weights)]


_FROM_KERAS_1 = {
    "Conv1D": _conv1d_of_keras_1,
    "Conv2D": _transposed(axes_first=(2, 3, 1, 0)),
    "Conv2DTranspose": _transposed(axes_first=(2, 3, 0, 1), axes_last=(0, 1, 3, 2)),
    "Conv3D": _transposed(axes_first=(2, 3, 4, 1, 0)),
    "GRU": _joined_gates((0, 1, 2)),
    "LSTM": _joined_gates((0, 2, 1, 3)),                # Keras 1: input, candidate, forget, output
    "ConvLSTM2D": _joined_gates((0, 2, 1, 3)),
    "SeparableConv2D": _transposed(axes_first=(2, 3, 1, 0)),
    "LocallyConnected2D": _local_of_keras_1,
}


# ---- Convolutions of other backends

def _convolution(layer, weights, original_backend, reshape):
    n_kernels = 2 if _kind(layer) == "ConvLSTM2D" else 1
    kernels, rest = weights[:n_kernels], weights[n_kernels:]
    if original_backend == "theano":                    # it convolves; all others correlate
        kernels = [convert_kernel(kernel) for kernel in kernels]
    return [_shaped(kernel, wanted, layer, reshape)
            for kernel, wanted in zip(kernels, layer.weights, strict=False)] + rest


def _shaped(kernel, variable, layer, reshape):
    wanted = tuple(K.int_shape(variable))
    if kernel.shape == wanted:
        return kernel
    if reshape:
        if kernel.size != np.prod(wanted):
            raise ValueError(f"{who(layer)}: a kernel of shape {kernel.shape} cannot be reshaped "
                             f"to {wanted}: it has {kernel.size} elements, not {np.prod(wanted)}.")
        return np.reshape(kernel, wanted)
    turned = np.transpose(kernel, (3, 2, 0, 1)) if kernel.ndim == 4 else kernel
    return turned if turned.shape == wanted else kernel


# ---- cuDNN's recurrent layers and the plain ones

_RECURRENT = {"LSTM": 4, "CuDNNLSTM": 4, "GRU": 3, "CuDNNGRU": 3}


def _recurrent(layer, weights):
    """Weights saved from cuDNN's layer for the plain one, or the other way round; the shape of the bias tells which."""
    kind = _kind(layer)
    if kind not in _RECURRENT or len(weights) != 3:
        return weights
    gates, width = _RECURRENT[kind], layer.units * _RECURRENT[kind]
    by_bias = {(2 * width,): "CuDNNLSTM", (width,): "LSTM"} if gates == 4 else {
        (2 * width,): "CuDNNGRU", (2, width): "GRU(reset_after=True)", (width,): "GRU(reset_after=False)"}
    saved = by_bias.get(np.shape(weights[2]))
    wanted = f"GRU(reset_after={bool(layer.reset_after)})" if kind == "GRU" else kind
    if saved in (None, wanted):
        return weights
    if "reset_after=False" in saved + wanted:
        raise ValueError(f'{who(layer)}: {saved} is not compatible with {wanted}: they are different '
                         f"functions, and their weights cannot be exchanged. Make the layer as {saved}.")
    return _from_cudnn(weights, gates) if saved.startswith("CuDNN") else _to_cudnn(weights, gates)


def _gatewise(function, kernel, gates):
    return np.hstack([function(part) for part in np.hsplit(kernel, gates)])


def _from_cudnn(weights, gates):
    # cuDNN reads the memory of each gate's kernel as [units, inputs], the plain layers as [inputs, units].
    kernel, recurrent_kernel, bias = weights
    halves = np.reshape(bias, (2, -1))
    return [_gatewise(lambda k: np.reshape(k.ravel(), k.shape[::-1]).T, kernel, gates),
            _gatewise(np.transpose, recurrent_kernel, gates),
            halves.sum(axis=0) if gates == 4 else halves]


def _to_cudnn(weights, gates):
    kernel, recurrent_kernel, bias = weights
    return [_gatewise(lambda k: np.reshape(k.T.ravel(), k.shape), kernel, gates),
            _gatewise(np.transpose, recurrent_kernel, gates),
            np.tile(0.5 * bias, 2) if gates == 4 else np.reshape(bias, -1)]
