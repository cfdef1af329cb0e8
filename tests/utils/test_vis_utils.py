"""Drawings of models."""
import sys

import pytest

from minikeras.layers import LSTM, Bidirectional, Concatenate, Dense, Input, TimeDistributed
from minikeras.models import Model, Sequential
from minikeras.utils import model_to_dot, plot_model


@pytest.fixture
def nested():
    inner = Sequential([Dense(3, input_shape=(4,), name="deep")], name="inner")
    a, b = Input((4,), name="a"), Input((4,), name="b")
    return Model([a, b], Dense(1, name="out")(Concatenate(name="both")([inner(a), inner(b)])))


def test_without_pydot_the_error_says_what_to_install(nested, monkeypatch):
    for name in ("pydot", "pydotplus"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match="pip install pydot"):
        plot_model(nested)


def test_layers_are_nodes_and_what_they_are_called_on_edges(nested):
    pytest.importorskip("pydot")
    dot = model_to_dot(nested, show_shapes=True)
    labels = " ".join(node.get_label() or "" for node in dot.get_nodes())
    assert "both: Concatenate" in labels
    assert "(None, 4)" in labels
    assert len(dot.get_edges()) == 4


def test_nested_models_are_drawn_as_clusters(nested):
    pytest.importorskip("pydot")
    dot = model_to_dot(nested, expand_nested=True)
    assert [cluster.get_label() for cluster in dot.get_subgraphs()] == ["inner"]
    assert "deep: Dense" in dot.to_string()


def test_wrappers_show_what_they_wrap():
    pytest.importorskip("pydot")
    model = Sequential([Bidirectional(LSTM(2, return_sequences=True), input_shape=(3, 4)), TimeDistributed(Dense(2))])
    text = model_to_dot(model, show_layer_names=False).to_string()
    assert "Bidirectional(LSTM)" in text
    assert "TimeDistributed(Dense)" in text


def test_without_graphviz_texts_are_drawn_and_pictures_refused(nested, monkeypatch, tmp_path):
    pytest.importorskip("pydot")
    monkeypatch.setenv("PATH", "")
    plot_model(nested, str(tmp_path / "model.dot"))
    assert nested.layers[1].name in (tmp_path / "model.dot").read_text()
    with pytest.raises(OSError, match="Install Graphviz"):
        plot_model(nested, str(tmp_path / "model.png"))
