"""The `autograd` package all by itself: its tape, and its own Adam, as its examples train."""

from autograd import grad
from autograd.misc.optimizers import adam

from . import autograd_tape

NAME = "autograd, its own Adam"
WORKLOADS = ("mlp_small", "lstm", "resnet20")


class Trainer(autograd_tape.Trainer):
    """`fit` alone differs: a pass is one call of the package's optimizer, whose moments start anew each time."""

    def __init__(self, workload, check=False):
        self.workload_name = workload.name
        super().__init__(workload, check)

    def fit(self, x, y, batch):
        model = autograd_tape.MODELS[self.workload_name]
        batches = [(x[i : i + batch], y[i : i + batch]) for i in range(0, len(x), batch)]

        def loss(weights, i):
            return model(self, weights, *batches[i])

        self.weights = adam(grad(loss), self.weights, num_iters=len(batches))
        return float(loss(self.weights, 0))
