"""minikeras as a contestant; MINIKERAS_BACKEND says on which backend."""

import minikeras
import minikeras.layers
import minikeras.models
import minikeras.optimizers  # all that a training script imports
from minikeras import backend as K

from .models import build

NAME = f"minikeras, {K.backend()}"


class Trainer:
    def __init__(self, workload, check=False):
        self.model = build(minikeras, workload, check)

    def train_on_batch(self, x, y):
        return float(self.model.train_on_batch(x, y))

    def fit(self, x, y, batch):
        history = self.model.fit(x, y, batch_size=batch, epochs=1, verbose=0, shuffle=False)
        return history.history["loss"][0]

    def predict(self, x, batch):
        return self.model.predict(x, batch_size=batch)

    def predict_one(self, x):
        return self.model.predict_on_batch(x)
