"""Every example, in its short form, learns something: each of them ends with an assertion about its figure."""

import importlib
import pathlib

import pytest

from minikeras import backend as K

EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py"))
# Gradients of inputs, losses and noise of one's own: what the other tests of all backends do least.
EVERYWHERE = ["filters", "vae"]
NEEDS = {"mlp": "h5py", "ocr_ctc": "PIL", "resnet": "scipy", "transfer_learning": "PIL"}


def run(name, monkeypatch):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    monkeypatch.syspath_prepend(str(EXAMPLES))
    importlib.import_module(name).main(short=True)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in EVERYWHERE])
def test_example_learns(name, monkeypatch):
    run(name, monkeypatch)


@pytest.mark.parametrize("name", EVERYWHERE)
def test_example_learns_on_each_backend(name, monkeypatch, backend):
    assert K.backend() == backend
    run(name, monkeypatch)


def test_examples_show_enough_kinds_of_models():
    assert len(NAMES) >= 15
