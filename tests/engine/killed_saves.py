"""Processes killed by SIGKILL while they save: `python tests/engine/killed_saves.py [kills] [seed]`.

A process saves a model over and over, each time with the next number in all of its weights, and tells when a save is
over. It is killed at a random moment. The file then has to be whole: one number everywhere, which is the last that was
told or the one after it. What killed saves leave beside the file is gone after the next save.
"""
import json
import os
import signal
import struct
import sys
import tempfile
import time

import numpy as np

from minikeras.layers import Dense
from minikeras.models import Sequential


def model_of(number):
    model = Sequential([Dense(100, input_shape=(200,), name="a"), Dense(10, name="b")])
    model.compile("adam", "mse")
    fill(model, number)
    return model


def fill(model, number):
    model.set_weights([np.full(w.shape, number, "float32") for w in model.get_weights()])


def save_on(model, path, number, told):
    """Save again and again till the end of the process."""
    whole = path.endswith(".h5") and number % 2
    while True:
        number += 1
        fill(model, number)
        (model.save if whole else model.save_weights)(path)
        os.write(told, struct.pack("<q", number))


def kill_once(model, path, number, seconds):
    """Start a process that saves, kill it; returns the number of the last save it told of, None without any."""
    listened, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(listened)
        save_on(model, path, number, told)
    os.close(told)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with os.fdopen(listened, "rb") as file:
        numbers = file.read()
    return struct.unpack("<q", numbers[-8:])[0] if numbers else None


def killed_saves(kills, seed=0):
    """Kill so many processes; returns how often the file had the last save that was told of, or the one after."""
    rng, model, read = np.random.default_rng(seed), model_of(0), model_of(0)
    found = {"kills": kills, "last told": 0, "one more": 0, "saves": 0, "left beside": 0}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("m.h5", "m.safetensors"):
            path, number = os.path.join(folder, name), 0
            fill(model, 0)
            model.save_weights(path)
            for _ in range(kills // 2):
                last = kill_once(model, path, number, rng.uniform(0, 0.12))
                told = number if last is None else last
                read.load_weights(path)
                values = {float(v) for w in read.get_weights() for v in np.unique(w)}
                if values not in ({float(told)}, {float(told + 1)}):
                    raise AssertionError(f"{name} has {sorted(values)[:9]} after the saves of {number} to {told}")
                found["saves"] += told - number
                number = int(values.pop())
                found["last told" if number == told else "one more"] += 1
                found["left beside"] += len(os.listdir(folder)) > (1 if name == "m.h5" else 2)
            model.save_weights(path)
        if sorted(os.listdir(folder)) != ["m.h5", "m.safetensors"]:
            raise AssertionError(f"left beside the files: {os.listdir(folder)}")
    return found


if __name__ == "__main__":
    print(json.dumps(killed_saves(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, int((sys.argv[2:] or [0])[0]))))
