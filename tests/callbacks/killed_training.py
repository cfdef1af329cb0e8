"""Trainings that can be killed at any batch, for the tests of BackupAndRestore.

`python -m tests.callbacks.killed_training KIND FOLDER [BATCH]` trains with a backup in the folder; with BATCH it kills
itself as that batch of the whole training ends. Without, it writes what it came to into FOLDER/result.npz.
"""

import os
import pathlib
import signal
import sys

import numpy as np

from minikeras import backend as K
from minikeras import layers as L
from minikeras.callbacks import (
    BackupAndRestore, Callback, CSVLogger, EarlyStopping, LearningRateScheduler, ModelCheckpoint, ReduceLROnPlateau,
)  # fmt: skip
from minikeras.models import Sequential
from minikeras.utils import Sequence

EPOCHS, STEPS, ROWS = 4, 5, 8
KINDS = ("arrays", "generator", "generator in a thread", "sequence", "sequence in a thread", "iterable", "stateful")


def data():
    source = np.random.RandomState(0)
    x = source.normal(size=(STEPS * ROWS, 6)).astype("float32")
    return x, (x[:, :3] + 0.3 * source.normal(size=(STEPS * ROWS, 3))).argmax(1)


def batches(x, y):
    """Batches drawn from NumPy's global generator, without end."""
    while True:
        order = np.random.permutation(len(x))
        for start in range(0, len(x), ROWS):
            rows = order[start : start + ROWS]
            yield x[rows] + 0.1 * np.random.normal(size=(ROWS, 6)).astype("float32"), y[rows]


class Rows(Sequence):
    def __init__(self, x, y):
        self.x, self.y, self.order = x, y, np.arange(len(x))

    def __len__(self):
        return STEPS

    def __getitem__(self, index):
        rows = self.order[index * ROWS : (index + 1) * ROWS]
        return self.x[rows], self.y[rows]

    def on_epoch_end(self):
        np.random.shuffle(self.order)


class Iterable:
    """In a new order each time it is gone through."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __iter__(self):
        for rows in np.random.permutation(len(self.x)).reshape(-1, ROWS):
            yield self.x[rows], self.y[rows]

    def __len__(self):
        return STEPS


class Killed(Exception):
    pass


class KillAt(Callback):
    """Calls `kill` as batch `at` of the training ends. It counts from the file that a killed process left."""

    def __init__(self, at, kill):
        super().__init__()
        self.at, self.kill, self.epoch = at, kill, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.at is not None and self.now * STEPS + batch == self.at:
            self.kill()

    def get_state(self):
        return {}


def model_of(kind):
    if kind == "stateful":
        first = L.LSTM(5, stateful=True, recurrent_dropout=0.2, batch_input_shape=(ROWS, 3, 2))
        front = [L.Reshape((3, 2), batch_input_shape=(ROWS, 6)), first]
    else:
        front = [L.Dense(8, activation="relu", input_shape=(6,)), L.BatchNormalization(), L.Dropout(0.3),
                 L.GaussianNoise(0.1)]  # fmt: skip
    model = Sequential([*front, L.Dense(3, activation="softmax")])
    model.compile("nadam" if kind == "sequence" else "adam", "sparse_categorical_crossentropy", ["accuracy"])
    return model


def train(kind, folder, kill_at=None, kill=None, save_freq=1, **arguments):
    """The trained model's and optimizer's weights, the history, and the log file's text."""
    folder = pathlib.Path(folder)
    x, y = data()
    model = model_of(kind)
    callbacks = [
        KillAt(kill_at, kill), CSVLogger(folder / "log.csv", append=kind == "generator"),
        EarlyStopping(patience=9, restore_best_weights=True),
        ReduceLROnPlateau(factor=0.5, patience=1, min_delta=0.5),
        ModelCheckpoint(str(folder / "best.h5"), save_best_only=True, save_weights_only=True),
        BackupAndRestore(folder / "backup.npz", save_freq, **arguments),
    ]  # fmt: skip
    if kind == "arrays":
        callbacks.insert(2, LearningRateScheduler(lambda epoch, lr: lr * 0.9))
    workers = int("thread" in kind)
    common = {"epochs": EPOCHS, "verbose": 0, "callbacks": callbacks, "workers": workers}
    if kind in ("arrays", "stateful"):
        history = model.fit(x, y, ROWS, validation_data=(x[:ROWS], y[:ROWS]), **common)
    elif kind.startswith("generator"):
        history = model.fit(batches(x, y), steps_per_epoch=STEPS, validation_data=batches(x[:ROWS], y[:ROWS]),
                            validation_steps=2, **common)  # fmt: skip
    else:
        source = Iterable(x, y) if kind == "iterable" else Rows(x, y)
        history = model.fit(source, validation_data=(x[:ROWS], y[:ROWS]), **common)
    weights = model.get_weights() + model.optimizer.get_weights()
    values = [np.asarray(v) for _, v in sorted(history.history.items())]
    text = np.frombuffer((folder / "log.csv").read_bytes(), "uint8")
    return [*weights, *values, np.asarray(history.epoch), np.asarray(K.get_value(model.optimizer.lr)), text]


if __name__ == "__main__":
    kind, folder, *at = sys.argv[1:]
    found = train(kind, folder, int(at[0]) if at else None, lambda: os.kill(os.getpid(), signal.SIGKILL))
    np.savez(os.path.join(folder, "result.npz"), *found)
