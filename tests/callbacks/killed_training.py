"""Trainings that are killed at every moment and go on, for the tests of BackupAndRestore.

`python -m tests.callbacks.killed_training BACKEND FOLDER KIND ...`: for each kind of training, a process trains to the
end. Then others train the same: each is killed (SIGKILL) one moment later than the one before, and goes on from the
file that that one left; the last one trains to the end. Prints JSON: kind -> [number of kills, what differs].
With `random` before the kinds: killed whenever it may be, in the midst of writing files too, 20 times over.
"""

import functools
import json
import os
import pathlib
import random
import signal
import sys
import time

import numpy as np

from minikeras import backend as K
from minikeras import layers as L
from minikeras.callbacks import (
    BackupAndRestore,
    Callback,
    CSVLogger,
    EarlyStopping,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    SwapEMAWeights,
)
from minikeras.models import Model, Sequential
from minikeras.optimizers import Nadam
from minikeras.utils import Sequence

EPOCHS, STEPS, ROWS = 5, 4, 8
KINDS = ("arrays", "generator", "generator in a thread", "sequence", "sequence in a thread", "iterable", "stateful",
         "subclass in a thread")  # fmt: skip


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
            yield x[rows] + 0.1 * np.random.normal(size=(len(rows), 6)).astype("float32"), y[rows]


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
    """What stands for a kill within one process."""


class Moments(Callback):
    """Calls `kill` at a moment (epoch, hook, batch) of the training; notes all moments in `passed`."""

    def __init__(self, at, kill, passed):
        super().__init__()
        self.at, self.kill, self.passed = at, kill, passed

    def _moment(self, hook, batch=0):
        self.passed.append((self.epoch, hook, batch))
        if self.at == self.passed[-1]:
            self.kill()

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self._moment("epoch begins")

    def on_train_batch_end(self, batch, logs=None):
        self._moment("batch ends", batch)

    def on_test_batch_end(self, batch, logs=None):
        self._moment("validation", batch)

    def on_epoch_end(self, epoch, logs=None):
        self._moment("epoch ends")

    def get_state(self):
        return {}


class Own(Model):
    def __init__(self):
        super().__init__()
        self.hidden, self.drop = L.Dense(8, activation="relu"), L.Dropout(0.3)
        self.last = L.Dense(3, activation="softmax")

    def call(self, inputs):
        return self.last(self.drop(self.hidden(inputs)))


def model_of(kind):
    if kind == "stateful":
        first = L.LSTM(5, stateful=True, recurrent_dropout=0.2, batch_input_shape=(ROWS, 3, 2))
        front = [L.Reshape((3, 2), batch_input_shape=(ROWS, 6)), first]
    else:
        front = [L.Dense(8, activation="relu", input_shape=(6,)), L.BatchNormalization(), L.Dropout(0.3),
                 L.GaussianNoise(0.1)]  # fmt: skip
    model = Own() if kind.startswith("subclass") else Sequential([*front, L.Dense(3, activation="softmax")])
    # Steps of two batches, with averages of the weights, where there is a Sequence.
    optimizer = Nadam(use_ema=True, gradient_accumulation_steps=2) if kind == "sequence" else "adam"
    model.compile(optimizer, "sparse_categorical_crossentropy", ["accuracy"])
    return model


def train(kind, folder, at=None, kill=None, save_freq=1, passed=None, verbose=0, more=(), **arguments):
    """The trained model's and optimizer's weights, the history, and the log file's text, as arrays.

    The learning rate falls in the second epoch and the third, at whose end the training stops early.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(exist_ok=True)
    x, y = data()
    model = model_of(kind)
    log = CSVLogger(folder / "log.csv", append=kind == "generator")
    backup = BackupAndRestore(folder / "backup", save_freq, **arguments)
    stopping = EarlyStopping(min_delta=5.0, patience=2, restore_best_weights=True)
    slower = ReduceLROnPlateau(factor=0.5, patience=1, min_delta=5.0)
    best = ModelCheckpoint(str(folder / "best.h5"), save_best_only=True, save_weights_only=True)
    # Backups come last wherever they stand, so this is killed before the state of the moment is saved.
    callbacks = [*more, backup, log, stopping, slower, best, Moments(at, kill, [] if passed is None else passed)]
    if kind == "arrays":
        callbacks.append(LearningRateScheduler(lambda epoch, lr: lr * 0.9))
    if kind == "sequence":
        callbacks.insert(0, SwapEMAWeights(swap_on_epoch=True))
    common = {"epochs": EPOCHS, "verbose": verbose, "callbacks": callbacks, "workers": int("thread" in kind)}
    try:
        if kind in ("arrays", "stateful"):
            history = model.fit(x, y, ROWS, validation_data=(x[: 2 * ROWS], y[: 2 * ROWS]), **common)
        elif kind.startswith(("generator", "subclass")):
            history = model.fit(batches(x, y), steps_per_epoch=STEPS, validation_data=batches(x[:ROWS], y[:ROWS]),
                                validation_steps=2, **common)  # fmt: skip
        else:
            source = Iterable(x, y) if kind == "iterable" else Rows(x, y)
            history = model.fit(source, validation_data=(x[:ROWS], y[:ROWS]), **common)
    finally:
        if log.csv_file:
            log.csv_file.close()
    assert stopping.stopped_epoch == 2
    values = [np.asarray(v) for _, v in sorted(history.history.items())]
    text = np.frombuffer((folder / "log.csv").read_bytes(), "uint8")
    return [*model.get_weights(), *model.optimizer.get_weights(), *values, np.asarray(history.epoch),
            np.asarray(K.get_value(model.optimizer.lr)), text]  # fmt: skip


def differences(got, expected):
    """The indices of the arrays that are not the same to the bit."""
    assert len(got) == len(expected)
    return [i for i, (a, b) in enumerate(zip(got, expected, strict=True))
            if a.dtype != b.dtype or a.shape != b.shape or a.tobytes() != b.tobytes()]  # fmt: skip


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def child(backend, seed, result, life=None, **arguments):
    """Train in a process of its own, and write what it came to as the file `result`. Returns the exit status.

    life: seconds after which the process is killed.
    """
    pid = os.fork()
    if pid:
        if life is not None:
            time.sleep(life)
            os.kill(pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    status = 1
    try:
        np.random.seed(seed)
        K.set_backend(backend)
        passed = []
        np.savez(result, *train(passed=passed, **arguments))
        result.with_suffix(".json").write_text(json.dumps(passed))
        status = 0
    finally:
        sys.stdout.flush()
        os._exit(status)


def kill_at_every_moment(backend, kind, folder):
    """(number of kills, what differs in the end)"""
    run = functools.partial(child, backend, kind=kind)
    # A seed for each: what a killed process drew comes from the file.
    assert run(0, folder / "whole.npz", folder=folder / "whole") == 0
    moments = json.loads((folder / "whole.json").read_text())
    for seed, at in enumerate(moments):
        status = run(seed, folder / "part.npz", folder=folder / "parts", at=tuple(at), kill=die)
        assert status == -signal.SIGKILL, (kind, at, status)
    assert run(len(moments), folder / "parts.npz", folder=folder / "parts") == 0
    assert not list(folder.glob("parts/backup*"))
    with np.load(folder / "whole.npz") as whole, np.load(folder / "parts.npz") as parts:
        return len(moments), differences([parts[n] for n in parts.files], [whole[n] for n in whole.files])


def kill_at_random_moments(backend, kind, folder, trainings=20):
    run = functools.partial(child, backend, kind=kind, delete_checkpoint=False)
    assert run(0, folder / "whole.npz", folder=folder / "whole") == 0
    start = time.monotonic()
    assert run(0, folder / "again.npz", folder=folder / "again") == 0  # what is compiled is compiled
    lasts, lives, kills, differ = time.monotonic() - start, random.Random(0), 0, []
    for i in range(trainings):
        place = folder / f"parts {i}"
        status, longest = -signal.SIGKILL, lasts
        while status == -signal.SIGKILL:
            seed = kills if (place / "backup").exists() or (place / "backup.previous").exists() else 0
            status = run(seed, folder / "parts.npz", lives.uniform(0, longest), folder=place)
            kills, longest = kills + (status != 0), 1.1 * longest  # the machine may be slower than it was
        assert status == 0
        with np.load(folder / "whole.npz") as whole, np.load(folder / "parts.npz") as parts:
            differ += differences([parts[n] for n in parts.files], [whole[n] for n in whole.files])
    return kills, differ


if __name__ == "__main__":
    backend, folder, *kinds = sys.argv[1:]
    kill_it = kill_at_random_moments if kinds[0] == "random" else kill_at_every_moment
    if backend in ("jax", "torch"):
        __import__(backend)  # before the forks, without starting its threads
    os.fsync = lambda handle: None  # the kill of a process loses nothing that the operating system has
    found = {}
    for kind in kinds[kinds[0] == "random" :]:
        place = pathlib.Path(folder) / kind
        place.mkdir()
        found[kind] = kill_it(backend, kind, place)
    print(json.dumps(found))
