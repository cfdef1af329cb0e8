"""A backend that comes from another distribution is found by its entry point, and can be put to the same tests."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from minikeras import backend as K
from minikeras.backend import conformance, runtime

PACKAGE = '''
"""NumPy under another name, with a matrix product of its own that counts how often it runs."""

import sys

from minikeras.backend import numpy as base
from minikeras.backend.numpy import assign, from_feed, to_native, to_numpy

NAME, BASE = "toy", "numpy"


def link(program):
    return base.link(program, sys.modules[__name__])
'''

KERNELS = """
import numpy as np

calls = []


def matmul(x, y, out=None):
    calls.append(x.shape)
    return np.matmul(x, y, out=out)
"""


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text).lstrip())


@pytest.fixture
def folder(tmp_path):
    """A folder as an installer leaves it: the package, and the metadata with its entry point."""
    write(tmp_path / "toy_backend/__init__.py", PACKAGE)
    write(tmp_path / "toy_backend/linalg.py", KERNELS)
    write(tmp_path / "toy_backend-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: toy-backend\nVersion: 1.0\n")
    write(tmp_path / "toy_backend-1.0.dist-info/entry_points.txt", "[minikeras.backends]\ntoy = toy_backend\n")
    return tmp_path


@pytest.fixture
def toy(folder, monkeypatch):
    """The toy backend, active."""
    monkeypatch.syspath_prepend(str(folder))
    K.set_backend("toy")
    yield runtime.load("toy")
    K.set_backend("numpy")
    runtime._loaded.pop("toy")
    for name in [n for n in sys.modules if n.startswith("toy_backend")]:
        del sys.modules[name]


def test_an_entry_point_makes_a_backend(toy):
    assert K.backend() == "toy"
    x = K.placeholder((None, 3))
    out = K.function([x], [K.dot(x, K.constant(np.ones((3, 2))))])([np.ones((4, 3))])[0]
    np.testing.assert_array_equal(out, np.full((4, 2), 3.0))
    assert sys.modules["toy_backend.linalg"].calls == [(4, 3)], "its own kernel ran"


def test_what_it_lacks_comes_from_its_base(toy):
    assert conformance.missing("toy") == []
    assert conformance.main(["toy"]) == 0


def test_without_a_base_what_is_missing_is_listed(folder, toy, monkeypatch, capsys):
    monkeypatch.delattr(toy, "BASE")
    toy.__dict__.pop("_kernels", None)
    assert conformance.main(["toy"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "  math.exp" in lines
    assert "  linalg.matmul" not in lines
    x = K.placeholder((2,))
    with pytest.raises(NotImplementedError, match=r'backend "toy" has no kernel for K\.exp.*toy_backend/math\.py'):
        K.function([x], [K.exp(x)])([np.zeros(2)])


def test_an_unknown_backend_is_named_with_those_that_there_are(toy):
    with pytest.raises(ValueError, match="no backend 'tpu'; there are numpy, jax, torch, toy"):
        K.set_backend("tpu")


def test_the_suite_runs_against_it(folder):
    sample = "matmul or softmax or package or reads or seed or arrays or recurrent"
    options = ["--backend", "toy", "-p", "no:cacheprovider", "-k", sample]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/conformance/test_conformance.py", *options],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout, done.stdout
