"""Contestants in processes of their own, measured in interleaved rounds, so that a busy moment hits all alike."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from itertools import product
from math import exp, log
from statistics import fmean, median

from .workloads import WORKLOADS

ITS_OWN = tuple(w.name for w in WORKLOADS.values() if w.optimizer in ("adam", "rmsprop"))  # optimizers of `autograd`
BACKENDS = ("numpy", "jax", "torch")
CHECK_STEPS, CHECK_TOLERANCE = 4, 5e-3
LEFT_OUT = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "PYTHONDONTWRITEBYTECODE")  # what some machines set
# After their last product OpenBLAS's threads spin for 0.14 s, on cores that the next contestant needs.
SPINNING, PAUSE = ("numpy", "autograd"), 0.2
ONE_THREAD = {}  # variables that hold the libraries to one thread, if they are to be


@dataclass(frozen=True)
class Entry:
    """Who takes part: the title in tables, the module that trains, the library it needs, its environment.

    workloads, modes: what it takes part in; nothing named stands for everything.
    """

    title: str
    module: str
    library: str
    env: dict = field(default_factory=dict)
    workloads: tuple = ()
    modes: tuple = ()

    def takes(self, workload, mode):
        """Whether it takes part in a workload, by name, in a mode."""
        return workload in (self.workloads or (workload,)) and mode in (self.modes or (mode,))

    @property
    def installed(self):
        return importlib.util.find_spec(self.library) is not None


OURS = {name: Entry(f"minikeras, {name}", "benchmarks.ours", name, {"MINIKERAS_BACKEND": name}) for name in BACKENDS}
KERAS = {
    name: Entry(f"Keras 3, {name}", "benchmarks.peers.keras3", "keras", {"KERAS_BACKEND": name})
    for name in ("jax", "torch")
}


@dataclass(frozen=True)
class Rival:
    """What a backend is set against: the best of some entries, in some modes."""

    title: str
    entries: tuple
    modes: tuple


STEADY = ("fit", "train_on_batch", "predict")  # but for single rows, which have a line of their own
RIVALS = {
    "torch": [
        Rival("PyTorch by hand", (
            Entry("PyTorch by hand", "benchmarks.peers.torch_eager", "torch"),
            Entry("PyTorch by hand, torch.compile", "benchmarks.peers.torch_compiled", "torch"),
        ), STEADY),
        Rival("Keras 3, `fit`", (KERAS["torch"],), ("fit",)),
    ],
    "jax": [
        Rival("JAX by hand", (Entry("JAX by hand", "benchmarks.peers.jax_jit", "jax"),), STEADY),
        Rival("Keras 3, `fit`", (KERAS["jax"],), ("fit",)),
    ],
    "numpy": [
        Rival("NumPy by hand", (Entry("NumPy by hand", "benchmarks.peers.numpy_planned", "numpy"),), STEADY),
        Rival("autograd", (
            Entry("autograd", "benchmarks.peers.autograd_package", "autograd", {}, ITS_OWN, ("fit",)),
        ), STEADY),
        Rival("autograd, our optimizer", (
            Entry("autograd, our optimizer", "benchmarks.peers.autograd_tape", "autograd"),
        ), STEADY),
    ],
}  # fmt: skip


def environment(entry):
    """Ours and theirs alike run without what makes a current NumPy slow on some machines, and with stored bytecode."""
    kept = {key: value for key, value in os.environ.items() if key not in LEFT_OUT}
    return {**kept, **ONE_THREAD, **entry.env}


class Contestant:
    """An entry at work on a workload. `start` has its import, build and first-step seconds."""

    def __init__(self, entry, workload, clock="wall"):
        self.entry, self.workload, self.passes = entry, workload, {}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", entry.module, workload.name, clock],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env=environment(entry),
        )  # fmt: skip
        self.start = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.entry.title} on {self.workload.name} ended: {self.process.wait()}")
        return json.loads(line)

    def ask(self, do, **arguments):
        self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        answer = self.answer()
        if self.entry.library in SPINNING:
            time.sleep(PAUSE)
        return answer

    def calibrate(self, mode, seconds):
        """Warm up, and choose how many passes make a round of about that many seconds."""
        took = self.ask(mode, passes=1)[1]
        if took < 3 * seconds:  # else it has been running for long enough
            took = min(took, self.ask(mode, passes=1)[1])
        self.passes[mode], self.slow = max(1, round(seconds / max(took, 1e-6))), took > 3 * seconds

    def rate(self, mode):
        """Steps per second in one round."""
        steps, took = self.ask(mode, passes=self.passes[mode])
        return steps / took

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def contest(entries, workload, rounds, seconds, clock="wall", warn=print):
    """[one record an entry and mode]: start-up seconds, values of the check, the rate of each round, peak memory.

    Only one contestant works at a time; every other round goes through them backwards. Who needs more than three times
    `seconds` for a pass takes part in the first three rounds alone. Who fails is left out, with a warning.
    """
    contestants = []
    for entry in entries:
        try:
            c = Contestant(entry, workload, clock)
            for mode in workload.modes[:1]:
                c.calibrate(mode, seconds)
            c.peak_mb = c.ask("peak_mb")  # of training, before other things
            c.checked = c.ask("check", steps=CHECK_STEPS)
            contestants.append(c)
        except (RuntimeError, BrokenPipeError) as error:
            warn(f"left out: {entry.title} on {workload.name}: {error}")
    records = []
    for mode in workload.modes:
        part = [c for c in contestants if c.entry.takes(workload.name, mode)]
        for c in part:
            c.calibrate(mode, seconds)
        rates = {c: [] for c in part}
        for i, c in product(range(rounds), part):
            c = c if i % 2 else part[-1 - part.index(c)]
            if i < 3 or not c.slow:
                rates[c].append(c.rate(mode))
        records += [
            {"entry": c.entry.title, "workload": workload.name, "mode": mode, **c.start, "checked": c.checked,
             "rates": rates[c], "steps_per_s": median(rates[c]), "peak_mb": c.peak_mb}
            for c in part
        ]  # fmt: skip
    for c in contestants:
        c.close()
    return records


def ratio(record, *others):
    """How many times as fast the first is as the best of the others: of each, the median over the rounds that both took
    part in, each of which compares like moments."""
    return min(median(a / b for a, b in zip(record["rates"], other["rates"], strict=False)) for other in others)


def geometric_mean(values):
    return exp(fmean(map(log, values)))


def disagreement(records):
    """The largest difference between any two contestants' losses and outputs, relative to the larger of it and 0.1."""
    columns = zip(*(r["checked"] for r in records), strict=True)
    return max((max(c) - min(c)) / max(0.1, abs(max(c, key=abs))) for c in columns)
