"""Every backend carries every kernel that the declarations ask for, with the declared parameters."""

import inspect

import pytest

from minikeras import backend as K
from minikeras.backend import runtime
from minikeras.backend.conformance import composites, primitives


@pytest.mark.parametrize("op", primitives(), ids=lambda op: op.name)
def test_every_primitive_has_a_kernel_with_the_declared_parameters(op, backend):
    package = runtime.load(backend)
    kernel = runtime.kernel(package, op)
    assert kernel is not None, runtime.missing_kernel(package, op)
    assert_signature(op, kernel)


@pytest.mark.parametrize("op", composites(), ids=lambda op: op.name)
def test_a_kernel_of_a_composite_has_the_declared_parameters(op, backend):
    kernel = runtime.kernel(runtime.load(backend), op)
    if kernel is not None:
        assert_signature(op, kernel)


def assert_signature(op, kernel):
    """The engine's own functions are taken as they are; ours are named and ordered as declared."""
    if not inspect.isfunction(kernel) or not kernel.__module__.startswith("minikeras"):
        return
    names = [n for n in inspect.signature(kernel).parameters if n not in ("out", "outs")]
    assert names == list(op.parameters)


def test_a_missing_kernel_names_op_backend_and_place():
    op = K.OPS["exp"]
    message = str(runtime.missing_kernel(runtime.load("numpy"), op))
    assert 'backend "numpy" has no kernel for K.exp' in message and "numpy/math.py" in message
