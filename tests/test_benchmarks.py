"""The benchmarks measure the same computation everywhere, and their tables say what was measured."""

import importlib.util

import pytest

from benchmarks import contest, resnet50
from benchmarks.workloads import WORKLOADS

PEERS = {"numpy_planned": "numpy", "autograd_tape": "autograd", "jax_jit": "jax", "torch_eager": "torch"}
INSTALLED = [peer for peer, library in PEERS.items() if importlib.util.find_spec(library)]


def losses(module, workload, steps=3):
    x, y = workload.data()
    trainer = module.Trainer(workload, check=True)
    batches = [slice(i * workload.batch, (i + 1) * workload.batch) for i in range(steps)]
    return [trainer.train_on_batch(x[batch], y[batch]) for batch in batches]


@pytest.fixture(scope="module")
def reference():
    from benchmarks.peers import numpy_planned

    return losses(numpy_planned, WORKLOADS["mlp_small"])


@pytest.mark.parametrize("peer", INSTALLED)
def test_peers_compute_the_same_losses(peer, reference):
    module = importlib.import_module(f"benchmarks.peers.{peer}")
    assert losses(module, WORKLOADS["mlp_small"]) == pytest.approx(reference, rel=1e-4)


@pytest.mark.usefixtures("backend")
def test_our_backends_compute_the_same_losses_as_the_peers(reference):
    from benchmarks import ours

    assert losses(ours, WORKLOADS["mlp_small"]) == pytest.approx(reference, rel=1e-4)


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


def test_ratio_is_the_median_over_the_rounds():
    fast, slow = {"rates": [2, 9, 4]}, {"rates": [1, 3, 2]}
    assert contest.ratio(fast, slow) == 2


def test_table_is_markdown_with_numbers_to_the_right():
    assert contest.table(["a", "bb"], [["x", 1], ["yy", 20]]).splitlines() == [
        "| a  | bb |",
        "|----|---:|",
        "| x  |  1 |",
        "| yy | 20 |",
    ]
