"""Facts about the source tree itself: who may import what, and what an import costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import minikeras

PACKAGE = Path(minikeras.__file__).parent
BACKENDS = {"numpy", "jax", "torch"}
ENTRY_ONLY = {"jax", "torch", "tensorflow", "theano"}


def sources():
    return sorted(PACKAGE.rglob("*.py"))


def short(path):
    return str(path.relative_to(PACKAGE))


def imported_roots(tree):
    """First components of all absolute imports in a module, those inside functions included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.split(".")[0]


def above_the_backend(path):
    return "backend" not in path.relative_to(PACKAGE).parts


@pytest.mark.parametrize("path", sources(), ids=short)
def test_jax_and_torch_are_imported_only_in_their_own_folders(path):
    parts = path.relative_to(PACKAGE).parts
    allowed = {parts[1]} if parts[0] == "backend" and len(parts) > 2 else set()
    found = set(imported_roots(ast.parse(path.read_text()))) & ENTRY_ONLY
    assert found <= allowed


def names_a_backend(node):
    return isinstance(node, ast.Constant) and node.value in BACKENDS


@pytest.mark.parametrize("path", [*filter(above_the_backend, sources())], ids=short)
def test_nothing_above_the_backend_branches_on_its_name(path):
    comparisons = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Compare)]
    lines = [c.lineno for c in comparisons if any(map(names_a_backend, [c.left, *c.comparators]))]
    assert not lines, f"{path} compares with a backend's name in line {lines}"


@pytest.mark.parametrize("path", sources(), ids=short)
def test_no_module_can_run_code_out_of_a_file(path):
    found = {"pickle", "dill", "cloudpickle", "shelve"} & set(imported_roots(ast.parse(path.read_text())))
    assert not found or path == PACKAGE / "datasets" / "_files.py"  # its unpickler makes arrays and nothing else


def run_python(code):
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_importing_the_package_imports_nothing_else():
    assert run_python("import sys, minikeras; print('numpy' in sys.modules)").strip() == "False"


def test_the_numpy_backend_needs_numpy_alone():
    code = """
import os, sys
os.environ["MINIKERAS_BACKEND"] = "numpy"
for name in ("jax", "torch", "scipy", "h5py", "yaml", "PIL", "pydot", "pandas", "sklearn"):
    sys.modules[name] = None
from minikeras.layers import Dense
from minikeras.models import Sequential
import numpy as np
model = Sequential([Dense(1, input_shape=(2,))])
model.compile("sgd", "mse")
print(model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0).history)
"""
    assert "loss" in run_python(code)


def test_a_training_on_numpy_imports_little():
    # SciPy takes 11 MB, OpenSSL (hashlib) and what sockets, archives and diffs bring 5.
    code = """
import os, sys
os.environ["MINIKERAS_BACKEND"] = "numpy"
import numpy as np, numpy.random
before = set(sys.modules)
from minikeras.layers import Dense
from minikeras.models import Sequential
model = Sequential([Dense(1, input_shape=(2,))])
model.compile("sgd", "mse")
model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
print(*sorted({"scipy", "hashlib", "difflib", "socket", "shutil", "pathlib", "h5py"} & (set(sys.modules) - before)))
"""
    assert run_python(code).strip() == ""


@pytest.mark.parametrize("name", minikeras.__all__)
def test_every_public_name_of_the_package_resolves(name):
    assert getattr(minikeras, name) is not None


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = minikeras.nonsense
