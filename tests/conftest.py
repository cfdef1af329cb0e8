"""Fixtures of all tests. A test that takes `backend` runs once on each backend that is installed here."""

import importlib.util
import os

import numpy as np
import pytest

from minikeras import backend as K

INSTALLED = [name for name in ("numpy", "jax", "torch") if importlib.util.find_spec(name)]
BACKENDS = os.environ.get("MINIKERAS_TEST_BACKENDS", ",".join(INSTALLED)).split(",")
SETTINGS = ("floatx", "epsilon", "image_data_format")


def pytest_report_header():
    return f"minikeras backends under test: {', '.join(BACKENDS)}"


@pytest.fixture(autouse=True)
def clean_state():
    """Each test starts from one seed and an empty graph, and its settings end with it."""
    before = {name: getattr(K, name)() for name in SETTINGS}
    active = K.backend()
    np.random.seed(1337)
    K.clear_session()
    yield
    for name, value in before.items():
        getattr(K, f"set_{name}")(value)
    if K.backend() != active:
        K.set_backend(active)


@pytest.fixture(params=BACKENDS)
def backend(request, clean_state):
    """Switch to the backend and give its name."""
    K.set_backend(request.param)
    return request.param
