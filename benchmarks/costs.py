"""What does not belong to a workload: import, what `fit` adds to a batch, ResNet-50. In a process for each backend.

    python -m benchmarks.costs import|rest CLOCK ENGINE
"""

import contextlib
import importlib
import io
import json
import subprocess
import sys
import time
from statistics import median

from . import contest
from .contest import BACKENDS

ROUNDS = 60


def measure(entry, clock="wall"):
    """One record: the child processes' answers."""
    imports = [_child(entry, "import", clock) for _ in range(3)]
    return {
        "entry": entry.title, "import_s": median(r["import_s"] for r in imports),
        "engine_s": median(r["engine_s"] for r in imports), **_child(entry, "rest", clock),
    }  # fmt: skip


def _child(entry, what, clock):
    command = [sys.executable, "-m", "benchmarks.costs", what, clock, entry.library]
    done = subprocess.run(command, env=contest.environment(entry), check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def import_seconds(now, engine):
    """Seconds to import the engine, and then minikeras with what a script needs."""
    start = now()
    importlib.import_module("jax.numpy" if engine == "jax" else engine)
    ready = now()
    for name in ("minikeras", "minikeras.layers", "minikeras.models", "minikeras.optimizers", "minikeras.callbacks"):
        module = importlib.import_module(name)
    importlib.import_module("minikeras.backend").backend()
    del module
    return {"engine_s": ready - start, "import_s": now() - ready}


def rest(now):
    import minikeras

    from . import resnet50
    from .models import build
    from .workloads import WORKLOADS

    workload = WORKLOADS["mlp_small"]
    x, y = workload.data()
    record = {}
    for key, verbose in (("fit_overhead_us", 0), ("fit_overhead_verbose_us", 1)):
        model = build(minikeras, workload)
        if verbose:
            model.compile(model.optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        record[key] = fit_overhead(model, x, y, workload.batch, verbose, now)
    record["resnet50"] = resnet50.measure(minikeras, now)
    return record


def fit_overhead(model, x, y, batch, verbose, now):
    """Microseconds that `fit` adds to a batch, over calls of the train function on sliced arrays."""
    from minikeras import backend as K

    model._make_train_function()
    function = model.train_function
    feeds = [[a[i : i + batch] for a in model._training_arrays(x, y)] for i in range(0, len(x), batch)]

    def bare():
        for arrays in feeds:
            last = function.run(arrays)
        K.to_numpy(last[0])

    def fit():
        with contextlib.redirect_stdout(io.StringIO()):
            model.fit(x, y, batch_size=batch, epochs=1, verbose=verbose, shuffle=False)

    def seconds(action):
        start = now()
        action()
        return now() - start

    rounds = [seconds(fit) - seconds(bare) for _ in range(ROUNDS)]
    return median(rounds[1:]) / len(feeds) * 1e6


def main(what, clock, engine):
    now = {"wall": time.perf_counter, "cpu": time.process_time}[clock]
    if engine not in BACKENDS:
        raise SystemExit(f"unknown engine {engine}")
    print(json.dumps(import_seconds(now, engine) if what == "import" else rest(now)))


if __name__ == "__main__":
    main(*sys.argv[1:])
