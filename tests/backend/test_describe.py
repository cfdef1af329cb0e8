"""docs/ops.md says what the declarations say."""

import importlib.util
from pathlib import Path

import pytest

from minikeras import backend as K
from minikeras.backend import describe, runtime

PAGE = Path(__file__).parents[2] / "docs" / "ops.md"
complete = all(importlib.util.find_spec(name) for name in runtime.BUILTIN)


needs_all_backends = pytest.mark.skipif(not complete, reason="this tells of the kernels of all backends")


@needs_all_backends
def test_the_page_of_ops_is_up_to_date():
    written = PAGE.read_text(encoding="utf-8")
    assert written == describe.page(), "run: python -m minikeras.backend.describe > docs/ops.md"


def test_signatures_are_those_of_keras():
    assert describe.signature(K.sum) == "(x, axis=None, keepdims=False)"
    assert describe.signature(K.dot) == "(x, y)"


@needs_all_backends
def test_how_an_op_runs_and_is_differentiated():
    ops = K.OPS
    assert (describe.kernels(ops["shape"]), describe.gradient(ops["shape"])) == ("host", "none")
    assert (describe.kernels(ops["expand_dims"]), describe.gradient(ops["expand_dims"])) == ("dissolves", "rule")
    assert (describe.kernels(ops["softsign"]), describe.gradient(ops["softsign"])) == ("composite", "through its parts")


def test_bars_do_not_end_a_cell():
    assert describe.summary(lambda x: None) == ""
    assert describe.summary(K.softsign) == "x / (1 + \\|x\\|)"
