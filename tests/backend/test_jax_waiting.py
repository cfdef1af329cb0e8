"""Results of JAX are waited for awake, but not for long."""

import itertools
import os
import types

import numpy as np
import pytest

waiting = pytest.importorskip("minikeras.backend.jax.waiting", reason="needs JAX")


yields = pytest.mark.skipif(not hasattr(os, "sched_yield"), reason="no processor can be yielded here")


class Result:
    """Ready when asked for the nth time."""

    def __init__(self, n):
        self.n, self.asked = n, 0

    def is_ready(self):
        self.asked += 1
        return self.asked >= self.n


@yields
def test_asks_until_ready(monkeypatch):
    monkeypatch.setattr(waiting, "PATIENCE", 1e3)
    result = Result(50)
    waiting.until_ready(result)
    assert result.asked == 50


@yields
def test_gives_up(monkeypatch):
    clock = itertools.count()  # seconds, one a look
    monkeypatch.setattr(waiting, "time", types.SimpleNamespace(perf_counter=clock.__next__))
    monkeypatch.setattr(waiting, "PATIENCE", 5)
    result = Result(1 << 60)
    waiting.until_ready(result)
    assert result.asked == 5


def test_has_no_need_of_numpy_arrays():
    waiting.until_ready(np.ones(3))
