"""The benchmarks measure the same computation everywhere, and their tables say what was measured."""

import dataclasses
import functools
import importlib
import importlib.util

import pytest

from benchmarks import contest, report, resnet50
from benchmarks.workloads import WORKLOADS
from minikeras import config
from minikeras import layers as layers_module

PEERS = {"numpy_planned": "numpy", "autograd_tape": "autograd", "jax_jit": "jax", "torch_eager": "torch"}
INSTALLED = [peer for peer, library in PEERS.items() if importlib.util.find_spec(library)]
SMALL = {name: dataclasses.replace(w, batch=4, batches=2) for name, w in WORKLOADS.items()}
SLOW_TO_COMPILE = {"cnn", "lstm", "resnet20", "transformer"}  # by hand on JAX: the benchmark itself checks them


def values(module, workload, steps=2):
    """Losses of the first steps, then outputs for two rows and for one."""
    x, y = workload.data()
    trainer = module.Trainer(workload, check=True)
    batches = [slice(i * workload.batch, (i + 1) * workload.batch) for i in range(steps)]
    found = [trainer.train_on_batch(x[batch], y[batch]) for batch in batches]
    return [*found, *trainer.predict(x[:2], 2)[0].tolist(), *trainer.predict_one(x[:1])[0].tolist()]


@functools.cache
def reference(name):
    """The values as NumPy by hand has them: tuples, since all tests share them."""
    return tuple(values(importlib.import_module("benchmarks.peers.numpy_planned"), SMALL[name]))


@pytest.mark.parametrize("name", list(WORKLOADS))
@pytest.mark.parametrize("peer", INSTALLED)
def test_peers_compute_the_same_losses_and_outputs(peer, name):
    if peer == "jax_jit" and name in SLOW_TO_COMPILE:
        pytest.skip("compiles for long")
    module = importlib.import_module(f"benchmarks.peers.{peer}")
    assert values(module, SMALL[name]) == pytest.approx(reference(name), rel=2e-3, abs=1e-4)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", list(WORKLOADS))
def test_losses_are_the_same_with_optimisation_off_and_on_and_those_of_the_peers(name):
    from benchmarks import ours

    if name == "transformer" and not hasattr(layers_module, "MultiHeadAttention"):
        pytest.skip("no such layer yet")
    try:
        config.optimize(0)
        plain = values(ours, SMALL[name])
    finally:
        config.optimize(1)
    optimised = values(ours, SMALL[name])
    assert optimised == pytest.approx(plain, rel=2e-4, abs=2e-5)
    assert optimised == pytest.approx(reference(name), rel=2e-3, abs=1e-4)


@pytest.mark.parametrize("name", list(WORKLOADS))
def test_weights_and_data_of_a_workload_are_the_same_each_time(name):
    workload = WORKLOADS[name]
    first, again = workload.weights(), workload.weights()
    assert all((a == b).all() for key in first for a, b in zip(first[key], again[key], strict=True))
    assert (workload.data()[0] == workload.data()[0]).all()


def test_resnet50_has_the_published_number_of_weights():
    import minikeras

    model = resnet50.resnet50(minikeras)
    assert model.count_params() == 25_636_712
    assert model.output_shape == (None, 1000)


def test_ratio_is_the_median_over_the_rounds_to_the_best_peer():
    fast, slow, slower = {"rates": [2, 9, 4]}, {"rates": [1, 3, 2]}, {"rates": [1, 1, 1]}
    assert contest.ratio(fast, slow) == 2
    assert contest.ratio(fast, slower, slow) == 2


def test_summary_has_the_geometric_mean_and_the_worst_workload():
    def record(entry, workload, rate, mode="fit"):
        return {"entry": entry, "workload": workload, "mode": mode, "rates": [rate]}

    records = [
        record("minikeras, jax", "mlp", 8), record("JAX by hand", "mlp", 2),
        record("minikeras, jax", "cnn", 1), record("JAX by hand", "cnn", 1),
        record("minikeras, jax", "cnn", 1, "predict_one"), record("JAX by hand", "cnn", 9, "predict_one"),
    ]  # fmt: skip
    row = report.summary_table(records, ["jax"]).splitlines()[-1]
    assert [cell.strip() for cell in row.strip("|").split("|")] == ["jax", "JAX by hand", "2", "2.00", "1.00", "cnn"]


def test_table_is_markdown_with_numbers_to_the_right():
    assert report.table(["a", "bb"], [["x", 1], ["yy", 20]]).splitlines() == [
        "| a  | bb |",
        "|----|---:|",
        "| x  |  1 |",
        "| yy | 20 |",
    ]
