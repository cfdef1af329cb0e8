"""Contestants in processes of their own, measured in interleaved rounds, so that a busy moment hits all alike."""

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from statistics import median

ADAM_WORKLOADS = ("mlp_small", "lstm", "resnet20")
BACKENDS = ("numpy", "jax", "torch")
CHECK_STEPS, CHECK_TOLERANCE = 4, 5e-3


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
PEERS = {
    "numpy": [
        Entry("NumPy by hand", "benchmarks.peers.numpy_planned", "numpy"),
        Entry("autograd", "benchmarks.peers.autograd_package", "autograd", {}, ADAM_WORKLOADS, ("fit",)),
        Entry("autograd, our optimizer", "benchmarks.peers.autograd_tape", "autograd"),
    ],
    "jax": [
        Entry("JAX by hand", "benchmarks.peers.jax_jit", "jax"),
        Entry("Keras 3, jax", "benchmarks.peers.keras3", "keras", {"KERAS_BACKEND": "jax"}),
    ],
    "torch": [
        Entry("PyTorch by hand", "benchmarks.peers.torch_eager", "torch"),
        Entry("Keras 3, torch", "benchmarks.peers.keras3", "keras", {"KERAS_BACKEND": "torch"}),
    ],
}
COMPILED = Entry("PyTorch by hand, torch.compile", "benchmarks.peers.torch_compiled", "torch")


def environment(entry):
    """Ours and theirs alike run without OPENBLAS_CORETYPE, which makes a current NumPy slow on some machines."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OPENBLAS_CORETYPE", "OPENBLAS_L2"))}
    return {**kept, **entry.env}


class Contestant:
    """An entry at work on a workload. `start` has its import, build and first-step seconds."""

    def __init__(self, entry, workload):
        self.entry, self.workload, self.passes = entry, workload, 1
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", entry.module, workload.name],
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
        return self.answer()

    def calibrate(self, mode, seconds):
        """Warm up, and choose how many passes make a round of about that many seconds."""
        took = min(self.ask(mode, passes=1) for _ in range(2))
        self.passes = max(1, round(seconds / took))

    def rate(self, mode):
        """Steps per second in one round."""
        return self.passes * self.workload.batches / self.ask(mode, passes=self.passes)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def contest(entries, workload, mode, rounds, seconds):
    """[one record an entry]: start-up seconds, losses of the check, the rate of each round, peak memory.

    Only one contestant works at a time; every other round goes through them backwards.
    """
    contestants = [Contestant(entry, workload) for entry in entries]
    for c in contestants:
        c.losses = c.ask("check", steps=CHECK_STEPS)
        c.calibrate(mode, seconds)
    rates = {c: [] for c in contestants}
    for i in range(rounds):
        for c in contestants[:: 1 if i % 2 else -1]:
            rates[c].append(c.rate(mode))
    records = [
        {"entry": c.entry.title, "workload": workload.name, "mode": mode, **c.start, "losses": c.losses,
         "rates": rates[c], "steps_per_s": median(rates[c]), "peak_mb": c.ask("peak_mb")}
        for c in contestants
    ]  # fmt: skip
    for c in contestants:
        c.close()
    return records


def ratio(record, other):
    """How many times as fast the first is: the median over the rounds, each of which compares like moments."""
    return median(a / b for a, b in zip(record["rates"], other["rates"], strict=True))


def disagreement(records):
    """The largest relative difference between any two contestants' losses."""
    columns = zip(*(r["losses"] for r in records), strict=True)
    return max((max(c) - min(c)) / abs(max(c, key=abs)) for c in columns)


def table(header, rows):
    """Markdown; the first column to the left, the others to the right."""
    cells = [header, *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    line = lambda row: "| " + " | ".join(
        cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
    ) + " |"  # fmt: skip
    rule = "|" + "|".join("-" * (w + 1) + (":" if i else "-") for i, w in enumerate(widths)) + "|"
    return "\n".join([line(header), rule, *map(line, cells[1:])])


def number(x):
    """Three significant digits, without an exponent."""
    return f"{x:.0f}" if x >= 100 else f"{x:.3g}"
