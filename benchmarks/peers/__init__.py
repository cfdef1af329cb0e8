"""The same training steps, written by hand for one library each: what someone gets who needs no framework.

A module here has `NAME`, `WORKLOADS` (names that it can do) and `Trainer`.
"""

import numpy as np


class TrainerBase:
    """One network in training. A subclass has `__init__(workload, check)`, `step(x, y) -> loss`, `outputs(x)`.

    check: leave out dropout, and compute exactly what Keras's formulas say, for the comparison of losses.
    Loss and outputs (probabilities) may still be on their way (a device array): `fetch` and `np.asarray` wait for them.
    """

    fetch = staticmethod(float)

    def train_on_batch(self, x, y):
        """One step, and its loss as a number."""
        return self.fetch(self.step(x, y))

    def fit(self, x, y, batch):
        """One pass over the data in order; the mean loss is looked at in the end."""
        losses = [self.step(x[i : i + batch], y[i : i + batch]) for i in range(0, len(x), batch)]
        return sum(map(self.fetch, losses)) / len(losses)

    def predict(self, x, batch):
        """The outputs for all rows, as one array."""
        return np.concatenate([np.array(self.outputs(x[i : i + batch])) for i in range(0, len(x), batch)])

    def predict_one(self, x):
        """The outputs for one row, as an array."""
        return np.asarray(self.outputs(x))
