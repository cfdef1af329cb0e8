"""The `autograd` package all by itself: its tape, and its own optimizers, as its examples train."""

from autograd import grad
from autograd.misc.optimizers import adam, rmsprop

from . import autograd_tape

NAME = "autograd, its own optimizers"
OPTIMIZERS = {"adam": adam, "rmsprop": rmsprop}


class Trainer(autograd_tape.Trainer):
    """`fit` alone differs: a pass is one call of the package's optimizer, whose moments start anew each time."""

    def __init__(self, workload, check=False):
        super().__init__(workload, check)
        self.its_own = OPTIMIZERS[workload.optimizer]

    def fit(self, x, y, batch):
        batches = [(x[i : i + batch], y[i : i + batch]) for i in range(0, len(x), batch)]

        def loss(weights, i):
            return self.loss(weights, *batches[i])

        self.weights = self.its_own(grad(loss), self.weights, step_size=0.001, num_iters=len(batches))
        return float(loss(self.weights, 0))
