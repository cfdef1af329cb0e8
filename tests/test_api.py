"""Every public name of Keras 2.3.1 is here, with its parameters in order and their defaults.

data/keras_2_3_1_api.json: module -> name -> parameters ("a, b=1"), or "=module:name" where it is defined elsewhere, or
[parameters, {member: parameters}] of a class; null where there are none. Facts recorded from Keras 2.3.1 itself.
"""

import enum
import importlib
import inspect
import json
from pathlib import Path

import pytest

from minikeras import scripts

SHEET = json.loads((Path(__file__).parent / "data" / "keras_2_3_1_api.json").read_text())
# What differs on purpose: (module, name or name.member) -> (our parameters, or None: there is none; the reason).
DIFFERENCES = {
    ("backend", "name_scope"): ("name, default_name=None, values=None, owner=None", "says which layer an op is of"),
    ("callbacks.tensorboard_v1", "TensorBoard.on_train_end"): ("_=None", "a caller may leave the logs out"),
    ("engine.base_layer", "Layer.get_losses_for"): ("inputs=None", "None: those of no inputs"),
    ("engine.base_layer", "Layer.get_updates_for"): ("inputs=None", "None: those of no inputs"),
    ("engine.network", "Network.compute_mask"): ("inputs, mask=None", "as in every other layer"),
    ("engine.network", "Network.load_weights"): (
        "filepath, by_name=False, skip_mismatch=False, reshape=False, trusted=False", "trusted: read by h5py"),
    ("engine.saving", "load_model"): (
        "filepath, custom_objects=None, compile=True, trusted=False", "trusted: read by h5py, not by pyfive"),
    ("layers.wrappers", "Wrapper"): ("layer, **kwargs", "the sheet has the arguments of its base"),
    ("legacy.layers", "Recurrent.__call__"): ("inputs, initial_state=None, constants=None, **kwargs", "it is an RNN"),
    ("utils.generic_utils", "Progbar.update"): ("current, values=None, finished=None", "ends a bar of unknown length"),
    ("utils.metrics_utils", "to_list"): ("x, allow_tuple=False", "the same function as in utils.generic_utils"),
    ("utils.test_utils", "tf_file_io_proxy"): (None, "a stand-in for a module of TensorFlow"),
    **{("optimizers", f"{name}.get_updates"): ("loss, params", "2.3.1 hides them behind *args, **kwargs")
       for name in ("Adadelta", "Adagrad", "Adam", "Adamax", "Nadam", "RMSprop", "SGD")},
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def names_from_elsewhere():
    for path in SHEET:
        if not path.startswith("applications"):
            scripts._complete(importlib.import_module(f"minikeras.{path}".rstrip(".")))


def parameters(obj):
    """The text of a function's parameters, or of a class's constructor, as in the sheet."""
    if inspect.isclass(obj):
        own = obj.__init__ is not object.__init__ and not issubclass(obj, enum.Enum)
        return parameters(obj.__init__) if own else ""
    found = []
    for p in inspect.signature(obj).parameters.values():
        stars = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        found.append(f"{stars}{p.name}" + ("" if p.default is p.empty else f"={p.default!r}"))
    return ", ".join(found[1:] if found[:1] in (["self"], ["cls"]) else found)


def facts(path):
    """(name, what it is in the sheet, what it is here) of a module and of the members of its classes."""
    module = importlib.import_module(f"minikeras.{path}".rstrip("."))
    for name, fact in SHEET[path].items():
        ours = getattr(module, name, None)
        yield name, fact[0] if isinstance(fact, list) else fact, ours
        for member, expected in fact[1].items() if isinstance(fact, list) and ours is not None else ():
            yield f"{name}.{member}", expected, getattr(ours, member, None)


@pytest.mark.parametrize("path", SHEET)
def test_names_parameters_and_defaults_are_those_of_keras(path):
    if path.startswith("applications"):
        pytest.importorskip("keras_applications")
    wrong = []
    for name, expected, ours in facts(path):
        expected = DIFFERENCES.get((path, name), (expected,))[0]
        if ours is None and expected is not None:
            wrong.append(f"{name} is missing")
        elif isinstance(expected, str) and expected.startswith("="):
            home, there = expected[1:].split(":")
            if there != "legacy_support" and ours is not getattr(importlib.import_module(f"minikeras.{home}"), there):
                wrong.append(f"{name} is not the object of {home}")
        elif expected is not None and parameters(ours) != expected:
            wrong.append(f"{name}({parameters(ours)}), in Keras ({expected})")
    assert not wrong


def test_the_differences_are_real():
    sheet = {(path, name): expected for path in SHEET if path in {path for path, _ in DIFFERENCES}
             for name, expected, _ in facts(path)}  # fmt: skip
    assert all(sheet[key] != ours for key, (ours, _) in DIFFERENCES.items())
