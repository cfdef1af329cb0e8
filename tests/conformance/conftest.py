"""Which backend is put to the test: `--backend NAME`, or MINIKERAS_CONFORMANCE=NAME."""

import os

import pytest

from minikeras import backend as K


def pytest_addoption(parser):
    parser.addoption("--backend", help="name of the backend that tests/conformance is about")


def chosen(config):
    """The backend's name, or None."""
    return config.getoption("--backend", None) or os.environ.get("MINIKERAS_CONFORMANCE")


def pytest_ignore_collect(collection_path, config):
    """The backends of this package are tested where their parts are: without a name there is nothing to do."""
    return True if collection_path.name == "test_conformance.py" and chosen(config) is None else None


@pytest.fixture
def backend(request, clean_state):
    """Switches to the backend under test and gives its name."""
    name = chosen(request.config)
    K.set_backend(name)
    return name
