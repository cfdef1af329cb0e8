"""In the manner of scripts for Keras 2.0 to 2.2: a layer of one's own, CuDNN layers, a metric and a loss by hand."""
from __future__ import print_function

import argparse
import os
import tempfile

import numpy as np
from keras import backend as K
from keras import initializers, optimizers, regularizers
from keras.callbacks import EarlyStopping, LambdaCallback, ModelCheckpoint
from keras.engine.topology import InputSpec, Layer
from keras.layers import Bidirectional, CuDNNGRU, Dense, Embedding, Input, LSTM, SpatialDropout1D, concatenate
from keras.layers.pooling import GlobalMaxPooling1D
from keras.models import Model, load_model
from keras.preprocessing.sequence import pad_sequences
from keras.utils.np_utils import to_categorical

parser = argparse.ArgumentParser()
parser.add_argument('--epochs', type=int, default=1)
args = parser.parse_args()
np.random.seed(7)


class Attention(Layer):
    def __init__(self, W_regularizer=None, **kwargs):
        self.supports_masking = True
        self.init = initializers.get('glorot_uniform')
        self.W_regularizer = regularizers.get(W_regularizer)
        super(Attention, self).__init__(**kwargs)

    def build(self, input_shape):
        self.input_spec = [InputSpec(ndim=3)]
        self.W = self.add_weight((input_shape[-1], input_shape[-1]), initializer=self.init,
                                 name='{}_W'.format(self.name), regularizer=self.W_regularizer)
        self.u = self.add_weight((input_shape[-1],), initializer=self.init, name='{}_u'.format(self.name))
        super(Attention, self).build(input_shape)

    def compute_mask(self, input, input_mask=None):
        return None

    def call(self, x, mask=None):
        scores = K.squeeze(K.dot(K.tanh(K.dot(x, self.W)), K.expand_dims(self.u)), axis=-1)
        a = K.exp(scores)
        if mask is not None:
            a *= K.cast(mask, K.floatx())
        a /= K.cast(K.sum(a, axis=1, keepdims=True) + K.epsilon(), K.floatx())
        return K.sum(x * K.expand_dims(a), axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])


def f1(y_true, y_pred):
    hits = K.sum(K.round(K.clip(y_true * y_pred, 0, 1)))
    precision = hits / (K.sum(K.round(K.clip(y_pred, 0, 1))) + K.epsilon())
    recall = hits / (K.sum(K.round(K.clip(y_true, 0, 1))) + K.epsilon())
    return 2 * precision * recall / (precision + recall + K.epsilon())


labels = np.random.randint(0, 2, 128)
sequences = [list(np.random.randint(1 + 10 * label, 11 + 10 * label, np.random.randint(3, 12))) for label in labels]
x, y = pad_sequences(sequences, maxlen=12), to_categorical(labels)

inp = Input(shape=(12,), dtype='int32')
h = Bidirectional(LSTM(6, return_sequences=True))(Embedding(21, 8, mask_zero=True)(inp))
g = CuDNNGRU(6, return_sequences=True)(SpatialDropout1D(0.1)(Embedding(21, 8, weights=[np.random.rand(21, 8)])(inp)))
out = Dense(2, activation='softmax')(concatenate([Attention(W_regularizer='l2')(h), GlobalMaxPooling1D()(g)]))
model = Model(input=inp, output=out)
model.compile(loss='categorical_crossentropy', optimizer=optimizers.Adam(lr=0.02, clipnorm=1.), metrics=['acc', f1])
model.summary()

folder = tempfile.mkdtemp()
path = os.path.join(folder, 'weights.{epoch:02d}-{val_acc:.2f}.hdf5')
history = model.fit(x, y, batch_size=16, epochs=args.epochs, verbose=2, validation_split=0.25, callbacks=[
    ModelCheckpoint(path, monitor='val_acc', save_best_only=True, mode='max'), EarlyStopping(patience=3),
    LambdaCallback(on_epoch_end=lambda epoch, logs: print('epoch', epoch, sorted(logs)))])
get_activations = K.function([model.layers[0].input, K.learning_phase()], [model.layers[-2].output])
assert get_activations([x[:2], 0])[0].shape == (2, 18)
again = load_model(os.path.join(folder, sorted(os.listdir(folder))[-1]), custom_objects={'Attention': Attention, 'f1': f1})
print('accuracy', max(history.history['val_acc']), 'of the file', again.evaluate(x[-32:], y[-32:], verbose=0)[1])
