"""Keras 3, on the backend that KERAS_BACKEND names."""

import keras
import keras.layers
import keras.models
import keras.optimizers

from ..models import build

NAME = f"Keras 3, {keras.backend.backend()}"


class Trainer:
    def __init__(self, workload, check=False):
        self.model = build(keras, workload, check)
        if workload.optimizer == "rmsprop":  # Keras 3 adds epsilon to the square, Keras 2 to its root
            self.model.optimizer.epsilon **= 2

    def train_on_batch(self, x, y):
        return float(self.model.train_on_batch(x, y))

    def fit(self, x, y, batch):
        return self.model.fit(x, y, batch_size=batch, epochs=1, verbose=0, shuffle=False).history["loss"][0]

    def predict(self, x, batch):
        return self.model.predict(x, batch_size=batch, verbose=0)

    def predict_one(self, x):
        return self.model.predict_on_batch(x)
