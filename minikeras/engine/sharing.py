"""Layers that several models of one config have in common: they get a number there, and are made once.

Keras 2.3.1 makes such a layer anew for each model, and does not look at the number; tf.keras knows it by the same key.
"""

import contextlib
import copy
import threading
from collections import Counter

KEY = "shared_object_id"


class _UnderWay(threading.local):
    """entries: (layer, its entry) of the config that this thread is writing; made: layers of the one it is reading."""

    entries = made = None


_under_way = _UnderWay()


def entry(layer, **more):
    """The entry of a layer in the config of a model: {"class_name", "config"}, and more.

    For a Lambda layer this is its graph: Keras 2.3.1 does not look there, as it would inside of the config.
    """
    found = {**more, "class_name": type(layer).__name__, "config": layer.get_config()}
    graph = layer.stored_graph() if found["class_name"] == "Lambda" and hasattr(layer, "stored_graph") else None
    if graph is not None:
        found["graph"] = graph
    if _under_way.entries is not None:
        _under_way.entries.append((layer, found))
    return found


def whole_config(describe):
    """The config that a function without arguments gives, with the numbers of what it has several times, as a copy."""
    if _under_way.entries is not None:
        return describe()  # part of another config
    _under_way.entries = []
    try:
        config = describe()
        counts = Counter(id(layer) for layer, _ in _under_way.entries)
        numbers = {key: number for number, key in enumerate((key for key, n in counts.items() if n > 1), start=1)}
        for layer, found in _under_way.entries:
            if id(layer) in numbers:
                found[KEY] = numbers[id(layer)]
        return copy.deepcopy(config)
    finally:
        _under_way.entries = None


@contextlib.contextmanager
def making():
    """What is made of configs in this block, or in the one around it, may share layers. Gives the dict of them."""
    outermost = _under_way.made is None
    if outermost:
        _under_way.made = {}
    try:
        yield _under_way.made
    finally:
        if outermost:
            _under_way.made = None


def made_once(config, make):
    """The layer that has the number of this config already; if there is none, what make() gives."""
    if not isinstance(config, dict) or KEY not in config:
        return make()
    key = str([config[KEY], config.get("class_name"), dict(config.get("config") or {}).get("name")])
    with making() as made:
        if key not in made:
            made[key] = make()
        return made[key]
