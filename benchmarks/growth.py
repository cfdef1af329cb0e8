"""How a model's build, link and run times and its memory grow with its size: a process for each point.

    python -m benchmarks.growth WHAT SIZE       one point, on the backend that MINIKERAS_BACKEND names
"""

import json
import subprocess
import sys
import time

from . import contest
from .contest import OURS

# What grows: its sizes. Depth: Dense layers of 32 units; width: units of two Dense layers; sequence: steps of an LSTM
# of 32 units; batch: rows through two Dense layers of 256 units.
SIZES = {
    "depth": (10, 30, 100, 300, 1000),
    "width": (64, 256, 1024, 4096),
    "sequence": (10, 30, 100, 300, 1000),
    "batch": (8, 32, 128, 512, 2048),
}
UNITS = {"depth": "layers", "width": "units a layer", "sequence": "steps", "batch": "rows"}
MEASURES = {"build_s": "graph built, s", "link_s": "train function linked, s", "first_s": "first step, linked anew, s",
            "step_s": "training step, s", "memory_mb": "memory over the imports, MB"}  # fmt: skip


def model_of(what, size):
    """(model, rows of x, y)"""
    import numpy as np

    from minikeras.layers import LSTM, Dense, Input
    from minikeras.models import Model

    features = {"depth": 32, "width": size, "sequence": 32, "batch": 256}[what]
    rows = size if what == "batch" else 32
    shape = (size, features) if what == "sequence" else (features,)
    inputs = h = Input(shape)
    if what == "sequence":
        h = LSTM(32)(h)
    for _ in range({"depth": size, "sequence": 0}.get(what, 2)):
        h = Dense(features, activation="relu")(h)
    model = Model(inputs, Dense(1)(h))
    model.compile("sgd", "mse")
    rng = np.random.default_rng(0)
    return model, rng.random((rows, *shape), "float32"), rng.random((rows, 1), "float32")


def point(what, size):
    """One record of seconds and megabytes."""
    import psutil

    import minikeras.layers
    import minikeras.models
    from minikeras.backend import runtime

    backend, process = runtime.active(), psutil.Process()
    small, x, y = model_of("batch", 2)
    small.train_on_batch(x, y)  # what the engine sets up once
    before, start = process.memory_info().rss, time.perf_counter()
    model, x, y = model_of(what, size)
    built = time.perf_counter()
    model._make_train_function()
    function = model.train_function.function(2)
    backend.link(function.program(x.shape, y.shape, phase=1))
    linked = time.perf_counter()
    model.train_on_batch(x, y)
    first = time.perf_counter()
    n = 0
    while time.perf_counter() - first < 0.5 or n < 2:
        model.train_on_batch(x, y)
        n += 1
    return {
        "what": what, "size": size, "backend": minikeras.backend.backend(), "build_s": built - start,
        "link_s": linked - built, "first_s": first - linked, "step_s": (time.perf_counter() - first) / n,
        "memory_mb": (process.memory_info().rss - before) / 2**20,
    }  # fmt: skip


def measure(backends, tell):
    """All points, as records."""
    records = []
    for what, sizes in SIZES.items():
        for backend in backends:
            for size in sizes:
                tell("growth", what, size, backend)
                command = [sys.executable, "-m", "benchmarks.growth", what, str(size)]
                done = subprocess.run(
                    command, env=contest.environment(OURS[backend]), check=True, stdout=subprocess.PIPE, text=True
                )
                records.append(json.loads(done.stdout))
    return records


def table(records):
    from . import report

    rows = [[f"{r['what']} {r['size']}", r["backend"], *(report.number(r[key]) for key in MEASURES)] for r in records]
    return report.table(["", "backend", *MEASURES.values()], rows)


def draw(document, path):
    """A chart of each measure over each size, into a PNG file. Returns whether matplotlib is there to do it."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
        from matplotlib.ticker import NullFormatter
    except ImportError:
        return False
    figure, axes = plt.subplots(len(MEASURES), len(SIZES), figsize=(13, 13), sharex="col", sharey="row")
    for row, (key, title) in zip(axes, MEASURES.items(), strict=True):
        row[0].set_ylabel(title)
        for axis, what in zip(row, SIZES, strict=True):
            axis.set(xscale="log", yscale="log")
            axis.xaxis.set_minor_formatter(NullFormatter())
            axis.grid(alpha=0.3)
            for backend in OURS:
                points = [r for r in document["growth"] if r["what"] == what and r["backend"] == backend]
                sizes, values = [r["size"] for r in points], [r[key] for r in points]
                if points:
                    (line,) = axis.plot(sizes, values, "o-", markersize=4, label=backend)
                    power = 2 if what == "width" else 1  # arithmetic and weights, over the size
                    even = [values[-1] * (size / sizes[-1]) ** power for size in sizes]
                    axis.plot(sizes, even, ":", linewidth=1, color=line.get_color())
        row[0].set_ylim(bottom=min(r[key] for r in document["growth"]) / 2)
    for axis, (what, unit) in zip(axes[-1], UNITS.items(), strict=True):
        axis.set_xlabel(f"{what}: {unit}")
    axes[0][1].legend(title="dotted: as the arithmetic grows")
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    plt.close(figure)
    return True


if __name__ == "__main__":
    print(json.dumps(point(sys.argv[1], int(sys.argv[2]))))
