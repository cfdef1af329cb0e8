"""minikeras as a contestant; MINIKERAS_BACKEND says on which backend."""

import time
from statistics import median

import minikeras
import minikeras.layers
import minikeras.models
import minikeras.optimizers  # all that a training script imports
from minikeras import backend as K

from .models import build

NAME = f"minikeras, {K.backend()}"
WORKLOADS = ("mlp_small", "mlp", "cnn", "lstm", "resnet20")


class Trainer:
    def __init__(self, workload, check=False):
        self.model = build(minikeras, workload, check)

    def train_on_batch(self, x, y):
        return float(self.model.train_on_batch(x, y))

    def fit(self, x, y, batch):
        history = self.model.fit(x, y, batch_size=batch, epochs=1, verbose=0, shuffle=False)
        return history.history["loss"][0]

    def fit_overhead(self, x, y, batch):
        """Microseconds that `fit` adds to a batch, over calls of the train function on sliced arrays."""
        self.model._make_train_function()
        function = self.model.train_function
        feeds = [[a[i : i + batch] for a in self.model._training_arrays(x, y)] for i in range(0, len(x), batch)]

        def bare():
            for arrays in feeds:
                last = function.run(arrays)
            K.to_numpy(last[0])

        rounds = [seconds(lambda: self.fit(x, y, batch)) - seconds(bare) for _ in range(16)]
        return median(rounds[1:]) / len(feeds) * 1e6


def seconds(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
