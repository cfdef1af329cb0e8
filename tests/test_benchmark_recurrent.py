"""The benchmark of recurrent layers compares the same computation: it refuses to time losses that differ."""

import time

import pytest

from benchmarks import recurrent


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_the_peer_of_each_backend_computes_the_same_losses(kind, backend):
    if backend == "numpy":
        pytest.importorskip("autograd")
    *_, ratio = recurrent.compare(kind, backend, (2, 3, 4, 5), 2, time.perf_counter)
    assert ratio > 0
