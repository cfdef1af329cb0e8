"""What holds for every layer: its config says how to make it again, and is plain data."""

import json

import pytest

from minikeras import layers as L
from tests.layers.harness import data, inputs_for

IMAGE, SERIES, VECTOR, VOLUME = (2, 6, 6, 3), (2, 6, 3), (2, 3), (2, 6, 6, 6, 3)
CASES = [
    (L.Dense(2, activation="relu", kernel_regularizer="l2", bias_constraint="non_neg"), VECTOR),
    (L.Activation("tanh"), VECTOR), (L.Dropout(0.3, seed=1), VECTOR), (L.Flatten(), IMAGE), (L.Reshape((3, 1)), VECTOR),
    (L.Permute((2, 1)), SERIES), (L.RepeatVector(2), VECTOR), (L.ActivityRegularization(0.1), VECTOR),
    (L.Masking(1.0), SERIES), (L.SpatialDropout1D(0.2), SERIES), (L.SpatialDropout2D(0.2), IMAGE),
    (L.SpatialDropout3D(0.2), VOLUME), (L.Conv1D(2, 3, strides=2), SERIES), (L.Conv2D(2, (3, 2)), IMAGE),
    (L.Conv3D(2, 2), VOLUME), (L.Conv2DTranspose(2, 2, output_padding=0), IMAGE), (L.Conv3DTranspose(2, 2), VOLUME),
    (L.SeparableConv1D(2, 2), SERIES), (L.SeparableConv2D(2, 2), IMAGE), (L.DepthwiseConv2D(2), IMAGE),
    (L.UpSampling1D(2), SERIES), (L.UpSampling2D(2), IMAGE), (L.UpSampling3D(2), VOLUME), (L.ZeroPadding1D(2), SERIES),
    (L.ZeroPadding2D((1, 2)), IMAGE), (L.ZeroPadding3D(1), VOLUME), (L.Cropping1D(1), SERIES), (L.Cropping2D(1), IMAGE),
    (L.Cropping3D(1), VOLUME), (L.MaxPooling1D(), SERIES), (L.MaxPooling2D(), IMAGE), (L.MaxPooling3D(), VOLUME),
    (L.AveragePooling1D(), SERIES), (L.AveragePooling2D(), IMAGE), (L.AveragePooling3D(), VOLUME),
    (L.GlobalMaxPooling1D(), SERIES), (L.GlobalAveragePooling2D(), IMAGE), (L.GlobalMaxPooling3D(), VOLUME),
    (L.LocallyConnected1D(2, 2), SERIES), (L.LocallyConnected2D(2, 2), IMAGE), (L.SimpleRNN(2), SERIES),
    (L.GRU(2, reset_after=True), SERIES), (L.LSTM(2, dropout=0.1), SERIES), (L.CuDNNGRU(2), SERIES),
    (L.CuDNNLSTM(2), SERIES), (L.RNN([L.LSTMCell(2), L.GRUCell(3)]), SERIES),
    (L.ConvLSTM2D(2, 2), VOLUME), (L.Embedding(5, 2), (2, 4)), (L.LeakyReLU(), VECTOR), (L.PReLU(), VECTOR),
    (L.ELU(), VECTOR), (L.ThresholdedReLU(), VECTOR), (L.ReLU(max_value=6.0), VECTOR), (L.Softmax(), VECTOR),
    (L.BatchNormalization(), VECTOR), (L.LayerNormalization(), VECTOR), (L.GroupNormalization(3), IMAGE),
    (L.MultiHeadAttention(2, 3, output_shape=5), SERIES), (L.GELU(True), VECTOR), (L.Swish(), VECTOR),
    (L.GaussianNoise(0.1), VECTOR), (L.Highway(W_regularizer="l2"), VECTOR), (L.MaxoutDense(2, init="ones"), VECTOR),
    (L.GaussianDropout(0.1), VECTOR), (L.AlphaDropout(0.1), VECTOR), (L.TimeDistributed(L.Dense(2)), SERIES),
    (L.Bidirectional(L.LSTM(2), merge_mode="sum"), SERIES),
]  # fmt: skip
each_layer = pytest.mark.parametrize(("layer", "shape"), CASES, ids=lambda v: getattr(v, "name", ""))


@each_layer
def test_config_is_plain_data_and_makes_the_same_layer(layer, shape):
    config = json.loads(json.dumps(L.serialize(layer)))
    copy = L.deserialize(config)
    assert type(copy) is type(layer)
    assert json.loads(json.dumps(L.serialize(copy))) == config


@each_layer
def test_copies_have_the_same_weights_and_shapes(layer, shape):
    copies = [type(layer).from_config(layer.get_config()) for _ in range(2)]
    outputs = [copy(*inputs_for([data(*shape)])) for copy in copies]
    first, second = ([(w.name, w.shape) for w in copy.weights] for copy in copies)
    assert first == second
    assert outputs[0].shape == outputs[1].shape
    assert copies[0].count_params() == copies[1].count_params()


def test_unknown_layers_are_named():
    with pytest.raises(ValueError, match="Unknown layer: 'Dnese'"):
        L.deserialize({"class_name": "Dnese", "config": {}})
