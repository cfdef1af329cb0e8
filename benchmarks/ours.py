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
        x, y, weights = self.model._standardize_user_data(x, y)[:3]
        self.model._make_train_function()
        f, arrays = self.model.train_function, [*x, *y, *weights]
        if self.model._uses_dynamic_learning_phase():
            arrays.append(1)
        batches = [[a[i : i + batch] if hasattr(a, "shape") else a for a in arrays] for i in range(0, len(x[0]), batch)]

        def bare():
            for ins in batches:
                last = f.run(ins)
            K.to_numpy(last[0])

        def fit():
            self.fit(x[0], y[0], batch)

        return (fastest(fit) - fastest(bare)) / len(batches) * 1e6


def fastest(action, times=7):
    """The least seconds of several runs: what is left when nothing disturbs."""

    def once():
        start = time.perf_counter()
        action()
        return time.perf_counter() - start

    action()
    return min(once() for _ in range(times))
