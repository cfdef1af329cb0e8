"""On a CPU, what a run on JAX frees stays with the process for the next one, and nothing is said about it."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import resource
import numpy as np
from minikeras import backend as K
from minikeras.layers import Dense, Input
from minikeras.models import Model

x = h = Input((64,))
for _ in range(4):
    h = Dense(64, activation="tanh")(h)
model = Model(x, h)
model.compile("sgd", "mse")

def steps(rows, n):
    data = np.ones((rows, 64), "float32")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(n):
        model.train_on_batch(data, data)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / n

steps(1 << 16, 40)
print(steps(1 << 16, 10))
steps(160000, 1)  # arrays of 41 MB
"""


def run(script, **variables):
    names = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_") and k != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run([sys.executable, "-c", script], env={**names, "MINIKERAS_BACKEND": "jax", **variables},
                          capture_output=True, text=True, check=True)  # fmt: skip
    return done.stdout, done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="page faults are counted, malloc is glibc's")
def test_a_step_takes_the_memory_of_the_one_before():
    pytest.importorskip("jax")
    (kept, told), (fresh, _) = run(SCRIPT), run(SCRIPT, MALLOC_TRIM_THRESHOLD_="131072")  # the user's choice counts
    assert float(kept) < 0.5 * float(fresh), (kept, fresh)
    assert "buffer" not in told


def test_loggers_and_results_are_as_without():
    pytest.importorskip("jax")
    shown, _ = run("import logging, jax; level = jax.config.jax_logging_level\n"
                   "from minikeras import backend as K\n"
                   "print(K.eval(K.exp(K.variable([0.0]))), jax.config.jax_logging_level == level,\n"
                   "      logging.getLogger('jax').level, logging.getLogger('jax').handlers)")  # fmt: skip
    assert shown.strip() == "[1.] True 0 []"
