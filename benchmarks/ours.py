"""minikeras as a contestant; MINIKERAS_BACKEND says on which backend."""

import time

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
        model = self.model
        batches = model._batches(model._training_arrays(x, y), 1, batch, None)
        model._make_train_function()
        function, feeds = model.train_function, [arrays for arrays, _ in batches.epoch()]

        def bare():
            for arrays in feeds:
                last = function.run(arrays)
            K.to_numpy(last[0])

        def fit():
            self.fit(x, y, batch)

        rounds = [(seconds(fit), seconds(bare)) for _ in range(15)]
        with_fit, without = map(min, zip(*rounds[1:], strict=True))  # the least: when nothing disturbed
        return (with_fit - without) / len(feeds) * 1e6


def seconds(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
